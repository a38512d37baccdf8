//! The join policy of a room, and the acts of its hosts. The server enforces both.

use serde::{Deserialize, Serialize};

use crate::{LobbyParticipantId, Opaque, ParticipantId};

/// The treatment of a participant that joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JoinPolicy {
    /// Anyone with the link joins.
    #[default]
    Open,
    /// Anyone with the link waits in the lobby until a host admits them.
    Lobby,
    /// Only hosts join.
    Locked,
}

/// The rules of a room, known to everyone in it. They last while the room has participants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rules {
    /// The join policy.
    pub join_policy: JoinPolicy,
    /// The participants that have shown the room's host key, in join order.
    pub hosts: Vec<ParticipantId>,
}

/// Something that hosts may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Moderation {
    /// Sets the join policy. Opening the room admits everyone in the lobby.
    SetJoinPolicy {
        /// From now on.
        join_policy: JoinPolicy,
    },
    /// Admits a participant from the lobby; ignored if it has left.
    Admit {
        /// The participant.
        lobby_participant: LobbyParticipantId,
    },
    /// Declines a participant in the lobby.
    Deny {
        /// The participant.
        lobby_participant: LobbyParticipantId,
    },
    /// Removes a participant that is no host; the members move to keys that it cannot derive. Since it
    /// still has the link, an open room gets the join policy [`JoinPolicy::Lobby`].
    Remove {
        /// The participant.
        participant: ParticipantId,
    },
    /// Asks a participant to turn its microphone off. No participant can be muted remotely: the server
    /// cannot see media, and a microphone belongs to its user.
    AskToMute {
        /// The participant.
        participant: ParticipantId,
    },
}

/// A participant that waits to be admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LobbyParticipant {
    /// Its id in the lobby.
    pub lobby_participant: LobbyParticipantId,
    /// As in [`crate::ClientMessage::Knock`]; before it has come, nothing.
    pub name: Option<Opaque>,
}
