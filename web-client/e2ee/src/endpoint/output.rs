//! The outputs of an endpoint, for the shell that drives it.

use signaling_protocol::{ClientMessage, ParticipantId};

use crate::committer::RejoinReason;
use crate::media_keys::MediaKeys;
use crate::messages::{Content, MessageKey};

use super::problem::Problem;
use super::sas::SasState;

/// One thing to send, to install or to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this message to the signalling service.
    Send(ClientMessage),
    /// Install the keys of the epoch that has begun in the media cryptor.
    Keys(MediaKeys),
    /// Prepare the media cryptor for an epoch that may begin soon: it opens frames with these keys
    /// and sends none.
    PendingKeys(MediaKeys),
    /// Show these members. They come from the MLS tree, not from the server.
    Roster(Roster),
    /// Show this message of a member. This endpoint's own messages come as well, once all members
    /// can read them.
    Message(Message),
    /// The members without a heartbeat in this epoch for 15 seconds, whenever the set changes. The
    /// endpoint cannot confirm that they are in the same call.
    Unconfirmed(Vec<ParticipantId>),
    /// The state of a comparison of the short authentication string, which this member or another
    /// one started.
    Sas(SasState),
    /// Tell the user about this problem. The endpoint goes on.
    Problem(Problem),
    /// Record this step of the committer, in JSON: see [`super::Endpoint::start_trace`].
    Trace(String),
    /// Create a new endpoint and join as a new participant: this one is at its end and has wiped
    /// its keys.
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
    /// The handshake count of the log that began it, as in [`MediaKeys::epoch`].
    pub epoch: u64,
    /// The code of [`crate::room_code::room_code`].
    pub room_code: String,
    /// In the order of their leaves.
    pub members: Vec<Member>,
}

/// A message of a member, with the author that MLS authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id that [`super::Endpoint::send_message`] returned, the same for all members.
    pub id: MessageKey,
    /// The author's leaf index.
    pub leaf: u32,
    /// The author.
    pub participant: ParticipantId,
    /// The name in the author's certificate.
    pub name: String,
    /// `true` if this endpoint sent it.
    pub own: bool,
    /// The content.
    pub content: Content,
}

/// A member of the MLS group, whose certificate was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its leaf index, which authenticated media frames name as their sender.
    pub leaf: u32,
    /// The participant that uploaded this leaf's KeyPackage.
    pub participant: ParticipantId,
    /// The name in its certificate.
    pub name: String,
    /// The Ed25519 key that signed its certificate.
    pub identity_public: [u8; 32],
    /// `true` for the endpoint's own leaf.
    pub own: bool,
}
