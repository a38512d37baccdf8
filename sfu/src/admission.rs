//! How loaded each worker is, and whether it takes more people.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use signaling_protocol::{Refusal, RefusalCode};

/// How much one half second counts: what lasted for three seconds is most of what is known.
const NEW: f32 = 0.15;
/// Below this load it makes no difference to a worker whether it has more to do than others.
const FREE: f32 = 0.5;
/// When to try again, in seconds. Longer than a load needs to sink after people have left.
const RETRY_SECONDS: u32 = 20;

/// The loads of all workers. Each tells its own; whoever admits people reads them.
#[derive(Debug, Clone)]
pub(crate) struct Loads {
    /// Bits of an `f32` each.
    shares: Arc<[AtomicU32]>,
    /// Above this share of its time at work a worker is full.
    limit: f32,
}

impl Loads {
    pub(crate) fn new(workers: usize, limit: f32) -> Self {
        Self { shares: (0..workers).map(|_| AtomicU32::new(0)).collect(), limit }
    }

    /// A worker was at work for this share of the last half second.
    pub(crate) fn tell(&self, worker: usize, share: f32) {
        let Some(known) = self.shares.get(worker) else { return };
        let before = f32::from_bits(known.load(Ordering::Relaxed));
        known.store((before + (share - before) * NEW).to_bits(), Ordering::Relaxed);
    }

    /// A worker's load, smoothed; of one that there is not, all.
    pub(crate) fn of(&self, worker: usize) -> f32 {
        self.shares.get(worker).map_or(1.0, |bits| f32::from_bits(bits.load(Ordering::Relaxed)))
    }

    /// What speaks against a worker when a room is placed, in tenths. Up to a half nothing does:
    /// there the number of people foretells more than what they happen to send.
    pub(crate) fn reluctance(&self, worker: usize) -> u8 {
        ((self.of(worker) - FREE).max(0.0) * 10.0) as u8
    }

    /// Whether more people may come to a worker or, if none has their room yet, to any.
    pub(crate) fn admit(&self, worker: Option<usize>) -> Result<(), Refusal> {
        let is_full = |worker| self.of(worker) > self.limit;
        let full = match worker {
            Some(worker) => is_full(worker),
            None => (0..self.shares.len()).all(is_full),
        };
        if !full {
            return Ok(());
        }
        let sentence = "This server has as much to do as it can: nobody else can come in just \
                        now. Whoever is inside stays; try again in a moment.";
        Err(Refusal::new(RefusalCode::ServerFull, sentence).with_retry_after(RETRY_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(loads: &Loads, worker: usize, share: f32, seconds: usize) {
        (0..seconds * 2).for_each(|_| loads.tell(worker, share));
    }

    #[test]
    fn a_load_that_lasts_fills_a_worker_and_a_moment_does_not() {
        let loads = Loads::new(2, 0.9);
        tell(&loads, 0, 1.0, 2);
        assert_eq!(loads.admit(Some(0)), Ok(()));
        tell(&loads, 0, 1.0, 10);
        let refusal = loads.admit(Some(0)).expect_err("full");
        assert_eq!(refusal.code, RefusalCode::ServerFull);
        assert!(refusal.retry_after_seconds.is_some());
        assert_eq!(loads.admit(Some(1)), Ok(()));
        assert_eq!(loads.admit(None), Ok(()), "the other one takes new rooms");
        tell(&loads, 1, 1.0, 12);
        assert!(loads.admit(None).is_err());
        tell(&loads, 0, 0.5, 2);
        assert_eq!((loads.admit(None), loads.admit(Some(0))), (Ok(()), Ok(())));
    }

    #[test]
    fn at_the_highest_limit_nobody_is_turned_away() {
        let loads = Loads::new(1, 1.0);
        tell(&loads, 0, 1.0, 60);
        assert_eq!((loads.admit(None), loads.admit(Some(0))), (Ok(()), Ok(())));
    }

    #[test]
    fn only_a_high_load_speaks_against_a_worker() {
        let loads = Loads::new(1, 0.9);
        let reluctance = |share| {
            tell(&loads, 0, share, 60);
            loads.reluctance(0)
        };
        assert_eq!([0.0, 0.49, 0.55, 0.65, 0.99].map(reluctance), [0, 0, 0, 1, 4]);
    }
}
