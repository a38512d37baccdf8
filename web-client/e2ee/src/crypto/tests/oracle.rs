//! Another provider of the same suites does the same.

use openmls::prelude::OpenMlsProvider as _;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{AeadType, HashType, SignatureScheme};
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::super::primitives::Primitives;
use crate::suite::Suite;

const SUITES: [Suite; 2] = [Suite::PostQuantum, Suite::Classic];
/// Around the block sizes of the ciphers and hashes, and beyond them.
const LENGTHS: [usize; 9] = [0, 1, 15, 16, 32, 63, 64, 65, 1_000];

fn bytes(random: &mut ChaCha20Rng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill_bytes(&mut bytes);
    bytes
}

#[test]
fn key_pairs_are_derived_alike() {
    let oracle = OpenMlsRustCrypto::default();
    let mut random = ChaCha20Rng::seed_from_u64(1);
    for suite in SUITES {
        for _ in 0..4 {
            let ikm = bytes(&mut random, 32);
            let config = || suite.ciphersuite().hpke_config();
            let ours = Primitives.derive_hpke_keypair(config(), &ikm).expect("ours");
            let theirs = oracle.crypto().derive_hpke_keypair(config(), &ikm).expect("theirs");
            assert_eq!(ours.public, theirs.public, "{suite:?}");
            assert_eq!(*ours.private, *theirs.private, "{suite:?}");
        }
    }
}

/// Sealed by one and opened by the other; exported by one and by the other.
fn talk(sender: &impl OpenMlsCrypto, receiver: &impl OpenMlsCrypto) {
    let mut random = ChaCha20Rng::seed_from_u64(2);
    for suite in SUITES {
        for length in LENGTHS {
            let config = || suite.ciphersuite().hpke_config();
            let ikm = bytes(&mut random, 32);
            let pair = receiver.derive_hpke_keypair(config(), &ikm).expect("a pair");
            let [info, aad, text] = [(); 3].map(|()| bytes(&mut random, length));
            let sealed =
                sender.hpke_seal(config(), &pair.public, &info, &aad, &text).expect("sealed");
            let opened = receiver.hpke_open(config(), &sealed, &pair.private, &info, &aad);
            assert_eq!(opened, Ok(text), "{suite:?}, {length} bytes");

            let (enc, sent) = sender
                .hpke_setup_sender_and_export(config(), &pair.public, &info, &aad, length)
                .expect("sent");
            let received = receiver
                .hpke_setup_receiver_and_export(config(), &enc, &pair.private, &info, &aad, length)
                .expect("received");
            assert_eq!(*sent, *received, "{suite:?}, {length} bytes");
        }
    }
}

#[test]
fn the_other_opens_what_we_seal() {
    talk(&Primitives, OpenMlsRustCrypto::default().crypto());
}

#[test]
fn we_open_what_the_other_seals() {
    talk(OpenMlsRustCrypto::default().crypto(), &Primitives);
}

#[test]
fn hashes_ciphers_and_signatures_are_the_same() {
    let oracle = OpenMlsRustCrypto::default();
    let (ours, theirs) = (Primitives, oracle.crypto());
    let mut random = ChaCha20Rng::seed_from_u64(3);
    let sha = HashType::Sha2_256;
    let (gcm, ed25519) = (AeadType::Aes128Gcm, SignatureScheme::ED25519);
    for length in LENGTHS {
        let [a, b] = [(); 2].map(|()| bytes(&mut random, length));
        let key = bytes(&mut random, 32);
        assert_eq!(ours.hash(sha, &a), theirs.hash(sha, &a));
        let same = |ours: Result<tls_codec::SecretVLBytes, _>, theirs: Result<_, _>| {
            assert_eq!(ours.expect("ours"), theirs.expect("theirs"), "{length} bytes");
        };
        same(ours.hmac(sha, &b, &a), theirs.hmac(sha, &b, &a));
        same(ours.hkdf_extract(sha, &b, &a), theirs.hkdf_extract(sha, &b, &a));
        same(ours.hkdf_expand(sha, &key, &a, length), theirs.hkdf_expand(sha, &key, &a, length));

        let (key16, nonce) = (&key[..16], bytes(&mut random, 12));
        let sealed = ours.aead_encrypt(gcm, key16, &a, &nonce, &b).expect("sealed");
        assert_eq!(theirs.aead_encrypt(gcm, key16, &a, &nonce, &b).expect("sealed"), sealed);
        assert_eq!(ours.aead_decrypt(gcm, key16, &sealed, &nonce, &b), Ok(a.clone()));
        let mut altered = sealed;
        let at = random.random_range(0..altered.len());
        altered[at] ^= 1;
        assert!(ours.aead_decrypt(gcm, key16, &altered, &nonce, &b).is_err());

        let signature = ours.sign(ed25519, &a, &key).expect("signed");
        assert_eq!(theirs.sign(ed25519, &a, &key).expect("signed"), signature);
        let (private, public) = ours.signature_key_gen(ed25519).expect("a key");
        let signature = theirs.sign(ed25519, &a, &private).expect("signed");
        assert_eq!(ours.verify_signature(ed25519, &a, &public, &signature), Ok(()));
        assert!(ours.verify_signature(ed25519, &key, &public, &signature).is_err());
    }
}
