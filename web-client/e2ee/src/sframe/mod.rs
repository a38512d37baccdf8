//! SFrame (RFC 9605): protects a whole media frame, with a header of two to seven bytes.
//!
//! [`KeySchedule`] derives one [`SframeKey`] per KID from a base key. A key protects frames with
//! counters that its caller never repeats, and unprotects a [`Ciphertext`]. This module knows neither
//! the origin of base keys, nor the owner of a KID, nor the counters that were received.

mod cipher;
mod cipher_suite;
mod ciphertext;
mod header;
mod key;
mod key_schedule;
#[cfg(test)]
mod vectors;

pub use cipher::NotAuthentic;
pub use cipher_suite::CipherSuite;
pub use ciphertext::Ciphertext;
pub use header::{Counter, Header, KeyId, MalformedHeader};
pub use key::{SframeKey, UnprotectError};
pub use key_schedule::KeySchedule;
