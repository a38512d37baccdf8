//! The rules for commits that OpenMLS does not enforce.

use std::collections::BTreeMap;

use openmls::prelude::{LeafNodeIndex, MlsGroup, Proposal, Sender, StagedCommit};
use openmls::schedule::PreSharedKeyId;

use super::key_packages::{KeyPackages, LeafKey, certificate, leaf_key};
use super::room::RoomKeys;
use super::settings::{link_psk, proposed_psk};
use crate::committer::{Claims, MlsError};
use crate::credential::Certificate;

/// Checks another member's commit before it is staged. Returns the certificates of the participants
/// that it adds.
///
/// A commit may contain Adds, Removes and the link's PSK, all proposed by the committer itself, and
/// the PSK exactly if it has an Add. Every credential must verify; a participant that replaces
/// another one must have its identity key; the committer's credential must not change; the members
/// must be the roster in the log.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check(
    group: &MlsGroup,
    committer: LeafNodeIndex,
    staged: &StagedCommit,
    claims: &Claims<'_>,
    room: &RoomKeys,
    key_packages: &KeyPackages,
) -> Result<BTreeMap<LeafKey, Certificate>, MlsError> {
    if staged.self_removed() {
        return Err(MlsError::Forbidden);
    }
    let mut leaves: BTreeMap<u32, LeafKey> = BTreeMap::new();
    for member in group.members() {
        leaves.insert(member.index.u32(), leaf_key(&member.signature_key)?);
    }
    let mut added = BTreeMap::new();
    let mut psks = Vec::new();
    for queued in staged.queued_proposals() {
        if queued.sender() != &Sender::Member(committer) {
            return Err(MlsError::Forbidden);
        }
        match queued.proposal() {
            Proposal::Add(add) => {
                let leaf = add.key_package().leaf_node();
                let key = leaf_key(leaf.signature_key().as_slice())?;
                let certificate = certificate(room, leaf.credential(), &key)?;
                if let Some(participant) = key_packages.owner(&key) {
                    key_packages.check_predecessor(participant, &certificate, room)?;
                }
                added.insert(key, certificate);
            }
            Proposal::Remove(remove) => {
                leaves.remove(&remove.removed().u32()).ok_or(MlsError::Rejected)?;
            }
            Proposal::PreSharedKey(psk) => psks.extend(proposed_psk(psk)),
            Proposal::Update(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::GroupContextExtensions(_)
            | Proposal::SelfRemove
            | Proposal::Custom(_) => return Err(MlsError::Forbidden),
        }
    }
    check_psks(&psks, !added.is_empty(), room)?;
    check_path(group, committer, staged)?;
    let after = leaves.values().chain(added.keys());
    let roster: Option<_> = after.map(|leaf| key_packages.owner(leaf)).collect();
    if roster.as_ref() == Some(claims.roster) { Ok(added) } else { Err(MlsError::WrongRoster) }
}

/// Checks that a commit with an Add has the link's PSK once, and any other commit no PSK.
///
/// # Errors
/// [`MlsError::NoLinkPsk`] if it is missing, [`MlsError::Forbidden`] for any other PSK.
pub(crate) fn check_psks(
    psks: &[PreSharedKeyId],
    adds: bool,
    room: &RoomKeys,
) -> Result<(), MlsError> {
    match psks {
        [psk] if adds && *psk.psk() == link_psk(&room.id) => Ok(()),
        [] if adds => Err(MlsError::NoLinkPsk),
        [] => Ok(()),
        _ => Err(MlsError::Forbidden),
    }
}

/// Checks that a path keeps the credential and the signature key of the committer's leaf.
///
/// # Errors
/// [`MlsError::Forbidden`] if it changes them.
fn check_path(
    group: &MlsGroup,
    committer: LeafNodeIndex,
    staged: &StagedCommit,
) -> Result<(), MlsError> {
    let Some(renewed) = staged.update_path_leaf_node() else { return Ok(()) };
    let before = group.member_at(committer).ok_or(MlsError::Rejected)?;
    let same = *renewed.credential() == before.credential
        && renewed.signature_key().as_slice() == before.signature_key;
    if same { Ok(()) } else { Err(MlsError::Forbidden) }
}
