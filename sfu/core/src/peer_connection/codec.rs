//! The codecs and header extensions that are negotiated, and the payload types of each m-line.

use str0m::Rtc;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Media, Pt};
use str0m::rtp::{Extension, ExtensionMap};

use crate::rtp::ForwardedCodec;

/// Adds the codecs to a connection's configuration, in the order of preference. The payload
/// types are those of Chromium; the negotiation replaces them by the client's own.
pub(super) fn configure(config: &mut CodecConfig) {
    config.clear();
    config.enable_opus(true, false);
    // Opus is the only codec so far. Lost audio is requested and retransmitted if the client offers NACKs.
    config.iter_mut().for_each(|opus| opus.set_fb_nack(true));
    config.enable_vp8(true);
    // Profile 0 only: 8 bits, 4:2:0.
    let profile_0 = FormatParams { profile_id: Some(0), ..FormatParams::default() };
    config.add_config(
        98.into(),
        Some(99.into()),
        Codec::Vp9,
        Frequency::NINETY_KHZ,
        None,
        profile_0,
    );
    // The main profile: 8 bits, 4:2:0.
    let main = FormatParams { profile: Some(0), ..FormatParams::default() };
    config.add_config(45.into(), Some(46.into()), Codec::Av1, Frequency::NINETY_KHZ, None, main);
    // Constrained baseline with fragmentation units, which every browser with H.264 supports.
    config.add_h264(108.into(), Some(109.into()), true, 0x0042_e01f);
}

/// Returns the header extensions that are negotiated. The audio level is left out on purpose: it would
/// tell the server who is speaking.
pub(super) fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(2, Extension::AbsoluteSendTime);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map
}

/// The payload types of the forwarded codecs on one m-line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadTypes([Option<Pt>; ForwardedCodec::ALL.len()]);

impl PayloadTypes {
    /// Reads the negotiated payload types of an m-line.
    pub(super) fn of(rtc: &Rtc, media: &Media) -> Self {
        let mut types = Self::default();
        let negotiated = media.remote_pts();
        for params in rtc.codec_config().params() {
            if let Some(codec) = ForwardedCodec::of(params.spec().codec)
                && negotiated.contains(&params.pt())
            {
                types.0[codec as usize].get_or_insert(params.pt());
            }
        }
        types
    }

    /// Returns the codec of a payload type.
    pub(crate) fn codec(&self, pt: Pt) -> Option<ForwardedCodec> {
        ForwardedCodec::ALL.into_iter().find(|codec| self.0[*codec as usize] == Some(pt))
    }

    /// Returns the payload type of a codec.
    pub(crate) fn pt(&self, codec: ForwardedCodec) -> Option<Pt> {
        self.0[codec as usize]
    }
}
