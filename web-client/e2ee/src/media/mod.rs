//! The frame side of a call: which key protects a frame, and whose frame it was that opened.
//!
//! [`MediaCryptor`] takes one [`crate::MediaKeys`] per epoch from the MLS side and turns media
//! frames into SFrame ciphertexts and back. There is no way through it without a key, in either
//! direction. It reads no clock: `now_ms` is any clock of milliseconds that does not go back.

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

/// The longest frame, in bytes: several times a key frame of a 4K screen.
pub const FRAME_BYTES: usize = 8 * 1024 * 1024;
/// How long the keys of an epoch still open frames after the next one came, in milliseconds.
pub const OLD_EPOCH_MS: u64 = 5_000;
/// How many epochs before the newest one are kept at most.
pub const OLD_EPOCHS: usize = 4;
