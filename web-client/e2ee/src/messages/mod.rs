//! What members say to all members beside the media: chat, reactions, raised hands, the heartbeats
//! by which they notice that somebody is kept apart from them, and comparisons by voice.
//!
//! Each goes as one MLS application message (RFC 9420 section 15). The server takes it only in the
//! current epoch and tells it in one order with the log, so whoever follows the log can open it.

mod comparison;
mod content;
mod outbox;
mod witness;

pub use comparison::EMOJI;
pub(crate) use comparison::{Comparison, ComparisonStep, Standing};
pub use content::{Content, ContentError, MessageKey};
pub(crate) use content::{Envelope, Said};
pub(crate) use outbox::{Outbox, Step};
pub(crate) use witness::Witness;

/// Ids of messages that were read, kept to tell a second copy from a new message.
pub(crate) const REMEMBERED: usize = 256;
