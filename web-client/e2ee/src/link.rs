//! The link secret: who has the link can enter, and the server never sees it, because browsers
//! keep a URL's fragment to themselves.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use signaling_protocol::RoomId;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The secret part of a room's link: 32 bytes, as `v1.` and 43 base64url characters in the
/// fragment.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret([u8; Self::BYTES]);

/// Why a link's fragment is not a link secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing after the `#`.
    #[error("The link has lost its last part, after the #; ask for the whole link.")]
    Missing,
    /// It does not begin with `v1.`.
    #[error(
        "The link is of a kind that this page does not know; reload it, or ask for a new link."
    )]
    UnknownVersion,
    /// Too few characters.
    #[error("The link is cut short by {missing} characters; copy it whole.")]
    TooShort {
        /// How many are missing.
        missing: usize,
    },
    /// Too many characters.
    #[error("The link has {extra} characters too many; copy it alone.")]
    TooLong {
        /// How many are too many.
        extra: usize,
    },
    /// Not base64url.
    #[error("The link has a character that does not belong there; copy it again.")]
    BadCharacter,
}

impl LinkError {
    /// For programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "link_missing",
            Self::UnknownVersion => "link_unknown_version",
            Self::TooShort { .. } => "link_too_short",
            Self::TooLong { .. } => "link_too_long",
            Self::BadCharacter => "link_bad_character",
        }
    }
}

/// What a room's link secret becomes. All of it differs from room to room.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RoomSecrets {
    /// The external PSK that every commit with an Add carries (RFC 9420 section 8.4).
    pub(crate) psk: [u8; 32],
    /// The AES-256-GCM key under which credentials travel.
    pub(crate) credential_key: [u8; 32],
}

const PREFIX: &str = "v1.";
const CHARACTERS: usize = 43;

impl LinkSecret {
    /// Bytes of a link secret.
    pub const BYTES: usize = 32;

    /// The link secret of 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// What stands after the `#`.
    #[must_use]
    pub fn to_fragment(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }

    /// HKDF (RFC 5869) with SHA-256: salt `"lp1" ‖ room id`, then one label for each use.
    pub(crate) fn room_secrets(&self, room: &RoomId) -> RoomSecrets {
        let mut salt = b"lp1".to_vec();
        salt.extend_from_slice(room.as_str().as_bytes());
        let key = Hkdf::<Sha256>::new(Some(&salt), &self.0);
        let mut secrets = RoomSecrets { psk: [0; 32], credential_key: [0; 32] };
        for (label, secret) in
            [("lp1 psk", &mut secrets.psk), ("lp1 credential", &mut secrets.credential_key)]
        {
            key.expand(label.as_bytes(), secret).expect("32 bytes are one block of HKDF-SHA-256");
        }
        secrets
    }
}

impl FromStr for LinkSecret {
    type Err = LinkError;

    /// Reads a fragment, with or without its `#`.
    fn from_str(fragment: &str) -> Result<Self, LinkError> {
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        if fragment.is_empty() {
            return Err(LinkError::Missing);
        }
        let text = fragment.strip_prefix(PREFIX).ok_or(LinkError::UnknownVersion)?;
        let characters = text.chars().count();
        if characters < CHARACTERS {
            return Err(LinkError::TooShort { missing: CHARACTERS - characters });
        }
        if characters > CHARACTERS {
            return Err(LinkError::TooLong { extra: characters - CHARACTERS });
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| LinkError::BadCharacter)?;
        let bytes = Zeroizing::new(bytes);
        let secret = bytes.as_slice().try_into().map_err(|_| LinkError::BadCharacter)?;
        Ok(Self(secret))
    }
}

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_comes_back_as_it_went() {
        let secret = LinkSecret::from_bytes(std::array::from_fn(|i| i as u8 * 7));
        let fragment = secret.to_fragment();
        assert_eq!(fragment.len(), 46);
        assert_eq!(fragment.parse(), Ok(secret.clone()));
        assert_eq!(format!("#{fragment}").parse(), Ok(secret));
    }

    #[test]
    fn a_damaged_fragment_says_what_is_wrong_with_it() {
        let whole = LinkSecret::from_bytes([0xa5; 32]).to_fragment();
        let cases = [
            (String::new(), LinkError::Missing),
            ("#".to_owned(), LinkError::Missing),
            (whole.replace("v1.", "v2."), LinkError::UnknownVersion),
            (whole[..40].to_owned(), LinkError::TooShort { missing: 6 }),
            (format!("{whole}xy"), LinkError::TooLong { extra: 2 }),
            (whole.replacen("paWl", "pa+l", 1), LinkError::BadCharacter),
            (whole.replacen("paWl", "paÄl", 1), LinkError::BadCharacter),
            // The last character carries two bits that must be zero, or two links were one.
            (format!("{}B", &whole[..45]), LinkError::BadCharacter),
        ];
        for (fragment, error) in cases {
            assert_eq!(fragment.parse::<LinkSecret>(), Err(error), "{fragment}");
        }
    }

    #[test]
    fn each_room_and_each_use_has_a_secret_of_its_own() {
        let link = LinkSecret::from_bytes([1; 32]);
        let here = link.room_secrets(&RoomId::from_bytes([1; 16]));
        let there = link.room_secrets(&RoomId::from_bytes([2; 16]));
        assert_ne!(here.psk, here.credential_key);
        assert_ne!(here.psk, there.psk);
        assert_ne!(here.credential_key, there.credential_key);
    }

    #[test]
    fn a_link_secret_does_not_show_in_logs() {
        let secret = LinkSecret::from_bytes([7; 32]);
        assert_eq!(format!("{secret:?}"), "LinkSecret(…)");
    }
}
