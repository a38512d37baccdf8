//! What is inside a test frame: when it was sent, so that its way can be timed, and its number,
//! so that a lost one is missed.

use std::time::{Duration, Instant};

/// The clock of all headless participants of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    fn micros(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The plaintext of a frame of so many bytes (at least 16).
    pub(crate) fn frame(self, number: u64, bytes: usize) -> Vec<u8> {
        let mut frame = Vec::with_capacity(bytes.max(16));
        frame.extend_from_slice(&self.micros().to_be_bytes());
        frame.extend_from_slice(&number.to_be_bytes());
        frame.resize(bytes.max(16), 0x5a);
        frame
    }

    /// How long a frame was on its way, and its number.
    pub(crate) fn read(self, frame: &[u8]) -> Option<(Duration, u64)> {
        let (sent, rest) = frame.split_first_chunk::<8>()?;
        let (number, _) = rest.split_first_chunk::<8>()?;
        let way = self.micros().saturating_sub(u64::from_be_bytes(*sent));
        Some((Duration::from_micros(way), u64::from_be_bytes(*number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_tells_its_number_and_its_way() {
        let clock = Clock::start();
        let frame = clock.frame(7, 100);
        assert_eq!(frame.len(), 100);
        let (way, number) = clock.read(&frame).expect("a whole frame");
        assert_eq!(number, 7);
        assert!(way < Duration::from_secs(5));
        assert!(clock.read(&frame[..15]).is_none());
    }
}
