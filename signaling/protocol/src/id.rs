//! Identifiers and counters. None identifies a person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A room's name on the wire: 16 bytes as 22 base64url characters. They are the first ones of the
/// SHA-256 of the room's host key, so that a host key can be checked wherever the room is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct RoomId(String);

/// A room id that is not 22 base64url characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a room id is 22 characters of A–Z, a–z, 0–9, - and _; check that the link is whole")]
pub struct BadRoomId;

impl RoomId {
    /// The number of characters in a room id.
    pub const LEN: usize = 22;

    /// The room id of 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        use base64::Engine as _;
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The id as it stands in a link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id of this room's MLS group (RFC 9420 section 8.1) that the create with this
    /// handshake count made: the 22 characters of the room id, then the count as eight bytes,
    /// big-endian. A room gets a new group whenever all members of the old one are gone.
    #[must_use]
    pub fn group_id(&self, created: HandshakeCount) -> Vec<u8> {
        [self.0.as_bytes(), &created.0.to_be_bytes()].concat()
    }

    /// Returns the handshake count of the create that made this MLS group, or `None` if it is not
    /// a group of this room. The inverse of [`RoomId::group_id`].
    #[must_use]
    pub fn created_count(&self, group_id: &[u8]) -> Option<HandshakeCount> {
        let count = group_id.strip_prefix(self.0.as_bytes())?;
        Some(HandshakeCount(u64::from_be_bytes(count.try_into().ok()?)))
    }
}

impl FromStr for RoomId {
    type Err = BadRoomId;

    fn from_str(text: &str) -> Result<Self, BadRoomId> {
        let fits = text.len() == Self::LEN
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadRoomId) }
    }
}

impl TryFrom<String> for RoomId {
    type Error = BadRoomId;

    fn try_from(text: String) -> Result<Self, BadRoomId> {
        text.parse()
    }
}

impl From<RoomId> for String {
    fn from(id: RoomId) -> Self {
        id.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "number"))]
        pub struct $name(pub $inner);

        impl $name {
            /// The next one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// A participant of one room, as the server sees it. Assigned in join order, from 1, and never twice
    /// in the same room; a person who joins again is a new participant.
    ParticipantId(u32)
}
counter! {
    /// A participant in the lobby of one room, from 1; never assigned twice while the room lives.
    LobbyParticipantId(u32)
}
counter! {
    /// The position of an entry in a room's delivery log, from 1. Zero is "before the first".
    LogPosition(u64)
}
counter! {
    /// The number of handshakes (creates and commits) that a room's log has accepted, on which
    /// submissions compare and swap.
    HandshakeCount(u64)
}
counter! {
    /// The number of a delta in one room, from 1. Zero is "before the first".
    Seq(u64)
}

/// A submission's own id, 16 random bytes as 22 base64url characters: a resent submission is
/// recognised by it, never doubled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct MessageId(pub String);

/// A bearer secret of the signalling service (a join token, a resume token, a host key). Not readable in logs.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_create_of_a_group_is_read_back_from_its_id_in_the_same_room_only() {
        let (room, other) = (RoomId::from_bytes([1; 16]), RoomId::from_bytes([2; 16]));
        let created = HandshakeCount(0x0102_0304);
        let group_id = room.group_id(created);
        assert_eq!(group_id.len(), RoomId::LEN + 8);
        assert_eq!(room.created_count(&group_id), Some(created));
        assert_eq!(other.created_count(&group_id), None);
        assert_eq!(room.created_count(&group_id[..group_id.len() - 1]), None);
    }
}
