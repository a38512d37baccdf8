//! The validation of a TLS-ALPN-01 challenge (RFC 8737), as an ACME server does it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connects for validation, and returns the digest in the server's certificate, which must be
/// self-signed and for this domain alone.
pub async fn challenge_digest(server: SocketAddr, domain: &str) -> io::Result<Vec<u8>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let name = ServerName::try_from(domain.to_owned()).expect("a name");
    let stream = TcpStream::connect(server).await?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let connection = stream.get_ref().1;
    assert_eq!(connection.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    let certificate = connection.peer_certificates().expect("a certificate")[0].clone();

    let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).expect("X.509");
    let names = certificate.subject_alternative_name().expect("one").expect("one").value;
    assert_eq!(names.general_names.len(), 1);
    assert!(format!("{:?}", names.general_names[0]).contains(domain), "{names:?}");
    let extension = certificate
        .extensions()
        .iter()
        .find(|extension| extension.oid.to_id_string() == "1.3.6.1.5.5.7.1.31");
    let extension = extension.expect("the ACME identifier");
    assert!(extension.critical);
    // The DER encoding of an octet string of 32 bytes.
    let digest = extension.value.strip_prefix(&[4, 32]).expect("a digest");
    Ok(digest.to_vec())
}

/// Accepts every signature; one method per TLS version.
macro_rules! accept_signatures {
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

/// Accepts every certificate: the challenge is about its content, not its issuer.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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

    // rustls cannot verify signatures here, as it refuses the certificate's critical extension.
    accept_signatures!(verify_tls12_signature, verify_tls13_signature);

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
