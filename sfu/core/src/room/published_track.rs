//! A track that a participant publishes.

use std::time::{Duration, Instant};

use signaling_protocol::{Source, Track};
use str0m::media::{Mid, Rid};

use crate::cascade::messages::{Branch, Offered};
use crate::peer_connection::codec::PayloadTypes;
use crate::room::encoding::Encoding;
use crate::room::participants::Key;
use crate::rtp::svc_layers::{Layers, UpTo};
use crate::worker::select_encodings::union;

/// How long the average of the activity reaches back.
const MEMORY_MILLIS: u64 = 1_500;

/// An encoding that is no longer wanted is asked for so much longer, in case that it is again.
const LINGER: Duration = Duration::from_secs(1);

/// A track as announced, on an m-line that was negotiated.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) mid: Mid,
    pub(crate) source: Source,
    pub(crate) muted_since: Option<Instant>,
    pub(crate) payload_types: PayloadTypes,
    /// The lowest first; at least one.
    pub(crate) encodings: Vec<Encoding>,
    /// Of its encoding, if it has one and that has layers.
    pub(crate) layers: Layers,
    /// Who receives it, in which slot.
    pub(crate) forwards: Vec<Forward>,
    /// Which other workers want it.
    pub(crate) branches: Vec<Branch>,
    /// Which encodings the publisher was told are wanted. It sends all until it is told.
    told: Vec<bool>,
    /// Nothing has been told of this track yet: the publisher may still go by what it heard of one
    /// before.
    untold: bool,
    /// Since when fewer are wanted than it was told.
    fewer_since: Option<Instant>,
    /// Payload bytes per second, smoothed.
    activity: u64,
    bytes: u64,
    measured: Instant,
}

/// A subscription: one slot of one subscriber.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward {
    pub(crate) subscriber: Key,
    pub(crate) slot: usize,
    /// The encoding that is being sent. `None` until one begins.
    pub(crate) current: Option<usize>,
    /// The encoding that takes its place with its next key frame: what the publisher sends that is
    /// closest to what was chosen.
    pub(crate) next: Option<usize>,
    /// What the subscriber's size and link ask for.
    pub(crate) chosen: Option<usize>,
    /// Of an encoding with layers.
    pub(crate) up_to: UpTo,
}

impl Forward {
    /// Whether a packet of this encoding is for it; one that is not being sent may begin with it if
    /// `may_begin`.
    pub(crate) fn takes(&self, encoding: usize, may_begin: bool) -> bool {
        self.current == Some(encoding) || may_begin && self.next == Some(encoding)
    }

    /// Is sent this encoding from now on. Whether it was not before.
    pub(crate) fn begin(&mut self, encoding: usize) -> bool {
        self.current.replace(encoding) != Some(encoding)
    }
}

impl Published {
    pub(crate) fn new(
        now: Instant,
        track: &Track,
        payload_types: PayloadTypes,
        rids: &[Rid],
    ) -> Self {
        let mut encodings: Vec<Encoding> =
            rids.iter().map(|rid| Encoding::new(now, Some(*rid))).collect();
        if encodings.is_empty() {
            encodings.push(Encoding::new(now, None));
        }
        Self {
            mid: track.mid.as_str().into(),
            source: track.source,
            muted_since: track.muted.then_some(now),
            payload_types,
            told: vec![true; encodings.len()],
            untold: true,
            fewer_since: None,
            encodings,
            layers: Layers::default(),
            forwards: Vec::new(),
            branches: Vec::new(),
            activity: 0,
            bytes: 0,
            measured: now,
        }
    }

    /// A guest's track.
    pub(crate) fn of_guest(now: Instant, offered: &Offered) -> Self {
        // Its m-line is another worker's.
        let track = Track { mid: String::new(), source: offered.track.source, muted: false };
        let mut published = Self::new(now, &track, PayloadTypes::default(), &[]);
        published.encodings = offered.encodings.iter().map(|_| Encoding::new(now, None)).collect();
        published
    }

    /// Whether this is the guest's track that is offered.
    pub(crate) fn is_offered_by(&self, offered: &Offered) -> bool {
        self.source == offered.track.source && self.encodings.len() == offered.encodings.len()
    }

    /// How a guest's track is where its packets come in. Whether it was muted or the opposite.
    pub(crate) fn take_offered(&mut self, offered: &Offered) -> bool {
        self.activity = offered.activity;
        for (encoding, condition) in self.encodings.iter_mut().zip(&offered.encodings) {
            encoding.elsewhere = Some(*condition);
        }
        std::mem::replace(&mut self.muted_since, offered.muted_since) != offered.muted_since
    }

    pub(crate) fn set_muted(&mut self, now: Instant, muted: bool) {
        self.measure(now);
        self.muted_since = muted.then(|| self.muted_since.unwrap_or(now));
    }

    /// Whether it was announced with these encodings.
    pub(crate) fn has_encodings(&self, rids: &[Rid]) -> bool {
        let mine = self.encodings.iter().filter_map(|encoding| encoding.rid);
        mine.eq(rids.iter().copied())
    }

    /// The encoding with this name.
    pub(crate) fn encoding(&self, rid: Option<Rid>) -> Option<usize> {
        self.encodings.iter().position(|encoding| encoding.rid == rid)
    }

    /// A packet of an encoding came in.
    pub(crate) fn count(&mut self, now: Instant, encoding: usize, payload: usize) {
        self.bytes += payload as u64;
        if let Some(encoding) = self.encodings.get_mut(encoding) {
            encoding.meter.add(now, payload);
        }
    }

    /// Which encodings are wanted, if the publisher is to be told: at first, of more at once, of fewer
    /// when that has lasted.
    pub(crate) fn wanted_news(&mut self, now: Instant) -> Option<Vec<bool>> {
        if self.source.is_audio() {
            return None;
        }
        let chosen = self.forwards.iter().filter_map(|forward| forward.chosen);
        let elsewhere = self.branches.iter().flat_map(|branch| branch.wants.chosen.iter());
        let wanted = union(self.encodings.len(), chosen.chain(elsewhere));
        let more = wanted.iter().zip(&self.told).any(|(wanted, told)| *wanted && !*told);
        if wanted == self.told {
            self.fewer_since = None;
            return std::mem::take(&mut self.untold).then_some(wanted);
        }
        let since = *self.fewer_since.get_or_insert(now);
        if !more && now.saturating_duration_since(since) < LINGER {
            return None;
        }
        (self.fewer_since, self.untold) = (None, false);
        // What is no longer wanted is kept for now if others have only just become so.
        self.told = if more {
            wanted.iter().zip(&self.told).map(|(wanted, told)| *wanted || *told).collect()
        } else {
            wanted
        };
        Some(self.told.clone())
    }

    /// Takes the packets since the last call into the average. While muted that stays as it was, so
    /// that nobody has to win a slot back after a pause.
    pub(crate) fn measure(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(std::mem::replace(&mut self.measured, now));
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX / 2);
        let bytes = std::mem::take(&mut self.bytes);
        if self.muted_since.is_none() {
            // The longer the time that is looked back on, the more it counts.
            let known = self.activity.saturating_mul(MEMORY_MILLIS);
            self.activity =
                known.saturating_add(bytes.saturating_mul(1_000)) / (MEMORY_MILLIS + millis);
        }
    }

    pub(crate) fn activity(&self) -> u64 {
        self.activity
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_at_once_and_less_after_a_while() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let track = Track { mid: "1".to_owned(), source: Source::Camera, muted: false };
        let rids = ["q", "h", "f"].map(Rid::from);
        let mut track = Published::new(start, &track, PayloadTypes::default(), &rids);
        let forward = |chosen| Forward {
            subscriber: Key::for_test(0),
            slot: 0,
            current: None,
            next: None,
            chosen,
            up_to: UpTo::ALL,
        };
        track.forwards = vec![forward(Some(0)), forward(None)];
        assert_eq!(track.wanted_news(start), None, "all of them are being sent, for now");
        let later = start + LINGER;
        assert_eq!(track.wanted_news(later), Some(vec![true, false, false]));
        assert_eq!(track.wanted_news(later), None, "told once");
        track.forwards = vec![forward(Some(2))];
        assert_eq!(track.wanted_news(later), Some(vec![true, false, true]), "at once");
        assert_eq!(track.wanted_news(later + LINGER / 2), None);
        assert_eq!(track.wanted_news(later + LINGER * 2), Some(vec![false, false, true]));
        let mut other = Published::new(
            start,
            &Track { mid: "1".to_owned(), source: Source::Camera, muted: false },
            PayloadTypes::default(),
            &[],
        );
        other.forwards = vec![forward(Some(0))];
        assert_eq!(other.wanted_news(start), Some(vec![true]), "it may not know");
        assert_eq!(other.wanted_news(start), None);
        track.forwards.clear();
        assert_eq!(track.wanted_news(later + LINGER * 3), None);
        assert_eq!(track.wanted_news(later + LINGER * 4), Some(vec![false; 3]));
    }
}
