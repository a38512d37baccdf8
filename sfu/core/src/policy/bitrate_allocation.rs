//! Which encoding of each picture a subscriber's link carries: the policy, without any state.

use std::cmp::Reverse;

/// Bits per second.
pub(crate) type Rate = u64;

/// What a subscriber's link is thought to carry, after its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The newest estimate. Encodings that are being sent are kept within it.
    pub(crate) now: Rate,
    /// The lowest estimate of the last seconds. Encodings that are not yet sent must fit into it,
    /// so that a rise that does not last changes nothing.
    pub(crate) steady: Rate,
    /// More was sent than arrived: pictures have to be left out. Otherwise every picture has at
    /// least its smallest encoding, and the estimate grows with what arrives.
    pub(crate) congested: bool,
}

/// What comes first when a link does not carry everything. The order of the fields counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority {
    /// Picked out by the person at the screen.
    pub(crate) pinned: bool,
    /// What people came to look at.
    pub(crate) screen: bool,
    /// Size on the screen, in pixels of height.
    pub(crate) height: u16,
    /// The earlier slot where all else is equal.
    pub(crate) slot: Reverse<usize>,
}

/// A picture that a subscriber wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) priority: Priority,
    /// What each encoding costs, the lowest first; at least one.
    pub(crate) rates: Vec<Rate>,
    /// The highest encoding that is of use at its size.
    pub(crate) wanted: usize,
    /// What is being sent.
    pub(crate) current: Option<usize>,
}

/// What is sent from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Allocation {
    /// The encoding for each demand, in their order. `None`: nothing of it.
    pub(crate) chosen: Vec<Option<usize>>,
    /// What that costs.
    pub(crate) cost: Rate,
    /// What everything that is wanted would cost.
    pub(crate) ideal: Rate,
    /// What it would cost with the next step up; the same as `cost` when nothing is missing.
    pub(crate) next: Rate,
}

/// How many pictures a subscriber is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Given {
    /// As large as its screen shows them.
    pub as_wanted: usize,
    /// Smaller, as its link carries no more.
    pub smaller: usize,
    /// Not at all, for the same reason.
    pub left_out: usize,
}

impl Allocation {
    /// How far these demands are met.
    pub(crate) fn given(&self, demands: &[Demand]) -> Given {
        let mut given = Given::default();
        for (chosen, demand) in self.chosen.iter().zip(demands) {
            let wanted = demand.wanted.min(demand.rates.len().saturating_sub(1));
            *match chosen {
                Some(layer) if *layer >= wanted => &mut given.as_wanted,
                Some(_) => &mut given.smaller,
                None => &mut given.left_out,
            } += 1;
        }
        given
    }
}

/// Chooses: first the smallest encoding of every picture, then larger ones, each time the most
/// important picture first.
pub(crate) fn allocate(budget: Budget, demands: &[Demand]) -> Allocation {
    let mut order: Vec<usize> = (0..demands.len()).collect();
    order.sort_by_key(|i| Reverse(demands[*i].priority));
    let mut result = Allocation { chosen: vec![None; demands.len()], ..Allocation::default() };
    let mut step: Option<Rate> = None;
    let mut missed = |extra: Rate| step = Some(step.map_or(extra, |known| known.min(extra)));

    for (rank, &i) in order.iter().enumerate() {
        let demand = &demands[i];
        let Some(&cost) = demand.rates.first() else { continue };
        let limit = if demand.current.is_some() { budget.now } else { budget.steady };
        // The most important picture is never left out.
        if rank == 0 || !budget.congested || result.cost + cost <= limit {
            result.chosen[i] = Some(0);
            result.cost += cost;
        } else {
            missed(cost);
        }
    }
    for &i in &order {
        let demand = &demands[i];
        let wanted = demand.wanted.min(demand.rates.len().saturating_sub(1));
        result.ideal += demand.rates.get(wanted).copied().unwrap_or(0);
        while let Some(layer) = result.chosen[i].filter(|layer| *layer < wanted) {
            let next = layer + 1;
            let extra = demand.rates[next].saturating_sub(demand.rates[layer]);
            let sent = demand.current.is_some_and(|current| current >= next);
            let limit = if sent { budget.now } else { budget.steady };
            if result.cost + extra > limit {
                missed(extra);
                break;
            }
            result.chosen[i] = Some(next);
            result.cost += extra;
        }
    }
    result.next = result.cost + step.unwrap_or(0);
    result
}

/// The highest of `count` encodings that is of use for a picture of this height. Each encoding is
/// half as high as the next one, and the highest is taken for [`FULL_HEIGHT`]: what it really is,
/// only the clients know.
pub(crate) fn useful(count: usize, height: u16) -> usize {
    let mut layer = count.saturating_sub(1);
    let mut lower = FULL_HEIGHT / 2;
    // A picture may be stretched by a third before it looks soft.
    while layer > 0 && height <= lower + lower / 3 {
        layer -= 1;
        lower /= 2;
    }
    layer
}

/// Of the highest encoding of a camera, in pixels.
const FULL_HEIGHT: u16 = 720;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATES: [Rate; 3] = [150_000, 500_000, 1_700_000];

    fn demand(slot: usize, height: u16, current: Option<usize>) -> Demand {
        let priority = Priority { pinned: false, screen: false, height, slot: Reverse(slot) };
        Demand { priority, rates: RATES.to_vec(), wanted: useful(3, height), current }
    }

    fn budget(rate: Rate) -> Budget {
        Budget { now: rate, steady: rate, congested: false }
    }

    #[test]
    fn a_picture_gets_no_more_than_its_size_needs() {
        assert_eq!(
            [90, 240, 241, 360, 480, 481, 1_080].map(|h| useful(3, h)),
            [0, 0, 1, 1, 1, 2, 2]
        );
        assert_eq!(useful(1, 1_080), 0);
        let all = allocate(budget(99_000_000), &[demand(0, 1_080, None), demand(1, 180, None)]);
        assert_eq!(all.chosen, [Some(2), Some(0)]);
        assert_eq!((all.cost, all.next), (all.ideal, all.cost));
    }

    #[test]
    fn small_pictures_of_all_come_before_a_large_one_of_one() {
        let demands = [demand(0, 720, None), demand(1, 720, None), demand(2, 720, None)];
        let tight = allocate(budget(800_000), &demands);
        assert_eq!(tight.chosen, [Some(1), Some(0), Some(0)]);
        assert_eq!(tight.given(&demands), Given { smaller: 3, ..Given::default() });
        assert_eq!(tight.next, tight.cost + 350_000, "the cheapest step that was not taken");
        assert_eq!(tight.ideal, 5_100_000);
    }

    #[test]
    fn pinned_comes_first_then_screens_then_size() {
        let mut demands = [demand(0, 720, None), demand(1, 480, None), demand(2, 300, None)];
        demands[1].priority.screen = true;
        demands[2].priority.pinned = true;
        demands[2].wanted = 2;
        let chosen = |rate| allocate(budget(rate), &demands).chosen;
        assert_eq!(chosen(2_000_000), [Some(0), Some(0), Some(2)]);
        assert_eq!(chosen(2_400_000), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn pictures_are_left_out_only_under_congestion_and_never_the_first() {
        let demands = [demand(0, 180, None), demand(1, 240, Some(0)), demand(2, 200, Some(0))];
        assert_eq!(allocate(budget(0), &demands).chosen, [Some(0); 3]);
        let congested = Budget { now: 320_000, steady: 320_000, congested: true };
        let few = allocate(congested, &demands);
        assert_eq!(few.chosen, [None, Some(0), Some(0)]);
        assert_eq!(few.given(&demands), Given { as_wanted: 2, smaller: 0, left_out: 1 });
        let nothing = Budget { now: 0, steady: 0, congested: true };
        assert_eq!(allocate(nothing, &demands).chosen, [None, Some(0), None]);
    }

    #[test]
    fn a_rise_that_did_not_last_raises_nothing_and_takes_nothing_away() {
        let rising = Budget { now: 2_000_000, steady: 1_000_000, congested: false };
        assert_eq!(allocate(rising, &[demand(0, 720, Some(1))]).chosen, [Some(1)]);
        assert_eq!(allocate(rising, &[demand(0, 720, Some(2))]).chosen, [Some(2)], "kept");
        assert_eq!(allocate(budget(2_000_000), &[demand(0, 720, Some(1))]).chosen, [Some(2)]);
    }

    proptest! {
        #[test]
        fn more_than_the_smallest_never_costs_more_than_the_estimate(
            now in 0..6_000_000_u64,
            steady in 0..6_000_000_u64,
            pictures in proptest::collection::vec((0..1_080_u16, proptest::option::of(0..3_usize)), 1..8),
        ) {
            let demands: Vec<Demand> =
                pictures.iter().enumerate().map(|(i, (h, current))| demand(i, *h, *current)).collect();
            let steady = steady.min(now);
            let result = allocate(Budget { now, steady, congested: false }, &demands);
            let smallest = RATES[0] * demands.len() as u64;
            prop_assert!(result.cost <= smallest.max(now));
            prop_assert!(result.chosen.iter().all(Option::is_some));
            prop_assert!(result.cost <= result.ideal && result.cost <= result.next);
            for (chosen, demand) in result.chosen.iter().zip(&demands) {
                prop_assert!(chosen.is_some_and(|layer| layer <= demand.wanted));
            }
        }
    }
}
