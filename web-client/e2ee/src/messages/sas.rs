//! The short authentication string (SAS): five emoji that members compare by voice. They are equal
//! for all members exactly when no attacker keeps two groups apart.
//!
//! Each member commits to a nonce and reveals it once all members have committed. The emoji are
//! derived from all nonces and the epoch authenticator (RFC 9420 section 8.7), so no member can try
//! out nonces until two epochs show the same emoji. The server delivers all messages in one order,
//! so every member goes through the same rounds. Time only limits how often a member answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The number of emoji to compare.
pub const EMOJI_COUNT: usize = 5;
/// The bits of one emoji: the alphabet has 64.
const EMOJI_BITS: u32 = 6;
/// The shortest time between two commitments of one member, in milliseconds.
const COMMIT_INTERVAL_MS: u64 = 2_000;

pub(crate) type Nonce = [u8; 16];

/// One message of a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SasMessage {
    /// SHA-256 of label, epoch authenticator, leaf (4 bytes, big-endian) and nonce, in base64url.
    Commit(String),
    /// The nonce, in base64url.
    Reveal(String),
}

/// The state of the newest round, by leaf index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LeafSasState {
    /// These leaves have not answered yet.
    Waiting(BTreeSet<u32>),
    /// All members see these emoji, 0 to 63 each.
    Emoji([u8; EMOJI_COUNT]),
    /// This leaf revealed another nonce than it had committed to.
    CommitmentMismatch(u32),
    /// The epoch changed before all members had answered.
    Interrupted,
}

/// The rounds of one epoch after the other, as one member follows them.
#[derive(Debug, Default)]
pub(crate) struct Sas {
    own_leaf: u32,
    members: BTreeSet<u32>,
    authenticator: Vec<u8>,
    round: Option<Round>,
    own: Option<OwnNonce>,
    /// No commitment is made earlier than this, in milliseconds.
    not_before_ms: u64,
}

#[derive(Debug, Default)]
struct Round {
    commitments: BTreeMap<u32, String>,
    nonces: BTreeMap<u32, Nonce>,
}

/// This member's nonce in the current round.
#[derive(Debug, Clone, Copy)]
struct OwnNonce {
    nonce: Nonce,
    /// The commitment was delivered, to this member as to all others.
    committed: bool,
}

impl Sas {
    /// Starts a new epoch. Returns [`LeafSasState::Interrupted`] if a round was in progress.
    pub(crate) fn start_epoch(
        &mut self,
        own_leaf: u32,
        members: BTreeSet<u32>,
        authenticator: Vec<u8>,
    ) -> Option<LeafSasState> {
        let interrupted = self.round.is_some() || self.own.is_some();
        *self = Self {
            own_leaf,
            members,
            authenticator,
            not_before_ms: self.not_before_ms,
            ..Self::default()
        };
        interrupted.then_some(LeafSasState::Interrupted)
    }

    /// Starts a round with this nonce. Returns the commitment to send, or `None` if one is under
    /// way already.
    pub(crate) fn start(&mut self, nonce: Nonce, now_ms: u64) -> Option<SasMessage> {
        let under_way = self.own.is_some_and(|own| !own.committed);
        (!under_way && !self.members.is_empty()).then(|| self.commit(nonce, now_ms))
    }

    /// Returns when [`Sas::answer`] has a commitment to send, in milliseconds.
    pub(crate) fn next_timeout(&self) -> Option<u64> {
        self.owes_commitment().then_some(self.not_before_ms)
    }

    /// Returns this member's commitment to a round that another member started, once it is due.
    pub(crate) fn answer(
        &mut self,
        nonce: impl FnOnce() -> Option<Nonce>,
        now_ms: u64,
    ) -> Option<SasMessage> {
        if !self.owes_commitment() || now_ms < self.not_before_ms {
            return None;
        }
        nonce().map(|nonce| self.commit(nonce, now_ms))
    }

    /// Handles a message of a member, this one included. Returns the state if it changed, and the
    /// message to send if one is due.
    pub(crate) fn handle(
        &mut self,
        leaf: u32,
        message: &SasMessage,
    ) -> (Option<LeafSasState>, Option<SasMessage>) {
        if !self.members.contains(&leaf) {
            return (None, None);
        }
        match message {
            SasMessage::Commit(commitment) => self.handle_commit(leaf, commitment.clone()),
            SasMessage::Reveal(nonce) => (self.handle_reveal(leaf, nonce), None),
        }
    }

    fn owes_commitment(&self) -> bool {
        self.round.is_some() && self.own.is_none()
    }

    fn commit(&mut self, nonce: Nonce, now_ms: u64) -> SasMessage {
        self.own = Some(OwnNonce { nonce, committed: false });
        self.not_before_ms = now_ms.saturating_add(COMMIT_INTERVAL_MS);
        SasMessage::Commit(self.commitment(self.own_leaf, &nonce))
    }

    fn handle_commit(
        &mut self,
        leaf: u32,
        commitment: String,
    ) -> (Option<LeafSasState>, Option<SasMessage>) {
        let mut round = self.round.take().unwrap_or_default();
        if round.commitments.contains_key(&leaf) {
            // This member starts a new round.
            round = Round::default();
            self.own = self.own.filter(|own| !own.committed);
        }
        round.commitments.insert(leaf, commitment);
        if leaf == self.own_leaf
            && let Some(own) = &mut self.own
        {
            own.committed = true;
        }
        let complete = round.commitments.len() == self.members.len();
        self.round = Some(round);
        let reveal = self.own.filter(|_| complete).map(|own| reveal(&own.nonce));
        (self.waiting(), reveal)
    }

    fn handle_reveal(&mut self, leaf: u32, nonce: &str) -> Option<LeafSasState> {
        let round = self.round.as_ref()?;
        if round.commitments.len() < self.members.len() {
            // It belongs to a round that another member has restarted.
            return None;
        }
        let nonce = URL_SAFE_NO_PAD.decode(nonce).ok().and_then(|nonce| nonce.try_into().ok());
        let honest = nonce
            .filter(|nonce| round.commitments.get(&leaf) == Some(&self.commitment(leaf, nonce)));
        let Some(nonce) = honest else {
            self.end_round();
            return Some(LeafSasState::CommitmentMismatch(leaf));
        };
        let round = self.round.as_mut()?;
        round.nonces.insert(leaf, nonce);
        if round.nonces.len() < self.members.len() {
            return self.waiting();
        }
        let emoji = emoji(&self.authenticator, &round.nonces);
        self.end_round();
        Some(LeafSasState::Emoji(emoji))
    }

    fn end_round(&mut self) {
        self.round = None;
        self.own = None;
    }

    fn waiting(&self) -> Option<LeafSasState> {
        let round = self.round.as_ref()?;
        let all_committed = round.commitments.len() == self.members.len();
        let has_answered = |leaf: &u32| {
            if all_committed {
                round.nonces.contains_key(leaf)
            } else {
                round.commitments.contains_key(leaf)
            }
        };
        let missing = self.members.iter().copied().filter(|leaf| !has_answered(leaf));
        Some(LeafSasState::Waiting(missing.collect()))
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

fn reveal(nonce: &Nonce) -> SasMessage {
    SasMessage::Reveal(URL_SAFE_NO_PAD.encode(nonce))
}

/// Returns the first 30 bits of SHA-256 over label, epoch authenticator, and each leaf (4 bytes,
/// big-endian) with its nonce, as five numbers of six bits.
fn emoji(authenticator: &[u8], nonces: &BTreeMap<u32, Nonce>) -> [u8; EMOJI_COUNT] {
    let mut hash = Sha256::new().chain_update(b"lp-sas/1 emoji").chain_update(authenticator);
    for (leaf, nonce) in nonces {
        hash.update(leaf.to_be_bytes());
        hash.update(nonce);
    }
    let hash = hash.finalize();
    let bits = hash.iter().take(8).fold(0_u64, |bits, &byte| (bits << 8) | u64::from(byte));
    std::array::from_fn(|at| {
        let shift = u64::BITS - EMOJI_BITS * (at as u32 + 1);
        ((bits >> shift) & 0b11_1111) as u8
    })
}

#[cfg(test)]
mod tests;
