//! Key frame requests to one encoding of a publisher, coalesced.

use std::time::{Duration, Instant};

/// Minimum time between two requests. A key frame costs as many bits as several delta frames, and
/// one key frame serves all subscribers.
const INTERVAL: Duration = Duration::from_millis(500);

/// Lets one request through per [`INTERVAL`]. A request that comes sooner is delayed, not lost.
#[derive(Debug, Default)]
pub(crate) struct KeyFrameRequests {
    last_sent: Option<Instant>,
    pending: bool,
}

impl KeyFrameRequests {
    /// Requests a key frame. A request that is pending already covers this one too.
    pub(crate) fn request(&mut self) {
        self.pending = true;
    }

    /// Returns when the pending request may be sent; `now` or earlier if it may be sent at once.
    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.pending.then(|| self.last_sent.map_or(now, |sent| sent + INTERVAL))
    }

    /// Returns whether to send a request to the publisher now. The caller sends it, or calls
    /// [`KeyFrameRequests::request`] again.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.poll_timeout(now).is_some_and(|at| at <= now);
        if due {
            self.pending = false;
            self.last_sent = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_per_interval_is_sent_and_a_delayed_one_is_not_lost() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let mut requests = KeyFrameRequests::default();
        assert!(!requests.take_due(start), "no request");

        requests.request();
        assert!(requests.take_due(start));

        requests.request();
        requests.request();
        assert!(!requests.take_due(start + INTERVAL / 2));
        assert_eq!(requests.poll_timeout(start), Some(start + INTERVAL));
        assert!(requests.take_due(start + INTERVAL));
        assert!(!requests.take_due(start + INTERVAL * 3), "the second one joined the first");
    }
}
