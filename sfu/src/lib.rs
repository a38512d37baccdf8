//! The SFU's shell: worker threads, UDP sockets, control and metrics.
//!
//! Each worker is a thread with a UDP port, a TCP port and rooms of its own ([`sfu_core::Worker`] holds
//! all state and decides everything). On the way of a packet there is no lock, no await and no
//! other thread. Commands come over a queue that wakes the worker; reports go out over one bounded
//! channel.
//!
//! A room begins on one worker. When that has as many of its participants as it may have, or is busy,
//! the next ones go to another (`placement`), and from then on one copy of a packet goes to each
//! worker on which somebody is sent it, over bounded queues that nobody waits for (`relay`): when one
//! is full, pictures are left out before sound.

mod addresses;
mod admission;
mod cascade;
mod config;
mod handle;
mod metrics;
mod pin;
mod placement;
mod socket;
mod start;
mod tcp;
mod worker_thread;

pub use config::{MediaTcp, SfuConfig};
pub use handle::SfuHandle;
pub use pin::PinError;
pub use sfu_core::{Limits, MediaCommand, MediaEvent, MediaReport};
pub use start::{Sfu, StartError};
