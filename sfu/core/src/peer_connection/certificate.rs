//! The DTLS certificate that all connections of a process share.

use std::sync::Arc;

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::from_feature_flags;

/// A self-signed DTLS certificate with the cryptography it is used with.
///
/// One for the whole process: a certificate per connection would cost a key pair each, and clients
/// pin its fingerprint through the answer either way.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) dtls: DtlsCert,
}

/// The cryptography library could not make a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no DTLS certificate could be generated; the cryptography library is broken")]
pub struct CertificateUnavailable;

impl Certificate {
    /// A new one, from the system's randomness.
    pub fn generate() -> Result<Self, CertificateUnavailable> {
        let provider = from_feature_flags();
        let dtls = provider.dtls_provider.generate_certificate().ok_or(CertificateUnavailable)?;
        Ok(Self { provider: Arc::new(provider), dtls })
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}
