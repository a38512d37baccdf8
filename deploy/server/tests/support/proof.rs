//! What a server shows to an ACME directory that looks for the proof (RFC 8737).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The digest in the certificate that is shown, which is self-signed and for this name alone.
pub async fn shown_proof(server: SocketAddr, domain: &str) -> io::Result<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(WhateverIsShown(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let name = ServerName::try_from(domain.to_owned()).expect("a name");
    let stream = TcpStream::connect(server).await?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let connection = stream.get_ref().1;
    assert_eq!(connection.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let shown = connection.peer_certificates().expect("a certificate")[0].clone();

    let (_, shown) = x509_parser::parse_x509_certificate(&shown).expect("a certificate");
    let names = shown.subject_alternative_name().expect("one").expect("one").value;
    assert_eq!(names.general_names.len(), 1);
    assert!(format!("{:?}", names.general_names[0]).contains(domain), "{names:?}");
    let extension =
        shown.extensions().iter().find(|one| one.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    let extension = extension.expect("the ACME identifier");
    assert!(extension.critical);
    // An octet string of 32 bytes.
    let digest = extension.value.strip_prefix(&[4, 32]).expect("a digest");
    Ok(digest.to_vec())
}

/// One for each version of TLS, all alike.
macro_rules! signatures_unread {
    ($($version:ident),+) => {$(
        fn $version(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }
    )+};
}

/// The proof is in what is shown, not in who has signed it.
#[derive(Debug)]
struct WhateverIsShown(Arc<CryptoProvider>);

impl ServerCertVerifier for WhateverIsShown {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    // What rustls checks signatures with reads no certificate with this critical extension.
    signatures_unread!(verify_tls12_signature, verify_tls13_signature);

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
