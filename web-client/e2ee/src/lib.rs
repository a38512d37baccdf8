//! End-to-end encryption: MLS (RFC 9420) and SFrame (RFC 9605). The only home of keys.

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
