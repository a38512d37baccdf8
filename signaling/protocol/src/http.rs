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
}
