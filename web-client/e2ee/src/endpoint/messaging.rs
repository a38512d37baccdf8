//! The endpoint's part in what members say to each other.

use std::collections::{BTreeSet, VecDeque};

use signaling_protocol::{ClientMessage, Opaque, ParticipantId};

use crate::messages::{
    Comparison, Content, ContentError, Envelope, MessageKey, Outbox, REMEMBERED, Said, Step,
    Witness,
};
use crate::mls::OpenMls;

use super::{Endpoint, Message, Output, Problem, ProblemCode, Stage};

/// What is said, and who was heard.
#[derive(Debug, Default)]
pub(super) struct Messaging {
    pub(super) outbox: Outbox,
    pub(super) comparison: Comparison,
    witness: Witness,
    members: BTreeSet<ParticipantId>,
    /// Whether this member's hand is up: who comes later has to be told.
    hand_raised: bool,
    /// The ids of messages that were read, oldest first.
    read: VecDeque<MessageKey>,
}

impl Messaging {
    pub(super) fn due(&self) -> Option<u64> {
        let others = [self.witness.due(), self.comparison.due()];
        self.outbox.due().into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Whether this is the first copy of a message.
    fn is_new(&mut self, id: MessageKey) -> bool {
        let new = !self.read.contains(&id);
        if new {
            self.read.push_back(id);
            if self.read.len() > REMEMBERED {
                self.read.pop_front();
            }
        }
        new
    }
}

impl Endpoint {
    /// Says something to all members; it comes back as [`Output::Message`] with this id when
    /// everybody can read it. What is not back when the endpoint ends is lost.
    ///
    /// # Errors
    /// [`ContentError`]; nothing is sent then.
    pub fn say(&mut self, content: Content, now_ms: u64) -> Result<MessageKey, ContentError> {
        content.check()?;
        let mls = self.member().ok_or(ContentError::NotInCall)?;
        let id = MessageKey(mls.random_id().map_err(|_| ContentError::NotInCall)?);
        if let Content::Hand { raised } = content {
            self.messaging.hand_raised = raised;
        }
        if !self.messaging.outbox.push(Envelope::Said(Said { id, content })) {
            return Err(ContentError::Full);
        }
        self.messages_due(now_ms);
        Ok(id)
    }

    /// The MLS state, if this is a member.
    pub(super) fn member(&mut self) -> Option<&mut OpenMls> {
        match &mut self.stage {
            Stage::Joined(committer) if committer.is_member() => Some(committer.mls_mut()),
            Stage::Joined(_) | Stage::Uncertified(_) | Stage::Certified(_) | Stage::Over => None,
        }
    }

    /// Somebody has said something.
    pub(super) fn message(&mut self, sender: ParticipantId, message: &Opaque, now_ms: u64) {
        if let Some(envelope) = self.messaging.outbox.came_back(message) {
            match envelope {
                Envelope::Said(said) => self.show(|member| member.own, said),
                Envelope::Comparison { epoch, step } => self.compared(None, epoch, &step, now_ms),
                Envelope::Heartbeat { .. } => {}
            }
            return self.messages_due(now_ms);
        }
        // From another epoch, from this member itself, or nothing that opens: of no use to anybody.
        let Some(mls) = self.member() else { return };
        let Ok((leaf, plaintext)) = mls.open(message) else { return };
        let author = mls.members().into_iter().find(|member| member.leaf == leaf);
        if author.is_none_or(|author| author.participant != sender) {
            return;
        }
        let authentic = mls.epoch_authenticator().map(Envelope::heartbeat);
        match Envelope::decode(&plaintext) {
            Some(Envelope::Said(said)) => {
                if self.messaging.is_new(said.id) {
                    self.show(|member| member.leaf == leaf, said);
                }
            }
            Some(heartbeat @ Envelope::Heartbeat { .. })
                if Some(&heartbeat) == authentic.as_ref() =>
            {
                self.messaging.witness.heard(sender, now_ms);
                self.tell_unconfirmed(now_ms);
            }
            Some(Envelope::Comparison { epoch, step }) => {
                self.compared(Some(leaf), epoch, &step, now_ms);
            }
            Some(Envelope::Heartbeat { .. }) | None => {}
        }
    }

    fn show(&mut self, by: impl Fn(&super::Member) -> bool, said: Said) {
        let Stage::Joined(committer) = &self.stage else { return };
        let roster = super::roster(committer.mls(), committer.view().handshake_count());
        let Some(author) = roster.members.into_iter().find(by) else { return };
        let Said { id, content } = said;
        let super::Member { leaf, participant, name, own, .. } = author;
        self.outputs.push(Output::Message(Message { id, leaf, participant, name, own, content }));
    }

    /// A new epoch has begun: everybody is expected to be heard in it.
    pub(super) fn new_epoch(&mut self, now_ms: u64) {
        let Some(mls) = self.member() else { return };
        let others = mls.members().into_iter().filter(|member| !member.own);
        let members: BTreeSet<_> = others.map(|member| member.participant).collect();
        let newcomers = !members.is_subset(&self.messaging.members);
        let first = self.messaging.members.is_empty();
        self.messaging.witness.members(members.iter().copied(), now_ms);
        self.messaging.members = members;
        self.messaging.outbox.new_epoch();
        self.new_epoch_to_compare();
        if newcomers && !first && self.messaging.hand_raised {
            // Said again; for those who know it, it changes nothing.
            let _ = self.say(Content::Hand { raised: true }, now_ms);
        }
        self.tell_unconfirmed(now_ms);
        self.messages_due(now_ms);
    }

    /// Proves to the others that this member is in their epoch.
    pub(super) fn testify(&mut self) {
        let Some(mls) = self.member() else { return };
        let Some(heartbeat) = mls.epoch_authenticator().map(Envelope::heartbeat) else { return };
        // If the library fails, the others see this member fall silent.
        if let Ok(message) = mls.protect(&heartbeat.encode()) {
            self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
        }
    }

    /// Sends what can be sent, and says who is silent.
    pub(super) fn messages_due(&mut self, now_ms: u64) {
        self.answer_comparison(now_ms);
        while self.member().is_some() {
            match self.messaging.outbox.next(now_ms) {
                Some(Step::Protect(envelope)) => {
                    let plaintext = envelope.encode();
                    let protected = self.member().and_then(|mls| mls.protect(&plaintext).ok());
                    let Some(message) = protected else { return self.give_up() };
                    self.messaging.outbox.send(envelope, message.clone(), now_ms);
                    self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
                }
                Some(Step::Again(message)) => {
                    self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
                }
                Some(Step::GiveUp(_)) => self.give_up(),
                None => break,
            }
        }
        self.tell_unconfirmed(now_ms);
    }

    fn give_up(&mut self) {
        self.outputs.push(Output::Problem(Problem::new(
            ProblemCode::MessageRefused,
            "A message of yours could not be delivered; try again.",
        )));
    }

    fn tell_unconfirmed(&mut self, now_ms: u64) {
        if let Some(silent) = self.messaging.witness.news(now_ms) {
            self.outputs.push(Output::Unconfirmed(silent.into_iter().collect()));
        }
    }
}
