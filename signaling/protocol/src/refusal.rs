//! Refusals: a code for programs, and a sentence for people.

use serde::{Deserialize, Serialize};

use crate::{HandshakeCount, MessageId, RefusalCode};

/// A refused message or request: nothing else is lost.
///
/// Displays as its sentence.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Refusal {
    /// The reason, for programs.
    pub code: RefusalCode,
    /// The reason in English, [`RefusalCode::sentence`]; clients translate the code.
    pub message: String,
    /// With [`RefusalCode::StaleHandshake`] and [`RefusalCode::StaleMessage`]: the log's current
    /// handshake count.
    pub current: Option<HandshakeCount>,
    /// Seconds before a retry makes sense, where it does.
    pub retry_after_seconds: Option<u32>,
    /// The refused submission, if it is one.
    pub message_id: Option<MessageId>,
    /// The exact reason. Stays on the server, which logs it.
    #[serde(skip)]
    detail: String,
}

// The detail is for logs: two refusals that a client cannot tell apart are equal.
impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        let key = |one: &Self| (one.code, one.current, one.retry_after_seconds);
        key(self) == key(other)
            && self.message == other.message
            && self.message_id == other.message_id
    }
}

impl Eq for Refusal {}

impl Refusal {
    /// Refuses for this reason. `detail` says what exactly was wrong; it goes to the server's log
    /// and to no client.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            message: code.sentence().to_owned(),
            current: None,
            retry_after_seconds: None,
            message_id: None,
            detail: detail.into(),
        }
    }

    /// Returns what exactly was wrong; empty for a refusal that came over the wire.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds the log's current handshake count.
    #[must_use]
    pub fn with_current(mut self, current: HandshakeCount) -> Self {
        self.current = Some(current);
        self
    }

    /// Names the refused submission.
    #[must_use]
    pub fn about(mut self, message_id: MessageId) -> Self {
        self.message_id = Some(message_id);
        self
    }

    /// Adds the time to wait, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }
}
