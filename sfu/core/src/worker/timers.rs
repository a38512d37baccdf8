//! When each participant is due: only those whose time has come are touched.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::room::participants::Key;

/// How often a key is called that can wait. What comes up in between is then done by one call,
/// which costs as much as some forwarded packets.
const BEAT: Duration = Duration::from_millis(20);
/// So many beats take turns: a thread that sleeps wakes up seldom, and never for all of them.
const TURNS: u32 = 4;

/// A heap of due times, at most one current entry per key.
///
/// A time that moves later leaves its entry in place: the key is then called too early once, and
/// says so. Since str0m's timeouts move with every packet, this keeps the heap small.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Key)>>,
    current: Vec<Option<Instant>>,
    /// What the beats are counted from.
    origin: Option<Instant>,
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

    /// The key wants to be called at `at`, or up to [`BEAT`] later.
    pub(crate) fn schedule_on_beat(&mut self, key: Key, at: Instant) {
        let origin = *self.origin.get_or_insert(at);
        let turn = BEAT / TURNS * (key.index() as u32 % TURNS);
        let since = (at + BEAT).saturating_duration_since(origin + turn);
        let over = since.as_micros() % BEAT.as_micros();
        let left = BEAT - Duration::from_micros(over as u64);
        self.schedule(key, at + left);
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

    #[test]
    fn what_can_wait_comes_on_its_beat_together_with_all_else() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (a, b) = (Key::for_test(0), Key::for_test(1));
        let due = |timers: &mut Timers, key, at| {
            timers.schedule_on_beat(key, at);
            let due = timers.next().unwrap();
            assert_eq!(timers.pop_due(due), Some(key));
            due
        };
        let mut timers = Timers::default();
        assert_eq!(due(&mut timers, a, ms(0)), ms(20));
        for n in [1, 7, 19] {
            assert_eq!(due(&mut timers, a, ms(n)), ms(20));
        }
        assert_eq!(due(&mut timers, a, ms(1_003)), ms(1_020));
        assert_eq!(due(&mut timers, b, ms(1_003)), ms(1_005), "another turn");
        assert_eq!(due(&mut timers, b, ms(1_006)), ms(1_025));
    }
}
