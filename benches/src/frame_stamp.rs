//! The stamp in test media: send time for latency, sender, and frame number for loss.

use std::sync::OnceLock;
use std::time::Instant;

use signaling_protocol::Source;

/// The first bytes of every stamp, which distinguish it from other data.
const MAGIC: u32 = 0x6f72_616e;
/// The encoded size of a stamp in bytes.
pub(crate) const BYTES: usize = 28;

/// Sources by their number in a stamp.
const SOURCES: [Source; 4] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

/// Returns the zero point of [`micros`].
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// Converts an instant to microseconds since [`epoch`].
pub(crate) fn micros(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(epoch()).as_micros()).unwrap_or(u64::MAX)
}

/// The beginning of each frame, and with opaque payload of each packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameStamp {
    /// Send time, see [`micros`].
    pub(crate) sent_us: u64,
    /// Frame number, from zero.
    pub(crate) number: u64,
    /// Number of the headless participant.
    pub(crate) sender: u32,
    /// Source of the track.
    pub(crate) source: Source,
    /// Simulcast encoding, 0 for the lowest.
    pub(crate) encoding: u8,
}

impl FrameStamp {
    /// Appends the encoded stamp.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC.to_be_bytes());
        out.extend_from_slice(&self.sent_us.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.sender.to_be_bytes());
        out.extend_from_slice(&[self.encoding, self.source as u8, 0, 0]);
    }

    /// Parses a stamp at the beginning of `bytes`; returns `None` if there is none.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<BYTES>()?;
        let long = |at: usize| bytes[at..].first_chunk().copied().map(u64::from_be_bytes);
        let short = |at: usize| bytes[at..].first_chunk().copied().map(u32::from_be_bytes);
        (short(0)? == MAGIC).then_some(Self {
            sent_us: long(4)?,
            number: long(12)?,
            sender: short(20)?,
            encoding: bytes[24],
            source: *SOURCES.get(usize::from(bytes[25]))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_stamp_is_parsed_back() {
        let stamp =
            FrameStamp { sent_us: 5, number: 6, sender: 7, source: Source::Screen, encoding: 2 };
        let mut bytes = Vec::new();
        stamp.write(&mut bytes);
        assert_eq!(bytes.len(), BYTES);
        assert_eq!(FrameStamp::parse(&bytes), Some(stamp));
        assert_eq!(FrameStamp::parse(&bytes[1..]), None);
        bytes[0] ^= 1;
        assert_eq!(FrameStamp::parse(&bytes), None);
    }
}
