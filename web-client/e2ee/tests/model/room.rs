//! A room: the real log, clients, and a faulty network. States and steps are those of
//! `tla/Meeting.tla`, with the same names, so that both count the same states.

use std::collections::BTreeSet;
use std::fmt;

use e2ee::committer::{Event, Timer};
use mls_delivery::{
    Accepted, Decision, Finality, Log, Opened, Prepared, REJECTION_BACKOFF_MS, Submitted,
    VOTE_TIMEOUT_MS,
};
use signaling_protocol::{LogPosition, MessageId, ParticipantId, Submission};

use super::bounds::{Bounds, Faults};
use super::client::{Client, Sent};
use super::participant::{Health, Participant, Phase};

/// The steps of a room, with the index of the participant that takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(non_camel_case_types, reason = "the names of the actions in tla/Meeting.tla")]
pub enum Action {
    Log_join(usize),
    Log_submit(usize),
    Log_depart(usize),
    Log_timeout,
    Committer_join(usize),
    Committer_read_entry(usize),
    Committer_turn_timer(usize),
    Committer_resend_timer(usize),
    Committer_reconnect(usize),
    Committer_vote(usize),
    Committer_discard_rejected(usize),
    lose_message(usize),
    freeze(usize),
    stop_responding(usize),
    reload(usize),
    suspect(usize),
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Room<C> {
    pub log: Log,
    pub finality: Finality,
    /// The log's position when members were asked to vote.
    asked_at: LogPosition,
    /// The rejected commits. Their authors back off for longer than the news takes.
    rejected: BTreeSet<MessageId>,
    pub participants: Vec<Participant<C>>,
    pub faults: Faults,
}

impl<C> fmt::Debug for Room<C> {
    /// Shows the log, which says most about a state in the checker's trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.log.entries_after(LogPosition(0)).expect("all entries are kept");
        f.debug_list().entries(entries.map(|one| &one.entry().event)).finish()
    }
}

impl<C: Client> Room<C> {
    pub fn new(bounds: &Bounds) -> Self {
        let participants = (1..=bounds.participants).map(|number| Participant {
            participant: ParticipantId(number),
            health: Health::Up,
            phase: Phase::Absent,
            outbox: None,
            replaces: None,
        });
        let participants = participants.collect();
        let mut room = Self {
            log: Log::default(),
            finality: Finality::default(),
            asked_at: LogPosition(0),
            rejected: BTreeSet::new(),
            participants,
            faults: bounds.faults,
        };
        let honest = Bounds { poison: BTreeSet::new(), ..bounds.clone() };
        for founder in 0..bounds.members as usize {
            room.step(Action::Committer_join(founder), &honest);
            room.deliver_all(&honest);
        }
        for participant in &mut room.participants {
            participant.poison(bounds);
        }
        room
    }

    /// Takes all steps that do not wait for a timer.
    pub fn deliver_all(&mut self, bounds: &Bounds) {
        let prompt = |action: &Action| {
            matches!(
                action,
                Action::Log_join(_)
                    | Action::Log_submit(_)
                    | Action::Log_depart(_)
                    | Action::Log_timeout
                    | Action::Committer_vote(_)
                    | Action::Committer_discard_rejected(_)
                    | Action::Committer_read_entry(_)
            )
        };
        while let Some(action) = self.actions().into_iter().find(prompt) {
            self.step(action, bounds);
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Accepted> {
        self.log.entries_after(LogPosition(0)).expect("all entries are kept")
    }

    /// Returns `true` for a departed participant. The room ignores its messages; the log forgets it.
    fn has_departed(&self, participant: ParticipantId) -> bool {
        self.entries().any(|one| one.entry().event.departed() == Some(participant))
    }

    /// Returns `true` if a participant that reads has not read the whole log.
    pub fn may_read_entry(&self, index: usize) -> bool {
        self.participants[index].reader().is_some_and(|one| one.position() < self.log.position())
    }

    pub fn may_fire_turn_timer(&self, index: usize) -> bool {
        self.participants[index].reader().is_some_and(|one| one.waits_for(Timer::Turn))
    }

    /// Returns `true` if a message is neither under way nor decided, so that a resend matters.
    pub fn may_fire_resend_timer(&self, index: usize) -> bool {
        let Participant { participant, health, outbox, .. } = &self.participants[index];
        let Some(client) = self.participants[index].reader() else { return false };
        let undecided = match client.pending() {
            Some(expected) => {
                expected == self.log.handshakes()
                    && !self.finality.is_undecided()
                    && !self.may_discard_rejected(index)
            }
            None => !self.log.present().any(|one| one == *participant),
        };
        client.waits_for(Timer::Resend)
            && *health != Health::Unresponsive
            && outbox.is_none()
            && undecided
            && !self.has_departed(*participant)
    }

    /// Returns `true` for a responsive member whose vote is missing: it answers in time.
    fn is_awaited(&self, index: usize) -> bool {
        let Participant { participant, health, .. } = &self.participants[index];
        *health != Health::Unresponsive
            && self.participants[index].reader().is_some()
            && self.finality.vote_request(*participant).is_some()
    }

    pub fn may_vote(&self, index: usize) -> bool {
        let up_to_date = |one: &C| one.position() >= self.asked_at;
        self.is_awaited(index) && self.participants[index].client().is_some_and(up_to_date)
    }

    /// Returns `true` if no member that is asked will answer.
    pub fn may_time_out(&self) -> bool {
        self.finality.is_undecided()
            && !(0..self.participants.len()).any(|index| self.is_awaited(index))
    }

    pub fn may_discard_rejected(&self, index: usize) -> bool {
        let undecided =
            self.participants[index].reader().map(Client::undecided).unwrap_or_default();
        undecided.iter().any(|one| self.rejected.contains(one))
    }

    fn may_depart(&self, index: usize) -> bool {
        self.log.depart(self.participants[index].participant).is_some()
    }

    /// Returns `true` for an unresponsive member while a participant waits to be added.
    fn blocks_joins(&self, index: usize) -> bool {
        let Participant { participant, health, .. } = &self.participants[index];
        *health == Health::Unresponsive
            && self.log.is_present_member(*participant)
            && self.log.has_waiting()
    }

    /// Returns `true` if the service will evict a participant: its log position stands still or its
    /// socket stays closed. A client at its end closes its own socket.
    pub fn must_depart(&self, index: usize) -> bool {
        let Participant { health, phase, .. } = &self.participants[index];
        let over = matches!(phase, Phase::Over(_));
        self.may_depart(index) && (*health == Health::Frozen || over || self.blocks_joins(index))
    }

    /// Returns the steps that are possible now.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let next = self
            .participants
            .iter()
            .position(|participant| matches!(participant.phase, Phase::Absent));
        actions.extend(next.map(Action::Committer_join));
        actions.extend(self.may_time_out().then_some(Action::Log_timeout));
        for (index, participant) in self.participants.iter().enumerate() {
            let healthy = participant.client().is_some() && participant.health == Health::Up;
            let reads = participant.reader().is_some();
            let key_package = matches!(participant.outbox, Some(Sent::KeyPackage(_)));
            let submission = matches!(participant.outbox, Some(Sent::Submission(_)));
            let under_way = participant.outbox.is_some();
            let suspicious = participant.health != Health::Frozen && self.may_depart(index);
            let came = !matches!(participant.phase, Phase::Absent);
            let may_reload = came && participant.health == Health::Up && next.is_some();
            let reloadable = may_reload && !self.has_departed(participant.participant);
            let Faults { lost, reconnects, suspected, frozen, unresponsive, reloads } = self.faults;
            let possible = [
                (key_package, Action::Log_join(index)),
                (submission, Action::Log_submit(index)),
                (self.must_depart(index), Action::Log_depart(index)),
                (self.may_read_entry(index), Action::Committer_read_entry(index)),
                (self.may_fire_turn_timer(index), Action::Committer_turn_timer(index)),
                (self.may_fire_resend_timer(index), Action::Committer_resend_timer(index)),
                (lost > 0 && under_way, Action::lose_message(index)),
                (reconnects > 0 && reads, Action::Committer_reconnect(index)),
                (self.may_vote(index), Action::Committer_vote(index)),
                (self.may_discard_rejected(index), Action::Committer_discard_rejected(index)),
                (frozen > 0 && healthy, Action::freeze(index)),
                (unresponsive > 0 && healthy, Action::stop_responding(index)),
                (reloads > 0 && reloadable, Action::reload(index)),
                (suspected > 0 && suspicious, Action::suspect(index)),
            ];
            actions.extend(possible.into_iter().filter(|(can, _)| *can).map(|(_, action)| action));
        }
        actions
    }

    pub fn step(&mut self, action: Action, bounds: &Bounds) {
        match action {
            Action::Committer_join(index) => {
                let me = self.participants[index].participant;
                let (client, sent) = C::join(me, self.log.snapshot(), bounds.bad.contains(&me));
                self.participants[index].phase = Phase::Active(client);
                self.participants[index].poison(bounds);
                self.participants[index].send(sent);
            }
            Action::reload(index) => {
                self.faults.reloads -= 1;
                self.participants[index].health = Health::Frozen;
                let old = self.participants[index].participant;
                let next = self
                    .participants
                    .iter()
                    .position(|participant| matches!(participant.phase, Phase::Absent));
                let next = next.expect("a participant that has not joined yet");
                self.participants[next].replaces = Some(old);
                self.step(Action::Committer_join(next), bounds);
            }
            Action::Log_join(index) | Action::Log_submit(index) => self.arrive(index),
            Action::Log_depart(index) => self.depart(index),
            Action::suspect(index) => {
                self.faults.suspected -= 1;
                self.depart(index);
            }
            Action::Committer_read_entry(index) => {
                let participant = &mut self.participants[index];
                let position = participant.client().map_or(LogPosition(0), Client::position).next();
                let entry = self.log.at(position).expect("all entries are kept");
                participant.handle(Event::Entry(entry.for_participant(participant.participant)));
            }
            Action::Committer_turn_timer(index) => {
                self.participants[index].handle(Event::Fired(Timer::Turn));
            }
            Action::Committer_resend_timer(index) => {
                self.participants[index].handle(Event::Fired(Timer::Resend));
            }
            Action::Committer_reconnect(index) => {
                self.faults.reconnects -= 1;
                self.participants[index].outbox = None;
                self.participants[index].handle(Event::Reconnected);
            }
            Action::Log_timeout => {
                let decision = self.finality.handle_timeout(VOTE_TIMEOUT_MS);
                self.conclude(decision);
            }
            Action::Committer_vote(index) => {
                let participant = self.participants[index].participant;
                let question = self.finality.vote_request(participant).expect("it is asked");
                let vote = self.participants[index].handle(Event::CommitPending(question));
                let (message_id, vote) = vote.expect("it answers");
                let decision = self.finality.record_vote(participant, &message_id, vote, 0);
                self.conclude(decision);
            }
            Action::Committer_discard_rejected(index) => {
                let participant = &mut self.participants[index];
                let undecided = participant.client().map(Client::undecided).unwrap_or_default();
                for message_id in undecided.into_iter().filter(|one| self.rejected.contains(one)) {
                    participant.handle(Event::CommitRejected(message_id));
                }
            }
            Action::lose_message(index) => {
                self.faults.lost -= 1;
                self.participants[index].outbox = None;
            }
            Action::freeze(index) => {
                self.faults.frozen -= 1;
                self.participants[index].health = Health::Frozen;
            }
            Action::stop_responding(index) => {
                self.faults.unresponsive -= 1;
                self.participants[index].health = Health::Unresponsive;
                self.participants[index].outbox = None;
            }
        }
    }

    /// Delivers the message under way: the log accepts or refuses it.
    fn arrive(&mut self, index: usize) {
        let participant = self.participants[index].participant;
        let decided = match self.participants[index].outbox.take() {
            Some(Sent::KeyPackage(_)) if self.has_departed(participant) => None,
            Some(Sent::KeyPackage(key_package)) => {
                let replaces = self.participants[index].replaces;
                self.log.join(participant, key_package, replaces).ok()
            }
            Some(Sent::Submission(submission)) => return self.open(participant, submission),
            Some(Sent::CommitVote(..)) | None => None,
        };
        self.append(decided);
    }

    /// Opens the vote on a submission that the log would accept. The client ignores the refusal of a
    /// stale one: the entry that made it stale settles it.
    fn open(&mut self, sender: ParticipantId, submission: Submission) {
        let new = matches!(self.log.submit(sender, submission.clone()), Ok(Submitted::New(_)));
        if !new || self.rejected.contains(&submission.message_id) {
            return;
        }
        match self.finality.open(&self.log, sender, submission, |_| true, 0) {
            Ok(Opened::Final(submission)) => {
                self.conclude(Some(Decision::Final { sender, submission }));
            }
            Ok(Opened::CommitPending(_)) => self.asked_at = self.log.position(),
            Ok(Opened::Known) | Err(_) => {}
        }
    }

    fn conclude(&mut self, decision: Option<Decision>) {
        if !self.finality.is_undecided() {
            self.asked_at = LogPosition(0);
        }
        match decision {
            Some(Decision::Final { sender, submission }) => {
                match self.log.submit(sender, submission) {
                    Ok(Submitted::New(prepared)) => self.append(Some(prepared)),
                    Ok(Submitted::Known(_)) | Err(_) => unreachable!("nothing came before it"),
                }
            }
            Some(Decision::CommitRejected(message_id)) => {
                self.rejected.insert(message_id);
                // There is no clock here: `rejected` keeps the author from submitting it again.
                assert_eq!(self.finality.handle_timeout(REJECTION_BACKOFF_MS), None);
            }
            None => {}
        }
    }

    fn depart(&mut self, index: usize) {
        let participant = self.participants[index].participant;
        let decided = self.log.depart(participant);
        self.append(decided);
    }

    fn append(&mut self, decided: Option<Prepared>) {
        let Some(prepared) = decided else { return };
        let gone = self.log.apply(prepared).entry().event.departed();
        if let Some(participant) = gone {
            let decision = self.finality.departed(participant, 0);
            self.conclude(decision);
        }
    }
}
