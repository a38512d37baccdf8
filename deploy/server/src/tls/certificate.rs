//! The certificate for HTTPS, wherever it comes from.

use std::fmt;
use std::sync::{Arc, RwLock};

use prometheus::{IntGauge, Registry};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The protocol by which an ACME directory asks for a proof (RFC 8737 section 6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The certificate that new connections are given.
pub(crate) struct Certificate {
    current: RwLock<Option<Current>>,
    /// What an ACME directory is shown that asks for a proof (RFC 8737).
    proof: RwLock<Option<Arc<CertifiedKey>>>,
    expiry: IntGauge,
}

#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// When a certificate may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Seconds since the Unix epoch.
    pub(crate) from: i64,
    /// Seconds since the Unix epoch.
    pub(crate) until: i64,
}

impl Certificate {
    /// None yet: until there is one, no handshake succeeds.
    pub(crate) fn none(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let expiry = IntGauge::new(
            "orange_certificate_expiry_seconds",
            "When the certificate for HTTPS expires, in seconds since the Unix epoch; 0 without one.",
        )?;
        registry.register(Box::new(expiry.clone()))?;
        Ok(Arc::new(Self { current: RwLock::default(), proof: RwLock::default(), expiry }))
    }

    /// New connections are given this one.
    pub(crate) fn replace(&self, (key, validity): (CertifiedKey, Validity)) {
        self.expiry.set(validity.until);
        if let Ok(mut current) = self.current.write() {
            *current = Some(Current { key: Arc::new(key), validity });
        }
    }

    /// An ACME directory that asks is shown this one, or nothing any more.
    pub(crate) fn prove(&self, proof: Option<CertifiedKey>) {
        if let Ok(mut current) = self.proof.write() {
            *current = proof.map(Arc::new);
        }
    }

    /// When the current one may be used.
    pub(crate) fn validity(&self) -> Option<Validity> {
        self.current.read().ok()?.as_ref().map(|current| current.validity)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let proves = hello.alpn().is_some_and(|mut offered| offered.any(|one| one == ACME_TLS));
        if proves {
            return self.proof.read().ok()?.clone();
        }
        self.current.read().ok()?.as_ref().map(|current| Arc::clone(&current.key))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Certificate").field("validity", &self.validity()).finish_non_exhaustive()
    }
}
