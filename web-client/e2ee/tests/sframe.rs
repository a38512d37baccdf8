//! Our SFrame against another implementation of RFC 9605: what one protects, the other opens.

use e2ee::sframe::{CipherSuite, Ciphertext, KeySchedule};
use proptest::prelude::*;
use sframe::frame::{EncryptedFrame, MediaFrame, MonotonicCounter};
use sframe::key::{DecryptionKey, EncryptionKey};

/// The suites, by their names here and there.
const SUITES: [(CipherSuite, sframe::CipherSuite); 5] = [
    (CipherSuite::Aes128CtrHmacSha256_80, sframe::CipherSuite::AesCtr128HmacSha256_80),
    (CipherSuite::Aes128CtrHmacSha256_64, sframe::CipherSuite::AesCtr128HmacSha256_64),
    (CipherSuite::Aes128CtrHmacSha256_32, sframe::CipherSuite::AesCtr128HmacSha256_32),
    (CipherSuite::Aes128GcmSha256_128, sframe::CipherSuite::AesGcm128Sha256),
    (CipherSuite::Aes256GcmSha512_128, sframe::CipherSuite::AesGcm256Sha512),
];

proptest! {
    #[test]
    fn what_one_protects_the_other_opens(
        suite in prop::sample::select(SUITES.to_vec()),
        key_id: u64,
        counter in prop_oneof![0..10_u64, any::<u32>().prop_map(u64::from), 0..u64::MAX - 1],
        base_key in prop::collection::vec(any::<u8>(), 1..64),
        metadata in prop::collection::vec(any::<u8>(), 0..20),
        frame in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (ours, theirs) = suite;
        let key = KeySchedule::new(ours, &base_key).key(key_id);

        let mut sealed = Vec::new();
        key.protect(counter, &metadata, &frame, &mut sealed);
        let receiver = DecryptionKey::derive_from(theirs, key_id, &base_key).unwrap();
        let parsed = EncryptedFrame::try_with_meta_data(&sealed, &metadata).unwrap();
        let opened = parsed.decrypt(&receiver).unwrap();
        prop_assert_eq!(opened.payload(), &frame[..]);

        let sender = EncryptionKey::derive_from(theirs, key_id, &base_key).unwrap();
        let mut counters = MonotonicCounter::with_start_value(counter, u64::MAX);
        let media = MediaFrame::try_with_meta_data(&mut counters, &frame, &metadata).unwrap();
        let theirs = media.encrypt(&sender).unwrap();
        prop_assert_eq!(theirs.sframe_cipher_text(), &sealed[..], "byte for byte");
        let mut opened = Vec::new();
        let ciphertext = Ciphertext::parse(theirs.sframe_cipher_text()).unwrap();
        key.unprotect(&ciphertext, &metadata, &mut opened).unwrap();
        prop_assert_eq!(opened, frame);
    }
}
