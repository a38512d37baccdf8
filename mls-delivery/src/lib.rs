//! An MLS delivery service (RFC 9750 section 5): one totally ordered log per room, with
//! compare-and-swap on the number of accepted handshakes. It holds no key and needs none: of an
//! MLS message it reads the clear header, nothing else.
//!
//! [`Log`] decides and remembers, without I/O. [`Finality`] lets the members vote on a commit before
//! the log takes it. [`inspect`] checks the clear headers.
//! The crate `mls-delivery-storage` stores what the log has accepted.
//!
//! A change of a log has three steps:
//!
//! 1. [`Log::join`], [`Log::depart`] or [`Log::submit`] decides and returns a [`Prepared`] entry;
//!    the log itself is unchanged.
//! 2. `Storage::append` stores its [`Record`]. If the outcome is unknown, the same
//!    entry is appended again.
//! 3. [`Log::apply`] applies it, and it is sent to all participants.
//!
//! A crash between any two of these loses nothing that a participant was sent.

mod checkpoint;
mod entry;
mod finality;
pub mod inspect;
mod log;
mod rules;
pub mod trace;

pub use checkpoint::Checkpoint;
pub use entry::{Accepted, Prepared, Record, Submitted};
pub use finality::{Decision, Finality, Opened, REJECTION_BACKOFF_MS, VOTE_TIMEOUT_MS};
pub use log::Log;

/// Bounds of one room's log.
pub mod limits {
    /// Entries that are kept for participants who return.
    pub const RETAINED_ENTRIES: usize = 512;
    /// Bytes of MLS messages that are kept for participants who return. The newest entry is kept
    /// whatever its size.
    pub const RETAINED_BYTES: usize = 8 * 1024 * 1024;
    /// Participants that are members or wait to be.
    pub const JOINED: usize = 256;
    /// Departed participants that never were members and are kept until the next handshake, so
    /// that a commit which adds one of them, made before it went, still fits.
    pub const DEPARTED_WAITING: usize = 64;
}
