//! The next entry of the log, and what becomes of the group by it.

use std::collections::BTreeSet;

use signaling_protocol::{Handshake, LogEntry, LogEvent, Opaque, ParticipantId, Step};

use super::judged::Judged;
use super::view::Impossible;
use super::{Claims, Committer, Effect, Mls, MlsError, Phase, RejoinReason, Report, Timer};
use crate::credential::CredentialError;

/// After so many milliseconds people are told that nobody lets them in.
const PATIENCE_MS: u64 = 6_000;

impl<M: Mls> Committer<M> {
    pub(super) fn read(&mut self, entry: LogEntry, now_ms: u64, effects: &mut Vec<Effect>) {
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
            event if event.departed() == Some(self.me) => {
                return self.end(RejoinReason::Departed, effects);
            }
            LogEvent::Joined(joined) => self.view.join(&joined).map(|over| {
                self.mls.announce(&joined);
                self.joined(joined.participant, now_ms, effects);
                self.forget(&over);
            }),
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
    pub(super) fn inspect(
        &mut self,
        participant: ParticipantId,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(error) = self.mls.admissible(participant, now_ms)
            && self.skipped.insert(participant)
        {
            effects.push(Effect::Report(Report::Skipped { participant, error }));
        }
    }

    /// A newcomer can tell from the members' KeyPackages whether it holds their link.
    pub(super) fn compare_links(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let other_link = |one| {
            let credential = CredentialError::OtherLink;
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
}
