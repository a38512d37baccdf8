//! Comparison by voice: five emoji that are the same for all members exactly when nobody stands
//! between them.
//!
//! Each member commits to a nonce, and shows it once everybody has committed: the emoji are drawn
//! from all nonces and the epoch authenticator (RFC 9420 section 8.7), so that nobody can try out
//! nonces until two epochs show the same. The server tells all messages in one order, hence every
//! member goes through the same rounds. Nothing here depends on a clock but how soon a member
//! answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many emoji are compared.
pub const EMOJI: usize = 5;
/// Out of how many: six bits each.
const ALPHABET_BITS: u32 = 6;
/// So often a member answers a new round at most, in milliseconds.
const PAUSE_MS: u64 = 2_000;

pub(crate) type Nonce = [u8; 16];

/// One message of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ComparisonStep {
    /// SHA-256 over label, epoch authenticator, leaf and nonce, in base64url.
    Commit(String),
    /// The nonce, in base64url.
    Reveal(String),
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// These leaves have not said all yet.
    Waiting(BTreeSet<u32>),
    /// Everybody sees these, 0 to 63 each.
    Emoji([u8; EMOJI]),
    /// This leaf has shown another nonce than it had committed to.
    Cheated(u32),
    /// The members changed before everybody had answered.
    Interrupted,
}

/// The comparison of one epoch after the other.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    own_leaf: u32,
    members: BTreeSet<u32>,
    authenticator: Vec<u8>,
    round: Option<Round>,
    /// The own nonce, and whether its commitment has come back.
    own: Option<(Nonce, bool)>,
    /// Before then no commitment is made.
    not_before_ms: u64,
}

#[derive(Debug, Default)]
struct Round {
    commitments: BTreeMap<u32, String>,
    nonces: BTreeMap<u32, Nonce>,
}

impl Comparison {
    /// A new epoch begins: what was under way is over, and said to be if it was.
    pub(crate) fn new_epoch(
        &mut self,
        own_leaf: u32,
        members: BTreeSet<u32>,
        authenticator: Vec<u8>,
    ) -> Option<Standing> {
        let interrupted = self.round.is_some() || self.own.is_some();
        *self = Self {
            own_leaf,
            members,
            authenticator,
            not_before_ms: self.not_before_ms,
            ..Self::default()
        };
        interrupted.then_some(Standing::Interrupted)
    }

    /// The person wants to compare: what to send, if no commitment is under way already.
    pub(crate) fn begin(&mut self, nonce: Nonce, now_ms: u64) -> Option<ComparisonStep> {
        let under_way = matches!(self.own, Some((_, false)));
        (!under_way && !self.members.is_empty()).then(|| self.commit(nonce, now_ms))
    }

    /// When [`Comparison::owed`] will have something to send.
    pub(crate) fn due(&self) -> Option<u64> {
        self.owes().then_some(self.not_before_ms)
    }

    /// A commitment to send because others have begun.
    pub(crate) fn owed(
        &mut self,
        nonce: impl FnOnce() -> Option<Nonce>,
        now_ms: u64,
    ) -> Option<ComparisonStep> {
        if !self.owes() || now_ms < self.not_before_ms {
            return None;
        }
        nonce().map(|nonce| self.commit(nonce, now_ms))
    }

    /// A member, perhaps this one, has said this. How it stands now, and what to send.
    pub(crate) fn heard(
        &mut self,
        leaf: u32,
        step: &ComparisonStep,
    ) -> (Option<Standing>, Option<ComparisonStep>) {
        if !self.members.contains(&leaf) {
            return (None, None);
        }
        match step {
            ComparisonStep::Commit(commitment) => self.committed(leaf, commitment.clone()),
            ComparisonStep::Reveal(nonce) => (self.revealed(leaf, nonce), None),
        }
    }

    fn owes(&self) -> bool {
        self.round.is_some() && self.own.is_none()
    }

    fn commit(&mut self, nonce: Nonce, now_ms: u64) -> ComparisonStep {
        self.own = Some((nonce, false));
        self.not_before_ms = now_ms.saturating_add(PAUSE_MS);
        ComparisonStep::Commit(self.commitment(self.own_leaf, &nonce))
    }

    fn committed(
        &mut self,
        leaf: u32,
        commitment: String,
    ) -> (Option<Standing>, Option<ComparisonStep>) {
        let mut round = self.round.take().unwrap_or_default();
        if round.commitments.contains_key(&leaf) {
            // Somebody begins anew.
            round = Round::default();
            self.own = self.own.filter(|&(_, came_back)| !came_back);
        }
        round.commitments.insert(leaf, commitment);
        if leaf == self.own_leaf
            && let Some((_, came_back)) = &mut self.own
        {
            *came_back = true;
        }
        let complete = round.commitments.len() == self.members.len();
        self.round = Some(round);
        let reveal = self.own.filter(|_| complete).map(|(nonce, _)| reveal(&nonce));
        (self.waiting(), reveal)
    }

    fn revealed(&mut self, leaf: u32, nonce: &str) -> Option<Standing> {
        let round = self.round.as_ref()?;
        if round.commitments.len() < self.members.len() {
            // Of a round that somebody has begun anew.
            return None;
        }
        let nonce = URL_SAFE_NO_PAD.decode(nonce).ok().and_then(|nonce| nonce.try_into().ok());
        let honest = nonce
            .filter(|nonce| round.commitments.get(&leaf) == Some(&self.commitment(leaf, nonce)));
        let Some(nonce) = honest else {
            self.over();
            return Some(Standing::Cheated(leaf));
        };
        let round = self.round.as_mut()?;
        round.nonces.insert(leaf, nonce);
        if round.nonces.len() < self.members.len() {
            return self.waiting();
        }
        let emoji = emoji(&self.authenticator, &round.nonces);
        self.over();
        Some(Standing::Emoji(emoji))
    }

    fn over(&mut self) {
        self.round = None;
        self.own = None;
    }

    fn waiting(&self) -> Option<Standing> {
        let round = self.round.as_ref()?;
        let committed = round.commitments.len() == self.members.len();
        let answered = |leaf: &u32| {
            if committed {
                round.nonces.contains_key(leaf)
            } else {
                round.commitments.contains_key(leaf)
            }
        };
        let silent = self.members.iter().copied().filter(|leaf| !answered(leaf));
        Some(Standing::Waiting(silent.collect()))
    }

    fn commitment(&self, leaf: u32, nonce: &Nonce) -> String {
        let hash = Sha256::new()
            .chain_update(b"lp-sas/1 commit")
            .chain_update(&self.authenticator)
            .chain_update(leaf.to_be_bytes())
            .chain_update(nonce)
            .finalize();
        URL_SAFE_NO_PAD.encode(hash)
    }
}

fn reveal(nonce: &Nonce) -> ComparisonStep {
    ComparisonStep::Reveal(URL_SAFE_NO_PAD.encode(nonce))
}

fn emoji(authenticator: &[u8], nonces: &BTreeMap<u32, Nonce>) -> [u8; EMOJI] {
    let mut hash = Sha256::new().chain_update(b"lp-sas/1 emoji").chain_update(authenticator);
    for (leaf, nonce) in nonces {
        hash.update(leaf.to_be_bytes());
        hash.update(nonce);
    }
    let hash = hash.finalize();
    let bits = hash.iter().take(8).fold(0_u64, |bits, &byte| (bits << 8) | u64::from(byte));
    std::array::from_fn(|at| {
        let shift = u64::BITS - ALPHABET_BITS * (at as u32 + 1);
        ((bits >> shift) & 0b11_1111) as u8
    })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Members of one epoch, and the server that tells all of them everything in one order.
    struct Call {
        members: Vec<Comparison>,
        standing: Vec<Option<Standing>>,
        told: VecDeque<(u32, ComparisonStep)>,
        nonces: u8,
    }

    impl Call {
        fn of(count: u32, authenticator: &[u8]) -> Self {
            let all: BTreeSet<_> = (0..count).collect();
            let member = |leaf| {
                let mut member = Comparison::default();
                assert_eq!(member.new_epoch(leaf, all.clone(), authenticator.to_vec()), None);
                member
            };
            Self {
                members: all.iter().copied().map(member).collect(),
                standing: vec![None; all.len()],
                told: VecDeque::new(),
                nonces: 0,
            }
        }

        fn nonce(&mut self) -> Nonce {
            self.nonces += 1;
            [self.nonces; 16]
        }

        fn begin(&mut self, leaf: u32, now_ms: u64) {
            let nonce = self.nonce();
            let step = self.members[leaf as usize].begin(nonce, now_ms);
            self.told.extend(step.map(|step| (leaf, step)));
        }

        /// Tells the next message to everybody.
        fn tell(&mut self, now_ms: u64) -> bool {
            let Some((sender, step)) = self.told.pop_front() else { return false };
            for leaf in 0..self.members.len() as u32 {
                let nonce = self.nonce();
                let member = &mut self.members[leaf as usize];
                let (standing, answer) = member.heard(sender, &step);
                let owed = member.owed(|| Some(nonce), now_ms);
                self.told.extend(answer.into_iter().chain(owed).map(|step| (leaf, step)));
                if standing.is_some() {
                    self.standing[leaf as usize] = standing;
                }
            }
            true
        }

        fn tell_all(&mut self, now_ms: u64) {
            for _ in 0..1_000 {
                if !self.tell(now_ms) {
                    return;
                }
            }
            panic!("it never ends");
        }

        fn emoji(&self) -> Vec<[u8; EMOJI]> {
            let emoji = |standing: &Option<Standing>| match standing {
                Some(Standing::Emoji(emoji)) => *emoji,
                other => panic!("no emoji: {other:?}"),
            };
            self.standing.iter().map(emoji).collect()
        }
    }

    #[test]
    fn everybody_sees_the_same_whoever_begins_and_other_ones_the_next_time() {
        let mut call = Call::of(4, b"epoch");
        call.begin(2, 0);
        call.tell_all(0);
        let first = call.emoji();
        assert!(first.iter().all(|emoji| *emoji == first[0] && emoji.iter().all(|&one| one < 64)));
        call.begin(0, 5_000);
        call.tell_all(5_000);
        assert_ne!(call.emoji()[0], first[0]);
    }

    #[test]
    fn all_who_begin_at_once_are_in_one_round() {
        let mut call = Call::of(3, b"epoch");
        for leaf in 0..3 {
            call.begin(leaf, 0);
        }
        assert_eq!(call.told.len(), 3);
        call.tell_all(0);
        assert_eq!(call.emoji(), vec![call.emoji()[0]; 3]);
    }

    #[test]
    fn nobody_shows_a_nonce_before_everybody_has_committed() {
        let mut call = Call::of(3, b"epoch");
        call.begin(0, 0);
        call.tell(0);
        call.told.retain(|(leaf, _)| *leaf != 2);
        call.tell_all(0);
        assert_eq!(call.standing[0], Some(Standing::Waiting(BTreeSet::from([2]))));
        assert!(call.told.is_empty());
    }

    #[test]
    fn one_who_begins_anew_takes_everybody_along() {
        let mut call = Call::of(3, b"epoch");
        call.begin(0, 0);
        call.tell(0);
        call.told.retain(|(leaf, _)| *leaf != 2);
        call.tell_all(0);
        call.begin(0, 5_000);
        // The one who was silent has an old commitment under way: it counts in the new round.
        call.tell_all(5_000);
        let nonce = call.nonce();
        let late = call.members[2].own.map(|(nonce, _)| nonce).unwrap_or(nonce);
        let commitment = ComparisonStep::Commit(call.members[2].commitment(2, &late));
        call.told.push_back((2, commitment));
        call.tell_all(5_000);
        assert_eq!(call.emoji(), vec![call.emoji()[0]; 3]);
    }

    #[test]
    fn whoever_stands_between_two_epochs_sees_them_differ() {
        let emoji = |authenticator: &[u8]| {
            let mut call = Call::of(2, authenticator);
            call.begin(0, 0);
            call.tell_all(0);
            call.emoji()[0]
        };
        assert_ne!(emoji(b"with the one in the middle"), emoji(b"on the other side"));
    }

    #[test]
    fn a_nonce_that_was_not_committed_to_ends_the_round() {
        let mut call = Call::of(2, b"epoch");
        call.begin(0, 0);
        call.tell(0);
        call.tell(0);
        // Both have committed; what the second one shows now was chosen later.
        call.told.retain(|(leaf, _)| *leaf == 0);
        call.told.push_back((1, reveal(&[99; 16])));
        call.tell_all(0);
        assert_eq!(call.standing, vec![Some(Standing::Cheated(1)); 2]);
        call.begin(1, 5_000);
        call.tell_all(5_000);
        assert_eq!(call.emoji(), vec![call.emoji()[0]; 2]);
    }

    #[test]
    fn a_new_epoch_ends_what_was_under_way() {
        let mut call = Call::of(2, b"epoch");
        call.begin(0, 0);
        call.tell(0);
        let members = BTreeSet::from([0, 1, 2]);
        for member in &mut call.members {
            let standing = member.new_epoch(member.own_leaf, members.clone(), b"next".to_vec());
            assert_eq!(standing, Some(Standing::Interrupted));
            assert_eq!(member.new_epoch(0, members.clone(), b"next".to_vec()), None);
        }
    }

    #[test]
    fn one_who_begins_again_and_again_is_answered_now_and_then() {
        let mut call = Call::of(2, b"epoch");
        let mut answers = 0;
        for now_ms in (0..10_000).step_by(100) {
            let step = ComparisonStep::Commit(format!("{now_ms}"));
            let (_, reveal) = call.members[0].heard(1, &step);
            let owed = call.members[0].owed(|| Some([1; 16]), now_ms);
            if let Some(step) = owed {
                answers += 1;
                call.members[0].heard(0, &step);
            }
            drop(reveal);
        }
        assert_eq!(answers, 10_000 / PAUSE_MS);
    }

    #[test]
    fn nobody_from_outside_takes_part() {
        let mut call = Call::of(2, b"epoch");
        let commit = ComparisonStep::Commit("x".into());
        assert_eq!(call.members[0].heard(7, &commit), (None, None));
        assert_eq!(call.members[0].due(), None);
    }
}
