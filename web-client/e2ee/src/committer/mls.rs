//! What the committer needs of MLS. Tests and models put a symbolic group behind it, production
//! the real one.

use std::collections::BTreeSet;

use signaling_protocol::{
    HandshakeCount, JoinedParticipant, MessageId, Opaque, ParticipantId, Step,
};

use crate::credential::CredentialError;

/// One participant's MLS state: a group that it is a member of, or a KeyPackage that waits.
///
/// At most one own handshake is kept aside at a time, and at most one commit of another member;
/// they take effect with [`Mls::accept`] and [`Mls::merge`] only. A method that fails leaves the
/// state as it was.
pub trait Mls {
    /// Remembers whose KeyPackage this is, and whose place it takes.
    fn announce(&mut self, joined: &JoinedParticipant);

    /// Forgets a KeyPackage.
    fn forget(&mut self, participant: ParticipantId);

    /// Whether this participant's announced KeyPackage may be added now.
    ///
    /// # Errors
    /// Why not.
    fn admissible(&self, participant: ParticipantId, now_ms: u64) -> Result<(), MlsError>;

    /// Prepares a new group with this participant as its only member.
    ///
    /// # Errors
    /// The library failed.
    fn create(&mut self, count: HandshakeCount, now_ms: u64) -> Result<Draft, MlsError>;

    /// Prepares a commit on the current epoch: with a path if it removes anybody or changes nobody,
    /// so that the own keys are new ones; with the link's PSK if it adds anybody.
    ///
    /// # Errors
    /// The library failed, or a KeyPackage does not fit.
    fn commit(
        &mut self,
        add: &BTreeSet<ParticipantId>,
        remove: &BTreeSet<ParticipantId>,
    ) -> Result<Draft, MlsError>;

    /// The log has taken what was prepared: it is the current epoch now.
    ///
    /// # Errors
    /// The library failed.
    fn accept(&mut self, count: HandshakeCount) -> Result<(), MlsError>;

    /// The log has taken something else: what was prepared is gone.
    fn discard(&mut self);

    /// Looks at another member's commit, and keeps it aside if its claims are true and its
    /// contents allowed. What was kept aside of another member before is gone.
    ///
    /// # Errors
    /// Why it cannot be followed.
    fn stage(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError>;

    /// The log has taken the other member's commit that was kept aside: it makes the current
    /// epoch.
    ///
    /// # Errors
    /// The library failed.
    fn merge(&mut self) -> Result<(), MlsError>;

    /// The other member's commit that was kept aside is gone.
    fn unstage(&mut self);

    /// Follows another member's commit that the log has taken.
    ///
    /// # Errors
    /// Why it cannot be followed.
    fn follow(&mut self, commit: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError> {
        self.stage(commit, claims)?;
        self.merge()
    }

    /// Enters the group by a Welcome, if it is this room's group and its claims are true.
    ///
    /// # Errors
    /// Why it cannot be entered.
    fn enter(&mut self, welcome: &Opaque, claims: &Claims<'_>) -> Result<(), MlsError>;
}

/// What the log says about a handshake, to be checked against the MLS tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims<'a> {
    /// The handshake count with it included.
    pub count: HandshakeCount,
    /// Who made it.
    pub sender: ParticipantId,
    /// The members after it.
    pub roster: &'a BTreeSet<ParticipantId>,
}

/// A prepared handshake: the bytes to submit, and to submit again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// Derived from the bytes, where there are any.
    pub message_id: MessageId,
    /// What it does.
    pub step: Step,
}

impl Draft {
    /// Bytes of everything in it.
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

/// Why MLS refuses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum MlsError {
    /// Not an MLS message of the kind that belongs here.
    #[error("it is not an MLS message of its kind")]
    Malformed,
    /// Nobody has announced a KeyPackage for this participant.
    #[error("its KeyPackage is unknown")]
    Unknown,
    /// For another group, or for another epoch of it.
    #[error("it belongs to another meeting, or to another moment of this one")]
    WrongGroup,
    /// For another cipher suite.
    #[error("it was made for another cipher suite")]
    WrongSuite,
    /// The credential is not accepted.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Not valid at this time, or for too long.
    #[error("its lifetime is over, not yet begun, or too long; the clocks may differ")]
    Lifetime,
    /// The same leaf key was announced by somebody else.
    #[error("its key is in use by another participant")]
    DuplicateKey,
    /// It takes the place of somebody with another identity key.
    #[error("it takes the place of somebody else")]
    OtherIdentity,
    /// Somebody is added without the link's PSK.
    #[error("it lets somebody in without proof of the link")]
    NoLinkPsk,
    /// A proposal, an extension or a change that this project does not use.
    #[error("it changes the meeting in a way that is not allowed")]
    Forbidden,
    /// The roster in the log is not the tree's.
    #[error("its members are not those that the server names")]
    WrongRoster,
    /// The sender in the log is not the one that MLS authenticates.
    #[error("its sender is not the one that the server names")]
    WrongSender,
    /// More bytes than a submission may have.
    #[error("the meeting is too large for one more")]
    TooLarge,
    /// MLS's own checks refuse it (RFC 9420 sections 12 to 14).
    #[error("its cryptographic checks fail")]
    Rejected,
    /// The library failed on this participant's own state.
    #[error("the encryption state is damaged")]
    Internal,
}
