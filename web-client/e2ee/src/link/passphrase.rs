//! A passphrase in addition to a link, for the case that the link leaks.
//!
//! Argon2id (RFC 9106) makes each guess expensive for an attacker with the link. An attacker without
//! the link cannot test a guess.

use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use signaling_protocol::RoomId;
use zeroize::Zeroizing;

use super::secret::LinkSecret;

/// The length in bytes of the check in the link. One in 16 million wrong passphrases passes it, and
/// then gives a wrong secret.
pub(super) const CHECK_BYTES: usize = 3;
pub(super) type Check = [u8; CHECK_BYTES];

/// The most characters that a passphrase may have.
pub(super) const MAX_CHARS: usize = 256;
/// The memory, passes and lanes of the second recommended option of RFC 9106 section 4, for
/// memory-constrained environments such as a phone's browser.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// The passphrase is empty or has more than [`MAX_CHARS`] characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PassphraseLength;

/// Derives the room's secret from a link's secret and a passphrase. Returns it with the check.
///
/// # Errors
/// [`PassphraseLength`]
pub(super) fn mix(
    secret: &LinkSecret,
    room: &RoomId,
    passphrase: &str,
) -> Result<(LinkSecret, Check), PassphraseLength> {
    if !(1..=MAX_CHARS).contains(&passphrase.chars().count()) {
        return Err(PassphraseLength);
    }
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(LinkSecret::BYTES))
        .expect("these are within the bounds of RFC 9106 section 3.1");
    let mut stretched = Zeroizing::new([0; LinkSecret::BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &salt(room), stretched.as_mut())
        .expect("a salt of 33 bytes and a bounded passphrase are within RFC 9106 section 3.1");

    let mut both = Zeroizing::new([0; 2 * LinkSecret::BYTES]);
    let (first, second) = both.split_at_mut(LinkSecret::BYTES);
    first.copy_from_slice(secret.as_bytes());
    second.copy_from_slice(stretched.as_ref());
    let key = Hkdf::<Sha256>::new(Some(&salt(room)), both.as_ref());
    let (mut mixed, mut check) = (Zeroizing::new([0; LinkSecret::BYTES]), [0; CHECK_BYTES]);
    for (label, out) in [("lp1 locked", mixed.as_mut_slice()), ("lp1 check", &mut check)] {
        key.expand(label.as_bytes(), out).expect("at most one block of HKDF-SHA-256");
    }
    Ok((LinkSecret::from_bytes(*mixed), check))
}

/// Returns the salt of a room: guesses for one room cannot be reused for another.
fn salt(room: &RoomId) -> Vec<u8> {
    let mut salt = b"lp1 phrase/".to_vec();
    salt.extend_from_slice(room.as_str().as_bytes());
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_too_long_passphrase_is_refused() {
        let (secret, room) = (LinkSecret::from_bytes([1; 32]), RoomId::from_bytes([1; 16]));
        let error = Err(PassphraseLength);
        assert_eq!(mix(&secret, &room, ""), error);
        assert_eq!(mix(&secret, &room, &"ä".repeat(MAX_CHARS + 1)), error);
        assert!(mix(&secret, &room, &"ä".repeat(MAX_CHARS)).is_ok());
    }

    #[test]
    fn the_secret_depends_on_both_the_link_and_the_passphrase() {
        let room = RoomId::from_bytes([1; 16]);
        let of = |secret: u8, passphrase| {
            mix(&LinkSecret::from_bytes([secret; 32]), &room, passphrase)
                .expect("it is long enough")
        };
        let (both, _) = of(1, "one");
        assert_ne!(both, of(2, "one").0);
        assert_ne!(both, of(1, "two").0);
    }
}
