//! The two HTTP requests that come before the socket.

use serde::{Deserialize, Serialize};

use crate::{RoomId, Secret};

/// `POST /api/v1/rooms`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomCreated {
    /// The new room.
    pub room: RoomId,
    /// The key that makes its holder a host of the room. Sent this once.
    pub host_key: Secret,
}

/// The body of `POST /api/v1/rooms/{room}/tokens`; without one the token is a guest's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenRequest {
    /// The key from [`RoomCreated`]; the token is then a host's.
    pub host_key: Option<Secret>,
}

/// `POST /api/v1/rooms/{room}/tokens`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenIssued {
    /// For the hello.
    pub token: Secret,
    /// Time for which the token can be used to join, in seconds.
    pub expires_in_seconds: u32,
    /// Servers that help media through where a direct way is barred; empty where none is set up.
    #[serde(default)]
    pub ice_servers: Vec<IceServer>,
    /// Time for which their credentials can be used to start relaying, in seconds; relaying that has
    /// started goes on.
    #[serde(default)]
    pub ice_servers_expire_in_seconds: u32,
    /// Time for which the room is kept after its last join, in seconds; 0: while this server runs.
    #[serde(default)]
    pub room_kept_seconds: u32,
}

/// A TURN server (RFC 8656), as the browser's `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IceServer {
    /// RFC 7065.
    pub urls: Vec<String>,
    /// Names no person: the time of expiry, and random characters.
    pub username: String,
    /// For this username.
    pub credential: Secret,
}
