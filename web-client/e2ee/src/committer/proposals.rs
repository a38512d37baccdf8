//! Whose turn it is, and the handshake that the log calls for.

use std::collections::BTreeSet;

use signaling_protocol::ParticipantId;
use signaling_protocol::limits::{ADDS_PER_COMMIT, SUBMISSION_BYTES};

use super::pending::Pending;
use super::{Committer, Draft, Effect, Mls, MlsError, Phase, RejoinReason, Report, Timer, Turn};

/// How long the first backup waits for the designated committer, in milliseconds: a designated
/// one that stands still costs a joiner less than three seconds.
const FIRST_BACKUP_MS: u64 = 1_500;
/// How much longer each further backup waits, in milliseconds.
const NEXT_BACKUP_MS: u64 = 500;
/// From this rank on, all wait equally long: the log lets one of them win.
const LAST_RANK: u64 = 20;
/// A member renews its keys after this time at the earliest, in milliseconds, and then within
/// [`RENEWAL_SPREAD_MS`], so that not all do it at once.
const RENEWAL_MS: u64 = 15 * 60 * 1_000 / 2;
const RENEWAL_SPREAD_MS: u64 = 15 * 60 * 1_000;

impl<M: Mls> Committer<M> {
    /// Acts if it is this participant's turn, or sets the timer to when it will be.
    pub(super) fn propose(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
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

    pub(super) fn stop_turn(&mut self, effects: &mut Vec<Effect>) {
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
    pub(super) fn act(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
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

    /// Renews the own keys by a commit that changes nobody. Where there is other work, that comes
    /// first, and the renewal another time.
    pub(super) fn renew(&mut self, effects: &mut Vec<Effect>) {
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

    pub(super) fn start_renewal(&self, effects: &mut Vec<Effect>) {
        // Spread by a number that differs from member to member and from time to time
        // (the finalizer of SplitMix64).
        let mut spread = (u64::from(self.me.0) << 32) ^ self.view.handshakes.0;
        spread = (spread ^ (spread >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        spread = (spread ^ (spread >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let after_ms = RENEWAL_MS + (spread ^ (spread >> 31)) % RENEWAL_SPREAD_MS;
        effects.push(Effect::Start { timer: Timer::Renewal, after_ms });
    }
}
