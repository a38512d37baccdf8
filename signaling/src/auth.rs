//! Join tokens, resume tokens and host keys.
//!
//! A join token is `room ‖ expiry ‖ role ‖ HMAC-SHA256(key, room ‖ expiry ‖ role)`, base64url; the
//! key lives as long as the process. Anyone with the room id can get one: the room id is the
//! capability, and the token only ties a socket to a room and allows a rate limit before it. A
//! host's token requires the host key, of which the room id is the hash: no server has to store
//! anything for it, and no room can be created with another room's host.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use signaling_protocol::{Refusal, RefusalCode, RoomId, Secret};
use subtle::ConstantTimeEq as _;

const MAC_BYTES: usize = 32;
const TOKEN_BYTES: usize = RoomId::LEN + 8 + 1 + MAC_BYTES;

/// The role of a participant in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Has the link.
    Guest,
    /// Has shown the host key too.
    Host,
}

/// Gives out and checks join tokens.
#[derive(Clone)]
pub(crate) struct Tokens {
    key: Arc<[u8; 32]>,
    lifetime: Duration,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration) -> Result<Self, getrandom::Error> {
        Ok(Self { key: Arc::new(random()?), lifetime })
    }

    /// A token for a room, from now (seconds since the Unix epoch), and its lifetime in seconds.
    pub(crate) fn issue(&self, room: &RoomId, role: Role, now: u64) -> (Secret, u32) {
        let expiry = now.saturating_add(self.lifetime.as_secs()).to_be_bytes();
        let mut token = Vec::with_capacity(TOKEN_BYTES);
        token.extend_from_slice(room.as_str().as_bytes());
        token.extend_from_slice(&expiry);
        token.push(u8::from(role == Role::Host));
        let mac = self.mac(&token).finalize().into_bytes();
        token.extend_from_slice(&mac);
        let lifetime = u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX);
        (Secret(URL_SAFE_NO_PAD.encode(token)), lifetime)
    }

    /// The room that a token opens, and to whom.
    pub(crate) fn check(&self, token: &Secret, now: u64) -> Result<(RoomId, Role), Refusal> {
        let forged = || {
            Refusal::new(
                RefusalCode::BadToken,
                "This join token was not made here; open the meeting's link again.",
            )
        };
        let mut bytes = [0; TOKEN_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(&token.0, &mut bytes).map_err(|_| forged())?;
        if length != TOKEN_BYTES {
            return Err(forged());
        }
        let (signed, mac) = bytes.split_at(TOKEN_BYTES - MAC_BYTES);
        self.mac(signed).verify_slice(mac).map_err(|_| forged())?;
        let (room, signed) = signed.split_at(RoomId::LEN);
        let (role, expiry) = signed.split_last().ok_or_else(forged)?;
        let expiry = u64::from_be_bytes(expiry.try_into().map_err(|_| forged())?);
        if expiry < now {
            return Err(Refusal::new(
                RefusalCode::BadToken,
                "This join token has expired; open the meeting's link again.",
            ));
        }
        let room = std::str::from_utf8(room).map_err(|_| forged())?;
        let role = if *role == 0 { Role::Guest } else { Role::Host };
        Ok((room.parse().map_err(|_| forged())?, role))
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length (RFC 2104 section 2).
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.key).expect("a key of 32 bytes");
        mac.update(message);
        mac
    }
}

/// A fresh host key, and the room that it is for.
pub(crate) fn host_key() -> Result<(Secret, RoomId), getrandom::Error> {
    let key = Secret(URL_SAFE_NO_PAD.encode(random::<32>()?));
    let room = room_of(&key);
    Ok((key, room))
}

/// The room that a host key is for.
pub(crate) fn room_of(host_key: &Secret) -> RoomId {
    let digest = Sha256::new().chain_update("orange-meets room ").chain_update(&host_key.0);
    let mut room = [0; 16];
    room.copy_from_slice(&digest.finalize()[..16]);
    RoomId::from_bytes(room)
}

/// A fresh resume token.
pub(crate) fn resume_token() -> Result<Secret, getrandom::Error> {
    Ok(Secret(URL_SAFE_NO_PAD.encode(random::<16>()?)))
}

/// Compares secrets without telling by time where they differ.
pub(crate) fn same(one: &Secret, other: &Secret) -> bool {
    one.0.as_bytes().ct_eq(other.0.as_bytes()).into()
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(Duration::from_secs(60)).expect("random bytes")
    }

    #[test]
    fn a_host_key_is_of_one_room_and_makes_a_token_that_says_so() {
        let (key, room) = host_key().expect("random bytes");
        assert_eq!(room_of(&key), room);
        assert_ne!(room_of(&host_key().expect("random bytes").0), room);
        let tokens = tokens();
        let (token, _) = tokens.issue(&room, Role::Host, 1000);
        assert_eq!(tokens.check(&token, 1000), Ok((room, Role::Host)));
    }

    #[test]
    fn a_token_opens_its_room_until_it_expires() {
        let tokens = tokens();
        let room = RoomId::from_bytes([5; 16]);
        let (token, lifetime) = tokens.issue(&room, Role::Guest, 1000);
        assert_eq!(lifetime, 60);
        assert_eq!(tokens.check(&token, 1060), Ok((room, Role::Guest)));
        assert_eq!(tokens.check(&token, 1061).unwrap_err().code, RefusalCode::BadToken);
    }

    #[test]
    fn a_changed_or_foreign_token_opens_nothing() {
        let tokens = tokens();
        let (token, _) = tokens.issue(&RoomId::from_bytes([5; 16]), Role::Guest, 1000);
        for at in 0..token.0.len() {
            let mut changed = token.0.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = Secret(String::from_utf8(changed).expect("ASCII"));
            assert!(tokens.check(&changed, 1000).is_err(), "at {at}");
        }
        let (foreign, _) =
            super::tests::tokens().issue(&RoomId::from_bytes([5; 16]), Role::Guest, 1000);
        assert!(tokens.check(&foreign, 1000).is_err());
        assert!(tokens.check(&Secret("é".repeat(90)), 1000).is_err());
        assert!(tokens.check(&Secret(String::new()), 1000).is_err());
    }
}
