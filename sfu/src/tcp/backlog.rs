//! The datagrams that wait to be written to a stream: few, and audio before video.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

/// Maximum bytes that wait: half a second at 1 Mbit/s.
const MAX_BYTES: usize = 64 << 10;
/// Bytes of these that are reserved for anything but video: seconds of audio, checks and reports.
const RESERVED_BYTES: usize = 16 << 10;
/// Maximum time that video waits. Later it would arrive too late to be shown.
const MAX_VIDEO_AGE: Duration = Duration::from_millis(400);

/// The framed datagrams that wait until the stream accepts them.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes of the first one that the stream has accepted: it has to be completed, or the receiver
    /// could not find the beginning of the next one.
    written: usize,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    is_droppable: bool,
    framed: Vec<u8>,
}

impl Backlog {
    /// Queues a framed datagram. Returns how many were dropped to stay within the limit: droppable ones
    /// first, the oldest of them first.
    pub(crate) fn push(&mut self, now: Instant, is_droppable: bool, framed: Vec<u8>) -> usize {
        let limit = if is_droppable { MAX_BYTES - RESERVED_BYTES } else { MAX_BYTES };
        let mut dropped = 0;
        while self.bytes + framed.len() > limit {
            if is_droppable || !self.drop_oldest() {
                return dropped + 1;
            }
            dropped += 1;
        }
        self.bytes += framed.len();
        self.waiting.push_back(Waiting { since: now, is_droppable, framed });
        dropped
    }

    /// Writes what the stream accepts. Returns how many datagrams were dropped because they had waited
    /// for too long.
    ///
    /// # Errors
    ///
    /// The error of the stream.
    pub(crate) fn write(&mut self, now: Instant, stream: &mut impl Write) -> io::Result<usize> {
        let mut dropped = 0;
        while let Some(first) = self.waiting.front() {
            let is_old = now.saturating_duration_since(first.since) > MAX_VIDEO_AGE;
            if first.is_droppable && is_old && self.written == 0 {
                self.pop();
                dropped += 1;
                continue;
            }
            match stream.write(&first.framed[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    if self.written == first.framed.len() {
                        self.pop();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(dropped)
    }

    /// Returns since when the first one waits.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.waiting.front().map(|first| first.since)
    }

    fn pop(&mut self) {
        if let Some(first) = self.waiting.pop_front() {
            self.bytes -= first.framed.len();
        }
        self.written = 0;
    }

    /// Drops the oldest droppable datagram that has not been written in part.
    fn drop_oldest(&mut self) -> bool {
        let first = usize::from(self.written > 0);
        let oldest = self.waiting.iter().skip(first).position(|waiting| waiting.is_droppable);
        let Some(dropped) = oldest.and_then(|at| self.waiting.remove(at + first)) else {
            return false;
        };
        self.bytes -= dropped.framed.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accepts this number of bytes.
    struct Narrow(usize, Vec<u8>);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            if taken == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.0 -= taken;
            self.1.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn video_is_dropped_for_audio_and_the_backlog_stays_bounded() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        let dropped: usize = (0..100).map(|_| backlog.push(now, true, vec![1; 1_000])).sum();
        assert_eq!(dropped, 100 - (MAX_BYTES - RESERVED_BYTES) / 1_000);
        let dropped =
            (0..MAX_BYTES / 100).map(|_| backlog.push(now, false, vec![2; 100])).sum::<usize>();
        assert_eq!(dropped, (MAX_BYTES - RESERVED_BYTES) / 1_000, "all video, and no audio");
        assert!(backlog.waiting.iter().all(|waiting| !waiting.is_droppable));
        assert_eq!(backlog.push(now, false, vec![2; 100]), 1, "the limit is reached");
        assert!(backlog.bytes <= MAX_BYTES);
    }

    #[test]
    fn a_datagram_written_in_part_is_completed_and_old_video_is_dropped() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        for (is_droppable, byte) in [(true, 1), (true, 2), (false, 3)] {
            backlog.push(now, is_droppable, vec![byte; 10]);
        }
        let mut stream = Narrow(4, Vec::new());
        assert_eq!(backlog.write(now, &mut stream).unwrap(), 0);
        stream.0 = 100;
        let late = now + MAX_VIDEO_AGE * 2;
        assert_eq!(backlog.write(late, &mut stream).unwrap(), 1);
        assert_eq!(stream.1, [[1; 10], [3; 10]].concat());
        assert_eq!((backlog.bytes, backlog.waits_since()), (0, None));
    }
}
