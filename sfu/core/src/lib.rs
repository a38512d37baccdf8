//! The SFU's rooms, participants and subscriptions over str0m: no sockets, no clock.
//!
//! A [`Worker`] owns whole rooms. Datagrams, commands and the time go in; datagrams to send, media
//! events and the next timeout come out. Everything in between runs on one thread without locks.
//!
//! A packet's way: [`Worker::handle_datagram`] → `demux` finds the participant → its connection
//! (one str0m `Rtc`) takes the SRTP off → the published track it belongs to → for every receive
//! slot that carries the track a rewritten header and a share of the same payload → the
//! subscriber's connection puts its SRTP on → [`Worker::poll_transmit`].
//!
//! Payloads are end-to-end encrypted by the clients. Nothing here looks into them.

mod certificate;
mod codec;
mod connection;
mod control;
mod counters;
mod demux;
mod forward;
mod keyframe;
mod limits;
mod offer;
mod participant;
mod participants;
mod rewriter;
mod room;
mod slots;
mod timers;
mod track;
mod wallclock;
mod worker;

pub use certificate::{Certificate, CertificateUnavailable};
pub use counters::{Counters, DropReason, Flow, PacketKind, SrtpProfile, Traffic};
pub use limits::Limits;
pub use str0m::net::Transmit;
pub use worker::{Worker, WorkerConfig};
