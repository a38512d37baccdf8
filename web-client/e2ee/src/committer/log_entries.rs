//! Reading the log: what each entry does to the view and to the group.

use std::collections::BTreeSet;

use signaling_protocol::{Handshake, LogEntry, LogEvent, Opaque, ParticipantId, Step};

use super::log_view::InvalidEntry;
use super::votes::VotedCommit;
use super::{Claims, Committer, Effect, Mls, MlsError, Phase, RejoinReason, Report, Timer};
use crate::credential::CredentialError;

/// How long a participant waits to be added before the user is told, in milliseconds.
const JOIN_DELAY_MS: u64 = 6_000;

impl<M: Mls> Committer<M> {
    /// Applies the next entry of the log. Ignores entries that were read before.
    pub(super) fn read_entry(&mut self, entry: LogEntry, now_ms: u64, effects: &mut Vec<Effect>) {
        let LogEntry { position, event } = entry;
        let expected = self.view.position().next();
        if position < expected {
            return;
        }
        if position > expected {
            effects.push(Effect::Report(Report::LogGap { expected, found: position }));
            return self.end(RejoinReason::LogGap, effects);
        }
        let applied = match event {
            event if event.departed() == Some(self.me) => {
                return self.end(RejoinReason::Departed, effects);
            }
            LogEvent::Joined(joined) => self.view.apply_joined(&joined).map(|gone| {
                self.mls.add_key_package(&joined);
                self.apply_joined(joined.participant, now_ms, effects);
                self.forget(&gone);
            }),
            LogEvent::Departed { participant } => {
                let gone = self.view.apply_departed(participant);
                self.forget(&gone);
                Ok(())
            }
            LogEvent::Handshake(handshake) => self.view.check_handshake(&handshake).map(|roster| {
                self.apply_handshake(&handshake, roster, effects);
            }),
        };
        match applied {
            Ok(()) => self.view.move_to(position),
            Err(InvalidEntry) => {
                effects.push(Effect::Report(Report::InvalidEntry(position)));
                self.end(RejoinReason::InvalidLog, effects);
            }
        }
    }

    fn apply_joined(&mut self, participant: ParticipantId, now_ms: u64, effects: &mut Vec<Effect>) {
        if participant != self.me {
            return self.check_key_package(participant, now_ms, effects);
        }
        self.phase = Phase::Waiting;
        effects.push(Effect::StopTimer(Timer::Resend));
        effects.push(Effect::StartTimer { timer: Timer::JoinDelay, after_ms: JOIN_DELAY_MS });
    }

    /// Checks the KeyPackages of the snapshot. If all members' ones were made with another link,
    /// this participant has the wrong link, and the user is told.
    pub(super) fn check_snapshot(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let other_link = |one| {
            let error = MlsError::Credential(CredentialError::OtherLink);
            self.mls.check_key_package(one, now_ms) == Err(error)
        };
        let members: Vec<_> = self.view.present_members().collect();
        if !members.is_empty() && members.into_iter().all(other_link) {
            effects.push(Effect::Report(Report::OtherLink));
        }
        let waiting: Vec<_> = self.view.waiting().collect();
        for one in waiting {
            self.check_key_package(one, now_ms, effects);
        }
    }

    fn apply_handshake(
        &mut self,
        handshake: &Handshake,
        roster: BTreeSet<ParticipantId>,
        effects: &mut Vec<Effect>,
    ) {
        let is_own = self.take_pending(handshake, effects);
        let is_staged = self.take_voted(handshake);
        self.cancel_turn(effects);
        let is_member = roster.contains(&self.me);
        let joins = self.phase != Phase::Member && is_member;
        let claims = Claims { count: handshake.count, sender: handshake.sender, roster: &roster };
        let outcome = if is_own && handshake.sender == self.me {
            self.mls.merge_pending(handshake.count).map_err(|_| RejoinReason::Internal)
        } else if handshake.sender == self.me {
            // In this participant's name, but not sent by it, or given up before.
            Err(RejoinReason::InvalidLog)
        } else if self.phase == Phase::Member && !is_member {
            Err(RejoinReason::Removed)
        } else if self.phase == Phase::Member && is_staged {
            self.mls.merge_staged_commit().map_err(|_| RejoinReason::Internal)
        } else if self.phase == Phase::Member {
            self.process_commit(&handshake.step, &claims, effects)
        } else if joins {
            self.join_by_welcome(&handshake.step, &claims, effects)
        } else {
            Ok(())
        };
        if let Err(reason) = outcome {
            return self.end(reason, effects);
        }
        let gone = self.view.apply_handshake(handshake.count, roster);
        self.forget(&gone);
        if joins {
            self.phase = Phase::Member;
            for timer in [Timer::JoinDelay, Timer::KeyPackageExpiry, Timer::Resend] {
                effects.push(Effect::StopTimer(timer));
            }
            self.start_self_update_timer(effects);
        }
        if self.phase == Phase::Member {
            effects.push(Effect::EpochStarted(handshake.count));
        }
    }

    /// Takes this participant's pending handshake, now that the log has decided. Returns `true` if
    /// the log has accepted it, and clears it from MLS if not.
    fn take_pending(&mut self, handshake: &Handshake, effects: &mut Vec<Effect>) -> bool {
        let Some(pending) = self.pending.take() else { return false };
        effects.push(Effect::StopTimer(Timer::Resend));
        let is_own = pending.matches(handshake);
        if !is_own {
            self.mls.clear_pending();
        }
        is_own
    }

    /// Takes the commit that this member voted on. Returns `true` if it is staged and the log has
    /// accepted it, and clears it from MLS if the log has accepted another handshake.
    fn take_voted(&mut self, handshake: &Handshake) -> bool {
        let Some(staged) = self.voted.take().filter(VotedCommit::is_staged) else { return false };
        let accepted = staged.matches(handshake);
        if !accepted {
            self.mls.clear_staged_commit();
        }
        accepted
    }

    fn forget(&mut self, gone: &[ParticipantId]) {
        for one in gone {
            self.mls.remove_key_package(*one);
            self.skipped.remove(one);
        }
    }

    fn process_commit(
        &mut self,
        step: &Step,
        claims: &Claims<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), RejoinReason> {
        let Step::Commit { commit, .. } = step else {
            // A create although this member is present.
            return Err(RejoinReason::InvalidLog);
        };
        self.mls.process_commit(commit, claims).map_err(|error| {
            let sender = claims.sender;
            effects.push(Effect::Report(Report::BadCommit { sender, error }));
            RejoinReason::CannotProcess
        })
    }

    fn join_by_welcome(
        &mut self,
        step: &Step,
        claims: &Claims<'_>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), RejoinReason> {
        let welcome = match step {
            Step::Commit { welcome: Some(welcome), .. } => welcome,
            Step::Commit { welcome: None, .. } | Step::Create => &Opaque::default(),
        };
        self.mls.join_by_welcome(welcome, claims).map_err(|error| {
            let sender = claims.sender;
            effects.push(Effect::Report(Report::BadWelcome { sender, error }));
            RejoinReason::CannotProcess
        })
    }
}
