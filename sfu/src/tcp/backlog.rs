//! What waits to be written to a stream: little, and sound before pictures.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

/// Bytes that may wait: half a second at 1 Mbit/s.
const MOST: usize = 64 << 10;
/// Of these, bytes that are kept free of pictures: seconds of sound, checks and reports.
const RESERVED: usize = 16 << 10;
/// How long a picture may wait. Later it would come too late to be shown.
const STALE: Duration = Duration::from_millis(400);

/// Framed datagrams that wait until the stream takes them.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes of the first one that the stream has taken: it has to be finished, or the other side
    /// could not tell where the next one begins.
    taken: usize,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    yields: bool,
    framed: Vec<u8>,
}

impl Backlog {
    /// Has a framed datagram wait. How many were left out for want of room: pictures (`yields`) first,
    /// the oldest of them first.
    pub(crate) fn push(&mut self, now: Instant, yields: bool, framed: Vec<u8>) -> usize {
        let most = if yields { MOST - RESERVED } else { MOST };
        let mut dropped = 0;
        while self.bytes + framed.len() > most {
            if yields || !self.drop_picture() {
                return dropped + 1;
            }
            dropped += 1;
        }
        self.bytes += framed.len();
        self.waiting.push_back(Waiting { since: now, yields, framed });
        dropped
    }

    /// Writes what the stream takes. How many datagrams were left out because they had waited for too
    /// long.
    pub(crate) fn write(&mut self, now: Instant, stream: &mut impl Write) -> io::Result<usize> {
        let mut dropped = 0;
        while let Some(first) = self.waiting.front() {
            let stale = now.saturating_duration_since(first.since) > STALE;
            if first.yields && stale && self.taken == 0 {
                self.pop();
                dropped += 1;
                continue;
            }
            match stream.write(&first.framed[self.taken..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.taken += written;
                    if self.taken == first.framed.len() {
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

    /// Since when the first one waits.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.waiting.front().map(|first| first.since)
    }

    fn pop(&mut self) {
        if let Some(first) = self.waiting.pop_front() {
            self.bytes -= first.framed.len();
        }
        self.taken = 0;
    }

    /// Drops the oldest picture that has not been begun.
    fn drop_picture(&mut self) -> bool {
        let begun = usize::from(self.taken > 0);
        let oldest = self.waiting.iter().skip(begun).position(|waiting| waiting.yields);
        let Some(dropped) = oldest.and_then(|at| self.waiting.remove(at + begun)) else {
            return false;
        };
        self.bytes -= dropped.framed.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and then no more.
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
    fn pictures_give_way_to_sound_and_the_rest_stays_within_its_bound() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        let dropped: usize = (0..100).map(|_| backlog.push(now, true, vec![1; 1_000])).sum();
        assert_eq!(dropped, 100 - (MOST - RESERVED) / 1_000);
        let dropped =
            (0..MOST / 100).map(|_| backlog.push(now, false, vec![2; 100])).sum::<usize>();
        assert_eq!(dropped, (MOST - RESERVED) / 1_000, "every picture, and no sound");
        assert!(backlog.waiting.iter().all(|waiting| !waiting.yields));
        assert_eq!(backlog.push(now, false, vec![2; 100]), 1, "no more room at all");
        assert!(backlog.bytes <= MOST);
    }

    #[test]
    fn what_was_begun_is_finished_and_a_picture_that_waited_too_long_is_not_begun() {
        let now = Instant::now();
        let mut backlog = Backlog::default();
        for (yields, byte) in [(true, 1), (true, 2), (false, 3)] {
            backlog.push(now, yields, vec![byte; 10]);
        }
        let mut stream = Narrow(4, Vec::new());
        assert_eq!(backlog.write(now, &mut stream).unwrap(), 0);
        stream.0 = 100;
        let late = now + STALE * 2;
        assert_eq!(backlog.write(late, &mut stream).unwrap(), 1);
        assert_eq!(stream.1, [[1; 10], [3; 10]].concat());
        assert_eq!((backlog.bytes, backlog.waits_since()), (0, None));
    }
}
