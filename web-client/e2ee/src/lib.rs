//! End-to-end encryption: MLS (RFC 9420) and SFrame (RFC 9605). Only this crate holds keys.
//!
//! [`endpoint::Endpoint`] is one participant's group state; [`media::MediaCryptor`] protects its
//! frames with the keys that the endpoint outputs. Both are sans-IO: they take input and the time, and
//! return outputs.

pub mod committer;
pub mod credential;
mod crypto;
pub mod endpoint;
pub mod link;
pub mod media;
mod media_keys;
pub mod messages;
mod mls;
pub mod room_code;
pub mod sframe;
mod suite;

pub use media_keys::MediaKeys;
pub use suite::Suite;
