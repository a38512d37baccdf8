//! When a connection over which nothing is received counts as inactive: sooner than ICE notices.

use std::time::{Duration, Instant};

/// Time without any packet after which a connection counts as inactive; ICE takes 15 s. It has to be
/// longer than any pause of a client that only receives: consent checks come every 4 to 6 s (RFC 7675
/// section 5.1), and reports may be rare. Chromium, muted and alone, was seen to send a check every
/// 2.7 s and several reports a second.
pub(crate) const MEDIA_INACTIVITY_TIMEOUT: Duration = Duration::from_secs(7);

/// Time between two checks that shows that the worker was suspended, as on a paused machine: what
/// arrived in the meantime is lost, or is read only now.
const SUSPENDED: Duration = Duration::from_secs(2);

/// The time since which a worker has been receiving without a suspension. Only that time counts
/// towards the inactivity of a connection.
#[derive(Debug, Default)]
pub(crate) struct ReceivingPeriod {
    since: Option<Instant>,
    last_check: Option<Instant>,
}

impl ReceivingPeriod {
    /// Records a check. Returns the beginning of the period.
    pub(crate) fn check(&mut self, now: Instant) -> Instant {
        let last = self.last_check.replace(now);
        let continues = last.is_some_and(|last| now.saturating_duration_since(last) < SUSPENDED);
        *self.since.insert(self.since.filter(|_| continues).unwrap_or(now))
    }
}
