//! The test vectors of RFC 9605 (appendix C); `tests/vectors/README.md` names their source.

use serde::Deserialize;

use super::cipher::Cipher;
use super::{CipherSuite, Ciphertext, Header, KeyId, KeySchedule};

#[derive(Deserialize)]
struct Vectors {
    header: Vec<HeaderVector>,
    aes_ctr_hmac: Vec<AeadVector>,
    sframe: Vec<SframeVector>,
}

#[derive(Deserialize)]
struct HeaderVector {
    kid: KeyId,
    ctr: u64,
    encoded: Hex,
}

#[derive(Deserialize)]
struct AeadVector {
    cipher_suite: u16,
    key: Hex,
    enc_key: Hex,
    auth_key: Hex,
    nonce: Hex,
    aad: Hex,
    pt: Hex,
    ct: Hex,
}

#[derive(Deserialize)]
struct SframeVector {
    cipher_suite: u16,
    kid: KeyId,
    ctr: u64,
    base_key: Hex,
    sframe_key_label: Hex,
    sframe_salt_label: Hex,
    sframe_key: Hex,
    sframe_salt: Hex,
    metadata: Hex,
    nonce: Hex,
    aad: Hex,
    pt: Hex,
    ct: Hex,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
struct Hex(Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let digits = |at| u8::from_str_radix(&text[at..at + 2], 16);
        (0..text.len()).step_by(2).map(digits).collect::<Result<_, _>>().map(Self)
    }
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/rfc9605.json")).unwrap()
}

fn suite(id: u16) -> CipherSuite {
    [
        CipherSuite::Aes128CtrHmacSha256_80,
        CipherSuite::Aes128CtrHmacSha256_64,
        CipherSuite::Aes128CtrHmacSha256_32,
        CipherSuite::Aes128GcmSha256_128,
        CipherSuite::Aes256GcmSha512_128,
    ]
    .into_iter()
    .find(|suite| suite.id() == id)
    .unwrap()
}

#[test]
fn all_289_header_vectors_are_written_and_read() {
    let vectors = vectors().header;
    assert_eq!(vectors.len(), 289);
    for HeaderVector { kid, ctr, encoded } in vectors {
        let header = Header { key_id: kid, counter: ctr };
        let mut bytes = Vec::new();
        header.append_to(&mut bytes);
        assert_eq!(bytes, encoded.0, "KID {kid}, CTR {ctr}");
        assert_eq!(Header::parse(&encoded.0), Ok((header, &[][..])));
    }
}

#[test]
fn all_3_counter_mode_vectors_are_sealed_and_opened() {
    let vectors = vectors().aes_ctr_hmac;
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let suite = suite(vector.cipher_suite);
        assert_eq!(vector.key.0, [vector.enc_key.0, vector.auth_key.0].concat());
        let cipher = Cipher::new(suite, &vector.key.0);
        let nonce = vector.nonce.0.try_into().unwrap();

        let mut buffer = vector.pt.0.clone();
        cipher.seal(&nonce, &vector.aad.0, &mut buffer, 0);
        assert_eq!(buffer, vector.ct.0, "{suite:?}");

        let (frame, tag) = buffer.split_at_mut(vector.pt.0.len());
        cipher.open(&nonce, &vector.aad.0, frame, tag).unwrap();
        assert_eq!(frame, vector.pt.0);
    }
}

#[test]
fn all_5_sframe_vectors_are_protected_and_unprotected_step_by_step() {
    let vectors = vectors().sframe;
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let suite = suite(vector.cipher_suite);
        let schedule = KeySchedule::new(suite, &vector.base_key.0);
        let labelled = |purpose| Hex(schedule.label(purpose, vector.kid));
        assert_eq!(labelled(b"SFrame 1.0 Secret key "), vector.sframe_key_label);
        assert_eq!(labelled(b"SFrame 1.0 Secret salt "), vector.sframe_salt_label);
        assert_eq!(*schedule.sframe_key(vector.kid), vector.sframe_key.0, "{suite:?}");
        assert_eq!(schedule.sframe_salt(vector.kid).as_slice(), vector.sframe_salt.0);

        let key = schedule.key(vector.kid);
        assert_eq!(key.nonce(vector.ctr).as_slice(), vector.nonce.0);
        let mut bytes = Vec::new();
        key.protect(vector.ctr, &vector.metadata.0, &vector.pt.0, &mut bytes);
        assert_eq!(bytes, vector.ct.0, "{suite:?}");

        let ciphertext = Ciphertext::parse(&vector.ct.0).unwrap();
        assert_eq!([ciphertext.header_bytes, &vector.metadata.0].concat(), vector.aad.0);
        let mut frame = Vec::new();
        key.unprotect(&ciphertext, &vector.metadata.0, &mut frame).unwrap();
        assert_eq!(frame, vector.pt.0);
    }
}
