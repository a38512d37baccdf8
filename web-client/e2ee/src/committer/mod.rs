//! The committer: decides, from the delivery log alone, who creates the group and who commits
//! what. A pure state machine: events in, effects out.
//!
//! The rules that keep a group in one piece, whoever fails:
//! 1. Creates and commits are compared and swapped on the handshake count (the log does that).
//! 2. An own handshake takes effect when it comes back from the log, and is resent byte for byte
//!    until the log has decided.
//! 3. Commit, Welcome and roster are one entry.
//! 4. Pending work is derived from the log, never queued: all who joined and are not members are
//!    added, all members who departed are removed, in one commit.
//! 5. The present member with the lowest id commits at once, the others stand by, each a little
//!    longer than the one before. Safety does not depend on it.
//! 6. A create is possible only where no present member is left.
//! 7. A KeyPackage that is not admissible is skipped and reported.
//! 8. Who reads of its own departure wipes its keys.
//! 9. A commit that members judge is kept aside; it takes effect when the log has it. One that is
//!    dropped leaves no trace, and its author lets others go first.

mod judged;
mod mls;
mod pending;
mod view;

use std::collections::BTreeSet;

use signaling_protocol::limits::{ADDS_PER_COMMIT, SUBMISSION_BYTES};
use signaling_protocol::{
    Handshake, HandshakeCount, JoinedParticipant, LogEntry, LogEvent, LogPosition, LogSnapshot,
    MessageId, Opaque, ParticipantId, RefusalCode, Step, Submission, Verdict,
};

use crate::endpoint::RejoinReason;

use judged::Judged;
pub use mls::{Claims, Draft, Mls, MlsError};
use pending::Pending;
use view::Impossible;
pub use view::LogView;

/// How long the first backup waits for the designated committer, in milliseconds: a designated
/// one that stands still costs a joiner less than three seconds.
const FIRST_BACKUP_MS: u64 = 1_500;
/// How much longer each further backup waits, in milliseconds.
const NEXT_BACKUP_MS: u64 = 500;
/// From this rank on, all wait equally long: the log lets one of them win.
const LAST_RANK: u64 = 20;
/// Before something is sent for the second time, in milliseconds; doubled for each further time.
const RESEND_MS: u64 = 2_000;
/// The wait between resends is doubled so many times.
const RESEND_DOUBLINGS: u8 = 4;
/// Before a KeyPackage that did not come back is uploaded again, in milliseconds.
const UPLOAD_AGAIN_MS: u64 = 10_000;
/// After a reconnect, the log's missed entries come first, for so many milliseconds.
const AFTER_RECONNECT_MS: u64 = 1_000;
/// After a refused handshake others may go first, for so many milliseconds.
const STEP_BACK_MS: u64 = 10_000;
/// After a commit that nobody could follow, in milliseconds; the service takes none sooner.
const STEP_BACK_DROPPED_MS: u64 = 30_000;
/// A KeyPackage is valid for an hour; it is given up before that, in milliseconds.
const EXPIRY_MS: u64 = 55 * 60 * 1_000;
/// A member renews its keys after this time at the earliest, in milliseconds, and then within
/// [`RENEWAL_SPREAD_MS`], so that not all do it at once.
const RENEWAL_MS: u64 = 15 * 60 * 1_000 / 2;
const RENEWAL_SPREAD_MS: u64 = 15 * 60 * 1_000;
/// After so many milliseconds people are told that nobody lets them in.
const PATIENCE_MS: u64 = 6_000;

/// One participant's committer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Committer<M> {
    me: ParticipantId,
    mls: M,
    view: LogView,
    phase: Phase,
    pending: Option<Pending>,
    judged: Option<Judged>,
    /// What the turn timer is set for, if it is.
    turn: Option<Turn>,
    /// Who waits and is not admissible.
    skipped: BTreeSet<ParticipantId>,
}

/// How far a participant has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// The own KeyPackage is not in the log yet.
    Unannounced,
    /// The log has it; nobody has added it.
    Waiting,
    /// A member of the group.
    Member,
    /// At the end; nothing happens any more.
    Over,
}

/// What the turn timer is set for. The lesser one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Turn {
    /// The place among those who could do the work.
    Rank(u64),
    /// The service would not take the last attempt.
    SteppedBack,
}

/// What happens to a committer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The next entry of the log; entries that were read before are passed over.
    Entry(LogEntry),
    /// A commit that is not in the log yet is to be judged.
    Tentative(Handshake),
    /// A commit that was to be judged will not come into the log.
    Dropped(MessageId),
    /// The service refused something: a submission, if it names one.
    Refused(RefusalCode, Option<MessageId>),
    /// The connection is there again.
    Reconnected,
    /// A timer has run out.
    Fired(Timer),
}

/// The timers of a committer. Setting one that runs already starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// It is this participant's turn to create or to commit.
    Turn,
    /// What was sent has not come back.
    Resend,
    /// Nobody has added this participant.
    Patience,
    /// The KeyPackage is about to be too old to be added.
    Expiry,
    /// The own keys are old: whoever has got hold of them could read until they are renewed.
    Renewal,
}

/// What a committer wants done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Hand in the KeyPackage.
    Upload,
    /// Hand in a handshake.
    Submit(Submission),
    /// Set a timer.
    Start {
        /// Which.
        timer: Timer,
        /// How long, in milliseconds.
        after_ms: u64,
    },
    /// Stop a timer.
    Stop(Timer),
    /// Say whether a commit can be followed.
    Judge {
        /// Which commit.
        message_id: MessageId,
        /// What to say.
        verdict: Verdict,
    },
    /// This epoch may begin soon: others may send in it before this participant has heard that it
    /// has.
    Coming(HandshakeCount),
    /// A new epoch has begun, and this participant is a member of it.
    Epoch(HandshakeCount),
    /// Something that people should know.
    Report(Report),
    /// This participant is at its end.
    Rejoin(RejoinReason),
}

/// What people should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// This participant waits and cannot be added.
    Skipped {
        /// Who.
        participant: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// The members of the room have another link than this participant.
    OtherLink,
    /// Members are there, and none adds this participant.
    StillWaiting,
    /// A commit in the log cannot be followed.
    BadCommit {
        /// Who made it.
        sender: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// A Welcome in the log cannot be used.
    BadWelcome {
        /// Who made it.
        sender: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// The service will not take this participant's handshake.
    SubmissionRefused(RefusalCode),
    /// No other member could follow this participant's commit.
    CommitDropped,
    /// An entry is missing before this one.
    Gap {
        /// The entry that should have come.
        expected: LogPosition,
        /// The entry that came.
        found: LogPosition,
    },
    /// An entry that a correct log cannot hold.
    ImpossibleEntry(LogPosition),
}

impl<M: Mls> Committer<M> {
    /// The committer of a participant who has just joined.
    ///
    /// # Errors
    /// The snapshot is larger than a room can be.
    pub fn join(
        me: ParticipantId,
        mut mls: M,
        snapshot: LogSnapshot,
        now_ms: u64,
    ) -> Result<(Self, Vec<Effect>), RejoinReason> {
        let view = LogView::new(snapshot).map_err(|Impossible| RejoinReason::ImpossibleLog)?;
        for (&participant, key_package) in &view.joined {
            mls.announce(participant, key_package);
        }
        let mut committer = Self {
            me,
            mls,
            view,
            phase: Phase::Unannounced,
            pending: None,
            judged: None,
            turn: None,
            skipped: BTreeSet::new(),
        };
        let mut effects = Vec::new();
        committer.compare_links(now_ms, &mut effects);
        committer.upload(&mut effects);
        effects.push(Effect::Start { timer: Timer::Expiry, after_ms: EXPIRY_MS });
        Ok((committer, effects))
    }

    /// The log as it was read so far.
    #[must_use]
    pub fn view(&self) -> &LogView {
        &self.view
    }

    /// The MLS state.
    #[must_use]
    pub fn mls(&self) -> &M {
        &self.mls
    }

    /// The MLS state, for messages between handshakes.
    pub fn mls_mut(&mut self) -> &mut M {
        &mut self.mls
    }

    /// Whether this participant is a member.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.phase == Phase::Member
    }

    /// Takes an event. After [`Effect::Rejoin`] nothing has an effect any more.
    pub fn on_event(&mut self, event: Event, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.phase == Phase::Over {
            return effects;
        }
        match event {
            Event::Entry(entry) => self.read(entry, now_ms, &mut effects),
            Event::Tentative(handshake) => self.tentative(handshake, &mut effects),
            Event::Dropped(message_id) => self.dropped(&message_id, &mut effects),
            Event::Refused(code, message_id) => {
                self.refused(code, message_id.as_ref(), &mut effects);
            }
            Event::Reconnected => self.reconnected(&mut effects),
            Event::Fired(timer) => self.fired(timer, now_ms, &mut effects),
        }
        if self.phase != Phase::Over {
            self.propose(now_ms, &mut effects);
        }
        effects
    }

    fn read(&mut self, entry: LogEntry, now_ms: u64, effects: &mut Vec<Effect>) {
        let LogEntry { position, event } = entry;
        let expected = self.view.position.next();
        if position < expected {
            return;
        }
        if position > expected {
            effects.push(Effect::Report(Report::Gap { expected, found: position }));
            return self.end(RejoinReason::Gap, effects);
        }
        let read = match event {
            LogEvent::Joined(JoinedParticipant { participant, key_package }) => {
                self.view.join(participant, key_package.clone()).map(|()| {
                    self.mls.announce(participant, &key_package);
                    self.joined(participant, now_ms, effects);
                })
            }
            LogEvent::Departed { participant } if participant == self.me => {
                return self.end(RejoinReason::Departed, effects);
            }
            LogEvent::Departed { participant } => {
                let over = self.view.depart(participant);
                self.forget(&over);
                Ok(())
            }
            LogEvent::Handshake(handshake) => self.view.check(&handshake).map(|roster| {
                self.handshake(&handshake, roster, effects);
            }),
        };
        match read {
            Ok(()) => self.view.position = position,
            Err(Impossible) => {
                effects.push(Effect::Report(Report::ImpossibleEntry(position)));
                self.end(RejoinReason::ImpossibleLog, effects);
            }
        }
    }

    fn joined(&mut self, participant: ParticipantId, now_ms: u64, effects: &mut Vec<Effect>) {
        if participant != self.me {
            return self.inspect(participant, now_ms, effects);
        }
        self.phase = Phase::Waiting;
        effects.push(Effect::Stop(Timer::Resend));
        effects.push(Effect::Start { timer: Timer::Patience, after_ms: PATIENCE_MS });
    }

    /// Whether a participant that waits can be added; reports it once if not.
    fn inspect(&mut self, participant: ParticipantId, now_ms: u64, effects: &mut Vec<Effect>) {
        if let Err(error) = self.mls.admissible(participant, now_ms)
            && self.skipped.insert(participant)
        {
            effects.push(Effect::Report(Report::Skipped { participant, error }));
        }
    }

    /// A newcomer can tell from the members' KeyPackages whether it holds their link.
    fn compare_links(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let other_link = |one| {
            let credential = crate::credential::CredentialError::OtherLink;
            self.mls.admissible(one, now_ms) == Err(MlsError::Credential(credential))
        };
        let members: Vec<_> = self.view.present_members().collect();
        if !members.is_empty() && members.into_iter().all(other_link) {
            effects.push(Effect::Report(Report::OtherLink));
        }
        let waiting: Vec<_> = self.view.waiting().collect();
        for one in waiting {
            self.inspect(one, now_ms, effects);
        }
    }

    fn handshake(
        &mut self,
        handshake: &Handshake,
        roster: BTreeSet<ParticipantId>,
        effects: &mut Vec<Effect>,
    ) {
        let pending = self.pending.take();
        let own = pending.as_ref().is_some_and(|pending| pending.is(handshake));
        if pending.is_some() {
            effects.push(Effect::Stop(Timer::Resend));
            if !own {
                self.mls.discard();
            }
        }
        let judged = self.judged.take().filter(Judged::is_staged);
        let staged = judged.as_ref().is_some_and(|judged| judged.handshake == *handshake);
        if judged.is_some() && !staged {
            self.mls.unstage();
        }
        self.stop_turn(effects);
        let claims = Claims { count: handshake.count, sender: handshake.sender, roster: &roster };
        let entered = self.phase != Phase::Member && roster.contains(&self.me);
        let outcome = if own && handshake.sender == self.me {
            self.mls.accept(handshake.count).map_err(|_| RejoinReason::Internal)
        } else if handshake.sender == self.me {
            // Something in this participant's name that it has not sent, or has given up.
            Err(RejoinReason::ImpossibleLog)
        } else if self.phase == Phase::Member && !roster.contains(&self.me) {
            Err(RejoinReason::Removed)
        } else if self.phase == Phase::Member && staged {
            self.mls.merge().map_err(|_| RejoinReason::Internal)
        } else if self.phase == Phase::Member {
            self.follow(&handshake.step, &claims, effects)
        } else if entered {
            self.enter(&handshake.step, &claims, effects)
        } else {
            Ok(())
        };
        if let Err(reason) = outcome {
            return self.end(reason, effects);
        }
        let over = self.view.take(handshake.count, roster);
        self.forget(&over);
        if entered {
            self.phase = Phase::Member;
            for timer in [Timer::Patience, Timer::Expiry, Timer::Resend] {
                effects.push(Effect::Stop(timer));
            }
            self.start_renewal(effects);
        }
        if self.phase == Phase::Member {
            effects.push(Effect::Epoch(handshake.count));
        }
    }

    fn forget(&mut self, over: &[ParticipantId]) {
        for one in over {
            self.mls.forget(*one);
            self.skipped.remove(one);
        }
    }

    fn follow(
        &mut self,
        step: &Step,
        claims: &Claims<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), RejoinReason> {
        let Step::Commit { commit, .. } = step else {
            // A create although this member is present.
            return Err(RejoinReason::ImpossibleLog);
        };
        self.mls.follow(commit, claims).map_err(|error| {
            let sender = claims.sender;
            effects.push(Effect::Report(Report::BadCommit { sender, error }));
            RejoinReason::CannotFollow
        })
    }

    fn enter(
        &mut self,
        step: &Step,
        claims: &Claims<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), RejoinReason> {
        let welcome = match step {
            Step::Commit { welcome: Some(welcome), .. } => welcome,
            Step::Commit { welcome: None, .. } | Step::Create => &Opaque::default(),
        };
        self.mls.enter(welcome, claims).map_err(|error| {
            let sender = claims.sender;
            effects.push(Effect::Report(Report::BadWelcome { sender, error }));
            RejoinReason::CannotFollow
        })
    }

    /// Judges a commit. One that fits another moment than this participant has come to is not
    /// its to judge.
    fn tentative(&mut self, handshake: Handshake, effects: &mut Vec<Effect>) {
        let fits = handshake.count == self.view.handshakes.next();
        if self.phase != Phase::Member || !fits || handshake.sender == self.me {
            return;
        }
        let message_id = handshake.message_id.clone();
        let verdict = match &self.judged {
            Some(judged) if judged.handshake == handshake => judged.verdict,
            Some(_) | None => {
                let verdict = self.stage(&handshake, effects);
                self.judged = Some(Judged { handshake, verdict });
                verdict
            }
        };
        effects.push(Effect::Judge { message_id, verdict });
    }

    fn stage(&mut self, handshake: &Handshake, effects: &mut Vec<Effect>) -> Verdict {
        if self.judged.take().is_some_and(|judged| judged.is_staged()) {
            self.mls.unstage();
        }
        let Handshake { count, sender, step, .. } = handshake;
        let staged = match (step, self.view.check(handshake)) {
            (Step::Commit { commit, .. }, Ok(roster)) => {
                self.mls.stage(commit, &Claims { count: *count, sender: *sender, roster: &roster })
            }
            (Step::Commit { .. } | Step::Create, _) => Err(MlsError::Forbidden),
        };
        match staged {
            Ok(()) => {
                effects.push(Effect::Coming(*count));
                Verdict::Ack
            }
            Err(error) => {
                effects.push(Effect::Report(Report::BadCommit { sender: *sender, error }));
                Verdict::Nack
            }
        }
    }

    fn dropped(&mut self, message_id: &MessageId, effects: &mut Vec<Effect>) {
        if self.pending.as_ref().is_some_and(|pending| pending.message_id() == message_id) {
            effects.push(Effect::Report(Report::CommitDropped));
            return self.step_back(STEP_BACK_DROPPED_MS, effects);
        }
        let dropped = self.judged.take_if(|judged| judged.handshake.message_id == *message_id);
        if dropped.is_some_and(|judged| judged.is_staged()) {
            self.mls.unstage();
        }
        // It was in this one's way.
        self.send_pending(effects);
    }

    fn refused(
        &mut self,
        code: RefusalCode,
        message_id: Option<&MessageId>,
        effects: &mut Vec<Effect>,
    ) {
        let for_good = match code {
            RefusalCode::BadMessage
            | RefusalCode::TooLarge
            | RefusalCode::NotAllowed
            | RefusalCode::LogFull => true,
            // A stale handshake is settled by the entry that made it stale, which is on its way;
            // an undecided one by what it is decided to be.
            RefusalCode::StaleHandshake
            | RefusalCode::HandshakeUndecided
            | RefusalCode::StaleMessage
            | RefusalCode::TooFast
            | RefusalCode::UnsupportedVersion
            | RefusalCode::BadToken
            | RefusalCode::UnknownRoom
            | RefusalCode::RoomFull
            | RefusalCode::RoomLocked
            | RefusalCode::TurnedAway
            | RefusalCode::Removed
            | RefusalCode::ServerFull
            | RefusalCode::ResumeExpired
            | RefusalCode::Superseded
            | RefusalCode::BadOffer
            | RefusalCode::MediaUnavailable
            | RefusalCode::TooSlow
            | RefusalCode::StorageUnavailable
            | RefusalCode::ShuttingDown => false,
        };
        let pending = self.pending.as_ref().map(Pending::message_id);
        if for_good && pending.is_some() && pending == message_id {
            effects.push(Effect::Report(Report::SubmissionRefused(code)));
            self.step_back(STEP_BACK_MS, effects);
        }
    }

    /// Gives up the own handshake; others may go first.
    fn step_back(&mut self, after_ms: u64, effects: &mut Vec<Effect>) {
        self.pending = None;
        self.mls.discard();
        self.turn = Some(Turn::SteppedBack);
        effects.push(Effect::Stop(Timer::Resend));
        effects.push(Effect::Start { timer: Timer::Turn, after_ms });
    }

    /// The same bytes again, if a handshake waits.
    fn send_pending(&mut self, effects: &mut Vec<Effect>) -> bool {
        let Some(pending) = &mut self.pending else { return false };
        effects.push(Effect::Submit(pending.again()));
        effects.push(Effect::Start { timer: Timer::Resend, after_ms: resend_ms(pending.sent()) });
        true
    }

    fn reconnected(&mut self, effects: &mut Vec<Effect>) {
        if !self.send_pending(effects) && self.phase == Phase::Unannounced {
            effects.push(Effect::Start { timer: Timer::Resend, after_ms: AFTER_RECONNECT_MS });
        }
    }

    fn fired(&mut self, timer: Timer, now_ms: u64, effects: &mut Vec<Effect>) {
        match timer {
            Timer::Turn => {
                if self.turn.take().is_some() && self.pending.is_none() {
                    self.act(now_ms, effects);
                }
            }
            Timer::Resend => {
                if !self.send_pending(effects) && self.phase == Phase::Unannounced {
                    self.upload(effects);
                }
            }
            Timer::Patience => {
                let members = self.view.present_members().next().is_some();
                if self.phase == Phase::Waiting && members {
                    effects.push(Effect::Report(Report::StillWaiting));
                }
            }
            Timer::Renewal => self.renew(effects),
            Timer::Expiry => {
                if self.phase != Phase::Member {
                    self.end(RejoinReason::KeyPackageExpired, effects);
                }
            }
        }
    }

    /// Renews the own keys by a commit that changes nobody. Where there is other work, that comes
    /// first, and the renewal another time.
    fn renew(&mut self, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Member {
            return;
        }
        self.start_renewal(effects);
        let busy = self.pending.is_some() || self.turn.is_some() || self.judged.is_some();
        if busy || self.rank().is_some() {
            return;
        }
        match self.mls.commit(&BTreeSet::new(), &BTreeSet::new()) {
            Ok(draft) => self.submit(draft, self.view.roster.clone(), effects),
            Err(_) => self.end(RejoinReason::Internal, effects),
        }
    }

    fn start_renewal(&self, effects: &mut Vec<Effect>) {
        // Spread by a number that differs from member to member and from time to time
        // (the finalizer of SplitMix64).
        let mut spread = (u64::from(self.me.0) << 32) ^ self.view.handshakes.0;
        spread = (spread ^ (spread >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        spread = (spread ^ (spread >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let after_ms = RENEWAL_MS + (spread ^ (spread >> 31)) % RENEWAL_SPREAD_MS;
        effects.push(Effect::Start { timer: Timer::Renewal, after_ms });
    }

    fn upload(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Upload);
        effects.push(Effect::Start { timer: Timer::Resend, after_ms: UPLOAD_AGAIN_MS });
    }

    /// Acts if it is this participant's turn, or sets the timer to when it will be.
    fn propose(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.pending.is_some() {
            return;
        }
        match (self.rank(), self.turn) {
            (None, None) | (Some(_), Some(Turn::SteppedBack)) => {}
            (None, Some(_)) => self.stop_turn(effects),
            (Some(0), _) => {
                self.stop_turn(effects);
                self.act(now_ms, effects);
            }
            (Some(rank), Some(Turn::Rank(set))) if set <= rank => {}
            (Some(rank), _) => {
                self.turn = Some(Turn::Rank(rank));
                let after_ms = FIRST_BACKUP_MS + NEXT_BACKUP_MS * (rank - 1);
                effects.push(Effect::Start { timer: Timer::Turn, after_ms });
            }
        }
    }

    fn stop_turn(&mut self, effects: &mut Vec<Effect>) {
        if self.turn.take().is_some() {
            effects.push(Effect::Stop(Timer::Turn));
        }
    }

    /// This participant's place among those who could do the work, if there is work that it
    /// could do: zero is the designated one.
    fn rank(&self) -> Option<u64> {
        let place = match self.phase {
            Phase::Member => {
                let work = self.view.to_remove().next().is_some() || self.to_add().next().is_some();
                work.then(|| self.view.present_members().position(|one| one == self.me))?
            }
            Phase::Waiting => {
                let alone = self.view.present_members().next().is_none();
                alone.then(|| self.view.waiting().position(|one| one == self.me))?
            }
            Phase::Unannounced | Phase::Over => None,
        };
        place.map(|place| LAST_RANK.min(place as u64))
    }

    fn to_add(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.view.waiting().filter(|one| !self.skipped.contains(one))
    }

    /// Makes the handshake that the log calls for.
    fn act(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.rank().is_none() {
            return;
        }
        let drafted = match self.phase {
            Phase::Member => self.draft_commit(now_ms, effects),
            Phase::Waiting => {
                let draft = self.mls.create(self.view.handshakes.next(), now_ms);
                draft.map(|draft| Some((draft, BTreeSet::from([self.me]))))
            }
            Phase::Unannounced | Phase::Over => Ok(None),
        };
        match drafted {
            Ok(Some((draft, roster))) => self.submit(draft, roster, effects),
            Ok(None) => {}
            Err(_) => self.end(RejoinReason::Internal, effects),
        }
    }

    fn submit(&mut self, draft: Draft, roster: BTreeSet<ParticipantId>, effects: &mut Vec<Effect>) {
        self.pending = Some(Pending::new(draft, self.view.handshakes, roster));
        self.send_pending(effects);
        if self.phase == Phase::Member {
            effects.push(Effect::Coming(self.view.handshakes.next()));
        }
    }

    /// One commit that does all the work, or as much of it as one commit may hold. A KeyPackage
    /// that spoils it is found by halves, skipped and reported.
    fn draft_commit(
        &mut self,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<(Draft, BTreeSet<ParticipantId>)>, MlsError> {
        let remove: BTreeSet<_> = self.view.to_remove().collect();
        let mut room = ADDS_PER_COMMIT;
        loop {
            let candidates: Vec<_> = self.to_add().take(room).collect();
            for one in candidates {
                self.inspect(one, now_ms, effects);
            }
            let add: BTreeSet<_> = self.to_add().take(room).collect();
            if add.is_empty() && remove.is_empty() {
                return Ok(None);
            }
            let error = match self.mls.commit(&add, &remove) {
                Ok(draft) if draft.bytes() <= SUBMISSION_BYTES => {
                    let kept = self.view.roster.difference(&remove);
                    return Ok(Some((draft, kept.chain(&add).copied().collect())));
                }
                Ok(_) => {
                    self.mls.discard();
                    MlsError::TooLarge
                }
                Err(error) => error,
            };
            match (add.len(), add.first()) {
                (1, Some(&participant)) => {
                    self.skipped.insert(participant);
                    effects.push(Effect::Report(Report::Skipped { participant, error }));
                    room = ADDS_PER_COMMIT;
                }
                (0, _) | (_, None) => return Err(error),
                (several, _) => room = several / 2,
            }
        }
    }

    fn end(&mut self, reason: RejoinReason, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        self.pending = None;
        effects.push(Effect::Rejoin(reason));
    }
}

fn resend_ms(sent: u8) -> u64 {
    RESEND_MS << sent.saturating_sub(1).min(RESEND_DOUBLINGS)
}
