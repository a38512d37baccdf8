//! How a worker that cannot keep up goes on: it gives up pictures, so that voices stay in time.

use std::time::{Duration, Instant};

use crate::room::published_track::Published;
use crate::worker::Worker;

/// A worker is late that is at work for this share of its time at least. One that works less and still
/// finds its queue full gets no processor: what comes waits for that, and giving up pictures would
/// not bring it about any sooner.
const AT_WORK: f64 = 0.4;
/// And whose queue was not once found empty for so long.
const NEVER_EMPTY: Duration = Duration::from_millis(200);
/// Lateness that lasts for so long is no accident, and one level more is given up.
const LASTING: Duration = Duration::from_millis(300);
/// A worker that sheds and is at work is behind when its queue was not found empty for so long, until
/// it is.
const BEHIND: Duration = Duration::from_millis(100);
/// The share of its time at work above which a worker has no room for what comes in bursts.
const BUSY: f64 = 0.85;
/// And for so long.
const BUSY_FOR: Duration = Duration::from_secs(1);
/// The share below which there is room for larger pictures again, perhaps.
const QUIET: f64 = 0.6;
/// A worker sheds no more when it was not late or behind for so long.
const KEPT_UP_FOR: Duration = Duration::from_secs(3);
/// It lets larger pictures through when it was quiet for so long; twice as long each time that this
/// was too much for it soon after, as only trying it tells.
const QUIET_FOR: Duration = Duration::from_secs(10);
/// And so long at most.
const QUIET_FOR_MOST: Duration = Duration::from_secs(160);
/// What is given up again within so long was taken back too early.
const SOON: Duration = Duration::from_secs(60);
/// An encoding of which a packet was shed is left out for so long, and begins with a key frame: whole
/// pictures of some people are of more use than halves of everybody's.
const LEFT_OUT: Duration = Duration::from_secs(1);

/// How much a worker gives up so that it can keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum OverloadLevel {
    /// Nothing.
    #[default]
    Normal,
    /// Of cameras that nobody has pinned, everybody is sent the lowest encoding; publishers stop the
    /// others. Screens stay as they are.
    Small,
    /// Besides, pictures that arrive while the worker is behind go no further. Sound, reports and
    /// checks do always.
    Shedding,
}

/// How a worker's loop fares, and what is given up for it. Up within a second, down slowly.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    level: OverloadLevel,
    /// Whether it was at work in the last half second or so.
    at_work: bool,
    /// Since when no reading has found the queue's end.
    never_empty_since: Option<Instant>,
    late_since: Option<Instant>,
    busy_since: Option<Instant>,
    /// When it was last late, behind or not quiet: what the way down is measured from.
    late_last: Option<Instant>,
    unquiet_last: Option<Instant>,
    behind: bool,
    /// How long quiet has to last; nothing until it was waited for once.
    patience: Option<Duration>,
    /// When everything was last let through again.
    restored: Option<Instant>,
}

impl Overload {
    /// The queue of what has arrived was read from, and there may be more.
    pub(crate) fn read(&mut self, now: Instant, more: bool) {
        self.never_empty_since = more.then(|| self.never_empty_since.unwrap_or(now));
        let never_empty = self
            .never_empty_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.behind = self.at_work && never_empty >= BEHIND;
        let late = self.at_work && never_empty >= NEVER_EMPTY;
        if late || self.behind && self.level == OverloadLevel::Shedding {
            self.late_last = Some(now);
        }
        self.late_since = late.then(|| self.late_since.unwrap_or(now));
        if self.late_since.is_some_and(|since| now.saturating_duration_since(since) >= LASTING) {
            self.late_since = Some(now);
            self.give_up(now);
        }
    }

    /// This share of the last half second or so was spent at work.
    pub(crate) fn worked(&mut self, now: Instant, share: f64) {
        self.at_work = share >= AT_WORK;
        if share >= QUIET {
            self.unquiet_last = Some(now);
        }
        self.busy_since = (share >= BUSY).then(|| self.busy_since.unwrap_or(now));
        let busy =
            self.busy_since.is_some_and(|since| now.saturating_duration_since(since) >= BUSY_FOR);
        let since = |last: Option<Instant>| {
            last.map_or(Duration::MAX, |at| now.saturating_duration_since(at))
        };
        match self.level {
            OverloadLevel::Normal if busy => self.give_up(now),
            OverloadLevel::Normal => {}
            OverloadLevel::Small => {
                let quiet = since(self.late_last).min(since(self.unquiet_last));
                if quiet >= self.patience.unwrap_or(QUIET_FOR) {
                    self.level = OverloadLevel::Normal;
                    self.restored = Some(now);
                }
            }
            OverloadLevel::Shedding => {
                if since(self.late_last) >= KEPT_UP_FOR {
                    self.level = OverloadLevel::Small;
                    // The quiet counts from here.
                    self.unquiet_last = Some(now);
                }
            }
        }
    }

    fn give_up(&mut self, now: Instant) {
        self.level = match self.level {
            OverloadLevel::Normal => {
                let soon = self.restored.is_some_and(|at| now.saturating_duration_since(at) < SOON);
                let longer = self.patience.filter(|_| soon).map(|patience| patience * 2);
                self.patience = Some(longer.unwrap_or(QUIET_FOR).min(QUIET_FOR_MOST));
                self.unquiet_last = Some(now);
                OverloadLevel::Small
            }
            OverloadLevel::Small | OverloadLevel::Shedding => {
                self.late_last = Some(now);
                OverloadLevel::Shedding
            }
        };
    }

    pub(crate) fn level(&self) -> OverloadLevel {
        self.level
    }

    /// Whether pictures that arrive now go no further.
    pub(crate) fn sheds(&self) -> bool {
        self.behind && self.level == OverloadLevel::Shedding
    }
}

impl Worker {
    /// What has arrived was read up to `now`; if there is `more`, the end of the queue was not
    /// reached.
    pub fn handle_reading(&mut self, now: Instant, more: bool) {
        self.overload.read(now, more);
    }

    /// The worker's thread ran for this share, 0 to 1, of the time since the last call.
    /// Called about twice a second.
    pub fn handle_load(&mut self, now: Instant, share: f64) {
        self.overload.worked(now, share);
    }

    /// What the worker gives up at present.
    #[must_use]
    pub fn overload_level(&self) -> OverloadLevel {
        self.overload.level()
    }
}

/// What becomes of a packet of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    Free,
    /// And those who receive it have been without this encoding.
    FreeAgain,
    Shed,
}

impl Published {
    /// Whether a packet of this encoding may pass, by a worker that sheds or does not.
    pub(crate) fn passage(&mut self, now: Instant, encoding: usize, sheds: bool) -> Passage {
        if self.source.is_audio() {
            return Passage::Free;
        }
        let Some(one) = self.encodings.get_mut(encoding) else { return Passage::Free };
        if sheds {
            one.left_out_until = Some(now + LEFT_OUT);
        }
        if one.is_left_out(now) {
            // Who receives it begins anew with it, so that its numbers have no gap.
            for forward in self.forwards.iter_mut().filter(|f| f.current == Some(encoding)) {
                forward.current = None;
                forward.next = forward.next.or(Some(encoding));
            }
            return Passage::Shed;
        }
        if one.left_out_until.take().is_some() { Passage::FreeAgain } else { Passage::Free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loop on a clock of its own.
    struct Loop {
        now: Instant,
        overload: Overload,
    }

    impl Loop {
        fn new() -> Self {
            #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
            Self { now: Instant::now(), overload: Overload::default() }
        }

        /// Reads every 2 ms for a while, and says every half second how much it worked.
        fn run(&mut self, time: Duration, load: f64, more: bool) {
            self.overload.worked(self.now, load);
            for step in 1..=time.as_millis() / 2 {
                self.now += Duration::from_millis(2);
                self.overload.read(self.now, more);
                if step % 250 == 0 {
                    self.overload.worked(self.now, load);
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
    fn lateness_that_lasts_gives_up_one_level_after_the_other_within_a_second() {
        let mut it = Loop::new();
        it.run(NEVER_EMPTY + 250 * MS, 0.5, true);
        assert_eq!(it.level(), OverloadLevel::Normal);
        it.run(100 * MS, 0.5, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::Small, false));
        it.run(350 * MS, 0.5, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::Shedding, true));
    }

    #[test]
    fn a_hiccup_gives_up_nothing() {
        let mut it = Loop::new();
        for _ in 0..50 {
            it.run(NEVER_EMPTY + 250 * MS, 0.7, true);
            it.run(2 * MS, 0.7, false);
        }
        assert_eq!(it.level(), OverloadLevel::Normal);
    }

    #[test]
    fn who_gets_no_processor_gives_up_nothing() {
        let mut it = Loop::new();
        it.run(60 * SECOND, AT_WORK - 0.1, true);
        assert_eq!((it.level(), it.overload.sheds()), (OverloadLevel::Normal, false));
    }

    #[test]
    fn a_busy_worker_sends_small_pictures_and_one_that_keeps_up_sheds_none() {
        let mut it = Loop::new();
        it.run(60 * SECOND, 0.84, false);
        assert_eq!(it.level(), OverloadLevel::Normal);
        it.run(1_600 * MS, 0.95, false);
        assert_eq!(it.level(), OverloadLevel::Small);
        it.run(60 * SECOND, 0.95, false);
        assert_eq!(it.level(), OverloadLevel::Small);
    }

    #[test]
    fn a_worker_sheds_until_its_queue_is_empty() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        assert!(it.overload.sheds());
        it.run(2 * MS, 0.9, false);
        assert!(!it.overload.sheds());
        it.run(BEHIND, 0.9, true);
        assert!(!it.overload.sheds(), "a burst that it may well keep up with");
        it.run(2 * MS, 0.9, true);
        assert!(it.overload.sheds());
    }

    #[test]
    fn levels_go_back_one_by_one_once_it_was_well_for_a_while() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        it.calm(KEPT_UP_FOR - SECOND);
        assert_eq!(it.level(), OverloadLevel::Shedding);
        it.calm(2 * SECOND);
        assert_eq!(it.level(), OverloadLevel::Small);
        it.calm(QUIET_FOR - 2 * SECOND);
        assert_eq!(it.level(), OverloadLevel::Small);
        it.calm(3 * SECOND);
        assert_eq!(it.level(), OverloadLevel::Normal);
    }

    #[test]
    fn what_is_still_shed_now_and_then_keeps_the_worker_shedding() {
        let mut it = Loop::new();
        it.run(SECOND, 0.9, true);
        for _ in 0..20 {
            it.calm(2 * SECOND);
            it.run(BEHIND + 4 * MS, 0.9, true);
        }
        assert_eq!(it.level(), OverloadLevel::Shedding);
        it.run(60 * SECOND, 0.7, false);
        assert_eq!(it.level(), OverloadLevel::Small, "it keeps up, and has no room for more");
    }

    #[test]
    fn larger_pictures_that_are_too_much_again_and_again_are_tried_ever_more_seldom() {
        let mut it = Loop::new();
        let mut waits = Vec::new();
        for _ in 0..7 {
            // All there is to send is more than it can do; small pictures alone are not.
            it.run(2 * SECOND, 0.97, false);
            assert_eq!(it.level(), OverloadLevel::Small);
            let began = it.now;
            while it.level() == OverloadLevel::Small {
                it.calm(SECOND / 2);
            }
            waits.push(it.now.saturating_duration_since(began).as_secs());
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 160, 160]);
        it.calm(2 * SOON);
        it.run(2 * SECOND, 0.97, false);
        it.calm(QUIET_FOR + SECOND);
        assert_eq!(it.level(), OverloadLevel::Normal, "that was long ago");
    }
}
