//! The encodings of a track that its publisher is asked to send.

use std::time::{Duration, Instant};

/// Time for which an encoding without subscribers is still requested, in case it is wanted again.
const LINGER: Duration = Duration::from_secs(1);

/// The encodings of a track that its publisher was asked to send.
#[derive(Debug)]
pub(crate) struct RequestedEncodings {
    /// The publisher sends all encodings until it is asked for fewer.
    requested: Vec<bool>,
    /// No request has been sent for this track: the publisher may still apply one of an earlier track.
    is_first: bool,
    /// Since when fewer encodings are wanted than requested.
    fewer_since: Option<Instant>,
}

impl RequestedEncodings {
    /// Creates the state of a track with this number of encodings.
    pub(crate) fn new(encodings: usize) -> Self {
        Self { requested: vec![true; encodings], is_first: true, fewer_since: None }
    }

    /// Returns the request to send to the publisher, given the encodings that are wanted now: the
    /// first one, one for more encodings at once, and one for fewer after a while.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        wanted: impl Iterator<Item = usize>,
    ) -> Option<Vec<bool>> {
        let wanted = as_flags(self.requested.len(), wanted);
        let more = wanted.iter().zip(&self.requested).any(|(wanted, sent)| *wanted && !*sent);
        if wanted == self.requested {
            self.fewer_since = None;
            return std::mem::take(&mut self.is_first).then_some(wanted);
        }
        let since = *self.fewer_since.get_or_insert(now);
        if !more && now.saturating_duration_since(since) < LINGER {
            return None;
        }
        (self.fewer_since, self.is_first) = (None, false);
        // Encodings that are no longer wanted are kept if others have only just become wanted.
        self.requested = if more {
            wanted.iter().zip(&self.requested).map(|(wanted, sent)| *wanted || *sent).collect()
        } else {
            wanted
        };
        Some(self.requested.clone())
    }
}

/// Returns a flag for each of `count` encodings that is set for those in `wanted`.
fn as_flags(count: usize, wanted: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut flags = vec![false; count];
    for encoding in wanted {
        if let Some(flag) = flags.get_mut(encoding) {
            *flag = true;
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_encodings_are_requested_at_once_and_fewer_after_a_while() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let mut three = RequestedEncodings::new(3);
        let mut update = |now, wanted: &[usize]| three.update(now, wanted.iter().copied());
        assert_eq!(update(start, &[0]), None, "all of them are being sent, for now");
        let later = start + LINGER;
        assert_eq!(update(later, &[0]), Some(vec![true, false, false]));
        assert_eq!(update(later, &[0]), None, "requested once");
        assert_eq!(update(later, &[2]), Some(vec![true, false, true]), "at once");
        assert_eq!(update(later + LINGER / 2, &[2]), None);
        assert_eq!(update(later + LINGER * 2, &[2]), Some(vec![false, false, true]));
        let mut single = RequestedEncodings::new(1);
        assert_eq!(single.update(start, [0].into_iter()), Some(vec![true]), "the first request");
        assert_eq!(single.update(start, [0].into_iter()), None);
        assert_eq!(update(later + LINGER * 3, &[]), None);
        assert_eq!(update(later + LINGER * 4, &[]), Some(vec![false; 3]));
    }
}
