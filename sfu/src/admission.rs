//! The load of each worker, and whether it admits more participants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use signaling_protocol::{Refusal, RefusalCode};

/// Weight of the latest half second: a load that lasts for three seconds dominates the average.
const LATEST_WEIGHT: f32 = 0.15;
/// Load up to which a worker is not avoided.
const UNPENALIZED_LOAD: f32 = 0.5;
/// Seconds after which to try again. Longer than the average needs to fall after participants have
/// left.
const RETRY_SECONDS: u32 = 20;

/// The loads of all workers. Each worker records its own.
#[derive(Debug, Clone)]
pub(crate) struct Loads {
    /// Smoothed loads from 0 to 1, as the bits of an `f32`.
    loads: Arc<[AtomicU32]>,
    /// Load above which a worker admits no more participants.
    limit: f32,
}

impl Loads {
    pub(crate) fn new(workers: usize, limit: f32) -> Self {
        Self { loads: (0..workers).map(|_| AtomicU32::new(0)).collect(), limit }
    }

    /// Records the load of a worker in the last half second.
    pub(crate) fn record(&self, worker: usize, load: f32) {
        let Some(known) = self.loads.get(worker) else { return };
        let before = f32::from_bits(known.load(Ordering::Relaxed));
        known.store((before + (load - before) * LATEST_WEIGHT).to_bits(), Ordering::Relaxed);
    }

    /// Returns the smoothed load from 0 to 1; 1 for an unknown worker.
    pub(crate) fn of(&self, worker: usize) -> f32 {
        self.loads.get(worker).map_or(1.0, |bits| f32::from_bits(bits.load(Ordering::Relaxed)))
    }

    /// Returns the penalty of a worker when a room is placed, in tenths of its load. Up to a load of
    /// one half there is none: the number of participants then predicts more than what they happen to
    /// send.
    pub(crate) fn penalty(&self, worker: usize) -> u8 {
        ((self.of(worker) - UNPENALIZED_LOAD).max(0.0) * 10.0) as u8
    }

    /// Checks whether a worker admits more participants or, if none has the room yet, any worker.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::ServerFull`] with the time to wait.
    pub(crate) fn admit(&self, worker: Option<usize>) -> Result<(), Refusal> {
        let is_full = |worker| self.of(worker) > self.limit;
        let full = match worker {
            Some(worker) => is_full(worker),
            None => (0..self.loads.len()).all(is_full),
        };
        if !full {
            return Ok(());
        }
        let sentence = "The server is busy. Try again in a moment.";
        Err(Refusal::new(RefusalCode::ServerFull, sentence).with_retry_after(RETRY_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(loads: &Loads, worker: usize, load: f32, seconds: usize) {
        (0..seconds * 2).for_each(|_| loads.record(worker, load));
    }

    #[test]
    fn only_a_lasting_load_fills_a_worker() {
        let loads = Loads::new(2, 0.9);
        record(&loads, 0, 1.0, 2);
        assert_eq!(loads.admit(Some(0)), Ok(()));
        record(&loads, 0, 1.0, 10);
        let refusal = loads.admit(Some(0)).expect_err("full");
        assert_eq!(refusal.code, RefusalCode::ServerFull);
        assert!(refusal.retry_after_seconds.is_some());
        assert_eq!(loads.admit(Some(1)), Ok(()));
        assert_eq!(loads.admit(None), Ok(()), "the other one admits new rooms");
        record(&loads, 1, 1.0, 12);
        assert!(loads.admit(None).is_err());
        record(&loads, 0, 0.5, 2);
        assert_eq!((loads.admit(None), loads.admit(Some(0))), (Ok(()), Ok(())));
    }

    #[test]
    fn at_the_highest_limit_every_participant_is_admitted() {
        let loads = Loads::new(1, 1.0);
        record(&loads, 0, 1.0, 60);
        assert_eq!((loads.admit(None), loads.admit(Some(0))), (Ok(()), Ok(())));
    }

    #[test]
    fn only_a_high_load_is_penalized() {
        let loads = Loads::new(1, 0.9);
        let penalty = |load| {
            record(&loads, 0, load, 60);
            loads.penalty(0)
        };
        assert_eq!([0.0, 0.49, 0.55, 0.65, 0.99].map(penalty), [0, 0, 0, 1, 4]);
    }
}
