//! Bounds that both sides know.

/// A WebSocket message, in bytes.
pub const MESSAGE_BYTES: usize = 512 * 1024;
/// An offer or an answer, in bytes.
pub const SDP_BYTES: usize = 128 * 1024;
/// A KeyPackage, in bytes. A post-quantum one is about 2.7 kB.
pub const KEY_PACKAGE_BYTES: usize = 16 * 1024;
/// An application message, in bytes.
pub const APPLICATION_BYTES: usize = 24 * 1024;
/// A commit and its Welcome together, in bytes.
pub const SUBMISSION_BYTES: usize = 360 * 1024;
/// Adds in one commit.
pub const ADDS_PER_COMMIT: usize = 32;
/// Tracks of one participant: one per source.
pub const TRACKS: usize = 4;
/// Video constraints of one participant: two video tracks of everyone in a large room.
pub const RECEIVER_VIDEO_CONSTRAINTS: usize = 512;
/// Characters of an m-line's `mid`.
pub const MID_CHARS: usize = 16;
/// The encrypted name of a participant in the lobby, in bytes.
pub const KNOCK_BYTES: usize = 320;
/// People who wait before one door.
pub const LOBBY_PARTICIPANTS: usize = 32;
/// Characters of a message id.
pub const MESSAGE_ID_CHARS: usize = 22;
/// Seconds between heartbeats.
pub const HEARTBEAT_SECONDS: u64 = 5;
