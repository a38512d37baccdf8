//! What this member has said and has not read back yet.

use std::collections::VecDeque;

use signaling_protocol::Opaque;

use super::Envelope;

/// Messages that may wait.
const WAITING: usize = 64;
/// Before the same bytes are sent again, in milliseconds.
const AGAIN_MS: u64 = 3_000;
/// After so many times a message is given up: the server will not take it.
const TRIES: u8 = 6;

/// Messages in order, one under way at a time: it is told in the order in which it was said.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Envelope>,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    envelope: Envelope,
    bytes: Opaque,
    sent: u8,
    again_ms: u64,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Protect this one, and hand it to [`Outbox::send`].
    Protect(Envelope),
    /// Send these bytes once more.
    Again(Opaque),
    /// The server does not take it.
    GiveUp(Envelope),
}

impl Outbox {
    /// Whether there was room for it.
    pub(crate) fn push(&mut self, envelope: Envelope) -> bool {
        let room = self.waiting.len() < WAITING;
        if room {
            self.waiting.push_back(envelope);
        }
        room
    }

    /// What is to be done now, if anything; ask again until there is nothing.
    pub(crate) fn next(&mut self, now_ms: u64) -> Option<Step> {
        let Some(under_way) = &mut self.under_way else {
            return self.waiting.pop_front().map(Step::Protect);
        };
        if under_way.again_ms > now_ms {
            return None;
        }
        if under_way.sent >= TRIES {
            return self.under_way.take().map(|under_way| Step::GiveUp(under_way.envelope));
        }
        under_way.sent += 1;
        under_way.again_ms = now_ms.saturating_add(AGAIN_MS);
        Some(Step::Again(under_way.bytes.clone()))
    }

    /// A message was protected and is on its way.
    pub(crate) fn send(&mut self, envelope: Envelope, bytes: Opaque, now_ms: u64) {
        let again_ms = now_ms.saturating_add(AGAIN_MS);
        self.under_way = Some(UnderWay { envelope, bytes, sent: 1, again_ms });
    }

    /// Something of this member came back: which message it was.
    pub(crate) fn came_back(&mut self, bytes: &Opaque) -> Option<Envelope> {
        self.under_way
            .take_if(|under_way| under_way.bytes == *bytes)
            .map(|under_way| under_way.envelope)
    }

    /// A new epoch: what has not come back until now was not taken in the old one. What belongs to
    /// the old one alone is dropped.
    pub(crate) fn new_epoch(&mut self) {
        if let Some(UnderWay { envelope, .. }) = self.under_way.take() {
            self.waiting.push_front(envelope);
        }
        self.waiting.retain(|envelope| matches!(envelope, Envelope::Said(_)));
    }

    /// When to ask [`Outbox::next`] again.
    pub(crate) fn due(&self) -> Option<u64> {
        self.under_way.as_ref().map(|under_way| under_way.again_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ComparisonStep, Content, MessageKey, Said};
    use super::*;

    fn said(n: u8) -> Envelope {
        let content = Content::Hand { raised: true };
        Envelope::Said(Said { id: MessageKey([n; 16]), content })
    }

    fn bytes(n: u8) -> Opaque {
        Opaque(vec![n])
    }

    fn outbox(count: u8) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 0..count {
            assert!(outbox.push(said(n)));
        }
        outbox
    }

    #[test]
    fn the_next_message_goes_when_the_one_before_has_come_back() {
        let mut outbox = outbox(2);
        assert_eq!(outbox.next(0), Some(Step::Protect(said(0))));
        outbox.send(said(0), bytes(0), 0);
        assert_eq!(outbox.next(0), None);
        assert_eq!(outbox.came_back(&bytes(9)), None, "somebody else's");
        assert_eq!(outbox.came_back(&bytes(0)), Some(said(0)));
        assert_eq!(outbox.came_back(&bytes(0)), None, "once");
        assert_eq!(outbox.next(0), Some(Step::Protect(said(1))));
    }

    #[test]
    fn a_lost_message_is_sent_again_byte_for_byte_and_given_up_in_the_end() {
        let mut outbox = outbox(1);
        outbox.next(0);
        outbox.send(said(0), bytes(0), 0);
        for _ in 1..TRIES {
            let due = outbox.due().unwrap();
            assert_eq!(outbox.next(due - 1), None);
            assert_eq!(outbox.next(due), Some(Step::Again(bytes(0))));
        }
        assert_eq!(outbox.next(outbox.due().unwrap()), Some(Step::GiveUp(said(0))));
        assert_eq!((outbox.next(u64::MAX), outbox.due()), (None, None));
    }

    #[test]
    fn a_new_epoch_has_it_protected_anew_and_still_first() {
        let mut outbox = outbox(2);
        outbox.next(0);
        outbox.send(said(0), bytes(0), 0);
        outbox.new_epoch();
        assert_eq!(outbox.next(0), Some(Step::Protect(said(0))));
    }

    #[test]
    fn a_new_epoch_has_no_use_for_a_comparison_of_the_old_one() {
        let comparison = |epoch| {
            let step = ComparisonStep::Commit("abc".into());
            Envelope::Comparison { epoch, step }
        };
        let mut outbox = Outbox::default();
        assert!(outbox.push(comparison(1)) && outbox.push(comparison(1)) && outbox.push(said(0)));
        outbox.next(0);
        outbox.send(comparison(1), bytes(0), 0);
        outbox.new_epoch();
        assert_eq!(outbox.next(0), Some(Step::Protect(said(0))));
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let mut outbox = outbox(WAITING as u8);
        assert!(!outbox.push(said(0)));
    }
}
