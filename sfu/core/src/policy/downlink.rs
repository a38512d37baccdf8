//! The link to one participant: its estimated capacity, and how much of it is used.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use signaling_protocol::Downlink;

use super::bitrate_allocation::{Allocation, Budget, Demand, QualitySummary, allocate_bitrate};
use crate::rtp::{BitrateMeter, BitsPerSecond};

/// Period in which the lowest estimate is looked for.
const STEADY: Duration = Duration::from_secs(3);
/// Time for which more than the estimate must be sent before tracks are left out.
const CONGESTION_DELAY: Duration = Duration::from_millis(1_500);
/// How far above the estimate counts as more, in percent.
const OVERUSE_PERCENT: u64 = 115;
/// Estimates that are remembered; they come a few times per second.
const REMEMBERED_ESTIMATES: usize = 64;
/// Minimum time between two reports to the participant.
const REPORT_INTERVAL: Duration = Duration::from_secs(2);
/// Bitrate of one audio track with its headers.
const AUDIO_BITRATE: BitsPerSecond = 50_000;

/// The state of a participant's link, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownlinkReading {
    /// The estimated capacity in bits per second, once known.
    pub estimate: Option<u64>,
    /// The video tracks that are sent over the link, by quality.
    pub quality: QualitySummary,
}

/// The link to a participant: its estimated capacity, and how much of it is used.
#[derive(Debug)]
pub(crate) struct DownlinkState {
    estimates: VecDeque<(Instant, BitsPerSecond)>,
    sent: BitrateMeter,
    overused_since: Option<Instant>,
    quality: QualitySummary,
    last_report: Option<(Instant, Downlink)>,
}

impl DownlinkState {
    /// Creates the state of a link of unknown capacity.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            estimates: VecDeque::new(),
            sent: BitrateMeter::new(now),
            overused_since: None,
            quality: QualitySummary::default(),
            last_report: None,
        }
    }

    /// Forgets everything about the previous connection's link but the last report.
    pub(crate) fn restart(&mut self, now: Instant) {
        *self = Self { last_report: self.last_report, ..Self::new(now) };
    }

    /// Records a new estimate of the congestion control.
    pub(crate) fn add_estimate(&mut self, now: Instant, estimate: BitsPerSecond) {
        if self.estimates.len() == REMEMBERED_ESTIMATES {
            self.estimates.pop_front();
        }
        self.estimates.push_back((now, estimate));
    }

    /// Counts a packet that is sent over the link.
    pub(crate) fn count_sent(&mut self, now: Instant, bytes: usize) {
        self.sent.add(now, bytes);
    }

    /// Returns the bitrate that is sent over the link.
    pub(crate) fn sent_bitrate(&self, now: Instant) -> BitsPerSecond {
        self.sent.current(now)
    }

    /// Chooses the encodings that the link carries besides this number of audio tracks.
    pub(crate) fn allocate(
        &mut self,
        now: Instant,
        audio_tracks: usize,
        demands: &[Demand],
    ) -> Allocation {
        let allocation = allocate_bitrate(self.budget(now, audio_tracks), demands);
        self.quality = allocation.summarize(demands);
        allocation
    }

    fn budget(&mut self, now: Instant, audio_tracks: usize) -> Budget {
        // The latest estimate counts whatever its age: only changes are reported.
        while self.estimates.len() > 1
            && self.estimates.get(1).is_some_and(|(at, _)| *at + STEADY <= now)
        {
            self.estimates.pop_front();
        }
        let Some((_, latest)) = self.estimates.back().copied() else {
            // Without estimates every link counts as wide enough.
            return Budget::new(BitsPerSecond::MAX / 4, BitsPerSecond::MAX / 4, false);
        };
        let lowest = self.estimates.iter().map(|(_, estimate)| *estimate).min().unwrap_or(latest);
        let rising = self.estimates.front().is_some_and(|(_, first)| *first < latest);
        let overused =
            self.sent.current(now) * 100 > latest.saturating_mul(OVERUSE_PERCENT) && !rising;
        self.overused_since = overused.then(|| self.overused_since.unwrap_or(now));
        let congested = self
            .overused_since
            .is_some_and(|since| now.saturating_duration_since(since) >= CONGESTION_DELAY);
        let audio = AUDIO_BITRATE.saturating_mul(audio_tracks as u64);
        Budget::new(latest.saturating_sub(audio), lowest.saturating_sub(audio), congested)
    }

    /// Returns the state of the link, for metrics.
    pub(crate) fn reading(&self) -> DownlinkReading {
        let estimate = self.estimates.back().map(|(_, estimate)| *estimate);
        DownlinkReading { estimate, quality: self.quality }
    }

    /// Returns the report to send to the participant, if anything has changed noticeably.
    pub(crate) fn take_report(
        &mut self,
        now: Instant,
        allocation: &Allocation,
    ) -> Option<Downlink> {
        let (_, estimate) = self.estimates.back().copied()?;
        let kbps = |bitrate: BitsPerSecond| u32::try_from(bitrate / 1_000).unwrap_or(u32::MAX);
        let downlink = Downlink {
            estimate_kbps: kbps(estimate),
            wanted_kbps: kbps(allocation.ideal()),
            sent_kbps: kbps(self.sent.current(now)),
        };
        let is_due = self.last_report.is_none_or(|(at, last)| {
            now.saturating_duration_since(at) >= REPORT_INTERVAL && differ(last, downlink)
        });
        is_due.then(|| {
            self.last_report = Some((now, downlink));
            downlink
        })
    }
}

/// Returns whether two reports differ by a fifth or more.
fn differ(a: Downlink, b: Downlink) -> bool {
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
    fn the_lowest_estimate_of_three_seconds_is_the_steady_one() {
        let t = start();
        let at = |s| t + Duration::from_secs(s);
        let mut downlink = DownlinkState::new(t);
        assert!(
            downlink.budget(t, 0) == Budget::new(u64::MAX / 4, u64::MAX / 4, false),
            "no estimate"
        );
        downlink.add_estimate(at(0), 1_000_000);
        downlink.add_estimate(at(1), 3_000_000);
        let less_two_audio_tracks = Budget::new(2_900_000, 900_000, false);
        assert_eq!(downlink.budget(at(1), 2), less_two_audio_tracks);
        assert_eq!(downlink.budget(at(4), 0), Budget::new(3_000_000, 3_000_000, false));
        let unchanged = Budget::new(3_000_000, 3_000_000, false);
        assert_eq!(downlink.budget(at(99), 0), unchanged);
    }

    #[test]
    fn sending_above_an_estimate_that_does_not_rise_is_congestion() {
        let t = start();
        let at = |ms| t + Duration::from_millis(ms);
        let mut downlink = DownlinkState::new(t);
        downlink.add_estimate(t, 1_000_000);
        let mut congested = Vec::new();
        for n in 0..200 {
            downlink.count_sent(at(n * 20), 5_000); // 2 Mbit/s
            congested.push(downlink.budget(at(n * 20), 0).is_congested());
        }
        assert!(!congested[74] && congested[199]);
        downlink.add_estimate(at(4_000), 2_000_000);
        assert!(!downlink.budget(at(4_000), 0).is_congested(), "the link carries it after all");
    }

    #[test]
    fn a_participant_gets_reports_of_changes_but_not_too_often() {
        let t = start();
        let at = |s| t + Duration::from_secs(s);
        let allocation = Allocation::with_ideal(5_000_000);
        let mut downlink = DownlinkState::new(t);
        assert_eq!(downlink.take_report(t, &allocation), None, "no estimate");
        downlink.add_estimate(t, 1_000_000);
        assert_eq!(downlink.take_report(t, &allocation).map(|d| d.estimate_kbps), Some(1_000));
        downlink.add_estimate(at(1), 9_000_000);
        assert_eq!(downlink.take_report(at(1), &allocation), None);
        assert_eq!(downlink.take_report(at(2), &allocation).map(|d| d.estimate_kbps), Some(9_000));
        downlink.add_estimate(at(5), 9_100_000);
        assert_eq!(downlink.take_report(at(5), &allocation), None, "nearly the same");
    }
}
