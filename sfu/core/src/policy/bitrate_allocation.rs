//! The encoding of each video track that a subscriber's link carries.

use std::cmp::Reverse;

use crate::rtp::BitsPerSecond;

/// The estimated capacity of a subscriber's link, without its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The latest estimate. Encodings that are being sent are kept within it.
    latest: BitsPerSecond,
    /// The lowest recent estimate. Encodings that are not being sent must fit into it, so that a
    /// short rise changes nothing.
    steady: BitsPerSecond,
    /// More was sent than arrived, so tracks have to be left out. Otherwise every track has at
    /// least its lowest encoding, and the estimate grows with what arrives.
    congested: bool,
}

impl Budget {
    /// Creates a budget from the latest and the lowest recent estimate.
    pub(crate) fn new(latest: BitsPerSecond, steady: BitsPerSecond, congested: bool) -> Self {
        Self { latest, steady, congested }
    }

    #[cfg(test)]
    pub(crate) fn is_congested(&self) -> bool {
        self.congested
    }

    fn limit(&self, is_sent: bool) -> BitsPerSecond {
        if is_sent { self.latest } else { self.steady }
    }
}

/// The importance of a track if a link does not carry all of them. Fields compare in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority {
    pinned: bool,
    screen: bool,
    height: u16,
    slot: Reverse<usize>,
}

impl Priority {
    /// Creates the priority of a track: pinned ones first, then screen shares, then by height on
    /// the screen in pixels, then the earlier slot.
    pub(crate) fn new(pinned: bool, screen: bool, height: u16, slot: usize) -> Self {
        Self { pinned, screen, height, slot: Reverse(slot) }
    }
}

/// A video track that a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    priority: Priority,
    /// The bitrate of each encoding, the lowest first; at least one.
    bitrates: Vec<BitsPerSecond>,
    /// The highest useful encoding.
    wanted: usize,
    /// The encoding that is being sent.
    current: Option<usize>,
}

impl Demand {
    /// Creates a demand for up to encoding `wanted`, given the bitrate of each encoding, the lowest
    /// first, and the encoding that is being sent.
    pub(crate) fn new(
        priority: Priority,
        bitrates: Vec<BitsPerSecond>,
        wanted: usize,
        current: Option<usize>,
    ) -> Self {
        Self { priority, bitrates, wanted, current }
    }

    fn highest(&self) -> usize {
        self.wanted.min(self.bitrates.len().saturating_sub(1))
    }
}

/// The encodings that a subscriber is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allocation {
    chosen: Vec<Option<usize>>,
    cost: BitsPerSecond,
    ideal: BitsPerSecond,
    next: BitsPerSecond,
}

/// The number of video tracks that a subscriber receives, by quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QualitySummary {
    /// Tracks at the full size that the screen shows.
    pub as_wanted: usize,
    /// Tracks in a lower encoding, because the link carries no more.
    pub smaller: usize,
    /// Tracks that are not sent, for the same reason.
    pub left_out: usize,
}

impl Allocation {
    /// Returns the encoding for each demand, in their order; `None` for a track that is left out.
    pub(crate) fn chosen(&self) -> &[Option<usize>] {
        &self.chosen
    }

    /// Returns the bitrate of all wanted encodings.
    pub(crate) fn ideal(&self) -> BitsPerSecond {
        self.ideal
    }

    /// Returns the bitrate that is missing for the next step up; zero if nothing is missing.
    pub(crate) fn missing_for_next_step(&self) -> BitsPerSecond {
        self.next - self.cost
    }

    /// Returns the bitrate that is missing for all wanted encodings.
    pub(crate) fn missing_for_ideal(&self) -> BitsPerSecond {
        self.ideal.saturating_sub(self.cost)
    }

    /// Summarises how far the allocation meets these demands.
    pub(crate) fn summarize(&self, demands: &[Demand]) -> QualitySummary {
        let mut summary = QualitySummary::default();
        for (chosen, demand) in self.chosen.iter().zip(demands) {
            *match chosen {
                Some(encoding) if *encoding >= demand.highest() => &mut summary.as_wanted,
                Some(_) => &mut summary.smaller,
                None => &mut summary.left_out,
            } += 1;
        }
        summary
    }

    #[cfg(test)]
    pub(crate) fn with_ideal(ideal: BitsPerSecond) -> Self {
        Self { ideal, ..Self::default() }
    }
}

/// Chooses the lowest encoding of every track first, then higher ones, each time the most important
/// track first.
pub(crate) fn allocate_bitrate(budget: Budget, demands: &[Demand]) -> Allocation {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|i| Reverse(demands[*i].priority));
    let mut result = Allocation { chosen: vec![None; demands.len()], ..Allocation::default() };
    let mut step: Option<BitsPerSecond> = None;
    let mut miss = |extra: BitsPerSecond| step = Some(step.map_or(extra, |known| known.min(extra)));

    for (rank, &i) in order.iter().enumerate() {
        let demand = &demands[i];
        let Some(&cost) = demand.bitrates.first() else { continue };
        let limit = budget.limit(demand.current.is_some());
        // The most important track is never left out.
        if rank == 0 || !budget.congested || result.cost + cost <= limit {
            result.chosen[i] = Some(0);
            result.cost += cost;
        } else {
            miss(cost);
        }
    }
    for &i in &order {
        let demand = &demands[i];
        let highest = demand.highest();
        result.ideal += demand.bitrates.get(highest).copied().unwrap_or(0);
        while let Some(encoding) = result.chosen[i].filter(|encoding| *encoding < highest) {
            let next = encoding + 1;
            let extra = demand.bitrates[next].saturating_sub(demand.bitrates[encoding]);
            let is_sent = demand.current.is_some_and(|current| current >= next);
            if result.cost + extra > budget.limit(is_sent) {
                miss(extra);
                break;
            }
            result.chosen[i] = Some(next);
            result.cost += extra;
        }
    }
    result.next = result.cost + step.unwrap_or(0);
    result
}

/// Returns the highest of `count` encodings that is useful at this height in pixels. Each encoding
/// is taken to be half as high as the next one, and the highest to be [`FULL_HEIGHT`]; only the
/// clients know the real heights.
pub(crate) fn highest_useful_encoding(count: usize, height: u16) -> usize {
    let mut encoding = count.saturating_sub(1);
    let mut lower = FULL_HEIGHT / 2;
    // Video may be stretched by a third before it looks soft.
    while encoding > 0 && height <= lower + lower / 3 {
        encoding -= 1;
        lower /= 2;
    }
    encoding
}

/// Height of a camera's highest encoding, in pixels.
const FULL_HEIGHT: u16 = 720;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BITRATES: [BitsPerSecond; 3] = [150_000, 500_000, 1_700_000];

    fn demand(slot: usize, height: u16, current: Option<usize>) -> Demand {
        let priority = Priority::new(false, false, height, slot);
        Demand::new(priority, BITRATES.to_vec(), highest_useful_encoding(3, height), current)
    }

    fn budget(bitrate: BitsPerSecond) -> Budget {
        Budget::new(bitrate, bitrate, false)
    }

    #[test]
    fn a_track_gets_no_more_than_its_size_needs() {
        assert_eq!(
            [90, 240, 241, 360, 480, 481, 1_080].map(|h| highest_useful_encoding(3, h)),
            [0, 0, 1, 1, 1, 2, 2]
        );
        assert_eq!(highest_useful_encoding(1, 1_080), 0);
        let all =
            allocate_bitrate(budget(99_000_000), &[demand(0, 1_080, None), demand(1, 180, None)]);
        assert_eq!(all.chosen, [Some(2), Some(0)]);
        assert_eq!((all.cost, all.next), (all.ideal, all.cost));
    }

    #[test]
    fn the_lowest_encodings_of_all_tracks_come_before_a_higher_one() {
        let demands = [demand(0, 720, None), demand(1, 720, None), demand(2, 720, None)];
        let tight = allocate_bitrate(budget(800_000), &demands);
        assert_eq!(tight.chosen, [Some(1), Some(0), Some(0)]);
        assert_eq!(
            tight.summarize(&demands),
            QualitySummary { smaller: 3, ..QualitySummary::default() }
        );
        assert_eq!(tight.next, tight.cost + 350_000, "the cheapest step that was not taken");
        assert_eq!(tight.ideal, 5_100_000);
    }

    #[test]
    fn pinned_tracks_come_first_then_screens_then_by_size() {
        let mut demands = [demand(0, 720, None), demand(1, 480, None), demand(2, 300, None)];
        demands[1].priority.screen = true;
        demands[2].priority.pinned = true;
        demands[2].wanted = 2;
        let chosen = |bitrate| allocate_bitrate(budget(bitrate), &demands).chosen;
        assert_eq!(chosen(2_000_000), [Some(0), Some(0), Some(2)]);
        assert_eq!(chosen(2_400_000), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn tracks_are_left_out_only_under_congestion_and_never_the_most_important() {
        let demands = [demand(0, 180, None), demand(1, 240, Some(0)), demand(2, 200, Some(0))];
        assert_eq!(allocate_bitrate(budget(0), &demands).chosen, [Some(0); 3]);
        let congested = Budget::new(320_000, 320_000, true);
        let few = allocate_bitrate(congested, &demands);
        assert_eq!(few.chosen, [None, Some(0), Some(0)]);
        assert_eq!(
            few.summarize(&demands),
            QualitySummary { as_wanted: 2, smaller: 0, left_out: 1 }
        );
        let nothing = Budget::new(0, 0, true);
        assert_eq!(allocate_bitrate(nothing, &demands).chosen, [None, Some(0), None]);
    }

    #[test]
    fn a_short_rise_of_the_estimate_changes_nothing() {
        let rising = Budget::new(2_000_000, 1_000_000, false);
        assert_eq!(allocate_bitrate(rising, &[demand(0, 720, Some(1))]).chosen, [Some(1)]);
        assert_eq!(allocate_bitrate(rising, &[demand(0, 720, Some(2))]).chosen, [Some(2)], "kept");
        assert_eq!(
            allocate_bitrate(budget(2_000_000), &[demand(0, 720, Some(1))]).chosen,
            [Some(2)]
        );
    }

    proptest! {
        #[test]
        fn more_than_the_lowest_encodings_never_exceeds_the_estimate(
            latest in 0..6_000_000_u64,
            steady in 0..6_000_000_u64,
            tracks in proptest::collection::vec((0..1_080_u16, proptest::option::of(0..3_usize)), 1..8),
        ) {
            let demands: Vec<Demand> =
                tracks.iter().enumerate().map(|(i, (h, current))| demand(i, *h, *current)).collect();
            let steady = steady.min(latest);
            let result = allocate_bitrate(Budget::new(latest, steady, false), &demands);
            let lowest = BITRATES[0] * demands.len() as u64;
            prop_assert!(result.cost <= lowest.max(latest));
            prop_assert!(result.chosen.iter().all(Option::is_some));
            prop_assert!(result.cost <= result.ideal && result.cost <= result.next);
            for (chosen, demand) in result.chosen.iter().zip(&demands) {
                prop_assert!(chosen.is_some_and(|encoding| encoding <= demand.wanted));
            }
        }
    }
}
