//! The DTLS certificate that all connections of a process share.

use std::sync::Arc;

use str0m::config::{CryptoProvider, DtlsCert};
use str0m::crypto::from_feature_flags;

/// A self-signed DTLS certificate with the cryptography provider that it is used with.
///
/// There is one for the whole process: a certificate per connection would cost a key pair each, and
/// clients pin its fingerprint through the answer either way.
#[derive(Clone)]
pub struct Certificate {
    provider: Arc<CryptoProvider>,
    dtls: DtlsCert,
}

/// The cryptography library could not generate a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no DTLS certificate could be generated; the cryptography library is broken")]
pub struct CertificateUnavailable;

impl Certificate {
    /// Generates a certificate from the system's randomness.
    ///
    /// # Errors
    ///
    /// [`CertificateUnavailable`] if the cryptography library fails.
    pub fn generate() -> Result<Self, CertificateUnavailable> {
        let provider = from_feature_flags();
        let dtls = provider.dtls_provider.generate_certificate().ok_or(CertificateUnavailable)?;
        Ok(Self { provider: Arc::new(provider), dtls })
    }

    /// Returns the provider.
    pub(crate) fn provider(&self) -> Arc<CryptoProvider> {
        self.provider.clone()
    }

    /// Returns the certificate for DTLS.
    pub(crate) fn dtls(&self) -> DtlsCert {
        self.dtls.clone()
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}
