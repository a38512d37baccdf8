//! Application messages between members: chat, reactions, raised hands, heartbeats that prove who is
//! in the same epoch, and the short authentication string.
//!
//! Each is one MLS application message (RFC 9420 section 15). The server accepts it only in the
//! current epoch and delivers it in one order with the log, so every member that follows the log can
//! decrypt it.

mod content;
mod epoch_liveness;
mod outbox;
mod sas;

pub use content::{Content, ContentError, MessageKey};
pub(crate) use content::{ContentMessage, Envelope};
pub(crate) use epoch_liveness::EpochLiveness;
pub(crate) use outbox::{Outbox, OutboxAction};
pub use sas::EMOJI_COUNT;
pub(crate) use sas::{LeafSasState, Sas, SasMessage};

/// How many ids of messages are kept to recognise duplicates.
pub(crate) const REMEMBERED_IDS: usize = 256;
