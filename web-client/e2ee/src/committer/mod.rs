//! The committer: decides from the delivery log alone which participant creates the MLS group, which
//! member commits, and what it commits. A pure state machine: events in, effects out.
//!
//! These rules keep the group in one piece, whatever fails:
//! 1. Creates and commits are compared and swapped on the handshake count (the log does that).
//! 2. An own handshake takes effect when it comes back from the log, and is resent byte for byte
//!    until the log has decided.
//! 3. Commit, Welcome and roster are one entry of the log.
//! 4. Pending work is derived from the log, never queued: one commit adds all who joined and are
//!    not members, and removes all members who departed.
//! 5. The present member with the lowest id commits at once; the others are backups and wait, each
//!    a little longer than the one before. Safety does not depend on this.
//! 6. A create is possible only where no present member is left.
//! 7. A KeyPackage that must not be added is skipped and reported.
//! 8. A participant that reads of its own departure wipes its keys.
//! 9. A commit is staged when members vote on it, and takes effect when the log has it. A rejected
//!    one is discarded, and its author backs off.

mod commit_scheduling;
mod event;
mod log_entries;
mod log_view;
mod mls;
mod pending;
mod rejoin_reason;
mod votes;

use std::collections::BTreeSet;

use signaling_protocol::{LogSnapshot, MessageId, ParticipantId, RefusalCode};

pub use event::{Effect, Event, Report, Timer};
use log_view::InvalidEntry;
pub use log_view::LogView;
pub use mls::{Claims, Draft, Mls, MlsError};
use pending::PendingHandshake;
pub use rejoin_reason::RejoinReason;
use votes::VotedCommit;

/// How long to wait before the first resend of a handshake, in milliseconds. Doubled for each
/// further one.
const RESEND_MS: u64 = 2_000;
/// How often the wait between resends is doubled.
const MAX_RESEND_DOUBLINGS: u8 = 4;
/// How long to wait before a KeyPackage is uploaded again, in milliseconds.
const REUPLOAD_MS: u64 = 10_000;
/// How long to wait after a reconnect before a KeyPackage is uploaded again, in milliseconds: the
/// missed log entries may already have it.
const REUPLOAD_AFTER_RECONNECT_MS: u64 = 1_000;
/// How long to wait after the service refused a handshake for good, in milliseconds: other members
/// commit meanwhile.
const REFUSED_BACKOFF_MS: u64 = 10_000;
/// How long to wait to be added, in milliseconds: a KeyPackage is valid for an hour.
const KEY_PACKAGE_EXPIRY_MS: u64 = 55 * 60 * 1_000;

/// One participant's committer, over an MLS state `M`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Committer<M> {
    me: ParticipantId,
    mls: M,
    view: LogView,
    phase: Phase,
    pending: Option<PendingHandshake>,
    voted: Option<VotedCommit>,
    /// Why the turn timer runs, if it does.
    turn: Option<Turn>,
    /// Waiting participants whose KeyPackages must not be added.
    skipped: BTreeSet<ParticipantId>,
}

/// The phases of a participant, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// The log does not have this participant's KeyPackage yet.
    Uploading,
    /// The log has the KeyPackage; no member has added it yet.
    Waiting,
    /// A member of the group.
    Member,
    /// At the end; all further events are ignored.
    Ended,
}

/// Why the turn timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Turn {
    /// As a backup of this rank. The lower rank commits first.
    Rank(u64),
    /// The last handshake was refused or rejected.
    BackedOff,
}

impl<M: Mls> Committer<M> {
    /// Returns the committer of a participant that has just joined, and its first effects.
    ///
    /// # Errors
    /// [`RejoinReason::InvalidLog`] if the snapshot is larger than a room can be.
    pub fn join(
        me: ParticipantId,
        mut mls: M,
        snapshot: LogSnapshot,
        now_ms: u64,
    ) -> Result<(Self, Vec<Effect>), RejoinReason> {
        let joined = snapshot.joined.clone();
        let view = LogView::new(snapshot).map_err(|InvalidEntry| RejoinReason::InvalidLog)?;
        for one in &joined {
            mls.add_key_package(one);
        }
        let mut committer = Self {
            me,
            mls,
            view,
            phase: Phase::Uploading,
            pending: None,
            voted: None,
            turn: None,
            skipped: BTreeSet::new(),
        };
        let mut effects = Vec::new();
        committer.check_snapshot(now_ms, &mut effects);
        committer.upload(&mut effects);
        let expiry =
            Effect::StartTimer { timer: Timer::KeyPackageExpiry, after_ms: KEY_PACKAGE_EXPIRY_MS };
        effects.push(expiry);
        Ok((committer, effects))
    }

    /// Returns the log as far as it was read.
    #[must_use]
    pub fn view(&self) -> &LogView {
        &self.view
    }

    /// Returns the MLS state.
    #[must_use]
    pub fn mls(&self) -> &M {
        &self.mls
    }

    /// Returns the MLS state, for application messages between handshakes.
    pub fn mls_mut(&mut self) -> &mut M {
        &mut self.mls
    }

    /// Returns the participant that this committer belongs to.
    #[must_use]
    pub fn me(&self) -> ParticipantId {
        self.me
    }

    /// Returns the participant's phase as `tla/Committer.tla` names it.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self.phase {
            Phase::Uploading => "uploading",
            Phase::Waiting => "waiting",
            Phase::Member => "member",
            Phase::Ended => "ended",
        }
    }

    /// Returns the id of this participant's handshake that the log has not decided on.
    #[must_use]
    pub fn pending(&self) -> Option<&MessageId> {
        self.pending.as_ref().map(PendingHandshake::message_id)
    }

    /// Returns `true` if this participant is a member of the group.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.phase == Phase::Member
    }

    /// Handles an event and returns what to do. After [`Effect::Rejoin`] every event is ignored.
    pub fn on_event(&mut self, event: Event, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.phase == Phase::Ended {
            return effects;
        }
        match event {
            Event::Entry(entry) => self.read_entry(entry, now_ms, &mut effects),
            Event::CommitPending(handshake) => self.vote_on_commit(handshake, &mut effects),
            Event::CommitRejected(message_id) => self.discard_rejected(&message_id, &mut effects),
            Event::Refused(code, message_id) => {
                self.handle_refusal(code, message_id.as_ref(), &mut effects);
            }
            Event::Reconnected => self.handle_reconnect(&mut effects),
            Event::Fired(timer) => self.handle_timer(timer, now_ms, &mut effects),
        }
        if self.phase != Phase::Ended {
            self.schedule_commit(now_ms, &mut effects);
        }
        effects
    }

    fn handle_refusal(
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
            // The log settles these: the entry that made a handshake stale is under way, and so is
            // the decision on another member's pending commit.
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
        let pending = self.pending.as_ref().map(PendingHandshake::message_id);
        if for_good && pending.is_some() && pending == message_id {
            effects.push(Effect::Report(Report::SubmissionRefused(code)));
            self.back_off(REFUSED_BACKOFF_MS, effects);
        }
    }

    /// Gives up this participant's handshake, and lets other members commit for this long.
    fn back_off(&mut self, after_ms: u64, effects: &mut Vec<Effect>) {
        self.pending = None;
        self.mls.clear_pending();
        self.turn = Some(Turn::BackedOff);
        effects.push(Effect::StopTimer(Timer::Resend));
        effects.push(Effect::StartTimer { timer: Timer::Turn, after_ms });
    }

    /// Submits the pending handshake, byte for byte as before. Returns `false` if there is none.
    fn send_pending(&mut self, effects: &mut Vec<Effect>) -> bool {
        let Some(pending) = &mut self.pending else { return false };
        effects.push(Effect::Submit(pending.submit()));
        let after_ms = resend_delay_ms(pending.send_count());
        effects.push(Effect::StartTimer { timer: Timer::Resend, after_ms });
        true
    }

    fn handle_reconnect(&mut self, effects: &mut Vec<Effect>) {
        if !self.send_pending(effects) && self.phase == Phase::Uploading {
            let after_ms = REUPLOAD_AFTER_RECONNECT_MS;
            effects.push(Effect::StartTimer { timer: Timer::Resend, after_ms });
        }
    }

    fn handle_timer(&mut self, timer: Timer, now_ms: u64, effects: &mut Vec<Effect>) {
        match timer {
            Timer::Turn => {
                if self.turn.take().is_some() && self.pending.is_none() {
                    self.create_or_commit(now_ms, effects);
                }
            }
            Timer::Resend => {
                if !self.send_pending(effects) && self.phase == Phase::Uploading {
                    self.upload(effects);
                }
            }
            Timer::JoinDelay => {
                let has_members = self.view.present_members().next().is_some();
                if self.phase == Phase::Waiting && has_members {
                    effects.push(Effect::Report(Report::StillWaiting));
                }
            }
            Timer::SelfUpdate => self.self_update(effects),
            Timer::KeyPackageExpiry => {
                if self.phase != Phase::Member {
                    self.end(RejoinReason::KeyPackageExpired, effects);
                }
            }
        }
    }

    fn upload(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::UploadKeyPackage);
        effects.push(Effect::StartTimer { timer: Timer::Resend, after_ms: REUPLOAD_MS });
    }

    fn end(&mut self, reason: RejoinReason, effects: &mut Vec<Effect>) {
        self.phase = Phase::Ended;
        self.pending = None;
        effects.push(Effect::Rejoin(reason));
    }
}

/// Returns the wait before the next resend, in milliseconds, after so many sends.
fn resend_delay_ms(send_count: u8) -> u64 {
    RESEND_MS << send_count.saturating_sub(1).min(MAX_RESEND_DOUBLINGS)
}
