//! A room: the real log, clients, and a bad network. State and steps are those of
//! `tla/Meeting.tla`, one by one and by the same names, so that both count the same states.

use std::collections::BTreeSet;
use std::fmt;

use e2ee::committer::{Event, Timer};
use e2ee::endpoint::RejoinReason;
use mls_delivery::{
    ANSWER_MS, Accepted, Decision, Finality, Log, Opened, Prepared, STEP_BACK_MS, Submitted,
};
use signaling_protocol::{CommitVote, LogPosition, MessageId, ParticipantId, Submission};

use super::client::{Client, Sent};

/// How much may go wrong, or has not gone wrong yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Faults {
    pub lost: u8,
    pub reconnects: u8,
    pub suspected: u8,
    pub frozen: u8,
    pub unresponsive: u8,
    pub reloads: u8,
}

/// The constants of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// Participants; who rejoins is a new one.
    pub participants: u32,
    /// How many of them are members from the start.
    pub members: u32,
    pub faults: Faults,
    /// Whose KeyPackages are not admissible.
    pub bad: BTreeSet<ParticipantId>,
    /// Whose first commit nobody else can follow.
    pub poison: BTreeSet<ParticipantId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    Up,
    /// Reads, but what it submits is lost.
    Unresponsive,
    /// Neither reads nor acts: crashed, hung or left.
    Frozen,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase<C> {
    Absent,
    Active(C),
    Over(RejoinReason),
}

/// One participant, and what is under way from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seat<C> {
    pub participant: ParticipantId,
    pub health: Health,
    pub phase: Phase<C>,
    pub outbox: Option<Sent>,
    /// Whose place it takes, which its hello has said.
    pub replaces: Option<ParticipantId>,
}

impl<C: Client> Seat<C> {
    pub fn client(&self) -> Option<&C> {
        match &self.phase {
            Phase::Active(client) => Some(client),
            Phase::Absent | Phase::Over(_) => None,
        }
    }

    /// The client of one who reads.
    fn reader(&self) -> Option<&C> {
        self.client().filter(|_| self.health != Health::Frozen)
    }

    fn poison(&mut self, bounds: &Bounds) {
        if let Phase::Active(client) = &mut self.phase
            && bounds.poison.contains(&self.participant)
        {
            client.poison();
        }
    }

    fn handle(&mut self, event: Event) -> Option<(MessageId, CommitVote)> {
        let Phase::Active(client) = &mut self.phase else { return None };
        let sent = client.handle(event);
        if let Some(reason) = client.ended() {
            self.phase = Phase::Over(reason);
        }
        self.send(sent)
    }

    fn send(&mut self, mut sent: Vec<Sent>) -> Option<(MessageId, CommitVote)> {
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

/// What can happen, by the index of whom it happens to.
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
    /// Where the log was when members were asked.
    asked_at: LogPosition,
    /// What was rejected. Whoever handed it in steps back for longer than it takes to hear of it.
    rejected: BTreeSet<MessageId>,
    pub seats: Vec<Seat<C>>,
    pub faults: Faults,
}

impl<C> fmt::Debug for Room<C> {
    /// A state in a trace of the checker: its log says most.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.log.entries_after(LogPosition(0)).expect("all entries are kept");
        f.debug_list().entries(entries.map(|one| &one.entry().event)).finish()
    }
}

impl<C: Client> Room<C> {
    pub fn new(bounds: &Bounds) -> Self {
        let seats = (1..=bounds.participants).map(|number| Seat {
            participant: ParticipantId(number),
            health: Health::Up,
            phase: Phase::Absent,
            outbox: None,
            replaces: None,
        });
        let seats = seats.collect();
        let mut room = Self {
            log: Log::default(),
            finality: Finality::default(),
            asked_at: LogPosition(0),
            rejected: BTreeSet::new(),
            seats,
            faults: bounds.faults,
        };
        let honest = Bounds { poison: BTreeSet::new(), ..bounds.clone() };
        for founder in 0..bounds.members as usize {
            room.step(Action::Committer_join(founder), &honest);
            room.settle(&honest);
        }
        for seat in &mut room.seats {
            seat.poison(bounds);
        }
        room
    }

    /// Everything that has to happen happens, but nobody's patience ends.
    pub fn settle(&mut self, bounds: &Bounds) {
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

    /// Whom the room has given up; it hears nothing more from them. The log forgets them.
    fn has_departed(&self, participant: ParticipantId) -> bool {
        self.entries().any(|one| one.entry().event.departed() == Some(participant))
    }

    /// What the log has next for somebody who reads.
    pub fn may_read_entry(&self, seat: usize) -> bool {
        self.seats[seat].reader().is_some_and(|one| one.position() < self.log.position())
    }

    pub fn may_fire_turn_timer(&self, seat: usize) -> bool {
        self.seats[seat].reader().is_some_and(|one| one.waits_for(Timer::Turn))
    }

    /// Only where it matters: what was sent is neither under way nor decided.
    pub fn may_fire_resend_timer(&self, seat: usize) -> bool {
        let Seat { participant, health, outbox, .. } = &self.seats[seat];
        let Some(client) = self.seats[seat].reader() else { return false };
        let undecided = match client.pending() {
            Some(expected) => {
                expected == self.log.handshakes()
                    && !self.finality.is_undecided()
                    && !self.may_discard_rejected(seat)
            }
            None => !self.log.present().any(|one| one == *participant),
        };
        client.waits_for(Timer::Resend)
            && *health != Health::Unresponsive
            && outbox.is_none()
            && undecided
            && !self.has_departed(*participant)
    }

    /// Whom the members' judgement waits for: one who is well answers in time.
    fn is_awaited(&self, seat: usize) -> bool {
        let Seat { participant, health, .. } = &self.seats[seat];
        *health != Health::Unresponsive
            && self.seats[seat].reader().is_some()
            && self.finality.question(*participant).is_some()
    }

    pub fn may_vote(&self, seat: usize) -> bool {
        let up_to_date = |one: &C| one.position() >= self.asked_at;
        self.is_awaited(seat) && self.seats[seat].client().is_some_and(up_to_date)
    }

    /// Nobody answers.
    pub fn may_time_out(&self) -> bool {
        self.finality.is_undecided() && !(0..self.seats.len()).any(|seat| self.is_awaited(seat))
    }

    pub fn may_discard_rejected(&self, seat: usize) -> bool {
        let undecided = self.seats[seat].reader().map(Client::undecided).unwrap_or_default();
        undecided.iter().any(|one| self.rejected.contains(one))
    }

    fn may_depart(&self, seat: usize) -> bool {
        self.log.depart(self.seats[seat].participant).is_some()
    }

    /// A member that hears and is not heard, while somebody waits for members.
    fn blocks_joins(&self, seat: usize) -> bool {
        let Seat { participant, health, .. } = &self.seats[seat];
        *health == Health::Unresponsive
            && self.log.is_present_member(*participant)
            && self.log.anybody_waits()
    }

    /// Whose position stands still, or whose socket stays closed, is given up in the end; a
    /// client that has come to its end closes its own.
    pub fn must_depart(&self, seat: usize) -> bool {
        let Seat { health, phase, .. } = &self.seats[seat];
        let over = matches!(phase, Phase::Over(_));
        self.may_depart(seat) && (*health == Health::Frozen || over || self.blocks_joins(seat))
    }

    /// All that can happen now.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let next = self.seats.iter().position(|seat| matches!(seat.phase, Phase::Absent));
        actions.extend(next.map(Action::Committer_join));
        actions.extend(self.may_time_out().then_some(Action::Log_timeout));
        for (index, seat) in self.seats.iter().enumerate() {
            let healthy = seat.client().is_some() && seat.health == Health::Up;
            let reads = seat.reader().is_some();
            let key_package = matches!(seat.outbox, Some(Sent::KeyPackage(_)));
            let submission = matches!(seat.outbox, Some(Sent::Submission(_)));
            let under_way = seat.outbox.is_some();
            let suspicious = seat.health != Health::Frozen && self.may_depart(index);
            let came = !matches!(seat.phase, Phase::Absent);
            let may_reload = came && seat.health == Health::Up && next.is_some();
            let reloadable = may_reload && !self.has_departed(seat.participant);
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
                let me = self.seats[index].participant;
                let (client, sent) = C::join(me, self.log.snapshot(), bounds.bad.contains(&me));
                self.seats[index].phase = Phase::Active(client);
                self.seats[index].poison(bounds);
                self.seats[index].send(sent);
            }
            Action::reload(index) => {
                self.faults.reloads -= 1;
                self.seats[index].health = Health::Frozen;
                let old = self.seats[index].participant;
                let next = self.seats.iter().position(|seat| matches!(seat.phase, Phase::Absent));
                let next = next.expect("somebody who has not come yet");
                self.seats[next].replaces = Some(old);
                self.step(Action::Committer_join(next), bounds);
            }
            Action::Log_join(index) | Action::Log_submit(index) => self.arrive(index),
            Action::Log_depart(index) => self.depart(index),
            Action::suspect(index) => {
                self.faults.suspected -= 1;
                self.depart(index);
            }
            Action::Committer_read_entry(index) => {
                let seat = &mut self.seats[index];
                let position = seat.client().map_or(LogPosition(0), Client::position).next();
                let entry = self.log.at(position).expect("all entries are kept");
                seat.handle(Event::Entry(entry.for_participant(seat.participant)));
            }
            Action::Committer_turn_timer(index) => {
                self.seats[index].handle(Event::Fired(Timer::Turn));
            }
            Action::Committer_resend_timer(index) => {
                self.seats[index].handle(Event::Fired(Timer::Resend));
            }
            Action::Committer_reconnect(index) => {
                self.faults.reconnects -= 1;
                self.seats[index].outbox = None;
                self.seats[index].handle(Event::Reconnected);
            }
            Action::Log_timeout => {
                let decision = self.finality.handle_timeout(ANSWER_MS);
                self.conclude(decision);
            }
            Action::Committer_vote(index) => {
                let participant = self.seats[index].participant;
                let question = self.finality.question(participant).expect("it is asked");
                let vote = self.seats[index].handle(Event::CommitPending(question));
                let (message_id, vote) = vote.expect("it answers");
                let decision = self.finality.judge(participant, &message_id, vote, 0);
                self.conclude(decision);
            }
            Action::Committer_discard_rejected(index) => {
                let seat = &mut self.seats[index];
                let undecided = seat.client().map(Client::undecided).unwrap_or_default();
                for message_id in undecided.into_iter().filter(|one| self.rejected.contains(one)) {
                    seat.handle(Event::CommitRejected(message_id));
                }
            }
            Action::lose_message(index) => {
                self.faults.lost -= 1;
                self.seats[index].outbox = None;
            }
            Action::freeze(index) => {
                self.faults.frozen -= 1;
                self.seats[index].health = Health::Frozen;
            }
            Action::stop_responding(index) => {
                self.faults.unresponsive -= 1;
                self.seats[index].health = Health::Unresponsive;
                self.seats[index].outbox = None;
            }
        }
    }

    /// What was under way has arrived: the log takes it or refuses it.
    fn arrive(&mut self, index: usize) {
        let participant = self.seats[index].participant;
        let decided = match self.seats[index].outbox.take() {
            Some(Sent::KeyPackage(_)) if self.has_departed(participant) => None,
            Some(Sent::KeyPackage(key_package)) => {
                let replaces = self.seats[index].replaces;
                self.log.join(participant, key_package, replaces).ok()
            }
            Some(Sent::Submission(submission)) => return self.open(participant, submission),
            Some(Sent::CommitVote(..)) | None => None,
        };
        self.append(decided);
    }

    /// The log would take it, and members are asked; or it is refused. A stale one is settled by
    /// the entry that made it stale: the client ignores the refusal.
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
                // There is no clock here: that somebody steps back is in `rejected`.
                assert_eq!(self.finality.handle_timeout(STEP_BACK_MS), None);
            }
            None => {}
        }
    }

    fn depart(&mut self, index: usize) {
        let participant = self.seats[index].participant;
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
