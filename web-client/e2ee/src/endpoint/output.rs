//! What an endpoint asks of the shell that drives it.

use signaling_protocol::{ClientMessage, ParticipantId};

use crate::committer::RejoinReason;
use crate::media_keys::MediaKeys;
use crate::messages::{Content, MessageKey};

use super::comparing::ComparisonState;
use super::problem::Problem;

/// One thing to do or to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this to the signalling service.
    Send(ClientMessage),
    /// Give these to the frame encryption.
    Keys(MediaKeys),
    /// The keys of an epoch that may begin soon: open frames by them, and send none.
    ComingKeys(MediaKeys),
    /// The members, as the MLS tree has them. Show these, and take nobody else's word for it.
    Roster(Roster),
    /// A member has said something: others, and this one too, once everybody can read it.
    Message(Message),
    /// The members of whom nothing was heard in this epoch for fifteen seconds, whenever they are
    /// others than before. With them it cannot be confirmed that everybody is in the same call.
    Unconfirmed(Vec<ParticipantId>),
    /// How a comparison by voice stands, which this member or another one has begun.
    Comparison(ComparisonState),
    /// Something that people should know; the endpoint goes on.
    Problem(Problem),
    /// A step of the committer, in JSON; see [`super::Endpoint::start_trace`].
    Trace(String),
    /// This endpoint has come to its end and has wiped its keys: make a new one and join again as
    /// a new participant.
    Rejoin(RejoinReason),
}

impl Output {
    pub(super) fn as_keys_mut(&mut self) -> Option<&mut MediaKeys> {
        if let Self::Keys(keys) = self { Some(keys) } else { None }
    }
}

/// The members of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// As in [`MediaKeys::epoch`].
    pub epoch: u64,
    /// See [`crate::room_code::room_code`].
    pub room_code: String,
    /// In the order of their leaves.
    pub members: Vec<Member>,
}

/// Something that a member has said, labelled by MLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// As [`super::Endpoint::say`] gave it out; the same in every copy.
    pub id: MessageKey,
    /// The sender's leaf.
    pub leaf: u32,
    /// The sender.
    pub participant: ParticipantId,
    /// The name that the sender's certificate carries.
    pub name: String,
    /// This endpoint has said it.
    pub own: bool,
    /// What was said.
    pub content: Content,
}

/// A member of the MLS group, with a certificate that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its leaf index: what an authenticated frame names as its sender.
    pub leaf: u32,
    /// The participant that announced this leaf's KeyPackage.
    pub participant: ParticipantId,
    /// The name that its certificate carries.
    pub name: String,
    /// The Ed25519 key that signed its certificate.
    pub identity_public: [u8; 32],
    /// This is the endpoint's own leaf.
    pub own: bool,
}
