//! The replay window of a KID (RFC 9605 section 9.3).

use crate::sframe::Counter;

const WORD: u64 = u64::BITS as u64;
const WORDS: u64 = ReplayWindow::WIDTH / WORD;

/// The last 512 counters up to the highest one. Older ones count as received.
///
/// A ring of bits, indexed by counter modulo its width: moving on clears bits and shifts none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReplayWindow {
    /// The highest received counter plus one.
    end: Counter,
    seen: [u64; WORDS as usize],
}

impl ReplayWindow {
    /// The number of counters in the window.
    pub(super) const WIDTH: u64 = 512;

    /// Returns `true` if a frame with this counter may be unprotected. Record the counter only once
    /// the frame is authenticated.
    pub(super) fn is_fresh(&self, counter: Counter) -> bool {
        if counter >= self.end {
            return true;
        }
        let (word, bit) = place(counter);
        self.end - counter <= Self::WIDTH && self.seen[word] & bit == 0
    }

    /// Records the counter of an authenticated frame.
    pub(super) fn record(&mut self, counter: Counter) {
        if counter >= self.end {
            self.move_to(counter.saturating_add(1));
        }
        let (word, bit) = place(counter);
        self.seen[word] |= bit;
    }

    /// Moves the window, and clears the counters that enter it.
    fn move_to(&mut self, end: Counter) {
        if end - self.end >= Self::WIDTH {
            self.seen = Default::default();
        } else {
            for counter in self.end..end {
                let (word, bit) = place(counter);
                self.seen[word] &= !bit;
            }
        }
        self.end = end;
    }
}

/// Returns the word and the bit of a counter in the ring.
fn place(counter: Counter) -> (usize, u64) {
    ((counter / WORD % WORDS) as usize, 1 << (counter % WORD))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_counter_is_fresh_until_it_is_recorded() {
        let mut window = ReplayWindow::default();
        assert!(window.is_fresh(0));
        assert!(window.is_fresh(0), "asking records nothing");
        window.record(0);
        assert!(!window.is_fresh(0));
        assert!(window.is_fresh(1));
    }

    #[test]
    fn frames_may_be_reordered_within_512() {
        let mut window = ReplayWindow::default();
        window.record(1000);
        assert!(window.is_fresh(489));
        assert!(!window.is_fresh(488), "too old to know");
        window.record(489);
        assert!(!window.is_fresh(489));
    }

    #[test]
    fn the_last_counter_is_fresh_once() {
        let mut window = ReplayWindow::default();
        window.record(u64::MAX - 1);
        assert!(!window.is_fresh(u64::MAX - 1));
        assert!(window.is_fresh(u64::MAX - 2));
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set_of_all_counters(
            steps in prop::collection::vec(prop_oneof![0u64..40, 0u64..700, 0u64..5000], 1..300)
        ) {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            let mut newest = None;
            for (turn, step) in steps.into_iter().enumerate() {
                // Walks around a slowly rising middle, in jumps of all sizes.
                let counter = turn as u64 * 7 + step;
                let known = newest.is_none_or(|newest: u64| counter + ReplayWindow::WIDTH > newest);
                let fresh = known && !seen.contains(&counter);
                prop_assert_eq!(window.is_fresh(counter), fresh);
                if fresh {
                    window.record(counter);
                    seen.insert(counter);
                    newest = newest.max(Some(counter));
                }
            }
        }
    }
}
