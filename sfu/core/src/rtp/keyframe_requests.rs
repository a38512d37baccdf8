//! Key frame requests to one source, coalesced.

use std::time::{Duration, Instant};

/// A publisher is asked for a key frame at most this often: each costs several delta frames' worth
/// of bits, and all subscribers are served by the same one.
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

/// Lets one request through per [`INTERVAL`]; one that comes sooner waits and is not lost.
#[derive(Debug, Default)]
pub(crate) struct KeyFrameRequests {
    sent: Option<Instant>,
    pending: bool,
}

impl KeyFrameRequests {
    /// Somebody needs a key frame. Whether nobody else waited for one already.
    pub(crate) fn request(&mut self) -> bool {
        !std::mem::replace(&mut self.pending, true)
    }

    /// When a waiting request may go out; in the past if at once.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.pending.then(|| self.sent.map_or(now, |sent| sent + INTERVAL))
    }

    /// Whether to ask the publisher now. The caller does so, or calls
    /// [`KeyFrameRequests::request`] again.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.poll_timeout(now).is_some_and(|at| at <= now);
        if due {
            self.pending = false;
            self.sent = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_per_interval_goes_out_and_a_waiting_one_is_not_lost() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(!requests.take_due(start), "nobody asked");

        assert!(requests.request());
        assert!(requests.take_due(start));

        assert!(requests.request());
        assert!(!requests.request(), "the second one joins the first");
        assert!(!requests.take_due(start + INTERVAL / 2));
        assert_eq!(requests.poll_timeout(start), Some(start + INTERVAL));
        assert!(requests.take_due(start + INTERVAL));
        assert!(!requests.take_due(start + INTERVAL * 3), "answered once");
    }
}
