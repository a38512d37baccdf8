//! The SFU's rooms, participants and subscriptions over str0m: no sockets, no clock.
//!
//! A [`Worker`] owns rooms, or its part of them. Datagrams, commands, messages of other workers and
//! the time go in; datagrams, media reports, messages to other workers and the next timeout come out.
//! Everything in between runs on one thread without locks.
//!
//! # The path of a packet
//!
//! 1. [`Worker::handle_datagram`] (`worker/receive.rs`) finds the participant by the source address
//!    (`transport/demux.rs`). Its connection, one str0m `Rtc`, removes SRTP (`peer_connection`).
//! 2. `worker/forward.rs` finds the encoding of the published track, and hands every subscription to
//!    it a share of the same payload. The receive slot rewrites the header (`room/receive_slot.rs`,
//!    `rtp`).
//! 3. Once all datagrams of a batch are in, [`Worker::poll_transmit`] has each subscriber's
//!    connection add SRTP, in the buffer that is sent (`room/subscriber.rs`, `transport`).
//!
//! `policy` decides which track fills a slot, which of its encodings a link carries, and what a
//! worker sheds under overload. `worker/select_encodings.rs` applies it.
//!
//! # Rooms over several workers
//!
//! Each worker has the room's participants whose connections it has; those of other workers are
//! remote participants, which publish and have no connection (`cascade`, `worker/cascade.rs`). One
//! copy of a packet goes to each worker that forwards it ([`Worker::poll_cascade`],
//! [`Worker::handle_cascade_packet`]). The published tracks and subscriptions of each part are sent
//! whole whenever they have changed, so that a later message replaces an earlier one.
//!
//! # Encryption
//!
//! Clients encrypt payloads end to end. The server reads only the descriptors before the frames
//! (`rtp/payload_descriptor.rs`, `rtp/svc_layers.rs`).

mod cascade;
mod config;
mod ids;
mod limits;
mod media;
mod metrics;
mod peer_connection;
mod policy;
mod room;
mod rtp;
mod transport;
mod worker;

pub use cascade::{CascadeControl, CascadeMessage, CascadePacket};
pub use config::WorkerConfig;
pub use ids::WorkerId;
pub use limits::Limits;
pub use media::{MediaCommand, MediaEvent, MediaReport};
pub use metrics::{Counters, DropReason, Flow, PacketKind, SrtpProfile, Traffic};
pub use peer_connection::{Certificate, CertificateUnavailable};
pub use policy::{DownlinkReading, OverloadLevel, QualitySummary};
pub use transport::{Transmit, Transport};
pub use worker::Worker;
