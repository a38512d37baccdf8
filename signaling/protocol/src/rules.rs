//! Who may come into a room, and what its hosts may do. The server enforces both.

use serde::{Deserialize, Serialize};

use crate::{LobbyParticipantId, Opaque, ParticipantId};

/// What happens to somebody who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum JoinPolicy {
    /// Whoever has the link comes in.
    #[default]
    Open,
    /// Whoever has the link waits until a host lets them in.
    Lobby,
    /// Nobody comes in but hosts.
    Locked,
}

/// What everybody in a room knows of its order. It holds for as long as anybody is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Rules {
    /// Who may come in.
    pub join_policy: JoinPolicy,
    /// Who has shown the room's host key, in join order.
    pub hosts: Vec<ParticipantId>,
}

/// Something that hosts may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Moderation {
    /// Opens the door to whoever waits and comes, has them wait, or locks it.
    SetJoinPolicy {
        /// From now on.
        join_policy: JoinPolicy,
    },
    /// Lets somebody in who waits. Who has gone meanwhile is passed over.
    Admit {
        /// Who.
        lobby_participant: LobbyParticipantId,
    },
    /// Sends somebody away who waits.
    Deny {
        /// Who.
        lobby_participant: LobbyParticipantId,
    },
    /// Takes somebody out who is no host; the members move to keys that the removed one cannot
    /// derive. Who has the link could come back at once: an open door becomes an attended one.
    Remove {
        /// Who.
        participant: ParticipantId,
    },
    /// Asks somebody to turn the microphone off. Nobody can be muted from outside: the server
    /// cannot look into what is sent, and a microphone is its owner's.
    AskToMute {
        /// Whom.
        participant: ParticipantId,
    },
}

/// Somebody who waits to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LobbyParticipant {
    /// Who.
    pub lobby_participant: LobbyParticipantId,
    /// As in [`crate::ClientMessage::Knock`]; before it has come, nothing.
    pub name: Option<Opaque>,
}
