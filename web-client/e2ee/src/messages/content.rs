//! The plaintext of an application message: JSON, as messages are few and small.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::ComparisonStep;

/// Characters of a chat message.
const CHAT_CHARS: usize = 4_000;
/// Characters of a reaction: one emoji with all its joiners and modifiers.
const EMOJI_CHARS: usize = 12;

/// What a member says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// A chat message.
    Chat {
        /// Plain text, 1 to 4,000 characters.
        text: String,
    },
    /// A fleeting reaction.
    Reaction {
        /// One emoji.
        emoji: String,
    },
    /// The hand goes up or down.
    Hand {
        /// Whether it is up now.
        raised: bool,
    },
}

/// Why something cannot be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Nothing in it.
    #[error("The message is empty.")]
    Empty,
    /// Too many characters.
    #[error("The message has {characters} characters, {limit} are allowed; shorten it.")]
    TooLong {
        /// How many it has.
        characters: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Not an emoji.
    #[error("A reaction is one emoji.")]
    NotAnEmoji,
    /// Too much is waiting to be sent.
    #[error("Too much is waiting to be sent; try again when the connection is back.")]
    Full,
    /// The endpoint is at its end, or not yet in the call.
    #[error("You are not in the encrypted call; wait to be let in.")]
    NotInCall,
}

impl ContentError {
    /// For programs.
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
    /// Whether it may be said, or shown when somebody else has said it.
    ///
    /// # Errors
    /// [`ContentError`]
    pub fn check(&self) -> Result<(), ContentError> {
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
                // Words would be a way around the chat.
                let word = |c: char| c.is_alphabetic() || c.is_whitespace() || c.is_control();
                if emoji.chars().any(word) { Err(ContentError::NotAnEmoji) } else { Ok(()) }
            }
            Self::Hand { .. } => Ok(()),
        }
    }
}

/// A message's own random id, the same in every copy of it.
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

/// A content with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) id: MessageKey,
    pub(crate) content: Content,
}

/// Everything that an application message can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Envelope {
    Said(Said),
    /// The sender is in the epoch of this authenticator (RFC 9420 section 8.7).
    Heartbeat {
        authenticator: String,
    },
    /// A part of a comparison by voice, of the epoch with this number.
    Comparison {
        epoch: u64,
        step: ComparisonStep,
    },
}

impl Envelope {
    pub(crate) fn heartbeat(authenticator: &[u8]) -> Self {
        Self::Heartbeat { authenticator: URL_SAFE_NO_PAD.encode(authenticator) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields become JSON")
    }

    /// `None` for what another version may say.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let envelope: Self = serde_json::from_slice(bytes).ok()?;
        match &envelope {
            Self::Said(said) => said.content.check().ok()?,
            Self::Heartbeat { .. } | Self::Comparison { .. } => {}
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
    fn what_cannot_be_said_says_why() {
        assert_eq!(chat(" \n").check(), Err(ContentError::Empty));
        assert_eq!(chat("ä".repeat(CHAT_CHARS)).check(), Ok(()));
        let error = ContentError::TooLong { characters: CHAT_CHARS + 1, limit: CHAT_CHARS };
        assert_eq!(chat("ä".repeat(CHAT_CHARS + 1)).check(), Err(error));
        for emoji in ["👍", "👩🏽‍🚀", "❤️", "🏳️‍🌈"] {
            assert_eq!(reaction(emoji).check(), Ok(()), "{emoji}");
        }
        assert_eq!(reaction("hello").check(), Err(ContentError::NotAnEmoji));
        assert_eq!(reaction("👍 👍").check(), Err(ContentError::NotAnEmoji));
    }

    #[test]
    fn an_envelope_comes_back_as_it_went_and_an_unknown_one_is_passed_over() {
        for envelope in [
            Envelope::Said(Said { id: MessageKey([7; 16]), content: chat("Hello, <b>you</b>") }),
            Envelope::Said(Said {
                id: MessageKey([8; 16]),
                content: Content::Hand { raised: true },
            }),
            Envelope::heartbeat(&[1, 2, 3]),
            Envelope::Comparison { epoch: 7, step: ComparisonStep::Commit("abc".into()) },
        ] {
            assert_eq!(Envelope::decode(&envelope.encode()), Some(envelope));
        }
        assert_eq!(Envelope::decode(br#"{"dance":{}}"#), None);
        let empty = Envelope::Said(Said { id: MessageKey([7; 16]), content: chat("") });
        assert_eq!(Envelope::decode(&empty.encode()), None, "the sender's word is checked too");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::decode(&bytes);
        }
    }
}
