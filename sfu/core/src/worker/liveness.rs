//! Who is not heard any more: sooner than ICE notices.

use std::time::{Duration, Instant};

use crate::room::participants::Key;
use crate::worker::Worker;

/// A connection from which nothing at all has come for so long leads nowhere; ICE takes 15 s to say
/// so. It has to be longer than any pause of a client that only listens: consent is asked for every
/// 4 to 6 s (RFC 7675 section 5.1), and reports may be few. Chromium, muted and alone, was seen to
/// check every 2.7 s and to report several times a second.
pub(crate) const SILENCE: Duration = Duration::from_secs(7);

/// A worker that has not looked for so long stood still, as one does whose machine was paused: what
/// came meanwhile is lost, or is read only now.
const STOOD_STILL: Duration = Duration::from_secs(2);

/// Since when a worker has listened without standing still. Only that time speaks against those
/// who are not heard.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Watch {
    /// It looks again. Since when it has listened.
    fn look(&mut self, now: Instant) -> Instant {
        let last = self.last.replace(now);
        let goes_on = last.is_some_and(|last| now.saturating_duration_since(last) < STOOD_STILL);
        *self.since.insert(self.since.filter(|_| goes_on).unwrap_or(now))
    }
}

impl Worker {
    /// A participant has proved that it is there: one that had been given up for its silence is
    /// sent to again.
    pub(crate) fn heard_from(&mut self, now: Instant, key: Key) {
        let participant = self.participants.get_mut(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_mut()) else { return };
        if connection.hear(now) {
            self.connected(now, key);
        }
    }

    /// Gives up on connections from which nothing comes: they are sent nothing more, and their
    /// participants are told, who are to offer again.
    pub(crate) fn give_up_the_silent(&mut self, now: Instant) {
        let listened_since = self.watch.look(now);
        let keys: Vec<Key> = self.participants.keys().collect();
        for key in keys {
            let participant = self.participants.get_mut(key);
            let connection = participant.and_then(|p| p.connection.as_mut());
            if connection
                .is_some_and(|connection| connection.give_up_if_silent(now, listened_since))
            {
                self.counters.silences += 1;
                self.report_lost(key, "nothing comes over the media connection; restart it");
            }
        }
    }
}
