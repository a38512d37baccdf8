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

mod event;
mod judged;
mod mls;
mod pending;
mod proposals;
mod reading;
mod rejoin_reason;
mod view;

use std::collections::BTreeSet;

use signaling_protocol::{LogSnapshot, MessageId, ParticipantId, RefusalCode};

pub use event::{Effect, Event, Report, Timer};
use judged::Judged;
pub use mls::{Claims, Draft, Mls, MlsError};
use pending::Pending;
pub use rejoin_reason::RejoinReason;
use view::Impossible;
pub use view::LogView;

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
/// A KeyPackage is valid for an hour; it is given up before that, in milliseconds.
const EXPIRY_MS: u64 = 55 * 60 * 1_000;

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
        let joined = snapshot.joined.clone();
        let view = LogView::new(snapshot).map_err(|Impossible| RejoinReason::ImpossibleLog)?;
        for one in &joined {
            mls.announce(one);
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

    /// Whose committer this is.
    #[must_use]
    pub fn me(&self) -> ParticipantId {
        self.me
    }

    /// How far it has come, as the specification calls it.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self.phase {
            Phase::Unannounced => "unannounced",
            Phase::Waiting => "waiting",
            Phase::Member => "member",
            Phase::Over => "over",
        }
    }

    /// The own handshake that waits for the log's decision.
    #[must_use]
    pub fn pending(&self) -> Option<&MessageId> {
        self.pending.as_ref().map(Pending::message_id)
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
            Event::CommitPending(handshake) => self.tentative(handshake, &mut effects),
            Event::CommitRejected(message_id) => self.dropped(&message_id, &mut effects),
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
            | RefusalCode::Denied
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

    fn upload(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Upload);
        effects.push(Effect::Start { timer: Timer::Resend, after_ms: UPLOAD_AGAIN_MS });
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
