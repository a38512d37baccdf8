//! The messages between clients, the signalling service and the SFU: serde types, no I/O.
//!
//! JSON over WebSocket. Every message is an object with a `type`; MLS bytes are base64 inside and
//! opaque to every server. TypeScript types are generated from these, and one fixture per message
//! is read by the Rust and the TypeScript tests.

mod client;
mod http;
mod id;
pub mod limits;
mod log;
mod opaque;
mod quality;
mod refusal;
mod refusal_code;
mod room_state;
mod rules;
mod server;
mod track;
#[cfg(test)]
mod typescript;

pub use client::{ClientMessage, Hello, Predecessor, Resume};
pub use http::{IceServer, RoomCreated, TokenIssued, TokenRequest};
pub use id::{
    BadRoomId, HandshakeCount, LobbyParticipantId, LogPosition, MessageId, ParticipantId, RoomId,
    Secret, Seq,
};
pub use log::{
    CommitVote, Handshake, JoinedParticipant, LogEntry, LogEvent, LogSnapshot, Step, Submission,
};
pub use opaque::Opaque;
pub use quality::{Downlink, ReceiverVideoConstraint, SubscribedQuality};
pub use refusal::Refusal;
pub use refusal_code::{RefusalCode, Retry};
pub use room_state::{
    Delta, Joined, LogReplay, ParticipantState, ReceiveSlots, RoomSnapshot, Snapshot,
};
pub use rules::{JoinPolicy, LobbyParticipant, Moderation, Rules};
pub use server::{ControlMessage, LogMessage, MediaMessage, RoomMessage, ServerMessage};
pub use track::{Source, Track};

/// The version of this protocol. A client of another version is refused.
pub const VERSION: u16 = 4;
