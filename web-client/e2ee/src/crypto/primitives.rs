//! The primitives of the two cipher suites, behind the traits of OpenMLS.

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, KemOutput, SignatureScheme,
};
use sha2::{Digest as _, Sha256};
use tls_codec::SecretVLBytes;
use zeroize::{Zeroize as _, Zeroizing};

use super::hpke::Hpke;
use super::kem::Randomness;
use crate::suite::Suite;

/// SHA-256, HKDF, HMAC, AES-128-GCM, Ed25519, and HPKE with X25519 or X-Wing. Randomness comes from
/// the operating system or the browser.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Primitives;

/// The system has no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness")]
pub(crate) struct NoRandomness;

impl OpenMlsRand for Primitives {
    type Error = NoRandomness;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, NoRandomness> {
        let mut bytes = vec![0; len];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

/// Returns the randomness of one encapsulation.
fn randomness() -> Result<Randomness, CryptoError> {
    let mut bytes = Zeroizing::new([0; x_wing::ENCAPSULATION_RANDOMNESS_SIZE]);
    getrandom::fill(bytes.as_mut()).map_err(|_| CryptoError::InsufficientRandomness)?;
    Ok(bytes)
}

fn sha256_only(hash: HashType) -> Result<(), CryptoError> {
    match hash {
        HashType::Sha2_256 => Ok(()),
        HashType::Sha2_384 | HashType::Sha2_512 => Err(CryptoError::UnsupportedHashAlgorithm),
    }
}

fn ed25519_only(scheme: SignatureScheme) -> Result<(), CryptoError> {
    if scheme == SignatureScheme::ED25519 {
        Ok(())
    } else {
        Err(CryptoError::UnsupportedSignatureScheme)
    }
}

/// Returns the cipher with this key, and the nonce.
fn aes128gcm(
    aead: AeadType,
    key: &[u8],
    nonce: &[u8],
) -> Result<(Aes128Gcm, [u8; 12]), CryptoError> {
    if aead != AeadType::Aes128Gcm {
        return Err(CryptoError::UnsupportedAeadAlgorithm);
    }
    let cipher = Aes128Gcm::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
    Ok((cipher, nonce.try_into().map_err(|_| CryptoError::InvalidLength)?))
}

impl OpenMlsCrypto for Primitives {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        match Suite::from_id(ciphersuite.into()) {
            Some(Suite::PostQuantum | Suite::Classic) => Ok(()),
            None => Err(CryptoError::UnsupportedCiphersuite),
        }
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![Suite::PostQuantum.ciphersuite(), Suite::Classic.ciphersuite()]
    }

    fn hkdf_extract(
        &self,
        hash_type: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash_type)?;
        let (mut prk, _) = Hkdf::<Sha256>::extract(Some(salt), ikm);
        let secret = prk.as_slice().into();
        prk.zeroize();
        Ok(secret)
    }

    fn hmac(
        &self,
        hash_type: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash_type)?;
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(key).map_err(|_| CryptoError::InvalidLength)?;
        hmac.update(message);
        Ok(hmac.finalize().into_bytes().as_slice().into())
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        sha256_only(hash_type)?;
        let key = Hkdf::<Sha256>::from_prk(prk).map_err(|_| CryptoError::InvalidLength)?;
        let mut okm = vec![0; okm_len];
        key.expand(info, &mut okm).map_err(|_| CryptoError::HkdfOutputLengthInvalid)?;
        Ok(okm.into())
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        sha256_only(hash_type)?;
        Ok(Sha256::digest(data).to_vec())
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = aes128gcm(alg, key, nonce)?;
        cipher
            .encrypt((&nonce).into(), Payload { msg: data, aad })
            .map_err(|_| CryptoError::TooMuchData)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = aes128gcm(alg, key, nonce)?;
        cipher
            .decrypt((&nonce).into(), Payload { msg: ct_tag, aad })
            .map_err(|_| CryptoError::AeadDecryptionError)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        ed25519_only(alg)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(|_| CryptoError::InsufficientRandomness)?;
        let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes();
        Ok((seed.to_vec(), public.to_vec()))
    }

    /// Verifies strictly: rejects keys of small order and non-canonical signatures.
    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        ed25519_only(alg)?;
        let key = VerifyingKey::try_from(pk).map_err(|_| CryptoError::InvalidPublicKey)?;
        let signature =
            Signature::from_slice(signature).map_err(|_| CryptoError::InvalidSignature)?;
        key.verify_strict(data, &signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        ed25519_only(alg)?;
        let key = SigningKey::try_from(key).map_err(|_| CryptoError::InvalidLength)?;
        Ok(key.sign(data).to_bytes().to_vec())
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        Hpke::of(&config)?.seal(pk_r, info, aad, ptxt, &randomness()?)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        Hpke::of(&config)?.open(input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let hpke = Hpke::of(&config)?;
        let (shared, enc) = hpke.kem.encapsulate(pk_r, &randomness()?)?;
        let exported = hpke.context(&shared, info).export(exporter_context, exporter_length)?;
        Ok((enc, exported.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let hpke = Hpke::of(&config)?;
        let shared = hpke.kem.decapsulate(sk_r, enc)?;
        let exported = hpke.context(&shared, info).export(exporter_context, exporter_length)?;
        Ok(exported.into())
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        let (private, public) = Hpke::of(&config)?.kem.derive_key_pair(ikm);
        Ok(HpkeKeyPair { private: private.as_slice().into(), public })
    }
}
