//! Messages of this member that the server has not delivered yet.

use std::collections::VecDeque;

use signaling_protocol::Opaque;

use super::Envelope;

/// The most messages that wait to be sent.
const MAX_WAITING: usize = 64;
/// How long to wait before the same bytes are resent, in milliseconds.
const RESEND_MS: u64 = 3_000;
/// How often a message is sent before it is given up: the server refuses it.
const MAX_SENDS: u8 = 6;

/// Messages in order. Only one is in flight, so they are delivered in the order they were sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Envelope>,
    in_flight: Option<InFlight>,
}

#[derive(Debug)]
struct InFlight {
    envelope: Envelope,
    bytes: Opaque,
    send_count: u8,
    resend_at_ms: u64,
}

/// The next step for a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OutboxAction {
    /// Protect this message and pass the result to [`Outbox::mark_sent`].
    Protect(Envelope),
    /// Send these bytes again.
    Resend(Opaque),
    /// Report that this message could not be delivered.
    GiveUp(Envelope),
}

impl Outbox {
    /// Queues a message. Returns `false` if too many messages wait.
    pub(crate) fn push(&mut self, envelope: Envelope) -> bool {
        let has_room = self.waiting.len() < MAX_WAITING;
        if has_room {
            self.waiting.push_back(envelope);
        }
        has_room
    }

    /// Returns what to do now. Call it until it returns `None`.
    pub(crate) fn next_action(&mut self, now_ms: u64) -> Option<OutboxAction> {
        let Some(in_flight) = &mut self.in_flight else {
            return self.waiting.pop_front().map(OutboxAction::Protect);
        };
        if in_flight.resend_at_ms > now_ms {
            return None;
        }
        if in_flight.send_count >= MAX_SENDS {
            return self.in_flight.take().map(|in_flight| OutboxAction::GiveUp(in_flight.envelope));
        }
        in_flight.send_count += 1;
        in_flight.resend_at_ms = now_ms.saturating_add(RESEND_MS);
        Some(OutboxAction::Resend(in_flight.bytes.clone()))
    }

    /// Records that a message was protected and sent as these bytes.
    pub(crate) fn mark_sent(&mut self, envelope: Envelope, bytes: Opaque, now_ms: u64) {
        let resend_at_ms = now_ms.saturating_add(RESEND_MS);
        self.in_flight = Some(InFlight { envelope, bytes, send_count: 1, resend_at_ms });
    }

    /// Returns the message that was sent as these bytes, now that the server has delivered them.
    pub(crate) fn confirm(&mut self, bytes: &Opaque) -> Option<Envelope> {
        self.in_flight
            .take_if(|in_flight| in_flight.bytes == *bytes)
            .map(|in_flight| in_flight.envelope)
    }

    /// Starts a new epoch. A message that was not delivered in the old one is protected again for
    /// the new one. Messages that only make sense in the old one are dropped.
    pub(crate) fn start_epoch(&mut self) {
        if let Some(InFlight { envelope, .. }) = self.in_flight.take() {
            self.waiting.push_front(envelope);
        }
        self.waiting.retain(|envelope| matches!(envelope, Envelope::Message(_)));
    }

    /// Returns when the message in flight is resent, in milliseconds.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        self.in_flight.as_ref().map(|in_flight| in_flight.resend_at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Content, ContentMessage, MessageKey, SasMessage};
    use super::*;

    fn message(n: u8) -> Envelope {
        let content = Content::Hand { raised: true };
        Envelope::Message(ContentMessage { id: MessageKey([n; 16]), content })
    }

    fn bytes(n: u8) -> Opaque {
        Opaque(vec![n])
    }

    fn outbox(count: u8) -> Outbox {
        let mut outbox = Outbox::default();
        for n in 0..count {
            assert!(outbox.push(message(n)));
        }
        outbox
    }

    #[test]
    fn the_next_message_is_sent_when_the_one_before_is_delivered() {
        let mut outbox = outbox(2);
        assert_eq!(outbox.next_action(0), Some(OutboxAction::Protect(message(0))));
        outbox.mark_sent(message(0), bytes(0), 0);
        assert_eq!(outbox.next_action(0), None);
        assert_eq!(outbox.confirm(&bytes(9)), None, "of another member");
        assert_eq!(outbox.confirm(&bytes(0)), Some(message(0)));
        assert_eq!(outbox.confirm(&bytes(0)), None, "once");
        assert_eq!(outbox.next_action(0), Some(OutboxAction::Protect(message(1))));
    }

    #[test]
    fn a_lost_message_is_resent_byte_for_byte_and_given_up_in_the_end() {
        let mut outbox = outbox(1);
        outbox.next_action(0);
        outbox.mark_sent(message(0), bytes(0), 0);
        for _ in 1..MAX_SENDS {
            let due = outbox.next_timeout().unwrap();
            assert_eq!(outbox.next_action(due - 1), None);
            assert_eq!(outbox.next_action(due), Some(OutboxAction::Resend(bytes(0))));
        }
        assert_eq!(
            outbox.next_action(outbox.next_timeout().unwrap()),
            Some(OutboxAction::GiveUp(message(0)))
        );
        assert_eq!((outbox.next_action(u64::MAX), outbox.next_timeout()), (None, None));
    }

    #[test]
    fn a_message_in_flight_is_protected_again_for_a_new_epoch_and_stays_first() {
        let mut outbox = outbox(2);
        outbox.next_action(0);
        outbox.mark_sent(message(0), bytes(0), 0);
        outbox.start_epoch();
        assert_eq!(outbox.next_action(0), Some(OutboxAction::Protect(message(0))));
    }

    #[test]
    fn a_new_epoch_drops_the_sas_messages_of_the_old_one() {
        let sas = |epoch| {
            let message = SasMessage::Commit("abc".into());
            Envelope::Sas { epoch, message }
        };
        let mut outbox = Outbox::default();
        assert!(outbox.push(sas(1)) && outbox.push(sas(1)) && outbox.push(message(0)));
        outbox.next_action(0);
        outbox.mark_sent(sas(1), bytes(0), 0);
        outbox.start_epoch();
        assert_eq!(outbox.next_action(0), Some(OutboxAction::Protect(message(0))));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut outbox = outbox(MAX_WAITING as u8);
        assert!(!outbox.push(message(0)));
    }
}
