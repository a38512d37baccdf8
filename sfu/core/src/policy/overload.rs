//! How a worker reacts to overload: it sheds video, so that audio stays in time.

use std::time::{Duration, Instant};

/// Minimum load of a worker that counts as overloaded. A worker below it that finds its queue full
/// does not get the processor; shedding video would not help against that.
const MIN_LOAD: f64 = 0.4;
/// Time the receive queue must stay non-empty before the worker counts as late.
const LATE_AFTER: Duration = Duration::from_millis(200);
/// Time of lateness after which the level rises by one.
const RAISE_AFTER: Duration = Duration::from_millis(300);
/// Time the receive queue must stay non-empty before a worker at the highest level sheds video, until
/// the queue is empty.
const SHED_AFTER: Duration = Duration::from_millis(100);
/// Load above which a worker has no capacity for bursts.
const BUSY_LOAD: f64 = 0.85;
/// Time of such a load after which the level rises.
const BUSY_FOR: Duration = Duration::from_secs(1);
/// Load below which there may be capacity for higher encodings.
const QUIET_LOAD: f64 = 0.6;
/// Time without lateness after which a worker no longer sheds.
const KEPT_UP_FOR: Duration = Duration::from_secs(3);
/// Quiet time after which higher encodings are restored. It doubles each time that the worker is
/// overloaded again soon after, since only an attempt shows whether there is capacity.
const QUIET_FOR: Duration = Duration::from_secs(10);
/// Maximum of that time.
const MAX_QUIET_FOR: Duration = Duration::from_secs(160);
/// Higher encodings that have to be given up again within this time were restored too early.
const SOON: Duration = Duration::from_secs(60);

/// The load that a worker sheds when it is overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum OverloadLevel {
    /// Nothing.
    #[default]
    Normal,
    /// Subscribers receive the lowest encoding of cameras that they have not pinned, and publishers
    /// stop the others. Screen shares stay as they are.
    LowestEncodings,
    /// In addition, video that arrives while the worker is behind is dropped. Audio, RTCP and STUN
    /// never are.
    Shedding,
}

/// The decision about a packet of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShedDecision {
    /// Forward the packet.
    Forward,
    /// Forward the packet; its encoding was shed until now and needs a key frame.
    Resume,
    /// Drop the packet.
    Shed,
}

/// Detects overload from the load of a worker and the state of its receive queue. The level rises
/// within a second and falls slowly.
#[derive(Debug, Default)]
pub(crate) struct OverloadDetector {
    level: OverloadLevel,
    /// The load of the last half second was at least [`MIN_LOAD`].
    is_working: bool,
    /// Start of the period in which no read has emptied the queue.
    nonempty_since: Option<Instant>,
    late_since: Option<Instant>,
    busy_since: Option<Instant>,
    /// When the worker was last late or behind.
    last_late: Option<Instant>,
    /// When the load was last not quiet.
    last_unquiet: Option<Instant>,
    is_behind: bool,
    /// Quiet time to wait for; `None` until it was waited for once.
    quiet_for: Option<Duration>,
    /// When higher encodings were last restored.
    restored_at: Option<Instant>,
}

impl OverloadDetector {
    /// Records a read of the receive queue; `more` if the read did not empty it.
    pub(crate) fn record_read(&mut self, now: Instant, more: bool) {
        self.nonempty_since = more.then(|| self.nonempty_since.unwrap_or(now));
        let nonempty_for = self
            .nonempty_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.is_behind = self.is_working && nonempty_for >= SHED_AFTER;
        let is_late = self.is_working && nonempty_for >= LATE_AFTER;
        if is_late || self.is_behind && self.level == OverloadLevel::Shedding {
            self.last_late = Some(now);
        }
        self.late_since = is_late.then(|| self.late_since.unwrap_or(now));
        if self.late_since.is_some_and(|since| now.saturating_duration_since(since) >= RAISE_AFTER)
        {
            self.late_since = Some(now);
            self.raise_level(now);
        }
    }

    /// Records the load of the last half second, from 0 to 1.
    pub(crate) fn record_load(&mut self, now: Instant, load: f64) {
        self.is_working = load >= MIN_LOAD;
        if load >= QUIET_LOAD {
            self.last_unquiet = Some(now);
        }
        self.busy_since = (load >= BUSY_LOAD).then(|| self.busy_since.unwrap_or(now));
        let is_busy =
            self.busy_since.is_some_and(|since| now.saturating_duration_since(since) >= BUSY_FOR);
        let since = |last: Option<Instant>| {
            last.map_or(Duration::MAX, |at| now.saturating_duration_since(at))
        };
        match self.level {
            OverloadLevel::Normal if is_busy => self.raise_level(now),
            OverloadLevel::Normal => {}
            OverloadLevel::LowestEncodings => {
                let quiet = since(self.last_late).min(since(self.last_unquiet));
                if quiet >= self.quiet_for.unwrap_or(QUIET_FOR) {
                    self.level = OverloadLevel::Normal;
                    self.restored_at = Some(now);
                }
            }
            OverloadLevel::Shedding => {
                if since(self.last_late) >= KEPT_UP_FOR {
                    self.level = OverloadLevel::LowestEncodings;
                    // The quiet time starts here.
                    self.last_unquiet = Some(now);
                }
            }
        }
    }

    fn raise_level(&mut self, now: Instant) {
        self.level = match self.level {
            OverloadLevel::Normal => {
                let soon =
                    self.restored_at.is_some_and(|at| now.saturating_duration_since(at) < SOON);
                let doubled = self.quiet_for.filter(|_| soon).map(|quiet_for| quiet_for * 2);
                self.quiet_for = Some(doubled.unwrap_or(QUIET_FOR).min(MAX_QUIET_FOR));
                self.last_unquiet = Some(now);
                OverloadLevel::LowestEncodings
            }
            OverloadLevel::LowestEncodings | OverloadLevel::Shedding => {
                self.last_late = Some(now);
                OverloadLevel::Shedding
            }
        };
    }

    /// Returns the current level.
    pub(crate) fn level(&self) -> OverloadLevel {
        self.level
    }

    /// Returns whether video that arrives now is dropped.
    pub(crate) fn sheds(&self) -> bool {
        self.is_behind && self.level == OverloadLevel::Shedding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker loop in virtual time.
    struct Loop {
        now: Instant,
        overload: OverloadDetector,
    }

    impl Loop {
        fn new() -> Self {
            #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
            Self { now: Instant::now(), overload: OverloadDetector::default() }
        }

        /// Reads every 2 ms for this time, and records the load every half second.
        fn run(&mut self, time: Duration, load: f64, more: bool) {
            self.overload.record_load(self.now, load);
            for step in 1..=time.as_millis() / 2 {
                self.now += Duration::from_millis(2);
                self.overload.record_read(self.now, more);
                if step % 250 == 0 {
                    self.overload.record_load(self.now, load);
                }
            }
        }

        fn calm(&mut self, time: Duration) {
            self.run(time, 0.2, false);
        }

        fn level(&self) -> OverloadLevel {
            self.overload.level()
        }
    }

    const SECOND: Duration = Duration::from_secs(1);
    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn lasting_lateness_raises_one_level_after_the_other_within_a_second() {
        let mut it = Loop::new();
        it.run(LATE_AFTER + 250 * MS, 0.5, true);
        assert_eq!(it.level(), OverloadLevel::Normal);
        it.run(100 * MS, 0.5, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::LowestEncodings, false));
        it.run(350 * MS, 0.5, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::Shedding, true));
    }

    #[test]
    fn a_short_delay_changes_nothing() {
        let mut it = Loop::new();
        for _ in 0..50 {
            it.run(LATE_AFTER + 250 * MS, 0.7, true);
            it.run(2 * MS, 0.7, false);
        }
        assert_eq!(it.level(), OverloadLevel::Normal);
    }

    #[test]
    fn a_worker_without_processor_time_sheds_nothing() {
        let mut it = Loop::new();
        it.run(60 * SECOND, MIN_LOAD - 0.1, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::Normal, false));
    }

    #[test]
    fn a_busy_worker_that_keeps_up_sends_the_lowest_encodings_and_sheds_nothing() {
        let mut it = Loop::new();
        it.run(60 * SECOND, 0.84, false);
        assert_eq!(it.level(), OverloadLevel::Normal);
        it.run(1_600 * MS, 0.95, false);
        assert_eq!(it.level(), OverloadLevel::LowestEncodings);
        it.run(60 * SECOND, 0.95, false);
        assert_eq!(it.level(), OverloadLevel::LowestEncodings);
    }

    #[test]
    fn a_worker_sheds_until_its_queue_is_empty() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        assert!(it.overload.sheds());
        it.run(2 * MS, 0.9, false);
        assert!(!it.overload.sheds());
        it.run(SHED_AFTER, 0.9, true);
        assert!(!it.overload.sheds(), "a burst that it may keep up with");
        it.run(2 * MS, 0.9, true);
        assert!(it.overload.sheds());
    }

    #[test]
    fn levels_fall_one_by_one_after_a_quiet_time() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        it.calm(KEPT_UP_FOR - SECOND);
        assert_eq!(it.level(), OverloadLevel::Shedding);
        it.calm(2 * SECOND);
        assert_eq!(it.level(), OverloadLevel::LowestEncodings);
        it.calm(QUIET_FOR - 2 * SECOND);
        assert_eq!(it.level(), OverloadLevel::LowestEncodings);
        it.calm(3 * SECOND);
        assert_eq!(it.level(), OverloadLevel::Normal);
    }

    #[test]
    fn occasional_lateness_keeps_the_worker_shedding() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        for _ in 0..20 {
            it.calm(2 * SECOND);
            it.run(SHED_AFTER + 4 * MS, 0.9, true);
        }
        assert_eq!(it.level(), OverloadLevel::Shedding);
        it.run(60 * SECOND, 0.7, false);
        assert_eq!(
            it.level(),
            OverloadLevel::LowestEncodings,
            "it keeps up but has no capacity for more"
        );
    }

    #[test]
    fn higher_encodings_that_overload_again_are_restored_ever_later() {
        let mut it = Loop::new();
        let mut quiet_times = Vec::new();
        for _ in 0..7 {
            // Sending everything overloads the worker; the lowest encodings alone do not.
            it.run(2 * SECOND, 0.97, false);
            assert_eq!(it.level(), OverloadLevel::LowestEncodings);
            let start = it.now;
            while it.level() == OverloadLevel::LowestEncodings {
                it.calm(SECOND / 2);
            }
            quiet_times.push(it.now.saturating_duration_since(start).as_secs());
        }
        assert_eq!(quiet_times, [10, 20, 40, 80, 160, 160, 160]);
        it.calm(2 * SOON);
        it.run(2 * SECOND, 0.97, false);
        it.calm(QUIET_FOR + SECOND);
        assert_eq!(it.level(), OverloadLevel::Normal, "the last overload was long ago");
    }
}
