//! The SFU's shell: worker threads, UDP and TCP sockets, commands and metrics.
//!
//! Each worker is a thread with a UDP port, a TCP port and rooms of its own. [`sfu_core::Worker`]
//! holds all state and makes all decisions. The path of a packet has no lock, no await and no other
//! thread. Commands come over a queue that wakes the worker; the thread delivers each report to its
//! room without blocking.
//!
//! A room begins on one worker. If that has the maximum number of its participants, or is busy, the
//! next ones go to another worker (`placement`). From then on, one copy of a packet goes to each
//! worker that forwards it, over bounded queues that never block (`cascade`): if a queue is full,
//! video is dropped before audio.

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
