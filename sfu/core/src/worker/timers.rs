//! When each participant is due, so that only those are touched.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::ids::ParticipantKey;

/// Period of the wake-ups of participants that can wait. One wake-up then does everything that came
/// up in between; it costs as much as several forwarded packets.
const BEAT: Duration = Duration::from_millis(20);
/// Number of groups among which the beats are staggered: a thread that sleeps wakes up rarely, and
/// never for all participants at once.
const GROUPS: u32 = 4;

/// A heap of due times, with at most one current entry per participant.
///
/// A time that moves later leaves its entry in place: the participant is then woken too early once,
/// and schedules itself again. Since str0m's timeouts move with every packet, this keeps the heap
/// small.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, ParticipantKey)>>,
    current: Vec<Option<Instant>>,
    /// Beginning of the first beat.
    origin: Option<Instant>,
}

impl Timers {
    /// Schedules a participant at `at`, or a little earlier.
    pub(super) fn schedule(&mut self, key: ParticipantKey, at: Instant) {
        if self.current.len() <= key.index() {
            self.current.resize(key.index() + 1, None);
        }
        let current = &mut self.current[key.index()];
        if current.is_none_or(|scheduled| at < scheduled) {
            *current = Some(at);
            self.heap.push(Reverse((at, key)));
        }
    }

    /// Schedules a participant at `at`, or up to [`BEAT`] later.
    pub(super) fn schedule_on_beat(&mut self, key: ParticipantKey, at: Instant) {
        let origin = *self.origin.get_or_insert(at);
        let offset = BEAT / GROUPS * (key.index() as u32 % GROUPS);
        let since = (at + BEAT).saturating_duration_since(origin + offset);
        let into_beat = since.as_micros() % BEAT.as_micros();
        self.schedule(key, at + (BEAT - Duration::from_micros(into_beat as u64)));
    }

    /// Returns when [`Timers::pop_due`] has something next, unless an earlier time is scheduled.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a participant that is due; it is not scheduled any more.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<ParticipantKey> {
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

    /// Forgets what was scheduled for an earlier participant with the same index.
    pub(super) fn forget(&mut self, key: ParticipantKey) {
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
    fn participants_are_due_in_the_order_of_their_earliest_times() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (a, b) = (ParticipantKey::new(0, 0), ParticipantKey::new(1, 0));
        let mut timers = Timers::default();
        timers.schedule(a, ms(30));
        timers.schedule(b, ms(20));
        timers.schedule(a, ms(10));
        timers.schedule(b, ms(40));
        assert_eq!(timers.next(), Some(ms(10)));
        assert_eq!(timers.pop_due(ms(5)), None);
        assert_eq!(timers.pop_due(ms(50)), Some(a));
        assert_eq!(timers.pop_due(ms(50)), Some(b), "too early rather than too late");
        assert_eq!(timers.pop_due(ms(50)), None, "the entry at 30 ms is outdated");
    }

    #[test]
    fn deferrable_work_is_due_on_the_beat_of_its_group() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let (a, b) = (ParticipantKey::new(0, 0), ParticipantKey::new(1, 0));
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
        assert_eq!(due(&mut timers, b, ms(1_003)), ms(1_005), "another group");
        assert_eq!(due(&mut timers, b, ms(1_006)), ms(1_025));
    }
}
