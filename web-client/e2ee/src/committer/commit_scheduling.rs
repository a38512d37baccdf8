//! When this participant creates the group or commits, and what it commits.

use std::collections::BTreeSet;

use signaling_protocol::ParticipantId;
use signaling_protocol::limits::{ADDS_PER_COMMIT, SUBMISSION_BYTES};

use super::pending::PendingHandshake;
use super::{Committer, Draft, Effect, Mls, MlsError, Phase, RejoinReason, Report, Timer, Turn};

/// How long the first backup waits for the designated committer, in milliseconds: a joiner waits
/// less than three seconds if the designated committer is frozen.
const FIRST_BACKUP_MS: u64 = 1_500;
/// How much longer each further backup waits, in milliseconds.
const NEXT_BACKUP_MS: u64 = 500;
/// Backups from this rank on wait equally long. The log accepts one of their commits.
const LAST_RANK: u64 = 20;
/// The shortest time between two renewals of a member's leaf keys, in milliseconds.
const SELF_UPDATE_MS: u64 = 15 * 60 * 1_000 / 2;
/// The range over which the renewals of all members are spread, in milliseconds.
const SELF_UPDATE_SPREAD_MS: u64 = 15 * 60 * 1_000;

impl<M: Mls> Committer<M> {
    /// Commits at once if this participant is the designated committer; starts the timer of a
    /// backup otherwise. Does nothing if there is nothing to commit.
    pub(super) fn schedule_commit(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.pending.is_some() {
            return;
        }
        match (self.rank(), self.turn) {
            (None, None) | (Some(_), Some(Turn::BackedOff)) => {}
            (None, Some(_)) => self.cancel_turn(effects),
            (Some(0), _) => {
                self.cancel_turn(effects);
                self.create_or_commit(now_ms, effects);
            }
            (Some(rank), Some(Turn::Rank(set))) if set <= rank => {}
            (Some(rank), _) => {
                self.turn = Some(Turn::Rank(rank));
                let after_ms = FIRST_BACKUP_MS + NEXT_BACKUP_MS * (rank - 1);
                effects.push(Effect::StartTimer { timer: Timer::Turn, after_ms });
            }
        }
    }

    pub(super) fn cancel_turn(&mut self, effects: &mut Vec<Effect>) {
        if self.turn.take().is_some() {
            effects.push(Effect::StopTimer(Timer::Turn));
        }
    }

    /// Returns this participant's rank among those who could create or commit: 0 for the
    /// designated committer, `None` if there is nothing that this participant could do.
    fn rank(&self) -> Option<u64> {
        let rank = match self.phase {
            Phase::Member => {
                let due = self.view.to_remove().next().is_some() || self.to_add().next().is_some();
                due.then(|| self.view.present_members().position(|one| one == self.me))?
            }
            Phase::Waiting => {
                let alone = self.view.present_members().next().is_none();
                alone.then(|| self.view.waiting().position(|one| one == self.me))?
            }
            Phase::Uploading | Phase::Ended => None,
        };
        rank.map(|rank| LAST_RANK.min(rank as u64))
    }

    fn to_add(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.view.waiting().filter(|one| !self.skipped.contains(one))
    }

    /// Submits the handshake that the log calls for: a commit from a member, a create from a
    /// waiting participant.
    pub(super) fn create_or_commit(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.rank().is_none() {
            return;
        }
        let drafted = match self.phase {
            Phase::Member => self.draft_commit(now_ms, effects),
            Phase::Waiting => {
                let draft = self.mls.create_group(self.view.handshake_count().next(), now_ms);
                draft.map(|draft| Some((draft, BTreeSet::from([self.me]))))
            }
            Phase::Uploading | Phase::Ended => Ok(None),
        };
        match drafted {
            Ok(Some((draft, roster))) => self.submit(draft, roster, effects),
            Ok(None) => {}
            Err(_) => self.end(RejoinReason::Internal, effects),
        }
    }

    fn submit(&mut self, draft: Draft, roster: BTreeSet<ParticipantId>, effects: &mut Vec<Effect>) {
        let count = self.view.handshake_count();
        self.pending = Some(PendingHandshake::new(draft, count, roster));
        self.send_pending(effects);
        if self.phase == Phase::Member {
            effects.push(Effect::EpochPending(count.next()));
        }
    }

    /// Makes one commit that adds all waiting participants and removes all departed ones, as far
    /// as the limits of a submission allow. Returns it with the members after it, or `None` if no
    /// addable participant and no removal is left.
    ///
    /// A KeyPackage that makes the commit fail is found by halving the batch, skipped and reported.
    ///
    /// # Errors
    /// The library's error if a commit without additions fails.
    fn draft_commit(
        &mut self,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<(Draft, BTreeSet<ParticipantId>)>, MlsError> {
        let remove: BTreeSet<_> = self.view.to_remove().collect();
        let mut max_adds = ADDS_PER_COMMIT;
        loop {
            let candidates: Vec<_> = self.to_add().take(max_adds).collect();
            for one in candidates {
                self.check_key_package(one, now_ms, effects);
            }
            let add: BTreeSet<_> = self.to_add().take(max_adds).collect();
            if add.is_empty() && remove.is_empty() {
                return Ok(None);
            }
            let error = match self.mls.create_commit(&add, &remove) {
                Ok(draft) if draft.bytes() <= SUBMISSION_BYTES => {
                    let kept = self.view.roster().difference(&remove);
                    return Ok(Some((draft, kept.chain(&add).copied().collect())));
                }
                Ok(_) => {
                    self.mls.clear_pending();
                    MlsError::TooLarge
                }
                Err(error) => error,
            };
            match (add.len(), add.first()) {
                (1, Some(&participant)) => {
                    self.skip(participant, error, effects);
                    max_adds = ADDS_PER_COMMIT;
                }
                (0, _) | (_, None) => return Err(error),
                (several, _) => max_adds = several / 2,
            }
        }
    }

    /// Skips and reports a waiting participant whose KeyPackage must not be added.
    pub(super) fn check_key_package(
        &mut self,
        participant: ParticipantId,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) {
        if let Err(error) = self.mls.check_key_package(participant, now_ms) {
            self.skip(participant, error, effects);
        }
    }

    /// Excludes a waiting participant from commits, and reports that once.
    fn skip(&mut self, participant: ParticipantId, error: MlsError, effects: &mut Vec<Effect>) {
        if self.skipped.insert(participant) {
            effects.push(Effect::Report(Report::KeyPackageSkipped { participant, error }));
        }
    }

    /// Renews this member's leaf keys by a commit without additions and removals. Where other work
    /// is due, that goes first and the renewal waits for its next turn.
    pub(super) fn self_update(&mut self, effects: &mut Vec<Effect>) {
        if self.phase != Phase::Member {
            return;
        }
        self.start_self_update_timer(effects);
        let busy = self.pending.is_some() || self.turn.is_some() || self.voted.is_some();
        if busy || self.rank().is_some() {
            return;
        }
        match self.mls.create_commit(&BTreeSet::new(), &BTreeSet::new()) {
            Ok(draft) => self.submit(draft, self.view.roster().clone(), effects),
            Err(_) => self.end(RejoinReason::Internal, effects),
        }
    }

    pub(super) fn start_self_update_timer(&self, effects: &mut Vec<Effect>) {
        // A hash (the finalizer of SplitMix64) of what differs between members and between their
        // renewals: the committer has no random source.
        let mut hash = (u64::from(self.me.0) << 32) ^ self.view.handshake_count().0;
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let after_ms = SELF_UPDATE_MS + (hash ^ (hash >> 31)) % SELF_UPDATE_SPREAD_MS;
        effects.push(Effect::StartTimer { timer: Timer::SelfUpdate, after_ms });
    }
}
