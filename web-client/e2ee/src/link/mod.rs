//! The invitation link: its fragment carries the secret that all keys of a room come from, and may
//! ask for a passphrase as well. Browsers do not send a URL's fragment to the server (RFC 3986
//! section 3.5).

mod passphrase;
mod secret;

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signaling_protocol::RoomId;
use zeroize::Zeroizing;

use passphrase::{CHECK_BYTES, Check, PassphraseLength};
pub use secret::LinkSecret;
pub(crate) use secret::RoomSecrets;

/// A room's invitation link, as far as its fragment goes: `v1.` and the secret in 43 base64url
/// characters; with a passphrase, `v1p.`, the secret, a dot, and a check of four base64url characters
/// that reveals a mistyped passphrase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    secret: LinkSecret,
    check: Option<Check>,
}

/// Why a link cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The fragment is empty.
    #[error("The part of the link after the # is missing; ask for the whole link.")]
    Missing,
    /// It begins neither with `v1.` nor with `v1p.`.
    #[error("This page does not know this kind of link; reload it, or ask for a new link.")]
    UnknownVersion,
    /// Too few characters.
    #[error("The last {missing} characters of the link are missing; copy the whole link.")]
    TooShort {
        /// The number of missing characters.
        missing: usize,
    },
    /// Too many characters.
    #[error("The link is {extra} characters too long; copy only the link.")]
    TooLong {
        /// The number of extra characters.
        extra: usize,
    },
    /// Not base64url.
    #[error("The link has an invalid character; copy it again.")]
    BadCharacter,
    /// The link needs a passphrase, and none was given.
    #[error("This meeting needs a passphrase in addition to the link.")]
    PassphraseMissing,
    /// The link was made with another passphrase.
    #[error("This is not the passphrase of this meeting; ask the person who sent you the link.")]
    WrongPassphrase,
    /// The passphrase is empty or too long.
    #[error("A passphrase has 1 to {limit} characters.")]
    PassphraseLength {
        /// The most characters of a passphrase.
        limit: usize,
    },
}

impl From<PassphraseLength> for LinkError {
    fn from(_: PassphraseLength) -> Self {
        Self::PassphraseLength { limit: passphrase::MAX_CHARS }
    }
}

impl LinkError {
    /// Returns a stable code for programs, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "link_missing",
            Self::UnknownVersion => "link_unknown_version",
            Self::TooShort { .. } => "link_too_short",
            Self::TooLong { .. } => "link_too_long",
            Self::BadCharacter => "link_bad_character",
            Self::PassphraseMissing => "passphrase_missing",
            Self::WrongPassphrase => "wrong_passphrase",
            Self::PassphraseLength { .. } => "passphrase_length",
        }
    }
}

const PREFIX: &str = "v1.";
const LOCKED_PREFIX: &str = "v1p.";
const CHARACTERS: usize = 43;
/// [`CHECK_BYTES`] in base64url.
const CHECK_CHARACTERS: usize = 4;

impl Link {
    /// Returns a link that needs no passphrase.
    #[must_use]
    pub fn open_to_all(secret: LinkSecret) -> Self {
        Self { secret, check: None }
    }

    /// Returns a link to this room that needs a passphrase. Takes about a second.
    ///
    /// # Errors
    /// [`LinkError::PassphraseLength`] if the passphrase is empty or too long.
    pub fn lock(secret: LinkSecret, room: &RoomId, passphrase: &str) -> Result<Self, LinkError> {
        let (_, check) = passphrase::mix(&secret, room, passphrase)?;
        Ok(Self { secret, check: Some(check) })
    }

    /// Returns `true` if the link needs a passphrase.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.check.is_some()
    }

    /// Returns the secret of the room. Takes about a second if the link needs a passphrase, and
    /// ignores the passphrase if it does not.
    ///
    /// # Errors
    /// [`LinkError::PassphraseMissing`], [`LinkError::WrongPassphrase`],
    /// [`LinkError::PassphraseLength`]
    pub fn open(&self, room: &RoomId, passphrase: Option<&str>) -> Result<LinkSecret, LinkError> {
        let Some(expected) = self.check else { return Ok(self.secret.clone()) };
        let passphrase = passphrase.ok_or(LinkError::PassphraseMissing)?;
        let (mixed, check) = passphrase::mix(&self.secret, room, passphrase)?;
        if check == expected { Ok(mixed) } else { Err(LinkError::WrongPassphrase) }
    }

    /// Returns the fragment: the part of the URL after the `#`.
    #[must_use]
    pub fn to_fragment(&self) -> String {
        let secret = URL_SAFE_NO_PAD.encode(self.secret.as_bytes());
        match self.check {
            None => format!("{PREFIX}{secret}"),
            Some(check) => format!("{LOCKED_PREFIX}{secret}.{}", URL_SAFE_NO_PAD.encode(check)),
        }
    }
}

impl FromStr for Link {
    type Err = LinkError;

    /// Parses a fragment, with or without its `#`.
    fn from_str(fragment: &str) -> Result<Self, LinkError> {
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        if fragment.is_empty() {
            return Err(LinkError::Missing);
        }
        let (text, locked) =
            match (fragment.strip_prefix(PREFIX), fragment.strip_prefix(LOCKED_PREFIX)) {
                (Some(text), _) => (text, false),
                (None, Some(text)) => (text, true),
                (None, None) => return Err(LinkError::UnknownVersion),
            };
        let whole = CHARACTERS + if locked { 1 + CHECK_CHARACTERS } else { 0 };
        let characters = text.chars().count();
        if characters < whole {
            return Err(LinkError::TooShort { missing: whole - characters });
        }
        if characters > whole {
            return Err(LinkError::TooLong { extra: characters - whole });
        }
        if !locked {
            return Ok(Self::open_to_all(LinkSecret::from_bytes(decode(text)?)));
        }
        let (secret, check) = text.split_once('.').ok_or(LinkError::BadCharacter)?;
        let check = decode::<CHECK_BYTES>(check)?;
        Ok(Self { secret: LinkSecret::from_bytes(decode(secret)?), check: Some(check) })
    }
}

fn decode<const BYTES: usize>(text: &str) -> Result<[u8; BYTES], LinkError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LinkError::BadCharacter)?;
    let bytes = Zeroizing::new(bytes);
    bytes.as_slice().try_into().map_err(|_| LinkError::BadCharacter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: [u8; 16] = [4; 16];

    fn locked(passphrase: &str) -> Link {
        let secret = LinkSecret::from_bytes([0xa5; 32]);
        Link::lock(secret, &RoomId::from_bytes(ROOM), passphrase).expect("a passphrase")
    }

    #[test]
    fn a_fragment_survives_a_round_trip() {
        let secret = LinkSecret::from_bytes(std::array::from_fn(|i| i as u8 * 7));
        for (link, length) in [(Link::open_to_all(secret), 46), (locked("open sesame"), 52)] {
            let fragment = link.to_fragment();
            assert_eq!(fragment.len(), length);
            assert_eq!(fragment.parse(), Ok(link.clone()));
            assert_eq!(format!("#{fragment}").parse(), Ok(link));
        }
    }

    #[test]
    fn a_damaged_fragment_is_refused_with_the_reason() {
        let whole = Link::open_to_all(LinkSecret::from_bytes([0xa5; 32])).to_fragment();
        let with_check = locked("open sesame").to_fragment();
        let cases = [
            (String::new(), LinkError::Missing),
            ("#".to_owned(), LinkError::Missing),
            (whole.replace("v1.", "v2."), LinkError::UnknownVersion),
            (whole[..40].to_owned(), LinkError::TooShort { missing: 6 }),
            (format!("{whole}xy"), LinkError::TooLong { extra: 2 }),
            (whole.replacen("paWl", "pa+l", 1), LinkError::BadCharacter),
            (whole.replacen("paWl", "paÄl", 1), LinkError::BadCharacter),
            // The last character has two bits that must be zero, or two links would be equal.
            (format!("{}B", &whole[..45]), LinkError::BadCharacter),
            (with_check[..47].to_owned(), LinkError::TooShort { missing: 5 }),
            (format!("{with_check}x"), LinkError::TooLong { extra: 1 }),
            (with_check.replacen("v1p.", "v1.", 1), LinkError::TooLong { extra: 5 }),
            (
                format!("{}.{}", &with_check[..46], &with_check[46..].replace('.', "")),
                LinkError::BadCharacter,
            ),
        ];
        for (fragment, error) in cases {
            assert_eq!(fragment.parse::<Link>(), Err(error), "{fragment}");
        }
    }

    #[test]
    fn a_link_without_a_passphrase_opens_without_one() {
        let secret = LinkSecret::from_bytes([1; 32]);
        let link = Link::open_to_all(secret.clone());
        assert!(!link.is_locked());
        assert_eq!(link.open(&RoomId::from_bytes(ROOM), None), Ok(secret));
    }

    #[test]
    fn a_link_with_a_passphrase_opens_only_with_it_and_only_in_its_room() {
        let room = RoomId::from_bytes(ROOM);
        let link = locked("open sesame");
        assert!(link.is_locked());
        let opened = link.open(&room, Some("open sesame")).expect("the right one");
        assert_ne!(opened, link.secret, "the link alone is not enough");
        assert_eq!(link.open(&room, Some("open sesame")), Ok(opened));
        assert_eq!(link.open(&room, None), Err(LinkError::PassphraseMissing));
        assert_eq!(link.open(&room, Some("Open sesame")), Err(LinkError::WrongPassphrase));
        let elsewhere = RoomId::from_bytes([5; 16]);
        assert_eq!(link.open(&elsewhere, Some("open sesame")), Err(LinkError::WrongPassphrase));
    }
}
