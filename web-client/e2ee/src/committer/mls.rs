//! The MLS operations that the committer needs. Production implements them with OpenMLS; tests and
//! models implement them with a symbolic group.

use std::collections::BTreeSet;

use signaling_protocol::{
    HandshakeCount, JoinedParticipant, MessageId, Opaque, ParticipantId, Step,
};

use crate::credential::CredentialError;

/// One participant's MLS state: a KeyPackage that waits to be added, or the group it is a member of.
///
/// It holds at most one handshake of its own that is pending, and at most one staged commit of
/// another member. They take effect with [`Mls::merge_pending`] and [`Mls::merge_staged_commit`]
/// only. A method that fails leaves the state unchanged.
pub trait Mls {
    /// Remembers a participant's KeyPackage, and which participant it replaces.
    fn add_key_package(&mut self, joined: &JoinedParticipant);

    /// Forgets a participant's KeyPackage.
    fn remove_key_package(&mut self, participant: ParticipantId);

    /// Checks that a participant's KeyPackage may be added now (RFC 9420 section 10.1).
    ///
    /// # Errors
    /// Why it must not be added.
    fn check_key_package(&self, participant: ParticipantId, now_ms: u64) -> Result<(), MlsError>;

    /// Prepares a new group with this participant as its only member (RFC 9420 section 11).
    ///
    /// # Errors
    /// [`MlsError::Internal`] if the library fails.
    fn create_group(&mut self, count: HandshakeCount, now_ms: u64) -> Result<Draft, MlsError>;

    /// Prepares a commit on the current epoch (RFC 9420 section 12.4.1): with a path, which renews
    /// this member's keys, unless it only adds; with the link's PSK if it adds a participant.
    ///
    /// # Errors
    /// [`MlsError::Internal`] if the library fails, another error if a KeyPackage cannot be added.
    fn create_commit(
        &mut self,
        add: &BTreeSet<ParticipantId>,
        remove: &BTreeSet<ParticipantId>,
    ) -> Result<Draft, MlsError>;

    /// Makes the pending handshake the current epoch: the log has accepted it.
    ///
    /// # Errors
    /// [`MlsError::Internal`] if the library fails.
    fn merge_pending(&mut self, count: HandshakeCount) -> Result<(), MlsError>;

    /// Discards the pending handshake: the log has accepted another one, or none.
    fn clear_pending(&mut self);

    /// Processes another member's commit (RFC 9420 section 12.4.2), checks it against the claims
    /// and this project's policy, and stages it. Replaces a commit that was staged before.
    ///
    /// # Errors
    /// Why it cannot be processed.
    fn stage_commit(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError>;

    /// Makes the staged commit the current epoch: the log has accepted it.
    ///
    /// # Errors
    /// [`MlsError::Internal`] if none is staged or the library fails.
    fn merge_staged_commit(&mut self) -> Result<(), MlsError>;

    /// Discards the staged commit.
    fn clear_staged_commit(&mut self);

    /// Stages and merges another member's commit that the log has accepted.
    ///
    /// # Errors
    /// Why it cannot be processed.
    fn process_commit(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        self.stage_commit(commit, claims)?;
        self.merge_staged_commit()
    }

    /// Joins this room's group by a Welcome (RFC 9420 section 12.4.3.1) that matches the claims.
    ///
    /// # Errors
    /// Why it cannot be processed.
    fn join_by_welcome(&mut self, welcome: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError>;
}

/// The log's statement about a handshake. The MLS tree and the sender's signature must agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims<'a> {
    /// The handshake count, this handshake included.
    pub count: HandshakeCount,
    /// The participant that made it.
    pub sender: ParticipantId,
    /// The members after it.
    pub roster: &'a BTreeSet<ParticipantId>,
}

/// A prepared handshake: the bytes to submit, also when it is resent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// The id of its submission. For a commit, a hash of its bytes.
    pub message_id: MessageId,
    /// The create, or the commit with its Welcome.
    pub step: Step,
}

impl Draft {
    /// Returns the length of commit and Welcome together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.step {
            Step::Create => 0,
            Step::Commit { commit, welcome } => {
                commit.0.len() + welcome.as_ref().map_or(0, |welcome| welcome.0.len())
            }
        }
    }
}

/// Why a KeyPackage, a commit or a Welcome is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum MlsError {
    /// Not an MLS message of the kind that belongs here.
    #[error("it is not an MLS message of its kind")]
    Malformed,
    /// The log has no KeyPackage of this participant.
    #[error("its KeyPackage is unknown")]
    Unknown,
    /// For another group, or for another epoch of it.
    #[error("it belongs to another meeting or to another epoch")]
    WrongGroup,
    /// For another cipher suite.
    #[error("it was made for another cipher suite")]
    WrongSuite,
    /// The credential is not accepted.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Expired, not valid yet, or valid for too long.
    #[error("it has expired, is not valid yet or is valid for too long; the clocks may differ")]
    Lifetime,
    /// Another participant's KeyPackage has the same leaf signature key.
    #[error("its key is in use by another participant")]
    DuplicateKey,
    /// It replaces a participant with another identity key.
    #[error("it replaces a participant with another identity")]
    OtherIdentity,
    /// It adds a participant without the link's PSK.
    #[error("it adds a participant without proof of the link")]
    NoLinkPsk,
    /// A proposal, an extension or a change that this project does not use.
    #[error("it changes the meeting in a way that is not allowed")]
    Forbidden,
    /// The roster in the log is not the tree's.
    #[error("its members are not the ones that the server names")]
    WrongRoster,
    /// The sender in the log is not the one that MLS authenticates.
    #[error("its sender is not the one that the server names")]
    WrongSender,
    /// More bytes than a submission may have.
    #[error("the meeting is too large for another participant")]
    TooLarge,
    /// It fails the checks of MLS itself (RFC 9420 sections 12 to 14).
    #[error("its cryptographic checks fail")]
    Rejected,
    /// The library failed on this participant's own state.
    #[error("the encryption state is damaged")]
    Internal,
}
