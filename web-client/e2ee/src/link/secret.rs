//! The link secret, and the secrets of a room that are derived from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use signaling_protocol::RoomId;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The secret that all keys of a room are derived from: 32 bytes, from the link alone or from the
/// link and its passphrase. Wiped on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret([u8; Self::BYTES]);

/// The secrets of one room, derived from its link secret. They differ from room to room.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RoomSecrets {
    /// The external PSK that every commit with an Add mixes in (RFC 9420 section 8.4).
    pub(crate) psk: [u8; 32],
    /// The AES-256-GCM key that seals credentials.
    pub(crate) credential_key: [u8; 32],
}

impl LinkSecret {
    /// The length of a link secret in bytes.
    pub const BYTES: usize = 32;

    /// Returns the link secret of these bytes, which must be random.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Derives the secrets of a room by HKDF-SHA-256 (RFC 5869), with the salt `"lp1" ‖ room id` and
    /// one label for each use.
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

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn debug_output_does_not_show_a_link_secret() {
        let secret = LinkSecret::from_bytes([7; 32]);
        assert_eq!(format!("{secret:?}"), "LinkSecret(…)");
    }
}
