//! The registered cipher suites (RFC 9605 sections 4.5 and 8.1).

/// How frames are encrypted and keys are derived.
///
/// This project sends sound by `AES_128_CTR_HMAC_SHA256_80` and pictures by
/// `AES_128_GCM_SHA256_128`; the others are here because the RFC's test vectors exercise the same
/// code by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CipherSuite {
    /// `AES_128_CTR_HMAC_SHA256_80`
    Aes128CtrHmacSha256_80,
    /// `AES_128_CTR_HMAC_SHA256_64`
    Aes128CtrHmacSha256_64,
    /// `AES_128_CTR_HMAC_SHA256_32`
    Aes128CtrHmacSha256_32,
    /// `AES_128_GCM_SHA256_128`
    Aes128GcmSha256_128,
    /// `AES_256_GCM_SHA512_128`
    Aes256GcmSha512_128,
}

impl CipherSuite {
    /// `Nn`, the bytes of a nonce; the same in every suite.
    pub const NONCE_BYTES: usize = 12;

    /// Its number in the IANA registry.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Aes128CtrHmacSha256_80 => 0x0001,
            Self::Aes128CtrHmacSha256_64 => 0x0002,
            Self::Aes128CtrHmacSha256_32 => 0x0003,
            Self::Aes128GcmSha256_128 => 0x0004,
            Self::Aes256GcmSha512_128 => 0x0005,
        }
    }

    /// `Nk`, the bytes of an `sframe_key`. The CTR suites hold two keys in it: one for AES and
    /// one for HMAC (section 4.5.1).
    #[must_use]
    pub fn key_bytes(self) -> usize {
        match self {
            Self::Aes128CtrHmacSha256_80
            | Self::Aes128CtrHmacSha256_64
            | Self::Aes128CtrHmacSha256_32 => 48,
            Self::Aes128GcmSha256_128 => 16,
            Self::Aes256GcmSha512_128 => 32,
        }
    }

    /// `Nt`, the bytes of an authentication tag.
    #[must_use]
    pub fn tag_bytes(self) -> usize {
        match self {
            Self::Aes128CtrHmacSha256_80 => 10,
            Self::Aes128CtrHmacSha256_64 => 8,
            Self::Aes128CtrHmacSha256_32 => 4,
            Self::Aes128GcmSha256_128 | Self::Aes256GcmSha512_128 => 16,
        }
    }
}
