//! The vectors of RFC 9180, and those of the MLS working group for the functions of RFC 9420.

use openmls_traits::crypto::OpenMlsCrypto as _;
use openmls_traits::types::{HashType, HpkeCiphertext, SignatureScheme};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::hpke::Hpke;
use super::super::kem::Kem;
use super::super::primitives::Primitives;
use super::hex;
use crate::suite::Suite;

/// RFC 9180, appendix A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode.
#[test]
fn hpke_passes_the_vector_of_its_rfc() {
    let (kem, hpke) = (Kem::X25519, Hpke { kem: Kem::X25519 });
    let info = hex("4f6465206f6e2061204772656369616e2055726e");
    let ikm_e = hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
    let ikm_r = hex("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037");

    let (private, public) = kem.derive_key_pair(&ikm_r);
    assert_eq!(
        private.to_vec(),
        hex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    );
    assert_eq!(public, hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"));

    let mut randomness = Zeroizing::new([0; 64]);
    randomness[..32].copy_from_slice(&ikm_e);
    let (shared, enc) = kem.encapsulate(&public, &randomness).expect("the key is good");
    assert_eq!(enc, hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    assert_eq!(
        shared.to_vec(),
        hex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc")
    );

    let context = hpke.context(&shared, &info);
    assert_eq!(context.key.to_vec(), hex("4531685d41d65f03dc48f6b8302c05b0"));
    assert_eq!(context.nonce.to_vec(), hex("56d890e5accaaf011cff4b7d"));
    assert_eq!(
        context.exporter_secret.to_vec(),
        hex("45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8")
    );
    for (exporter_context, exported) in [
        ("", "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee"),
        ("00", "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5"),
    ] {
        assert_eq!(context.export(&hex(exporter_context), 32), Ok(hex(exported)));
    }

    let plaintext = hex("4265617574792069732074727574682c20747275746820626561757479");
    let aad = hex("436f756e742d30");
    let sealed = hpke.seal(&public, &info, &aad, &plaintext, &randomness).expect("it is sealed");
    assert_eq!(sealed.kem_output.as_slice(), enc);
    assert_eq!(
        sealed.ciphertext.as_slice(),
        hex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e1\
             3c512a")
    );
    assert_eq!(hpke.open(&sealed, private.as_ref(), &info, &aad), Ok(plaintext));
}

#[derive(Deserialize)]
struct Basics {
    cipher_suite: u16,
    derive_secret: Derived,
    derive_tree_secret: Derived,
    expand_with_label: Derived,
    encrypt_with_label: Encrypted,
    ref_hash: Hashed,
    sign_with_label: Signed,
}

#[derive(Deserialize)]
struct Derived {
    label: String,
    secret: String,
    out: String,
    context: Option<String>,
    generation: Option<u32>,
    length: Option<usize>,
}

#[derive(Deserialize)]
struct Encrypted {
    label: String,
    context: String,
    r#priv: String,
    plaintext: String,
    kem_output: String,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Hashed {
    label: String,
    value: String,
    out: String,
}

#[derive(Deserialize)]
struct Signed {
    label: String,
    content: String,
    r#priv: String,
    r#pub: String,
    signature: String,
}

/// `opaque<V>` of less than 64 bytes (RFC 9420 section 2.1.2).
fn short(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 64);
    [&[bytes.len() as u8], bytes].concat()
}

/// A key in the file is an `opaque<V>`.
fn key(digits: &str) -> Vec<u8> {
    let bytes = hex(digits);
    assert_eq!(usize::from(bytes[0]), bytes.len() - 1);
    bytes[1..].to_vec()
}

/// `"MLS 1.0 " ‖ label`, then the context: the start of every labelled input.
fn labelled(label: &str, context: &[u8]) -> Vec<u8> {
    [short(format!("MLS 1.0 {label}").as_bytes()), short(context)].concat()
}

/// `KDFLabel` (RFC 9420 section 8).
fn expand(secret: &str, label: &str, context: &[u8], length: usize) -> Vec<u8> {
    let length_bytes = u16::try_from(length).expect("it is short").to_be_bytes();
    let info = [&length_bytes[..], &labelled(label, context)].concat();
    let out = Primitives.hkdf_expand(HashType::Sha2_256, &hex(secret), &info, length);
    out.expect("the secret is long enough").as_slice().to_vec()
}

#[test]
fn the_primitives_pass_the_vectors_of_mls() {
    let file = include_str!("../../../tests/vectors/mls-crypto-basics.json");
    let basics: Basics = serde_json::from_str(file).expect("the file has this shape");
    assert_eq!(basics.cipher_suite, Suite::Classic.id());

    let Hashed { label, value, out } = basics.ref_hash;
    let input = [short(label.as_bytes()), short(&hex(&value))].concat();
    assert_eq!(Primitives.hash(HashType::Sha2_256, &input), Ok(hex(&out)));

    let one = basics.expand_with_label;
    let context = hex(&one.context.expect("it has one"));
    assert_eq!(
        expand(&one.secret, &one.label, &context, one.length.expect("a length")),
        hex(&one.out)
    );
    let one = basics.derive_secret;
    assert_eq!(expand(&one.secret, &one.label, &[], 32), hex(&one.out));
    let one = basics.derive_tree_secret;
    let generation = one.generation.expect("a generation").to_be_bytes();
    assert_eq!(expand(&one.secret, &one.label, &generation, 32), hex(&one.out));

    let one = basics.sign_with_label;
    let content = labelled(&one.label, &hex(&one.content));
    let signature = Primitives.sign(SignatureScheme::ED25519, &content, &key(&one.r#priv));
    assert_eq!(signature, Ok(hex(&one.signature)));
    let signature = hex(&one.signature);
    let public = key(&one.r#pub);
    let verified =
        Primitives.verify_signature(SignatureScheme::ED25519, &content, &public, &signature);
    assert_eq!(verified, Ok(()));

    let one = basics.encrypt_with_label;
    let input = HpkeCiphertext {
        kem_output: hex(&one.kem_output).into(),
        ciphertext: hex(&one.ciphertext).into(),
    };
    let info = labelled(&one.label, &hex(&one.context));
    let config = Suite::Classic.ciphersuite().hpke_config();
    let opened = Primitives.hpke_open(config, &input, &key(&one.r#priv), &info, &[]);
    assert_eq!(opened, Ok(hex(&one.plaintext)));
}
