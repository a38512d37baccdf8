//! The two HTTP requests that come before the socket.

use serde::{Deserialize, Serialize};

use crate::{RoomId, Secret};

/// `POST /api/v1/rooms`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomCreated {
    /// The new room.
    pub room: RoomId,
    /// Whoever shows it is a host of the room. It is told this once.
    pub host_key: Secret,
}

/// What may be asked with `POST /api/v1/rooms/{room}/tokens`; without a body a token is a guest's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenRequest {
    /// Of [`RoomCreated`]; the token is then a host's.
    pub host_key: Option<Secret>,
}

/// `POST /api/v1/rooms/{room}/tokens`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenIssued {
    /// For the hello.
    pub token: Secret,
    /// How long it can be used for a join.
    pub expires_in_seconds: u32,
    /// Servers that help media through where a direct way is barred; empty where none is set up.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// How long their credentials can be used to begin relaying; what has begun goes on.
    #[serde(default)]
    pub ice_servers_expire_in_seconds: u32,
    /// How long the room is kept once nobody enters it; 0: no longer than this server runs.
    #[serde(default)]
    pub room_kept_seconds: u32,
}

/// A TURN server (RFC 8656), as the browser's `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IceServer {
    /// RFC 7065.
    pub urls: Vec<String>,
    /// Tells nobody who it is: when it expires, and random characters.
    pub username: String,
    /// For this username.
    pub credential: Secret,
}
