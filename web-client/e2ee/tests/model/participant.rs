//! One participant of a room: its client, and its message under way.

use e2ee::committer::Event;
use e2ee::endpoint::RejoinReason;
use signaling_protocol::{CommitVote, MessageId, ParticipantId};

use super::bounds::Bounds;
use super::client::{Client, Sent};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    Up,
    /// Reads, but its messages are lost.
    Unresponsive,
    /// Neither reads nor acts: it crashed, hangs or left.
    Frozen,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase<C> {
    Absent,
    Active(C),
    Over(RejoinReason),
}

/// One participant and its message under way to the service.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Participant<C> {
    pub participant: ParticipantId,
    pub health: Health,
    pub phase: Phase<C>,
    pub outbox: Option<Sent>,
    /// Its predecessor, which its hello names.
    pub replaces: Option<ParticipantId>,
}

impl<C: Client> Participant<C> {
    pub fn client(&self) -> Option<&C> {
        match &self.phase {
            Phase::Active(client) => Some(client),
            Phase::Absent | Phase::Over(_) => None,
        }
    }

    /// Returns the client if it reads.
    pub fn reader(&self) -> Option<&C> {
        self.client().filter(|_| self.health != Health::Frozen)
    }

    pub fn poison(&mut self, bounds: &Bounds) {
        if let Phase::Active(client) = &mut self.phase
            && bounds.poison.contains(&self.participant)
        {
            client.poison();
        }
    }

    pub fn handle(&mut self, event: Event) -> Option<(MessageId, CommitVote)> {
        let Phase::Active(client) = &mut self.phase else { return None };
        let sent = client.handle(event);
        if let Some(reason) = client.ended() {
            self.phase = Phase::Over(reason);
        }
        self.send(sent)
    }

    pub fn send(&mut self, mut sent: Vec<Sent>) -> Option<(MessageId, CommitVote)> {
        let votes = sent.extract_if(.., |one| matches!(one, Sent::CommitVote(..)));
        let vote = votes.last().and_then(|one| match one {
            Sent::CommitVote(message_id, vote) => Some((message_id, vote)),
            Sent::KeyPackage(_) | Sent::Submission(_) => None,
        });
        if let (Some(newest), true) = (sent.into_iter().last(), self.health != Health::Unresponsive)
        {
            self.outbox = Some(newest);
        }
        vote
    }
}
