//! Datagrams: which participant an incoming one belongs to, and how outgoing ones are batched.

mod demux;
mod gso_order;
mod transmit_queue;
mod transport_kind;

pub(crate) use demux::{Demux, NetworkPath};
pub(crate) use gso_order::GsoOrder;
pub use transmit_queue::Transmit;
pub(crate) use transmit_queue::TransmitQueue;
pub use transport_kind::Transport;
