//! Media frames: which key protects a frame, and which member sent a frame that was unprotected.
//!
//! [`MediaCryptor`] takes one [`crate::MediaKeys`] per epoch from the MLS side and turns media
//! frames into SFrame ciphertexts and back. No frame passes it without a key, in either direction. It
//! reads no clock: `now_ms` comes from any monotonic clock, in milliseconds.

mod codec;
mod cryptor;
mod epoch;
mod error;
mod h264;
mod key_id;
mod replay;
mod sender;

pub use codec::Codec;
pub use cryptor::{MediaCryptor, Opened};
pub use error::{InstallError, ProtectError, UnprotectError};
pub use key_id::{LEAVES, MediaKeyId};

/// The length of the longest frame in bytes: several times a key frame of a 4K screen.
pub const FRAME_BYTES: usize = 8 * 1024 * 1024;
/// How long the keys of an epoch stay usable for receiving after the next one began, in
/// milliseconds.
pub const OLD_EPOCH_MS: u64 = 5_000;
/// The most epochs before the newest one whose keys are kept.
pub const OLD_EPOCHS: usize = 4;
