//! Credentials for a TURN server that knows the same secret as this one.
//!
//! coturn calls it `use-auth-secret` (draft-uberti-behave-turn-rest-00): the username is when it
//! expires, a colon, and anything; the password is the base64 of the username's HMAC-SHA1. The two
//! servers never talk to each other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use signaling_protocol::{IceServer, Secret};

use crate::auth::random;

/// A TURN server that clients may use.
#[derive(Clone)]
pub struct TurnServer {
    urls: Vec<String>,
    secret: String,
}

impl TurnServer {
    /// Time for which a credential may be used to start relaying, in seconds.
    pub const LIFETIME_SECONDS: u32 = 300;

    /// A server at these URLs (RFC 7065), with its `static-auth-secret`.
    #[must_use]
    pub fn new(urls: Vec<String>, secret: String) -> Self {
        Self { urls, secret }
    }

    /// Returns a new credential, valid from `now` (seconds since the Unix epoch). Each participant gets
    /// its own, since a username has a quota.
    pub(crate) fn ice_server(&self, now: u64) -> Result<IceServer, getrandom::Error> {
        Ok(self.signed(now, random()?))
    }

    fn signed(&self, now: u64, unique: [u8; 9]) -> IceServer {
        let expiry = now.saturating_add(Self::LIFETIME_SECONDS.into());
        let username = format!("{expiry}:{}", URL_SAFE_NO_PAD.encode(unique));
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac =
            Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).expect("a key of any length");
        mac.update(username.as_bytes());
        let credential = Secret(STANDARD.encode(mac.finalize().into_bytes()));
        IceServer { urls: self.urls.clone(), username, credential }
    }
}

impl fmt::Debug for TurnServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TurnServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn_server() -> TurnServer {
        TurnServer::new(vec!["turn:meet.example:3478".to_owned()], "north".to_owned())
    }

    #[test]
    fn a_credential_is_what_the_turn_server_computes_from_the_username() {
        let server = turn_server().signed(1_700_000_000, *b"orange-me");
        assert_eq!(server.username, "1700000300:b3JhbmdlLW1l");
        // printf %s 1700000300:b3JhbmdlLW1l | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(server.credential.0, "nGa4i8nWmdF9DGKhD38xypDgyk8=");
    }

    #[test]
    fn no_two_people_have_the_same_one() {
        let one = turn_server().ice_server(1_700_000_000).expect("random bytes");
        let other = turn_server().ice_server(1_700_000_000).expect("random bytes");
        assert_ne!(one.username, other.username);
        assert_ne!(one.credential, other.credential);
    }

    #[test]
    fn the_secret_is_not_shown() {
        assert!(!format!("{:?}", turn_server()).contains("north"));
    }
}
