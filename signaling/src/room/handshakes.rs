//! The room's part in the delivery log: entries that wait to be stored, votes on commits, and the
//! announcement of stored entries.

use mls_delivery::trace::{Outcome, Traced};
use mls_delivery::{Decision, Opened, Prepared, Submitted, inspect};
use signaling_protocol::{
    CommitVote, Delta, LogEvent, LogMessage, MessageId, Opaque, ParticipantId, Refusal,
    RefusalCode, RoomMessage, ServerMessage, Step, Submission,
};

use super::membership::superseded;
use super::{Millis, Output, Room, SocketId};

/// A change of the log that waits to be stored.
#[derive(Debug)]
pub(super) enum Intent {
    Join {
        participant: ParticipantId,
        key_package: Opaque,
        replaces: Option<ParticipantId>,
    },
    Submit {
        sender: ParticipantId,
        submission: Submission,
    },
    /// A member can follow it.
    Finalise {
        sender: ParticipantId,
        submission: Submission,
    },
    Depart {
        participant: ParticipantId,
    },
}

impl Room {
    /// The next change of the log, to be stored. Answer with [`Room::appended`] or
    /// [`Room::not_appended`] before asking again.
    pub(crate) fn poll_append(&mut self, now: Millis) -> Option<Prepared> {
        while let Some(intent) = self.intents.pop_front() {
            let decided = match intent {
                Intent::Join { participant, key_package, replaces } => {
                    let joined = self.log.join(participant, key_package, replaces);
                    joined.map(Some).map_err(|refusal| (participant, refusal))
                }
                Intent::Depart { participant } => Ok(self.log.depart(participant)),
                Intent::Submit { sender, submission } => {
                    let message_id = submission.message_id.clone();
                    let traced = self.traces.then(|| Traced::submitted(sender, &submission));
                    let opened = self.open_vote(sender, submission, now);
                    if let Some(traced) = traced {
                        self.trace(|| traced.with(Outcome::of_submission(&opened)));
                    }
                    self.request_votes(sender, opened)
                        .map(|()| None)
                        .map_err(|refusal| (sender, refusal.about(message_id)))
                }
                Intent::Finalise { sender, submission } => self.finalise(sender, submission),
            };
            match decided {
                Ok(Some(prepared)) => return Some(prepared),
                Ok(None) => {}
                Err((participant, refusal)) => self.refuse(participant, refusal),
            }
        }
        None
    }

    /// Applies a change that was stored, and announces it.
    pub(crate) fn appended(&mut self, prepared: Prepared, now: Millis) {
        let accepted = self.log.apply(prepared).clone();
        self.trace(|| Traced::from(&accepted));
        let stepped = matches!(accepted.entry().event, LogEvent::Handshake(_));
        self.update_waiting(stepped, now);
        let position = accepted.entry().position;
        let seq = self.history.push_log(position);
        let mut alike = Vec::new();
        for (&participant, one) in &self.participants {
            let Some(socket) = one.socket() else { continue };
            let entry = accepted.for_participant(participant);
            if has_welcome(&entry.event) {
                let delta = Delta::Log { entry };
                let message = ServerMessage::Room(RoomMessage::Delta { seq, delta });
                self.outputs.push_back(Output::Send { to: vec![socket], message });
            } else {
                alike.push(socket);
            }
        }
        if !alike.is_empty() {
            // Participant 0 does not exist: nobody's view, without a Welcome.
            let entry = accepted.for_participant(ParticipantId::default());
            let message =
                ServerMessage::Room(RoomMessage::Delta { seq, delta: Delta::Log { entry } });
            self.outputs.push_back(Output::Send { to: alike, message });
        }
        if let Some(participant) = accepted.entry().event.departed() {
            self.remove_participant(participant, Some(superseded()));
            let decision = self.finality.departed(participant, now);
            self.apply_decision(decision);
        }
    }

    /// A prepared change could not be stored. Departures are tried again; all else is its
    /// sender's to try again, so that nothing piles up while the store does not work.
    pub(crate) fn not_appended(&mut self, prepared: &Prepared) {
        let mut refused = Vec::new();
        match &prepared.record().entry.event {
            LogEvent::Departed { participant } => {
                self.intents.push_back(Intent::Depart { participant: *participant });
            }
            LogEvent::Joined(joined) => refused.push(joined.participant),
            LogEvent::Handshake(handshake) => refused.push(handshake.sender),
        }
        self.intents.retain(|intent| match intent {
            Intent::Join { participant, .. }
            | Intent::Submit { sender: participant, .. }
            | Intent::Finalise { sender: participant, .. } => {
                refused.push(*participant);
                false
            }
            // Whose KeyPackage was never stored needs no departure.
            Intent::Depart { participant } => self.log.depart(*participant).is_some(),
        });
        for participant in refused {
            let refusal = Refusal::new(
                RefusalCode::StorageUnavailable,
                "The server cannot store anything just now; it is tried again.",
            );
            self.refuse(participant, refusal.with_retry_after(2));
        }
    }

    /// A submission has come: what becomes of it.
    fn open_vote(
        &mut self,
        sender: ParticipantId,
        submission: Submission,
        now: Millis,
    ) -> Result<Opened, Refusal> {
        match self.log.submit(sender, submission.clone())? {
            Submitted::New(_) => inspect::submission(&self.id, self.log.created(), &submission)?,
            // The sender has it from the log, or will have it when it has caught up.
            Submitted::Known(_) => return Ok(Opened::Known),
        }
        let connected = |one| self.participants.get(&one).is_some_and(|it| it.socket().is_some());
        self.finality.open(&self.log, sender, submission, connected, now)
    }

    /// Members are asked whether they can follow it.
    fn request_votes(
        &mut self,
        sender: ParticipantId,
        opened: Result<Opened, Refusal>,
    ) -> Result<(), Refusal> {
        match opened? {
            Opened::Known => {}
            Opened::Final(submission) => {
                self.intents.push_front(Intent::Finalise { sender, submission });
            }
            Opened::CommitPending(asked) => {
                let question = asked.iter().find_map(|&one| self.finality.vote_request(one));
                if let Some(handshake) = question {
                    self.send_to(
                        asked,
                        ServerMessage::Log(LogMessage::CommitPending { handshake }),
                    );
                }
            }
        }
        Ok(())
    }

    /// A commit that was judged goes into the log, if it still fits there.
    fn finalise(
        &mut self,
        sender: ParticipantId,
        submission: Submission,
    ) -> Result<Option<Prepared>, (ParticipantId, Refusal)> {
        let message_id = submission.message_id.clone();
        match self.log.submit(sender, submission) {
            Ok(Submitted::New(prepared)) => Ok(Some(prepared)),
            Ok(Submitted::Known(_)) => Ok(None),
            Err(refusal) => {
                self.apply_decision(Some(Decision::CommitRejected(message_id.clone())));
                Err((sender, refusal.about(message_id)))
            }
        }
    }

    /// A member has said whether it can follow.
    pub(super) fn record_vote(
        &mut self,
        participant: ParticipantId,
        message_id: MessageId,
        vote: CommitVote,
        now: Millis,
    ) {
        let asked = self.traces && self.finality.awaits_vote(participant, &message_id);
        let decision = self.finality.record_vote(participant, &message_id, vote, now);
        let outcome = Outcome::of_vote(decision.as_ref(), asked);
        self.trace(|| Traced::Voted { participant, message_id, vote, outcome });
        self.apply_decision(decision);
    }

    /// Decides a vote that is overdue: no further vote will arrive.
    pub(super) fn close_overdue_vote(&mut self, now: Millis) {
        let decision = self.finality.handle_timeout(now);
        let decided = decision.as_ref().map(|decision| match decision {
            Decision::Final { submission, .. } => (submission.message_id.clone(), Outcome::Final),
            Decision::CommitRejected(message_id) => (message_id.clone(), Outcome::CommitRejected),
        });
        if let Some((message_id, outcome)) = decided {
            self.trace(|| Traced::TimedOut { message_id, outcome });
        }
        self.apply_decision(decision);
    }

    /// Records a step of the delivery service, for comparison with the specification.
    pub(super) fn trace(&mut self, step: impl FnOnce() -> Traced) {
        if self.traces {
            self.outputs.push_back(Output::Trace(step()));
        }
    }

    /// A judgement has come to its end.
    pub(super) fn apply_decision(&mut self, decision: Option<Decision>) {
        match decision {
            // Before anything else, or what comes first could make it stale.
            Some(Decision::Final { sender, submission }) => {
                self.intents.push_front(Intent::Finalise { sender, submission });
            }
            Some(Decision::CommitRejected(message_id)) => {
                let members: Vec<_> = self.log.present_members().collect();
                self.send_to(
                    members,
                    ServerMessage::Log(LogMessage::CommitRejected { message_id }),
                );
            }
            None => {}
        }
    }

    /// Requests the pending vote again from a participant that resumes.
    pub(super) fn resend_vote_request(&mut self, participant: ParticipantId, socket: SocketId) {
        if let Some(handshake) = self.finality.vote_request(participant) {
            self.send(socket, ServerMessage::Log(LogMessage::CommitPending { handshake }));
        }
    }
}

fn has_welcome(event: &LogEvent) -> bool {
    match event {
        LogEvent::Handshake(handshake) => {
            matches!(&handshake.step, Step::Commit { welcome: Some(_), .. })
        }
        LogEvent::Joined(_) | LogEvent::Departed { .. } => false,
    }
}
