//! The plaintext of an application message, as JSON: messages are few and small.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::SasMessage;

/// The most characters of a chat message.
const CHAT_CHARS: usize = 4_000;
/// The most characters of a reaction: one emoji with all its joiners and modifiers.
const EMOJI_CHARS: usize = 12;

/// The content of a message that a member sends to all members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// A chat message.
    Chat {
        /// Plain text, 1 to 4,000 characters.
        text: String,
    },
    /// A reaction that is shown for a moment.
    Reaction {
        /// One emoji.
        emoji: String,
    },
    /// A raised or lowered hand.
    Hand {
        /// `true` if the hand is raised now.
        raised: bool,
    },
}

/// Why a message cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It has no visible character.
    #[error("The message is empty.")]
    Empty,
    /// Too many characters.
    #[error("The message has {characters} characters, {limit} are allowed; shorten it.")]
    TooLong {
        /// The number of its characters.
        characters: usize,
        /// The number of characters that are allowed.
        limit: usize,
    },
    /// Not an emoji.
    #[error("A reaction is one emoji.")]
    NotAnEmoji,
    /// Too many messages are waiting to be sent.
    #[error("Too many messages are waiting to be sent; try again when you are connected.")]
    Full,
    /// The endpoint is not a member of the group: not yet, or no longer.
    #[error("You are not in the encrypted call; wait to be let in.")]
    NotInCall,
}

impl ContentError {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::NotAnEmoji => "not_an_emoji",
            Self::Full => "full",
            Self::NotInCall => "not_in_call",
        }
    }
}

impl Content {
    /// Checks content before it is sent, and content of other members before it is shown.
    ///
    /// # Errors
    /// [`ContentError::Empty`], [`ContentError::TooLong`] or [`ContentError::NotAnEmoji`].
    pub fn validate(&self) -> Result<(), ContentError> {
        let within = |text: &str, limit| {
            let characters = text.chars().count();
            if characters > limit {
                return Err(ContentError::TooLong { characters, limit });
            }
            if text.trim().is_empty() { Err(ContentError::Empty) } else { Ok(()) }
        };
        match self {
            Self::Chat { text } => within(text, CHAT_CHARS),
            Self::Reaction { emoji } => {
                within(emoji, EMOJI_CHARS)?;
                // Text belongs into a chat message.
                let word = |c: char| c.is_alphabetic() || c.is_whitespace() || c.is_control();
                if emoji.chars().any(word) { Err(ContentError::NotAnEmoji) } else { Ok(()) }
            }
            Self::Hand { .. } => Ok(()),
        }
    }
}

/// The random id of a message, 16 bytes: 22 base64url characters in text. Copies of a message have
/// the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageKey(pub(crate) [u8; 16]);

impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for MessageKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("not an id of 16 bytes"))
    }
}

/// Content with the id of its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContentMessage {
    pub(crate) id: MessageKey,
    pub(crate) content: Content,
}

/// The plaintext of an application message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Envelope {
    /// Content that the user sends.
    Message(ContentMessage),
    /// Proves that the sender is in the epoch with this authenticator (RFC 9420 section 8.7), in
    /// base64url.
    Heartbeat { authenticator: String },
    /// A message of the short authentication string, in the epoch with this handshake count.
    Sas { epoch: u64, message: SasMessage },
}

impl Envelope {
    pub(crate) fn heartbeat(authenticator: &[u8]) -> Self {
        Self::Heartbeat { authenticator: URL_SAFE_NO_PAD.encode(authenticator) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields become JSON")
    }

    /// Returns `None` for plaintext that this version does not know or does not allow.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let envelope: Self = serde_json::from_slice(bytes).ok()?;
        match &envelope {
            Self::Message(message) => message.content.validate().ok()?,
            Self::Heartbeat { .. } | Self::Sas { .. } => {}
        }
        Some(envelope)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chat(text: impl Into<String>) -> Content {
        Content::Chat { text: text.into() }
    }

    fn reaction(emoji: &str) -> Content {
        Content::Reaction { emoji: emoji.into() }
    }

    #[test]
    fn content_that_is_not_allowed_is_refused_with_the_reason() {
        assert_eq!(chat(" \n").validate(), Err(ContentError::Empty));
        assert_eq!(chat("ä".repeat(CHAT_CHARS)).validate(), Ok(()));
        let error = ContentError::TooLong { characters: CHAT_CHARS + 1, limit: CHAT_CHARS };
        assert_eq!(chat("ä".repeat(CHAT_CHARS + 1)).validate(), Err(error));
        for emoji in ["👍", "👩🏽‍🚀", "❤️", "🏳️‍🌈"] {
            assert_eq!(reaction(emoji).validate(), Ok(()), "{emoji}");
        }
        assert_eq!(reaction("hello").validate(), Err(ContentError::NotAnEmoji));
        assert_eq!(reaction("👍 👍").validate(), Err(ContentError::NotAnEmoji));
    }

    #[test]
    fn an_envelope_survives_a_round_trip_and_an_unknown_one_is_ignored() {
        for envelope in [
            Envelope::Message(ContentMessage {
                id: MessageKey([7; 16]),
                content: chat("Hello, <b>you</b>"),
            }),
            Envelope::Message(ContentMessage {
                id: MessageKey([8; 16]),
                content: Content::Hand { raised: true },
            }),
            Envelope::heartbeat(&[1, 2, 3]),
            Envelope::Sas { epoch: 7, message: SasMessage::Commit("abc".into()) },
        ] {
            assert_eq!(Envelope::decode(&envelope.encode()), Some(envelope));
        }
        assert_eq!(Envelope::decode(br#"{"dance":{}}"#), None);
        let empty =
            Envelope::Message(ContentMessage { id: MessageKey([7; 16]), content: chat("") });
        assert_eq!(
            Envelope::decode(&empty.encode()),
            None,
            "content of other members is checked too"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::decode(&bytes);
        }
    }
}
