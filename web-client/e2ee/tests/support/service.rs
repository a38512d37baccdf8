//! The delivery service of a simulated meeting.

use std::collections::BTreeSet;

use mls_delivery::trace::{Outcome, Traced};
use mls_delivery::{Decision, Opened, Submitted, inspect};
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, LogMessage, Opaque, ParticipantId, Refusal, RoomMessage,
    Seq, ServerMessage, Submission,
};

use super::{Meeting, Node, delta};

impl<N: Node> Meeting<N> {
    /// Delivers the next message of a client to the service. Returns `false` if there is none.
    pub fn serve(&mut self, client: usize) -> bool {
        let Some(message) = self.clients[client].outbox.pop_front() else { return false };
        let participant = self.clients[client].participant;
        if !self.clients[client].present {
            // The service ignores departed participants.
            return true;
        }
        let outcome = match message {
            ClientMessage::UploadKeyPackage { key_package } => {
                if self.checks_headers {
                    inspect::key_package(&key_package).expect("a KeyPackage passes the service");
                }
                self.log.join(participant, key_package, self.clients[client].replaces).map(Some)
            }
            ClientMessage::Submit(submission) => self.submit(participant, submission),
            ClientMessage::CommitVote { message_id, vote } => {
                let asked = self.finality.awaits_vote(participant, &message_id);
                let decision =
                    self.finality.record_vote(participant, &message_id, vote, self.now_ms);
                let outcome = Outcome::of_vote(decision.as_ref(), asked);
                self.trace.push(Traced::Voted { participant, message_id, vote, outcome });
                self.apply_decision(decision);
                Ok(None)
            }
            ClientMessage::SendMessage { message } => {
                let (created, handshakes) = (self.log.created(), self.log.handshakes());
                inspect::application_message(&self.id, created, handshakes, &message).map(|()| {
                    self.broadcast(participant, &message);
                    None
                })
            }
            ClientMessage::Heartbeat { .. }
            | ClientMessage::Hello(_)
            | ClientMessage::Offer { .. }
            | ClientMessage::SetTracks { .. }
            | ClientMessage::ReceiverVideoConstraints { .. }
            | ClientMessage::Knock { .. }
            | ClientMessage::Moderate(_)
            | ClientMessage::PageHide
            | ClientMessage::Leave => Ok(None),
        };
        match outcome {
            Ok(Some(prepared)) => self.append(prepared),
            Ok(None) => {}
            Err(refusal) => {
                self.clients[client]
                    .inbox
                    .push_back(ServerMessage::Control(ControlMessage::Refused { refusal }));
            }
        }
        true
    }

    fn submit(
        &mut self,
        participant: ParticipantId,
        submission: Submission,
    ) -> Result<Option<mls_delivery::Prepared>, Refusal> {
        self.submissions.push((participant, submission.clone()));
        let fresh = submission.expected == self.log.handshakes();
        if self.checks_headers && fresh {
            inspect::submission(&self.id, self.log.created(), &submission)
                .expect("a submission passes the service");
        }
        let message_id = submission.message_id.clone();
        let traced = Traced::submitted(participant, &submission);
        let opened = match self.log.submit(participant, submission.clone()) {
            Ok(Submitted::Known(_)) => Ok(Opened::Known),
            Ok(Submitted::New(_)) => {
                self.finality.open(&self.log, participant, submission, |_| true, self.now_ms)
            }
            Err(refusal) => Err(refusal),
        };
        self.trace.push(traced.with(Outcome::of_submission(&opened)));
        match opened.map_err(|refusal| refusal.about(message_id))? {
            Opened::Known => {}
            Opened::Final(submission) => {
                self.apply_decision(Some(Decision::Final { sender: participant, submission }));
            }
            Opened::CommitPending(asked) => {
                for client in self.clients.iter_mut().filter(|client| client.connected) {
                    if asked.contains(&client.participant)
                        && let Some(handshake) = self.finality.vote_request(client.participant)
                    {
                        client
                            .inbox
                            .push_back(ServerMessage::Log(LogMessage::CommitPending { handshake }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Executes the decision on a pending commit.
    pub(super) fn apply_decision(&mut self, decision: Option<Decision>) {
        match decision {
            Some(Decision::Final { sender, submission }) => {
                let message_id = submission.message_id.clone();
                match self.log.submit(sender, submission) {
                    Ok(Submitted::New(prepared)) => self.append(prepared),
                    Ok(Submitted::Known(_)) => {}
                    Err(_) => self.apply_decision(Some(Decision::CommitRejected(message_id))),
                }
            }
            Some(Decision::CommitRejected(message_id)) => {
                let members: BTreeSet<_> = self.log.present_members().collect();
                self.rejected.push(message_id.clone());
                for client in self.clients.iter_mut().filter(|client| client.connected) {
                    if members.contains(&client.participant) {
                        let message_id = message_id.clone();
                        client.inbox.push_back(ServerMessage::Log(LogMessage::CommitRejected {
                            message_id,
                        }));
                    }
                }
            }
            None => {}
        }
    }

    /// Appends an entry to the log and delivers it to all connected clients.
    pub fn append(&mut self, prepared: mls_delivery::Prepared) {
        let accepted = self.log.apply(prepared).clone();
        self.trace.push(Traced::from(&accepted));
        self.history.push(accepted.entry().clone());
        for client in self.clients.iter_mut().filter(|client| client.connected) {
            client.inbox.push_back(delta(accepted.for_participant(client.participant)));
        }
        if let Some(participant) = accepted.entry().event.departed() {
            let gone = self.clients.iter_mut().find(|client| client.participant == participant);
            gone.expect("its client").present = false;
            let decision = self.finality.departed(participant, self.now_ms);
            self.apply_decision(decision);
        }
    }

    /// Sends an application message to all connected clients, its sender included.
    pub fn broadcast(&mut self, sender: ParticipantId, message: &Opaque) {
        for client in self.clients.iter_mut().filter(|client| client.connected) {
            let delta = Delta::Message { sender, message: message.clone() };
            client.inbox.push_back(ServerMessage::Room(RoomMessage::Delta { seq: Seq(0), delta }));
        }
    }
}
