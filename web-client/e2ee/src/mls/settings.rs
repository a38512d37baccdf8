//! How this project sets up groups, KeyPackages and the link's PSK.

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
/// How far clocks may be apart, in seconds.
pub(crate) const SKEW_SECONDS: u64 = 60 * 60;
/// Who adds a KeyPackage wants it to be valid for so many more seconds: others, whose clocks are
/// ahead, have to accept it too.
pub(crate) const MARGIN_SECONDS: u64 = 60;

/// Private messages are padded to a multiple of this, so that their length does not tell a
/// heartbeat from a reaction or a short word (RFC 9420 section 15.1).
const PADDING_BYTES: usize = 256;

/// From an hour ago to an hour ahead.
pub(crate) fn lifetime(now_ms: u64) -> Lifetime {
    let now = now_ms / 1_000;
    Lifetime::init(now.saturating_sub(SKEW_SECONDS), now.saturating_add(LIFETIME_SECONDS))
}

/// Whether a KeyPackage may be added now: not expired, and not made to last.
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

/// One version, one suite, no extensions, no more proposals than every MLS client knows.
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

/// The link's PSK, by name.
pub(crate) fn link_psk(room: &RoomId) -> Psk {
    let mut id = b"lp1 ".to_vec();
    id.extend_from_slice(room.as_str().as_bytes());
    Psk::External(ExternalPsk::new(id))
}

/// The PSK that a proposal names.
pub(crate) fn proposed_psk(proposal: &PreSharedKeyProposal) -> Option<PreSharedKeyId> {
    // The library shows it only on the wire, where the proposal is nothing but its id
    // (RFC 9420 section 12.1.4).
    let bytes = proposal.tls_serialize_detached().ok()?;
    PreSharedKeyId::tls_deserialize_exact(bytes).ok()
}

/// One whole MLS message, and nothing after it.
pub(crate) fn message(bytes: &[u8]) -> Result<MlsMessageBodyIn, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| MlsError::Malformed)?;
    Ok(message.extract())
}
