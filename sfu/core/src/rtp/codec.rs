//! The codecs that are forwarded.

use str0m::format::Codec;

/// A codec whose packets are forwarded. The server never decodes any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForwardedCodec {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl ForwardedCodec {
    /// All forwarded codecs, in the order of their discriminants.
    pub(crate) const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// Returns the forwarded codec that str0m calls `codec`, if there is one.
    pub(crate) fn of(codec: Codec) -> Option<Self> {
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

    /// Returns the units of an RTP timestamp per second.
    pub(crate) fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Vp8 | Self::Vp9 | Self::Av1 | Self::H264 => 90_000,
        }
    }
}
