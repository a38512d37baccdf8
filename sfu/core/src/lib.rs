//! The SFU's rooms, participants and subscriptions over str0m: no sockets, no clock.
//!
//! A [`Worker`] owns rooms, or its part of them. Datagrams, commands, what other workers tell and the
//! time go in; datagrams to send, media events, what other workers are told and the next timeout come
//! out. Everything in between runs on one thread without locks.
//!
//! A packet's way: [`Worker::handle_datagram`] → `demux` finds the participant → its connection
//! (one str0m `Rtc`) takes the SRTP off → the encoding of the published track it belongs to → for
//! every receive slot that carries that encoding a rewritten header and a share of the same payload
//! → once all datagrams of a batch are in, each subscriber's connection puts its SRTP on, into the
//! buffer that leaves → [`Worker::poll_transmit`].
//!
//! Which encoding a slot carries follows from `allocation` (pure policy), fed by `distribution` with
//! what each subscriber shows and what its `link` is thought to carry.
//!
//! A room may span workers. Each has those of its participants whose connections it has, and the
//! others as guests, who publish and have no connection (`guests`, `span`). One copy of a packet goes
//! to each worker on which somebody is sent it ([`Worker::poll_relay`], [`Worker::handle_relay_packet`]),
//! which forwards it like its own. What each part publishes and wants of the others is told whole
//! whenever it has changed, so that a message that overtakes another leaves nothing behind.
//!
//! Payloads are end-to-end encrypted by the clients. Nothing here looks into them but `pictures`,
//! for the descriptors before the frames.

mod cascade;
mod limits;
mod media;
mod metrics;
mod peer_connection;
mod policy;
mod room;
mod rtp;
mod transport;
mod worker;

pub use cascade::messages::{Relay, RelayControl, RelayPacket, WorkerId};
pub use limits::Limits;
pub use media::{MediaCommand, MediaEvent, MediaReport};
pub use metrics::{Counters, DropReason, Flow, PacketKind, SrtpProfile, Traffic};
pub use peer_connection::certificate::{Certificate, CertificateUnavailable};
pub use policy::bitrate_allocation::Given;
pub use policy::downlink::LinkReading;
pub use policy::overload::OverloadLevel;
pub use transport::Transport;
pub use transport::transmit_queue::Train;
pub use worker::{Worker, WorkerConfig};
