//! The log of one room: what is accepted, in which order, and what a joiner must know.
//!
//! Every change has two halves. A decision ([`Log::join`], [`Log::depart`], [`Log::submit`])
//! reads only and gives a [`Prepared`] entry; once that is stored, [`Log::apply`] makes it true.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use signaling_protocol::{
    Handshake, HandshakeCount, JoinedParticipant, LogEntry, LogEvent, LogPosition, LogSnapshot,
    MessageId, Opaque, ParticipantId, Refusal, RefusalCode, Step, Submission,
};

use crate::limits::{DEPARTED_WAITING, JOINED, RETAINED_BYTES, RETAINED_ENTRIES};

/// One room's log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Log {
    state: Checkpoint,
    /// The newest entries, without a gap, for participants who return.
    retained: VecDeque<Accepted>,
    retained_bytes: usize,
}

/// All that a log is, without its past: enough to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    position: LogPosition,
    handshakes: HandshakeCount,
    /// The handshake count of the newest create: which MLS group is the current one.
    created: HandshakeCount,
    last_participant: ParticipantId,
    roster: BTreeSet<ParticipantId>,
    joined: BTreeMap<ParticipantId, Opaque>,
    departed: BTreeSet<ParticipantId>,
    group_info: Option<Opaque>,
    last_message: Option<(MessageId, LogPosition)>,
}

/// An entry as it is stored: with the GroupInfo, which is not broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The entry.
    pub entry: LogEntry,
    /// The new epoch's GroupInfo, with a handshake.
    pub group_info: Option<Opaque>,
}

/// An entry that is decided but not yet true. Made by a log, for that log at that moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prepared(Record);

impl Prepared {
    /// What to store.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.0
    }

    /// By what the store recognises it when the append is tried again.
    #[must_use]
    pub fn message_id(&self) -> MessageId {
        match &self.0.entry.event {
            LogEvent::Joined(joined) => MessageId(format!("joined-{}", joined.participant)),
            LogEvent::Departed { participant } => MessageId(format!("departed-{participant}")),
            LogEvent::Handshake(handshake) => handshake.message_id.clone(),
        }
    }
}

/// An accepted entry, with the participants that it makes members.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Accepted {
    entry: LogEntry,
    added: BTreeSet<ParticipantId>,
}

impl Accepted {
    /// The entry, whole.
    #[must_use]
    pub fn entry(&self) -> &LogEntry {
        &self.entry
    }

    /// The entry as one participant gets it: a Welcome goes only to those whom it adds.
    #[must_use]
    pub fn for_participant(&self, participant: ParticipantId) -> LogEntry {
        let LogEvent::Handshake(handshake) = &self.entry.event else { return self.entry.clone() };
        let step = match &handshake.step {
            Step::Commit { commit, welcome: Some(_) } if !self.added.contains(&participant) => {
                Step::Commit { commit: commit.clone(), welcome: None }
            }
            Step::Commit { .. } | Step::Create => handshake.step.clone(),
        };
        let handshake = Handshake {
            count: handshake.count,
            sender: handshake.sender,
            message_id: handshake.message_id.clone(),
            roster: handshake.roster.clone(),
            step,
        };
        LogEntry { position: self.entry.position, event: LogEvent::Handshake(handshake) }
    }
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Submitted {
    /// It is the next handshake.
    New(Prepared),
    /// It was accepted before, here; the sender had not heard.
    Known(LogPosition),
}

impl Log {
    /// The log as it was when this checkpoint was taken.
    #[must_use]
    pub fn restore(state: Checkpoint) -> Self {
        Self { state, retained: VecDeque::new(), retained_bytes: 0 }
    }

    /// Brings back a stored entry. Entries that the checkpoint covers are passed over.
    ///
    /// # Errors
    /// The position it should have had, if an entry is missing before it.
    pub fn replay_record(&mut self, record: Record) -> Result<(), LogPosition> {
        let next = self.state.position.next();
        match record.entry.position.cmp(&next) {
            std::cmp::Ordering::Less => Ok(()),
            std::cmp::Ordering::Greater => Err(next),
            std::cmp::Ordering::Equal => {
                self.apply(Prepared(record));
                Ok(())
            }
        }
    }

    /// All that this log is, without its past.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.state
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

    /// The highest participant id that the log has seen.
    #[must_use]
    pub fn last_participant(&self) -> ParticipantId {
        self.state.last_participant
    }

    /// Members who are not known to be gone.
    pub fn present_members(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.state.roster.difference(&self.state.departed).copied()
    }

    /// Everyone the log still counts on: members and waiting, not departed.
    pub fn present(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        let waiting = self.state.joined.keys().copied();
        let all: BTreeSet<_> = waiting.chain(self.state.roster.iter().copied()).collect();
        all.into_iter().filter(|one| !self.state.departed.contains(one))
    }

    /// The newest epoch's GroupInfo, for external commits.
    #[must_use]
    pub fn group_info(&self) -> Option<&Opaque> {
        self.state.group_info.as_ref()
    }

    /// Decides on a participant's wish to become a member.
    ///
    /// # Errors
    /// A second KeyPackage of the same participant, or too many participants.
    pub fn join(
        &self,
        participant: ParticipantId,
        key_package: Opaque,
    ) -> Result<Prepared, Refusal> {
        if self.state.departed.contains(&participant) {
            return Err(gone());
        }
        if self.state.joined.contains_key(&participant) {
            return Err(Refusal::new(
                RefusalCode::NotAllowed,
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
        Ok(self.prepare(LogEvent::Joined(JoinedParticipant { participant, key_package }), None))
    }

    /// Decides on a participant's end. `None` if the log does not know it or knows it is gone.
    #[must_use]
    pub fn depart(&self, participant: ParticipantId) -> Option<Prepared> {
        let known = self.state.joined.contains_key(&participant)
            || self.state.roster.contains(&participant);
        let news = known && !self.state.departed.contains(&participant);
        news.then(|| self.prepare(LogEvent::Departed { participant }, None))
    }

    /// Decides on a create or a commit: compare-and-swap on the handshake count, and a sender and
    /// a roster that fit.
    ///
    /// # Errors
    /// [`RefusalCode::StaleHandshake`] with the current count if the log has moved on;
    /// [`RefusalCode::NotAllowed`] if sender, step and roster do not fit together.
    pub fn submit(
        &self,
        sender: ParticipantId,
        submission: Submission,
    ) -> Result<Submitted, Refusal> {
        if let Some(position) = self.accepted(sender, &submission.message_id) {
            return Ok(Submitted::Known(position));
        }
        let state = &self.state;
        // Before the count: one who is gone must not be told to build anew.
        if state.departed.contains(&sender) {
            return Err(gone());
        }
        if submission.expected != state.handshakes {
            return Err(Refusal::new(
                RefusalCode::StaleHandshake,
                format!(
                    "Another handshake came first: this one builds on {}, the log has {}. Read on and build anew.",
                    submission.expected, state.handshakes
                ),
            )
            .with_current(state.handshakes));
        }
        match submission.step {
            Step::Create => self.may_create(sender, &submission.roster)?,
            Step::Commit { .. } => self.may_commit(sender, &submission.roster)?,
        }
        let handshake = Handshake {
            count: state.handshakes.next(),
            sender,
            message_id: submission.message_id,
            roster: submission.roster,
            step: submission.step,
        };
        let event = LogEvent::Handshake(handshake);
        Ok(Submitted::New(self.prepare(event, Some(submission.group_info))))
    }

    /// Makes a prepared entry true. Call it once the entry is stored.
    ///
    /// # Panics
    /// If the entry was prepared for another moment of this log: the caller's broken invariant,
    /// which must not become a fork.
    pub fn apply(&mut self, prepared: Prepared) -> &Accepted {
        let Record { entry, group_info } = prepared.0;
        assert_eq!(
            entry.position,
            self.state.position.next(),
            "an entry is applied at the moment it was prepared for"
        );
        let added = match &entry.event {
            LogEvent::Handshake(handshake) => {
                let members = handshake.roster.iter().copied();
                members.filter(|one| !self.state.roster.contains(one)).collect()
            }
            LogEvent::Joined(_) | LogEvent::Departed { .. } => BTreeSet::new(),
        };
        self.state.apply(&entry, group_info);
        self.retain(Accepted { entry, added })
    }

    /// What a joiner must know to follow from here.
    #[must_use]
    pub fn snapshot(&self) -> LogSnapshot {
        let state = &self.state;
        LogSnapshot {
            position: state.position,
            handshakes: state.handshakes,
            roster: state.roster.iter().copied().collect(),
            joined: state
                .joined
                .iter()
                .map(|(&participant, key_package)| JoinedParticipant {
                    participant,
                    key_package: key_package.clone(),
                })
                .collect(),
            departed: state.departed.iter().copied().collect(),
        }
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
        let back = self.state.position.0.checked_sub(position.0)?;
        let index = self.retained.len().checked_sub(usize::try_from(back).ok()? + 1)?;
        self.retained.get(index)
    }

    fn accepted(&self, sender: ParticipantId, message_id: &MessageId) -> Option<LogPosition> {
        if let Some((last, position)) = &self.state.last_message
            && last == message_id
        {
            return Some(*position);
        }
        self.retained.iter().rev().find_map(|accepted| match &accepted.entry.event {
            LogEvent::Handshake(one) if one.sender == sender && one.message_id == *message_id => {
                Some(accepted.entry.position)
            }
            LogEvent::Handshake(_) | LogEvent::Joined(_) | LogEvent::Departed { .. } => None,
        })
    }

    /// A new group: only where no member is left who could be waiting for it.
    fn may_create(&self, sender: ParticipantId, roster: &[ParticipantId]) -> Result<(), Refusal> {
        if self.present_members().next().is_some() {
            return Err(not_allowed(
                "This meeting has members already; wait for one of them to add you.",
            ));
        }
        if !self.state.joined.contains_key(&sender) {
            return Err(no_key_package());
        }
        if roster != [sender] {
            return Err(not_allowed("A new group has its creator as its only member."));
        }
        Ok(())
    }

    /// The next epoch: by a member, for members and participants with a KeyPackage.
    fn may_commit(&self, sender: ParticipantId, roster: &[ParticipantId]) -> Result<(), Refusal> {
        if !self.state.roster.contains(&sender) {
            return Err(not_allowed("Only a member can commit; wait to be added."));
        }
        if !roster.contains(&sender) {
            return Err(not_allowed("A committer stays a member; leave instead."));
        }
        let distinct: BTreeSet<_> = roster.iter().copied().collect();
        if distinct.len() != roster.len() {
            return Err(not_allowed("A roster names each member once."));
        }
        let stranger = distinct
            .iter()
            .find(|one| !self.state.roster.contains(one) && !self.state.joined.contains_key(one));
        match stranger {
            Some(stranger) => Err(not_allowed(format!(
                "Participant {stranger} cannot be added: it has no KeyPackage here."
            ))),
            None => Ok(()),
        }
    }

    fn prepare(&self, event: LogEvent, group_info: Option<Opaque>) -> Prepared {
        let entry = LogEntry { position: self.state.position.next(), event };
        Prepared(Record { entry, group_info })
    }

    fn retain(&mut self, accepted: Accepted) -> &Accepted {
        self.retained_bytes += weight(&accepted.entry);
        self.retained.push_back(accepted);
        while self.retained.len() > 1
            && (self.retained.len() > RETAINED_ENTRIES || self.retained_bytes > RETAINED_BYTES)
        {
            if let Some(oldest) = self.retained.pop_front() {
                self.retained_bytes -= weight(&oldest.entry);
            }
        }
        &self.retained[self.retained.len() - 1]
    }
}

impl Checkpoint {
    /// The last entry that it covers.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        self.position
    }

    fn apply(&mut self, entry: &LogEntry, group_info: Option<Opaque>) {
        self.position = entry.position;
        match &entry.event {
            LogEvent::Joined(JoinedParticipant { participant, key_package }) => {
                self.last_participant = self.last_participant.max(*participant);
                self.joined.insert(*participant, key_package.clone());
            }
            LogEvent::Departed { participant } => {
                self.departed.insert(*participant);
                self.forget_the_longest_departed();
            }
            LogEvent::Handshake(handshake) => {
                self.handshakes = handshake.count;
                if handshake.step == Step::Create {
                    self.created = handshake.count;
                }
                self.roster = handshake.roster.iter().copied().collect();
                self.group_info = group_info;
                self.last_message = Some((handshake.message_id.clone(), entry.position));
                self.forget_departed_outsiders();
            }
        }
    }

    /// Who is gone and no member matters no longer: the next commit cannot add it, for the
    /// commits made before it went are stale now.
    fn forget_departed_outsiders(&mut self) {
        let roster = &self.roster;
        self.departed.retain(|one| {
            let member = roster.contains(one);
            if !member {
                self.joined.remove(one);
            }
            member
        });
    }

    fn forget_the_longest_departed(&mut self) {
        let outsiders: Vec<_> = self.departed.difference(&self.roster).copied().collect();
        let excess = outsiders.len().saturating_sub(DEPARTED_WAITING);
        for one in outsiders.into_iter().take(excess) {
            self.departed.remove(&one);
            self.joined.remove(&one);
        }
    }
}

fn weight(entry: &LogEntry) -> usize {
    match &entry.event {
        LogEvent::Joined(joined) => joined.key_package.0.len(),
        LogEvent::Departed { .. } => 0,
        LogEvent::Handshake(handshake) => match &handshake.step {
            Step::Create => 0,
            Step::Commit { commit, welcome } => {
                commit.0.len() + welcome.as_ref().map_or(0, |welcome| welcome.0.len())
            }
        },
    }
}

fn not_allowed(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::NotAllowed, message)
}

fn gone() -> Refusal {
    not_allowed("This participant has left the meeting; join it again.")
}

fn no_key_package() -> Refusal {
    not_allowed("Hand in a KeyPackage first.")
}
