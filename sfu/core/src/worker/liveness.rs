//! Connections over which nothing is received any more.

use std::time::Instant;

use super::Worker;
use crate::ids::ParticipantKey;

impl Worker {
    /// Records an authenticated check of a participant. A connection that was inactive is used again.
    pub(super) fn record_check(&mut self, now: Instant, key: ParticipantKey) {
        let Some(connection) = self.connection_mut(key) else { return };
        if connection.record_check(now) {
            self.handle_connected(now, key);
        }
    }

    /// Suspends the connections over which nothing is received: nothing more is sent to them, and
    /// their participants are asked to offer again.
    pub(super) fn suspend_inactive(&mut self, now: Instant) {
        let receiving_since = self.receiving.check(now);
        let keys: Vec<ParticipantKey> = self.participants.keys().collect();
        for key in keys {
            let connection = self.connection_mut(key);
            if connection.is_some_and(|c| c.suspend_if_inactive(now, receiving_since)) {
                self.counters.inactive_connections += 1;
                self.report_lost(key, "nothing is received over the media connection; restart it");
            }
        }
    }
}
