//! The registered cipher suites (RFC 9605 sections 4.5 and 8.1).

/// An SFrame cipher suite: it fixes the AEAD and the hash of the key derivation.
///
/// This project protects audio with `AES_128_CTR_HMAC_SHA256_80` and video with
/// `AES_128_GCM_SHA256_128`. The others are here for the test vectors of the RFC, which exercise the
/// same code.
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
    /// `Nn`, the length of a nonce in bytes; the same in every suite.
    pub const NONCE_BYTES: usize = 12;

    /// Returns its number in the IANA registry of SFrame cipher suites.
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

    /// Returns `Nk`, the length of an `sframe_key` in bytes. In the CTR suites it consists of an AES
    /// key and an HMAC key (section 4.5.1).
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

    /// Returns `Nt`, the length of an authentication tag in bytes.
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
