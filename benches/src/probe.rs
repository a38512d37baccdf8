//! What is inside test media: when it was sent, so that its way can be timed, whose it is, and its
//! number, so that a lost one is missed.

use std::sync::OnceLock;
use std::time::Instant;

use signaling_protocol::Source;

/// Begins every probe: chance does not look like one.
const MAGIC: u32 = 0x6f72_616e;
/// Bytes of a probe.
pub(crate) const BYTES: usize = 28;

/// By their numbers in a probe.
const SOURCES: [Source; 4] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

/// The beginning of this process's time.
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// Microseconds of this process's time.
pub(crate) fn micros(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(epoch()).as_micros()).unwrap_or(u64::MAX)
}

/// What a frame, or each packet of an opaque one, begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Probe {
    /// By [`micros`].
    pub(crate) sent_us: u64,
    /// Of the frame, counted from zero.
    pub(crate) number: u64,
    /// Which headless participant.
    pub(crate) sender: u32,
    /// What of its.
    pub(crate) source: Source,
    /// Which simulcast encoding, from the smallest on.
    pub(crate) encoding: u8,
}

impl Probe {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC.to_be_bytes());
        out.extend_from_slice(&self.sent_us.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.sender.to_be_bytes());
        out.extend_from_slice(&[self.encoding, self.source as u8, 0, 0]);
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
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
    fn a_probe_is_read_as_it_was_written() {
        let probe = Probe { sent_us: 5, number: 6, sender: 7, source: Source::Screen, encoding: 2 };
        let mut bytes = Vec::new();
        probe.write(&mut bytes);
        assert_eq!(bytes.len(), BYTES);
        assert_eq!(Probe::read(&bytes), Some(probe));
        assert_eq!(Probe::read(&bytes[1..]), None);
        bytes[0] ^= 1;
        assert_eq!(Probe::read(&bytes), None);
    }
}
