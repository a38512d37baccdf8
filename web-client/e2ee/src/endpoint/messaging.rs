//! The endpoint's part in application messages: chat, reactions, raised hands and heartbeats.

use std::collections::{BTreeSet, VecDeque};

use signaling_protocol::{ClientMessage, Opaque, ParticipantId};

use crate::messages::{
    Content, ContentError, ContentMessage, Envelope, EpochLiveness, MessageKey, Outbox,
    OutboxAction, REMEMBERED_IDS, Sas,
};
use crate::mls::OpenMls;

use super::{Endpoint, Message, Output, Problem, ProblemCode, Stage};

/// The state of application messages.
#[derive(Debug, Default)]
pub(super) struct Messaging {
    pub(super) outbox: Outbox,
    pub(super) sas: Sas,
    liveness: EpochLiveness,
    /// The other members of the current epoch.
    members: BTreeSet<ParticipantId>,
    /// `true` if this member's hand is raised. New members are told.
    hand_raised: bool,
    /// The ids of messages that were read, oldest first.
    read: VecDeque<MessageKey>,
}

impl Messaging {
    /// Returns when [`Endpoint::send_due_messages`] has something to do, in milliseconds.
    pub(super) fn next_timeout(&self) -> Option<u64> {
        let others = [self.liveness.next_timeout(), self.sas.next_timeout()];
        self.outbox.next_timeout().into_iter().chain(others.into_iter().flatten()).min()
    }

    /// Remembers the id of a message. Returns `false` if it was remembered before.
    fn remember(&mut self, id: MessageKey) -> bool {
        let is_new = !self.read.contains(&id);
        if is_new {
            self.read.push_back(id);
            if self.read.len() > REMEMBERED_IDS {
                self.read.pop_front();
            }
        }
        is_new
    }
}

impl Endpoint {
    /// Sends content to all members and returns the id of the message. It comes back as
    /// [`Output::Message`] with this id when all members can read it. Messages that are not back
    /// when the endpoint ends are lost.
    ///
    /// # Errors
    /// [`ContentError`]; nothing is sent then.
    pub fn send_message(
        &mut self,
        content: Content,
        now_ms: u64,
    ) -> Result<MessageKey, ContentError> {
        content.validate()?;
        let mls = self.member().ok_or(ContentError::NotInCall)?;
        let id = MessageKey(mls.random_id().map_err(|_| ContentError::NotInCall)?);
        if let Content::Hand { raised } = content {
            self.messaging.hand_raised = raised;
        }
        if !self.messaging.outbox.push(Envelope::Message(ContentMessage { id, content })) {
            return Err(ContentError::Full);
        }
        self.send_due_messages(now_ms);
        Ok(id)
    }

    /// Returns the MLS state if this endpoint is a member.
    pub(super) fn member(&mut self) -> Option<&mut OpenMls> {
        match &mut self.stage {
            Stage::Joined(committer) if committer.is_member() => Some(committer.mls_mut()),
            Stage::Joined(_) | Stage::Uncertified(_) | Stage::Certified(_) | Stage::Ended => None,
        }
    }

    /// Handles an application message that the server delivers, this endpoint's own ones included.
    pub(super) fn handle_message(&mut self, sender: ParticipantId, message: &Opaque, now_ms: u64) {
        if let Some(envelope) = self.messaging.outbox.confirm(message) {
            match envelope {
                Envelope::Message(message) => self.output_message(|member| member.own, message),
                Envelope::Sas { epoch, message } => self.handle_sas(None, epoch, &message, now_ms),
                Envelope::Heartbeat { .. } => {}
            }
            return self.send_due_messages(now_ms);
        }
        let Some(mls) = self.member() else { return };
        // Fails for messages of another epoch, for this member's own heartbeats and for forgeries.
        let Ok((leaf, plaintext)) = mls.unprotect(message) else { return };
        let author = mls.members().into_iter().find(|member| member.leaf == leaf);
        if author.is_none_or(|author| author.participant != sender) {
            return;
        }
        let authentic = mls.epoch_authenticator().map(Envelope::heartbeat);
        match Envelope::decode(&plaintext) {
            Some(Envelope::Message(message)) => {
                if self.messaging.remember(message.id) {
                    self.output_message(|member| member.leaf == leaf, message);
                }
            }
            Some(heartbeat @ Envelope::Heartbeat { .. })
                if Some(&heartbeat) == authentic.as_ref() =>
            {
                self.messaging.liveness.record_heartbeat(sender, now_ms);
                self.output_unconfirmed(now_ms);
            }
            Some(Envelope::Sas { epoch, message }) => {
                self.handle_sas(Some(leaf), epoch, &message, now_ms);
            }
            Some(Envelope::Heartbeat { .. }) | None => {}
        }
    }

    fn output_message(
        &mut self,
        is_author: impl Fn(&super::Member) -> bool,
        message: ContentMessage,
    ) {
        let Stage::Joined(committer) = &self.stage else { return };
        let roster = super::roster(committer.mls(), committer.view().handshake_count());
        let Some(author) = roster.members.into_iter().find(is_author) else { return };
        let ContentMessage { id, content } = message;
        let super::Member { leaf, participant, name, own, .. } = author;
        self.outputs.push(Output::Message(Message { id, leaf, participant, name, own, content }));
    }

    /// Starts a new epoch: every other member has to confirm that it is in it.
    pub(super) fn start_epoch(&mut self, now_ms: u64) {
        let Some(mls) = self.member() else { return };
        let others = mls.members().into_iter().filter(|member| !member.own);
        let members: BTreeSet<_> = others.map(|member| member.participant).collect();
        let has_new_members = !members.is_subset(&self.messaging.members);
        let is_first = self.messaging.members.is_empty();
        self.messaging.liveness.set_members(members.iter().copied(), now_ms);
        self.messaging.members = members;
        self.messaging.outbox.start_epoch();
        self.start_sas_epoch();
        if has_new_members && !is_first && self.messaging.hand_raised {
            // For the new members. It changes nothing for the others.
            let _ = self.send_message(Content::Hand { raised: true }, now_ms);
        }
        self.output_unconfirmed(now_ms);
        self.send_due_messages(now_ms);
    }

    /// Sends a heartbeat that proves to the other members that this one is in their epoch.
    pub(super) fn send_heartbeat(&mut self) {
        let Some(mls) = self.member() else { return };
        let Some(heartbeat) = mls.epoch_authenticator().map(Envelope::heartbeat) else { return };
        // If the library fails, the other members see this one as unconfirmed.
        if let Ok(message) = mls.protect(&heartbeat.encode()) {
            self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
        }
    }

    /// Sends the messages that are due, and reports changes of the unconfirmed members.
    pub(super) fn send_due_messages(&mut self, now_ms: u64) {
        self.answer_sas(now_ms);
        while self.member().is_some() {
            match self.messaging.outbox.next_action(now_ms) {
                Some(OutboxAction::Protect(envelope)) => {
                    let plaintext = envelope.encode();
                    let protected = self.member().and_then(|mls| mls.protect(&plaintext).ok());
                    let Some(message) = protected else { return self.report_undelivered() };
                    self.messaging.outbox.mark_sent(envelope, message.clone(), now_ms);
                    self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
                }
                Some(OutboxAction::Resend(message)) => {
                    self.outputs.push(Output::Send(ClientMessage::SendMessage { message }));
                }
                Some(OutboxAction::GiveUp(_)) => self.report_undelivered(),
                None => break,
            }
        }
        self.output_unconfirmed(now_ms);
    }

    fn report_undelivered(&mut self) {
        self.outputs.push(Output::Problem(Problem::new(
            ProblemCode::MessageRefused,
            "A message of yours could not be delivered; try again.",
        )));
    }

    fn output_unconfirmed(&mut self, now_ms: u64) {
        if let Some(unconfirmed) = self.messaging.liveness.take_change(now_ms) {
            self.outputs.push(Output::Unconfirmed(unconfirmed.into_iter().collect()));
        }
    }
}
