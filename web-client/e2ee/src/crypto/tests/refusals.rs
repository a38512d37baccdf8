//! Input from others of any content and length gives an error, never a panic.

use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::storage::StorageProvider as _;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig,
    HpkeKdfType, HpkeKemType, SignatureScheme,
};

use super::super::key_store::KeyStore;
use super::super::primitives::Primitives;
use crate::suite::Suite;

const LENGTHS: [usize; 7] = [0, 1, 31, 33, 64, 1_119, 1_217];

#[test]
fn there_are_two_suites_and_no_others() {
    assert_eq!(Primitives.supported_ciphersuites().len(), 2);
    for suite in Primitives.supported_ciphersuites() {
        assert_eq!(Primitives.supports(suite), Ok(()));
    }
    for other in [
        Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
        Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        Ciphersuite::MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519,
        Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519,
    ] {
        assert_eq!(Primitives.supports(other), Err(CryptoError::UnsupportedCiphersuite));
        assert!(Primitives.derive_hpke_keypair(other.hpke_config(), &[1; 32]).is_err());
    }
    let (kdf, aead) = (HpkeKdfType::HkdfSha256, HpkeAeadType::Export);
    let export_only = HpkeConfig(HpkeKemType::DhKem25519, kdf, aead);
    assert!(Primitives.hpke_seal(export_only, &[9; 32], &[], &[], &[]).is_err());
    assert!(Primitives.hash(HashType::Sha2_512, &[]).is_err());
    assert!(Primitives.hmac(HashType::Sha2_384, &[], &[]).is_err());
    assert!(Primitives.sign(SignatureScheme::ED448, &[], &[1; 32]).is_err());
    let chacha = AeadType::ChaCha20Poly1305;
    assert!(Primitives.aead_encrypt(chacha, &[0; 32], &[], &[0; 12], &[]).is_err());
}

#[test]
fn keys_of_another_length_are_refused() {
    for suite in [Suite::PostQuantum, Suite::Classic] {
        let config = || suite.ciphersuite().hpke_config();
        let pair = Primitives.derive_hpke_keypair(config(), &[1; 32]).expect("a pair");
        let sealed = Primitives.hpke_seal(config(), &pair.public, &[], &[], b"x").expect("sealed");
        for length in LENGTHS {
            let odd = vec![7; length];
            assert_eq!(
                Primitives.hpke_seal(config(), &odd, &[], &[], b"x").err(),
                Some(CryptoError::InvalidPublicKey),
                "{suite:?}, {length} bytes"
            );
            assert!(Primitives.hpke_open(config(), &sealed, &odd, &[], &[]).is_err());
            for input in [
                HpkeCiphertext { kem_output: odd.clone().into(), ..sealed.clone() },
                HpkeCiphertext { ciphertext: odd.clone().into(), ..sealed.clone() },
            ] {
                let opened = Primitives.hpke_open(config(), &input, &pair.private, &[], &[]);
                assert_eq!(opened, Err(CryptoError::HpkeDecryptionError));
            }
        }
    }
    for length in LENGTHS {
        let odd = vec![7; length];
        let gcm = AeadType::Aes128Gcm;
        assert!(Primitives.aead_encrypt(gcm, &odd, b"x", &[0; 12], &[]).is_err());
        assert!(Primitives.aead_encrypt(gcm, &[0; 16], b"x", &odd, &[]).is_err());
        assert!(Primitives.aead_decrypt(gcm, &[0; 16], &odd, &[0; 12], &[]).is_err());
        let ed25519 = SignatureScheme::ED25519;
        assert!(Primitives.sign(ed25519, b"x", &odd).is_err());
        assert!(Primitives.verify_signature(ed25519, b"x", &odd, &[0; 64]).is_err());
        assert!(Primitives.verify_signature(ed25519, b"x", &[0; 32], &odd).is_err());
    }
    let sha = HashType::Sha2_256;
    assert!(Primitives.hkdf_expand(sha, &[0; 31], &[], 32).is_err(), "shorter than a hash");
    assert!(Primitives.hkdf_expand(sha, &[0; 32], &[], 255 * 32 + 1).is_err());
    let classic = Suite::Classic.ciphersuite().hpke_config();
    let public = Primitives.derive_hpke_keypair(classic, &[1; 32]).expect("a pair").public;
    let classic = Suite::Classic.ciphersuite().hpke_config();
    let exported =
        Primitives.hpke_setup_sender_and_export(classic, &public, &[], &[], 255 * 32 + 1);
    assert!(exported.is_err());
}

/// Its shared secret would be all zeros, whatever the private key (RFC 7748 section 6.1).
#[test]
fn a_public_key_of_small_order_is_refused() {
    let config = || Suite::Classic.ciphersuite().hpke_config();
    let pair = Primitives.derive_hpke_keypair(config(), &[1; 32]).expect("a pair");
    let mut one = [0; 32];
    one[0] = 1;
    for small in [[0; 32], one] {
        let sealed = Primitives.hpke_seal(config(), &small, &[], &[], b"x");
        assert_eq!(sealed.err(), Some(CryptoError::InvalidPublicKey));
        let input =
            HpkeCiphertext { kem_output: small.to_vec().into(), ciphertext: vec![0; 17].into() };
        let opened = Primitives.hpke_open(config(), &input, &pair.private, &[], &[]);
        assert_eq!(opened, Err(CryptoError::HpkeDecryptionError));
    }
}

/// The identity point signs everything for a verifier that is not strict.
#[test]
fn a_signature_by_a_key_of_small_order_is_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    let verified =
        Primitives.verify_signature(SignatureScheme::ED25519, b"x", &identity, &signature);
    assert_eq!(verified, Err(CryptoError::InvalidSignature));
}

#[test]
fn a_deleted_key_is_gone_and_another_groups_stays() {
    use openmls::group::{GroupEpoch, GroupId};
    let store = KeyStore::default();
    let (here, there) = (GroupId::from_slice(b"here"), GroupId::from_slice(b"there"));
    let epoch = GroupEpoch::from(7);
    let keys = |group: &GroupId, leaf| -> Vec<Vec<u8>> {
        store
            .encryption_epoch_key_pairs::<_, _, Pair>(group, &epoch, leaf)
            .expect("they are whole")
            .into_iter()
            .map(|pair| pair.0)
            .collect()
    };
    for (group, key) in [(&here, 1), (&there, 2)] {
        let pairs = [Pair(vec![key; 32]), Pair(vec![key; 33])];
        store.write_encryption_epoch_key_pairs(group, &epoch, 3, &pairs).expect("kept");
    }
    assert_eq!(keys(&here, 3), [vec![1; 32], vec![1; 33]]);
    assert!(keys(&here, 4).is_empty(), "another leaf");
    assert!(!format!("{store:?}").contains("[1, 1"), "a store does not show its keys");
    store.delete_encryption_epoch_key_pairs(&here, &epoch, 3).expect("deleted");
    assert!(keys(&here, 3).is_empty());
    assert_eq!(keys(&there, 3), [vec![2; 32], vec![2; 33]]);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Pair(Vec<u8>);

impl openmls_traits::storage::Entity<1> for Pair {}
impl openmls_traits::storage::traits::HpkeKeyPair<1> for Pair {}
