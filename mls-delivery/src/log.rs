//! The log of one room: what is accepted, in which order, and what a joiner must know.
//!
//! Every change has two halves. A decision ([`Log::join`], [`Log::depart`], [`Log::submit`])
//! reads only and gives a [`Prepared`] entry; once that is stored, [`Log::apply`] makes it true.

use std::cmp::Ordering;
use std::collections::VecDeque;

use signaling_protocol::{
    Handshake, HandshakeCount, JoinedParticipant, LogEntry, LogEvent, LogPosition, LogSnapshot,
    MessageId, Opaque, ParticipantId, Refusal, RefusalCode, Submission,
};

use crate::checkpoint::Checkpoint;
use crate::entry::{Accepted, Prepared, Record, Submitted};
use crate::limits::{JOINED, RETAINED_BYTES, RETAINED_ENTRIES};
use crate::rules::{check_present, check_submission, not_allowed};

/// One room's log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Log {
    /// The state after all entries.
    state: Checkpoint,
    /// The state before the retained entries.
    base: Checkpoint,
    /// The newest entries, without a gap, for participants who return.
    retained: VecDeque<Accepted>,
    retained_bytes: usize,
}

impl Log {
    /// The log as it was at a checkpoint. The entries after it follow by [`Log::replay_record`].
    #[must_use]
    pub fn restore(state: Checkpoint) -> Self {
        let base = state.clone();
        Self { state, base, retained: VecDeque::new(), retained_bytes: 0 }
    }

    /// Brings back a stored entry. Entries that the checkpoint covers are passed over.
    ///
    /// # Errors
    /// The position it should have had, if an entry is missing before it.
    pub fn replay_record(&mut self, record: Record) -> Result<(), LogPosition> {
        let next = self.state.position.next();
        match record.entry.position.cmp(&next) {
            Ordering::Less => Ok(()),
            Ordering::Greater => Err(next),
            Ordering::Equal => {
                self.apply(Prepared(record));
                Ok(())
            }
        }
    }

    /// Returns the checkpoint to store besides the entries that this log still retains: together they
    /// restore the same log.
    #[must_use]
    pub fn base(&self) -> Checkpoint {
        self.base.clone()
    }

    /// The last position that [`Log::base`] covers.
    #[must_use]
    pub fn base_position(&self) -> LogPosition {
        self.base.position
    }

    /// The last entry's position.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.state.position
    }

    /// Handshakes accepted so far.
    #[must_use]
    pub fn handshakes(&self) -> HandshakeCount {
        self.state.handshakes
    }

    /// The handshake count of the newest create; zero if there was none. It names the current
    /// MLS group, and its distance to [`Log::handshakes`] is the group's epoch.
    #[must_use]
    pub fn created(&self) -> HandshakeCount {
        self.state.created
    }

    /// The highest participant id that has handed in a KeyPackage.
    #[must_use]
    pub fn last_participant(&self) -> ParticipantId {
        self.state.last_participant
    }

    /// Members who are not known to be gone.
    pub fn present_members(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.state.present_members()
    }

    /// Returns whether the participant is a member and not known to be gone.
    #[must_use]
    pub fn is_present_member(&self, participant: ParticipantId) -> bool {
        self.state.roster.contains(&participant) && !self.state.departed.contains(&participant)
    }

    /// Returns whether a participant waits to be added.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.present().any(|one| !self.state.roster.contains(&one))
    }

    /// Everyone the log still counts on: members and waiting, not departed.
    pub fn present(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        // Whoever is a member is among the joined.
        self.state.joined.keys().copied().filter(|one| !self.state.departed.contains(one))
    }

    /// Decides on a participant's request to become a member, in the place of another one if the
    /// log still counts on that. Give an id out once only: the log forgets the departed when no
    /// commit can add them any more.
    ///
    /// # Errors
    /// [`RefusalCode::NotAllowed`] for a second KeyPackage of one participant or one from the
    /// departed; [`RefusalCode::RoomFull`] if too many are there.
    pub fn join(
        &self,
        participant: ParticipantId,
        key_package: Opaque,
        replaces: Option<ParticipantId>,
    ) -> Result<Prepared, Refusal> {
        check_present(&self.state, participant)?;
        if self.state.joined.contains_key(&participant) {
            return Err(not_allowed(
                "This participant has handed in a KeyPackage already; rejoin to use another one.",
            ));
        }
        if self.state.joined.len() >= JOINED {
            return Err(Refusal::new(
                RefusalCode::RoomFull,
                "Too many participants wait in this meeting; try again in a minute.",
            )
            .with_retry_after(60));
        }
        let replaces = replaces.filter(|&one| self.is_present(one));
        let joined = JoinedParticipant { participant, key_package, replaces };
        Ok(self.prepare(LogEvent::Joined(joined)))
    }

    /// Decides on a participant's end. `None` if the log does not know it or knows it is gone.
    #[must_use]
    pub fn depart(&self, participant: ParticipantId) -> Option<Prepared> {
        let is_present = self.is_present(participant);
        is_present.then(|| self.prepare(LogEvent::Departed { participant }))
    }

    /// Returns whether the participant is a member or waits, and has not departed.
    fn is_present(&self, participant: ParticipantId) -> bool {
        self.state.joined.contains_key(&participant) && !self.state.departed.contains(&participant)
    }

    /// Decides on a create or a commit: compare-and-swap on the handshake count, and a sender and
    /// a roster that fit. One whom it adds may have departed after the commit was made: the next
    /// commit removes it, so that comings and goings can hold up no commit for ever.
    ///
    /// # Errors
    /// [`RefusalCode::StaleHandshake`] with the current count if the log has moved on;
    /// [`RefusalCode::NotAllowed`] or [`RefusalCode::TooLarge`] if sender, step and roster do not
    /// fit together.
    pub fn submit(
        &self,
        sender: ParticipantId,
        submission: Submission,
    ) -> Result<Submitted, Refusal> {
        if let Some((author, position)) = self.accepted(&submission.message_id) {
            if author == sender {
                return Ok(Submitted::Known(position));
            }
            return Err(not_allowed(
                "This message id is another participant's; choose ids at random.",
            ));
        }
        let state = &self.state;
        // Before the count: one who is gone must not be told to build anew.
        check_present(state, sender)?;
        if submission.expected != state.handshakes {
            return Err(Refusal::new(
                RefusalCode::StaleHandshake,
                format!(
                    "Another handshake came first: this one builds on {}, the log has {}. Read on and try again with one that builds on it.",
                    submission.expected, state.handshakes
                ),
            )
            .with_current(state.handshakes));
        }
        check_submission(state, sender, &submission.roster, &submission.step)?;
        let handshake = Handshake {
            count: state.handshakes.next(),
            sender,
            message_id: submission.message_id,
            roster: submission.roster,
            step: submission.step,
        };
        let event = LogEvent::Handshake(handshake);
        Ok(Submitted::New(self.prepare(event)))
    }

    /// Makes a prepared entry true. Call it once the entry is stored.
    ///
    /// # Panics
    /// If the entry was prepared for another moment of this log: the caller's broken invariant,
    /// which must not become a fork.
    pub fn apply(&mut self, prepared: Prepared) -> &Accepted {
        let weight = prepared.0.weight();
        let Record { entry } = prepared.0;
        assert_eq!(
            entry.position,
            self.state.position.next(),
            "an entry is applied at the moment it was prepared for"
        );
        let added = self.state.apply(&entry);
        self.retain(Accepted { entry, added, weight })
    }

    /// Returns the state that a joiner needs in order to follow the log from here.
    #[must_use]
    pub fn snapshot(&self) -> LogSnapshot {
        self.state.snapshot()
    }

    /// The entries after a position, in order.
    ///
    /// # Errors
    /// [`RefusalCode::ResumeExpired`] if some of them are no longer kept, or if the position lies
    /// ahead of this log (the client has seen entries that this server has lost).
    pub fn entries_after(
        &self,
        position: LogPosition,
    ) -> Result<impl Iterator<Item = &Accepted>, Refusal> {
        let missed = self.state.position.0.checked_sub(position.0);
        match missed.map(usize::try_from) {
            Some(Ok(missed)) if missed <= self.retained.len() => {
                Ok(self.retained.iter().skip(self.retained.len() - missed))
            }
            Some(_) | None => Err(Refusal::new(
                RefusalCode::ResumeExpired,
                "Too much has happened in this meeting meanwhile; join it again.",
            )),
        }
    }

    /// The accepted entry at a position, while it is kept.
    #[must_use]
    pub fn at(&self, position: LogPosition) -> Option<&Accepted> {
        let index = position.0.checked_sub(self.base.position.0)?.checked_sub(1)?;
        self.retained.get(usize::try_from(index).ok()?)
    }

    /// Returns the sender and the position of the accepted submission with this id. A submission too old
    /// to be retained is stale by its count, so it cannot be accepted twice either.
    fn accepted(&self, message_id: &MessageId) -> Option<(ParticipantId, LogPosition)> {
        self.retained.iter().rev().find_map(|accepted| match &accepted.entry.event {
            LogEvent::Handshake(one) if one.message_id == *message_id => {
                Some((one.sender, accepted.entry.position))
            }
            LogEvent::Handshake(_) | LogEvent::Joined(_) | LogEvent::Departed { .. } => None,
        })
    }

    fn prepare(&self, event: LogEvent) -> Prepared {
        let entry = LogEntry { position: self.state.position.next(), event };
        Prepared(Record { entry })
    }

    fn retain(&mut self, accepted: Accepted) -> &Accepted {
        self.retained_bytes += accepted.weight;
        self.retained.push_back(accepted);
        while self.retained.len() > 1
            && (self.retained.len() > RETAINED_ENTRIES || self.retained_bytes > RETAINED_BYTES)
        {
            if let Some(oldest) = self.retained.pop_front() {
                self.retained_bytes -= oldest.weight;
                self.base.apply(&oldest.entry);
            }
        }
        &self.retained[self.retained.len() - 1]
    }
}
