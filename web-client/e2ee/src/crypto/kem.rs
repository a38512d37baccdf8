//! The key encapsulation mechanisms of the two cipher suites.

use openmls_traits::types::{CryptoError, HpkeKemType};
use shake::{ExtendableOutput as _, Shake256, Update as _, XofReader as _};
use x_wing::{Decapsulate as _, Decapsulator as _, KeyExport as _, TryKeyInit as _};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize as _, Zeroizing};

use super::hpke::LabeledKdf;

/// An encoded private key: 32 bytes for both mechanisms.
pub(super) type PrivateKey = Zeroizing<[u8; 32]>;
/// The shared secret of an encapsulation.
pub(super) type SharedSecret = Zeroizing<[u8; 32]>;

/// The randomness of one encapsulation. DHKEM uses its first half.
pub(super) type Randomness = Zeroizing<[u8; x_wing::ENCAPSULATION_RANDOMNESS_SIZE]>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kem {
    /// DHKEM(X25519, HKDF-SHA256) of RFC 9180 section 4.1.
    X25519,
    /// X-Wing: X25519 and ML-KEM-768, secure while either of them is
    /// (draft-connolly-cfrg-xwing-kem-06). A private key is the seed of both.
    XWing,
}

impl Kem {
    pub(super) fn of(kem: HpkeKemType) -> Option<Self> {
        if kem == HpkeKemType::DhKem25519 {
            Some(Self::X25519)
        } else if kem == HpkeKemType::XWingKemDraft6 {
            Some(Self::XWing)
        } else {
            None
        }
    }

    /// Returns its number in the IANA registry of HPKE KEMs.
    pub(super) fn id(self) -> u16 {
        match self {
            Self::X25519 => 0x0020,
            Self::XWing => 0x647a,
        }
    }

    /// `DeriveKeyPair` (RFC 9180 section 7.1.3; for X-Wing, section 5.6 of the draft): the private
    /// key and the public one.
    pub(super) fn derive_key_pair(self, ikm: &[u8]) -> (PrivateKey, Vec<u8>) {
        let mut private = PrivateKey::default();
        match self {
            Self::X25519 => {
                let kdf = self.kdf();
                kdf.expand(&kdf.extract(&[], "dkp_prk", &[ikm]), "sk", &[], private.as_mut());
            }
            Self::XWing => {
                let mut shake = Shake256::default();
                shake.update(ikm);
                shake.finalize_xof().read(private.as_mut());
            }
        }
        let public = self.public_key(&private);
        (private, public)
    }

    fn public_key(self, private: &PrivateKey) -> Vec<u8> {
        match self {
            Self::X25519 => PublicKey::from(&StaticSecret::from(**private)).as_bytes().to_vec(),
            Self::XWing => {
                let key = x_wing::DecapsulationKey::from(**private);
                key.encapsulation_key().to_bytes().to_vec()
            }
        }
    }

    /// Returns a new shared secret and its encapsulation for the holder of the private key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] if `public` is malformed or of small order.
    pub(super) fn encapsulate(
        self,
        public: &[u8],
        randomness: &Randomness,
    ) -> Result<(SharedSecret, Vec<u8>), CryptoError> {
        const INVALID: CryptoError = CryptoError::InvalidPublicKey;
        match self {
            Self::X25519 => {
                let (ephemeral, enc) = self.derive_key_pair(&randomness[..32]);
                let shared =
                    self.diffie_hellman(&ephemeral, public, &enc, public).ok_or(INVALID)?;
                Ok((shared, enc))
            }
            Self::XWing => {
                let key = x_wing::EncapsulationKey::new_from_slice(public).map_err(|_| INVALID)?;
                let mut randomness = (**randomness).into();
                let (enc, mut shared) = key.encapsulate_deterministic(&randomness);
                randomness.zeroize();
                let secret = Zeroizing::new(shared.0);
                shared.zeroize();
                Ok((secret, enc.to_vec()))
            }
        }
    }

    /// Returns the shared secret of an encapsulation.
    ///
    /// # Errors
    /// [`CryptoError::HpkeDecryptionError`] if a key or `enc` has the wrong length, or `enc` is of
    /// small order. With X-Wing, a wrong `enc` gives another secret, not an error (FIPS 203).
    pub(super) fn decapsulate(
        self,
        private: &[u8],
        enc: &[u8],
    ) -> Result<SharedSecret, CryptoError> {
        const INVALID: CryptoError = CryptoError::HpkeDecryptionError;
        let mut key = PrivateKey::default();
        if private.len() != key.len() {
            return Err(INVALID);
        }
        key.copy_from_slice(private);
        match self {
            Self::X25519 => {
                let public = self.public_key(&key);
                self.diffie_hellman(&key, enc, enc, &public).ok_or(INVALID)
            }
            Self::XWing => {
                let enc = enc.try_into().map_err(|_| INVALID)?;
                let mut shared = x_wing::DecapsulationKey::from(*key).decapsulate(&enc);
                let secret = Zeroizing::new(shared.0);
                shared.zeroize();
                Ok(secret)
            }
        }
    }

    /// `ExtractAndExpand(DH(private, theirs), enc ‖ public)` (RFC 9180 section 4.1). The all-zero
    /// result of a point of small order is refused (section 7.1.4).
    fn diffie_hellman(
        self,
        private: &PrivateKey,
        theirs: &[u8],
        enc: &[u8],
        public: &[u8],
    ) -> Option<SharedSecret> {
        let theirs = PublicKey::from(<[u8; 32]>::try_from(theirs).ok()?);
        let dh = StaticSecret::from(**private).diffie_hellman(&theirs);
        if !dh.was_contributory() {
            return None;
        }
        let kdf = self.kdf();
        let mut shared = SharedSecret::default();
        let prk = kdf.extract(&[], "eae_prk", &[dh.as_bytes()]);
        kdf.expand(&prk, "shared_secret", &[enc, public], shared.as_mut());
        Some(shared)
    }

    fn kdf(self) -> LabeledKdf {
        LabeledKdf::of_kem(self.id())
    }
}
