//! Hybrid public key encryption (RFC 9180), in its base mode, with HKDF-SHA256 and AES-128-GCM.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use hkdf::{Hkdf, HkdfExtract};
use openmls_traits::types::{CryptoError, HpkeAeadType, HpkeCiphertext, HpkeConfig, HpkeKdfType};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::kem::{Kem, Randomness, SharedSecret};

/// The number of HKDF-SHA256 in the registry of HPKE KDFs.
const KDF_ID: u16 = 0x0001;
/// The number of AES-128-GCM in the registry of HPKE AEADs.
const AEAD_ID: u16 = 0x0001;

/// An HPKE suite: a KEM, with HKDF-SHA256 and AES-128-GCM.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hpke {
    pub(super) kem: Kem,
}

impl Hpke {
    /// Returns the suite of a configuration.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedCiphersuite`] if no cipher suite of a room has it.
    pub(super) fn of(config: &HpkeConfig) -> Result<Self, CryptoError> {
        let HpkeConfig(kem, kdf, aead) = *config;
        match (Kem::of(kem), kdf, aead) {
            (Some(kem), HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128) => Ok(Self { kem }),
            _ => Err(CryptoError::UnsupportedCiphersuite),
        }
    }

    /// `SealBase` (RFC 9180 section 6.1).
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`], [`CryptoError::TooMuchData`]
    pub(super) fn seal(
        self,
        public: &[u8],
        info: &[u8],
        aad: &[u8],
        plaintext: &[u8],
        randomness: &Randomness,
    ) -> Result<HpkeCiphertext, CryptoError> {
        let (shared, enc) = self.kem.encapsulate(public, randomness)?;
        let context = self.context(&shared, info);
        let ciphertext = context
            .aead()
            .encrypt((&*context.nonce).into(), Payload { msg: plaintext, aad })
            .map_err(|_| CryptoError::TooMuchData)?;
        Ok(HpkeCiphertext { kem_output: enc.into(), ciphertext: ciphertext.into() })
    }

    /// `OpenBase` (RFC 9180 section 6.1).
    ///
    /// # Errors
    /// [`CryptoError::HpkeDecryptionError`]
    pub(super) fn open(
        self,
        input: &HpkeCiphertext,
        private: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let shared = self.kem.decapsulate(private, input.kem_output.as_slice())?;
        let context = self.context(&shared, info);
        let payload = Payload { msg: input.ciphertext.as_slice(), aad };
        context
            .aead()
            .decrypt((&*context.nonce).into(), payload)
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    /// `KeySchedule` in the base mode (RFC 9180 section 5.1).
    pub(super) fn context(self, shared: &SharedSecret, info: &[u8]) -> Context {
        const BASE_MODE: [u8; 1] = [0];
        let kdf = LabeledKdf::of_hpke(self.kem.id());
        let psk_id_hash = kdf.extract(&[], "psk_id_hash", &[]);
        let info_hash = kdf.extract(&[], "info_hash", &[info]);
        let key_schedule_context = [&BASE_MODE[..], psk_id_hash.as_ref(), info_hash.as_ref()];
        let secret = kdf.extract(shared.as_ref(), "secret", &[]);
        let mut context = Context {
            kdf,
            key: Zeroizing::default(),
            nonce: Zeroizing::default(),
            exporter_secret: Zeroizing::default(),
        };
        kdf.expand(&secret, "key", &key_schedule_context, context.key.as_mut());
        kdf.expand(&secret, "base_nonce", &key_schedule_context, context.nonce.as_mut());
        kdf.expand(&secret, "exp", &key_schedule_context, context.exporter_secret.as_mut());
        context
    }
}

/// The keys that both sides derive from the shared secret, for one message.
pub(super) struct Context {
    kdf: LabeledKdf,
    pub(super) key: Zeroizing<[u8; 16]>,
    pub(super) nonce: Zeroizing<[u8; 12]>,
    pub(super) exporter_secret: Zeroizing<[u8; 32]>,
}

impl Context {
    fn aead(&self) -> Aes128Gcm {
        Aes128Gcm::new((&*self.key).into())
    }

    /// `Export` (RFC 9180 section 5.3).
    ///
    /// # Errors
    /// [`CryptoError::ExporterError`] if `length` exceeds the limit of HKDF.
    pub(super) fn export(&self, context: &[u8], length: usize) -> Result<Vec<u8>, CryptoError> {
        if length > 255 * self.exporter_secret.len() {
            return Err(CryptoError::ExporterError);
        }
        let mut exported = vec![0; length];
        self.kdf.expand(&self.exporter_secret, "sec", &[context], &mut exported);
        Ok(exported)
    }
}

/// `LabeledExtract` and `LabeledExpand` of one suite (RFC 9180 section 4).
#[derive(Debug, Clone, Copy)]
pub(super) struct LabeledKdf {
    suite: [u8; 10],
    suite_bytes: usize,
}

impl LabeledKdf {
    /// Returns the functions for a KEM's own derivations.
    pub(super) fn of_kem(kem: u16) -> Self {
        let mut suite = [0; 10];
        suite[..3].copy_from_slice(b"KEM");
        suite[3..5].copy_from_slice(&kem.to_be_bytes());
        Self { suite, suite_bytes: 5 }
    }

    fn of_hpke(kem: u16) -> Self {
        let mut suite = [0; 10];
        suite[..4].copy_from_slice(b"HPKE");
        for (at, id) in [(4, kem), (6, KDF_ID), (8, AEAD_ID)] {
            suite[at..at + 2].copy_from_slice(&id.to_be_bytes());
        }
        Self { suite, suite_bytes: 10 }
    }

    fn suite(&self) -> &[u8] {
        &self.suite[..self.suite_bytes]
    }

    /// `LabeledExtract`. The input key material may come in pieces.
    pub(super) fn extract(&self, salt: &[u8], label: &str, ikm: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
        for one in [b"HPKE-v1", self.suite(), label.as_bytes()].iter().chain(ikm) {
            extract.input_ikm(one);
        }
        let (mut output, _) = extract.finalize();
        let prk = Zeroizing::new(output.into());
        output.zeroize();
        prk
    }

    /// `LabeledExpand` into `output`. `info` may come in pieces.
    ///
    /// # Panics
    /// If `output` is longer than 255 hashes.
    pub(super) fn expand(&self, prk: &[u8; 32], label: &str, info: &[&[u8]], output: &mut [u8]) {
        const FITS: &str = "the caller respects the limit of HKDF";
        let length = u16::try_from(output.len()).expect(FITS).to_be_bytes();
        let mut pieces = vec![&length[..], b"HPKE-v1", self.suite(), label.as_bytes()];
        pieces.extend(info);
        let key = Hkdf::<Sha256>::from_prk(prk).expect("a hash is long enough for a key");
        key.expand_multi_info(&pieces, output).expect(FITS);
    }
}
