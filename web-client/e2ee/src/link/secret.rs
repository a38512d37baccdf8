//! The link secret, and what a room derives from it.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use signaling_protocol::RoomId;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What all keys of a room come from: 32 bytes, those of the link, or those of the link and its
/// passphrase together.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkSecret([u8; Self::BYTES]);

/// What a room's link secret becomes. All of it differs from room to room.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct RoomSecrets {
    /// The external PSK that every commit with an Add carries (RFC 9420 section 8.4).
    pub(crate) psk: [u8; 32],
    /// The AES-256-GCM key under which credentials travel.
    pub(crate) credential_key: [u8; 32],
}

impl LinkSecret {
    /// Bytes of a link secret.
    pub const BYTES: usize = 32;

    /// The link secret of 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
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
    fn a_link_secret_does_not_show_in_logs() {
        let secret = LinkSecret::from_bytes([7; 32]);
        assert_eq!(format!("{secret:?}"), "LinkSecret(…)");
    }
}
