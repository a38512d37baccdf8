//! The codecs that are forwarded, and the payload types they have on each m-line.

use str0m::Rtc;
use str0m::format::{Codec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Media, Pt};
use str0m::rtp::{Extension, ExtensionMap};

/// A codec whose packets are forwarded. None of them is ever decoded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forwarded {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl Forwarded {
    const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    fn of(codec: Codec) -> Option<Self> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "str0m's list is longer and may grow")]
        match codec {
            Codec::Opus => Some(Self::Opus),
            Codec::Vp8 => Some(Self::Vp8),
            Codec::Vp9 => Some(Self::Vp9),
            Codec::Av1 => Some(Self::Av1),
            Codec::H264 => Some(Self::H264),
            _ => None,
        }
    }

    /// RTP timestamp units per second.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => 90_000,
        }
    }
}

/// Puts these codecs into a connection's configuration, in the order of preference. The payload
/// types are Chromium's; a client's own ones replace them in the negotiation.
pub(crate) fn configure(config: &mut CodecConfig) {
    config.clear();
    config.enable_opus(true, false);
    // The only one so far. Lost sound is asked for again, and sent again, where the client offers it.
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
    // Constrained baseline, in fragments: what every browser that has H264 can do.
    config.add_h264(108.into(), Some(109.into()), true, 0x0042_e01f);
}

/// The header extensions that are negotiated. The audio level is left out on purpose: it would
/// tell the server who speaks.
pub(crate) fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(2, Extension::AbsoluteSendTime);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map
}

/// The payload types of one m-line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PayloadTypes([Option<Pt>; Forwarded::ALL.len()]);

impl PayloadTypes {
    /// As negotiated.
    pub(crate) fn of(rtc: &Rtc, media: &Media) -> Self {
        let mut types = Self::default();
        let negotiated = media.remote_pts();
        for params in rtc.codec_config().params() {
            if let Some(codec) = Forwarded::of(params.spec().codec)
                && negotiated.contains(&params.pt())
            {
                types.0[codec as usize].get_or_insert(params.pt());
            }
        }
        types
    }

    pub(crate) fn codec(&self, pt: Pt) -> Option<Forwarded> {
        Forwarded::ALL.into_iter().find(|codec| self.0[*codec as usize] == Some(pt))
    }

    pub(crate) fn pt(&self, codec: Forwarded) -> Option<Pt> {
        self.0[codec as usize]
    }
}
