//! The parameters of this project's groups and KeyPackages, and the id of the link's PSK.

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    Capabilities, CredentialType, Lifetime, MlsGroupCreateConfig, MlsGroupJoinConfig,
    MlsMessageBodyIn, MlsMessageIn, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal,
    ProtocolVersion,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use signaling_protocol::RoomId;

use crate::committer::MlsError;
use crate::suite::Suite;

/// How long a KeyPackage is valid, in seconds.
pub(crate) const LIFETIME_SECONDS: u64 = 60 * 60;
/// How far the clocks of two members may differ, in seconds.
pub(crate) const SKEW_SECONDS: u64 = 60 * 60;
/// How long a KeyPackage must still be valid when it is added, in seconds: members with a fast clock
/// have to accept it too.
pub(crate) const MARGIN_SECONDS: u64 = 60;

/// Private messages are padded to a multiple of this many bytes: their length must not distinguish a
/// heartbeat from a reaction or a short text (RFC 9420 section 15.1).
const PADDING_BYTES: usize = 256;

/// Returns the lifetime of a new KeyPackage: from an hour ago to an hour ahead.
pub(crate) fn lifetime(now_ms: u64) -> Lifetime {
    let now = now_ms / 1_000;
    Lifetime::init(now.saturating_sub(SKEW_SECONDS), now.saturating_add(LIFETIME_SECONDS))
}

/// Checks that a KeyPackage is valid now and for [`MARGIN_SECONDS`] more, and that its lifetime is
/// not longer than [`lifetime`].
///
/// # Errors
/// [`MlsError::Lifetime`]
pub(crate) fn check_lifetime(lifetime: &Lifetime, now_ms: u64) -> Result<(), MlsError> {
    let now = now_ms / 1_000;
    let range = lifetime.not_after().saturating_sub(lifetime.not_before());
    let begun = lifetime.not_before() <= now;
    let lasts = lifetime.not_after() > now.saturating_add(MARGIN_SECONDS);
    if begun && lasts && range <= SKEW_SECONDS + LIFETIME_SECONDS {
        Ok(())
    } else {
        Err(MlsError::Lifetime)
    }
}

/// Returns the capabilities of a leaf: MLS 1.0, one cipher suite, no extensions, default proposals.
pub(crate) fn capabilities(suite: Suite) -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[suite.ciphersuite()]),
        Some(&[]),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}

pub(crate) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .padding_size(PADDING_BYTES)
        .build()
}

pub(crate) fn create_config(suite: Suite, now_ms: u64) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .ciphersuite(suite.ciphersuite())
        .capabilities(capabilities(suite))
        .lifetime(lifetime(now_ms))
        .padding_size(PADDING_BYTES)
        .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
        .use_ratchet_tree_extension(true)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .build()
}

/// Returns the id of the link's PSK: `"lp1 "` and the room id.
pub(crate) fn link_psk(room: &RoomId) -> Psk {
    let mut id = b"lp1 ".to_vec();
    id.extend_from_slice(room.as_str().as_bytes());
    Psk::External(ExternalPsk::new(id))
}

/// Returns the id of the PSK in a proposal.
pub(crate) fn proposed_psk(proposal: &PreSharedKeyProposal) -> Option<PreSharedKeyId> {
    // OpenMLS exposes it only in the encoding, which is the id alone (RFC 9420 section 12.1.4).
    let bytes = proposal.tls_serialize_detached().ok()?;
    PreSharedKeyId::tls_deserialize_exact(bytes).ok()
}

/// Parses an `MLSMessage` that fills all bytes (RFC 9420 section 6).
///
/// # Errors
/// [`MlsError::Malformed`]
pub(crate) fn message(bytes: &[u8]) -> Result<MlsMessageBodyIn, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| MlsError::Malformed)?;
    Ok(message.extract())
}
