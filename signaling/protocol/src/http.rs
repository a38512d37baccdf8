//! The two HTTP answers that come before the socket.

use serde::{Deserialize, Serialize};

use crate::{RoomId, Secret};

/// `POST /api/v1/rooms`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomCreated {
    /// The new room.
    pub room: RoomId,
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
