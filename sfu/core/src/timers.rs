//! When each participant is due: only those whose time has come are touched.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::participants::Key;

/// A heap of due times, at most one current entry per key.
///
/// A time that moves later leaves its entry in place: the key is then called too early once, and
/// says so. Since str0m's timeouts move with every packet, this keeps the heap small.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Key)>>,
    current: Vec<Option<Instant>>,
}

impl Timers {
    /// The key wants to be called at `at`, or a little earlier.
    pub(crate) fn schedule(&mut self, key: Key, at: Instant) {
        if self.current.len() <= key.index() {
            self.current.resize(key.index() + 1, None);
        }
        let current = &mut self.current[key.index()];
        if current.is_none_or(|scheduled| at < scheduled) {
            *current = Some(at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// When [`Timers::pop_due`] has something next, if not earlier ones are scheduled.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// A key whose time has come; it is not scheduled any more.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Key> {
        while let Some(Reverse((at, key))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            let current = &mut self.current[key.index()];
            if *current == Some(at) {
                *current = None;
                return Some(key);
            }
        }
        None
    }

    /// A new participant took over this place: what was scheduled for the old one is void.
    pub(crate) fn forget(&mut self, key: Key) {
        if let Some(current) = self.current.get_mut(key.index()) {
            *current = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn keys_come_out_in_the_order_of_their_earliest_time() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (a, b) = (Key::for_test(0), Key::for_test(1));
        let mut timers = Timers::default();
        timers.schedule(a, ms(30));
        timers.schedule(b, ms(20));
        timers.schedule(a, ms(10));
        timers.schedule(b, ms(40));
        assert_eq!(timers.next(), Some(ms(10)));
        assert_eq!(timers.pop_due(ms(5)), None);
        assert_eq!(timers.pop_due(ms(50)), Some(a));
        assert_eq!(timers.pop_due(ms(50)), Some(b), "too early rather than too late");
        assert_eq!(timers.pop_due(ms(50)), None, "the entry at 30 ms is void");
    }
}
