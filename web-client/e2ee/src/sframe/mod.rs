//! SFrame (RFC 9605): a media frame, protected as a whole, with a header of two to seven bytes.
//!
//! [`KeySchedule`] turns a base key into one [`SframeKey`] per KID; a key protects frames under
//! counters that its caller never repeats, and unprotects a [`Ciphertext`]. Nothing here knows
//! where base keys come from, who owns a KID, or which counters were seen before.

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
