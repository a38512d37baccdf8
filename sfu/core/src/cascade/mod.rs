//! Rooms that span several workers: the messages between workers, and what each knows of the others.
//!
//! Each worker of such a room has a [`Worker`](crate::Worker) with a part of the room. The
//! participants of the other parts are remote participants there: they publish, and have no
//! connection. One copy of a packet goes to each other worker that forwards it to a subscriber.

mod messages;
mod outbox;
mod peer;

pub use messages::{CascadeControl, CascadeMessage, CascadePacket};
pub(crate) use messages::{CascadeTarget, EncodingState, RemoteSubscription, RemoteTrack};
pub(crate) use outbox::CascadeOutbox;
pub(crate) use peer::{CascadePeers, Peer};
