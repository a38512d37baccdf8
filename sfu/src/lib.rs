//! The SFU's shell: worker threads, UDP sockets, control and metrics.
//!
//! Each worker is a thread with a UDP port and whole rooms of its own ([`sfu_core::Worker`] holds
//! all state and decides everything). On the way of a packet there is no lock, no await and no
//! other thread. Commands come over a queue that wakes the worker; reports go out over one bounded
//! channel.

mod addresses;
mod config;
mod handle;
mod metrics;
mod placement;
mod shard;
mod socket;
mod start;

pub use config::SfuConfig;
pub use handle::SfuHandle;
pub use sfu_core::Limits;
pub use start::{Sfu, StartError};
