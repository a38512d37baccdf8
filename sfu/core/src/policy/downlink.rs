//! What is known of the way to one participant.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use signaling_protocol::Downlink;

use crate::policy::bitrate_allocation::{Allocation, Budget, Given, Rate};
use crate::rtp::bitrate_meter::Meter;

/// How far back the lowest estimate is looked for.
const STEADY: Duration = Duration::from_secs(3);
/// More than the estimate must go out for so long before pictures are left out.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How far above the estimate that is, in percent.
const OVER_PERCENT: u64 = 115;
/// Estimates that are remembered; they come a few times per second.
const ESTIMATES: usize = 64;
/// How often the participant is told, at most.
const TELL: Duration = Duration::from_secs(2);
/// What one voice takes with its headers.
const VOICE: Rate = 50_000;

/// How a participant's link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkReading {
    /// What it is estimated to carry, in bits per second, once that is known.
    pub estimate: Option<u64>,
    /// What pictures go over it.
    pub given: Given,
}

/// The way to a participant: what it carries, and what it is asked to.
#[derive(Debug)]
pub(crate) struct Link {
    estimates: VecDeque<(Instant, Rate)>,
    pub(crate) sent: Meter,
    over_since: Option<Instant>,
    /// What was last chosen for it.
    pub(crate) given: Given,
    told: Option<(Instant, Downlink)>,
}

impl Link {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            estimates: VecDeque::new(),
            sent: Meter::new(now),
            over_since: None,
            given: Given::default(),
            told: None,
        }
    }

    /// A new connection: what was known of the old one's way is void.
    pub(crate) fn restart(&mut self, now: Instant) {
        *self = Self { told: self.told, ..Self::new(now) };
    }

    /// The congestion control has a new estimate, in bits per second.
    pub(crate) fn estimated(&mut self, now: Instant, rate: Rate) {
        if self.estimates.len() == ESTIMATES {
            self.estimates.pop_front();
        }
        self.estimates.push_back((now, rate));
    }

    /// What pictures may take, beside this many voices.
    pub(crate) fn budget(&mut self, now: Instant, voices: usize) -> Budget {
        // The newest one counts however old it is: it is told again only when it changes.
        while self.estimates.len() > 1
            && self.estimates.get(1).is_some_and(|(at, _)| *at + STEADY <= now)
        {
            self.estimates.pop_front();
        }
        let Some((_, newest)) = self.estimates.back().copied() else {
            // Nobody estimates: nothing is known that would speak against anything.
            return Budget { now: Rate::MAX / 4, steady: Rate::MAX / 4, congested: false };
        };
        let lowest = self.estimates.iter().map(|(_, rate)| *rate).min().unwrap_or(newest);
        let rising = self.estimates.front().is_some_and(|(_, first)| *first < newest);
        let over = self.sent.current(now) * 100 > newest.saturating_mul(OVER_PERCENT) && !rising;
        self.over_since = over.then(|| self.over_since.unwrap_or(now));
        let congested =
            self.over_since.is_some_and(|since| now.saturating_duration_since(since) >= PATIENCE);
        let voices = VOICE.saturating_mul(voices as u64);
        Budget {
            now: newest.saturating_sub(voices),
            steady: lowest.saturating_sub(voices),
            congested,
        }
    }

    pub(crate) fn reading(&self) -> LinkReading {
        LinkReading { estimate: self.estimates.back().map(|(_, rate)| *rate), given: self.given }
    }

    /// What to tell the participant, if there is something new.
    pub(crate) fn news(&mut self, now: Instant, allocation: &Allocation) -> Option<Downlink> {
        let (_, estimate) = self.estimates.back().copied()?;
        let kbps = |rate: Rate| u32::try_from(rate / 1_000).unwrap_or(u32::MAX);
        let downlink = Downlink {
            estimate_kbps: kbps(estimate),
            wanted_kbps: kbps(allocation.ideal),
            sent_kbps: kbps(self.sent.current(now)),
        };
        let stale = self.told.is_none_or(|(at, told)| {
            now.saturating_duration_since(at) >= TELL && differs(told, downlink)
        });
        stale.then(|| {
            self.told = Some((now, downlink));
            downlink
        })
    }
}

/// By a fifth or more.
fn differs(a: Downlink, b: Downlink) -> bool {
    let apart = |a: u32, b: u32| u64::from(a.abs_diff(b)) * 5 > u64::from(a.max(b));
    apart(a.estimate_kbps, b.estimate_kbps)
        || apart(a.wanted_kbps, b.wanted_kbps)
        || apart(a.sent_kbps, b.sent_kbps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        Instant::now()
    }

    #[test]
    fn the_lowest_estimate_of_three_seconds_is_what_can_be_counted_on() {
        let t = start();
        let at = |s| t + Duration::from_secs(s);
        let mut link = Link::new(t);
        assert!(link.budget(t, 0).steady > 1_000_000_000, "nothing is known");
        link.estimated(at(0), 1_000_000);
        link.estimated(at(1), 3_000_000);
        let budget = link.budget(at(1), 2);
        assert_eq!((budget.now, budget.steady), (2_900_000, 900_000), "less two voices");
        assert_eq!(link.budget(at(4), 0).steady, 3_000_000);
        assert_eq!(link.budget(at(99), 0).now, 3_000_000, "it has not changed since");
    }

    #[test]
    fn sending_above_an_estimate_that_does_not_rise_is_congestion() {
        let t = start();
        let at = |ms| t + Duration::from_millis(ms);
        let mut link = Link::new(t);
        link.estimated(t, 1_000_000);
        let mut congested = Vec::new();
        for n in 0..200 {
            link.sent.add(at(n * 20), 5_000); // 2 Mbit/s
            congested.push(link.budget(at(n * 20), 0).congested);
        }
        assert!(!congested[74] && congested[199]);
        link.estimated(at(4_000), 2_000_000);
        assert!(!link.budget(at(4_000), 0).congested, "it carries that after all");
    }

    #[test]
    fn a_participant_is_told_of_changes_and_not_too_often() {
        let t = start();
        let at = |s| t + Duration::from_secs(s);
        let allocation = Allocation { ideal: 5_000_000, ..Allocation::default() };
        let mut link = Link::new(t);
        assert_eq!(link.news(t, &allocation), None, "nothing is known");
        link.estimated(t, 1_000_000);
        assert_eq!(link.news(t, &allocation).map(|d| d.estimate_kbps), Some(1_000));
        link.estimated(at(1), 9_000_000);
        assert_eq!(link.news(at(1), &allocation), None);
        assert_eq!(link.news(at(2), &allocation).map(|d| d.estimate_kbps), Some(9_000));
        link.estimated(at(5), 9_100_000);
        assert_eq!(link.news(at(5), &allocation), None, "much the same");
    }
}
