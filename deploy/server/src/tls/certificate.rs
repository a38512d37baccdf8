//! The current certificate for HTTPS, from files or from ACME.

use std::fmt;
use std::sync::{Arc, RwLock};

use prometheus::{IntGauge, Registry};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The ALPN protocol of the TLS-ALPN-01 challenge (RFC 8737 section 6.2).
pub(crate) const ACME_TLS_PROTOCOL: &[u8] = b"acme-tls/1";

/// The certificate for new connections.
pub(crate) struct Certificate {
    current: RwLock<Option<Current>>,
    /// The certificate for TLS-ALPN-01 validation connections (RFC 8737 section 3).
    challenge: RwLock<Option<Arc<CertifiedKey>>>,
    expiry: IntGauge,
}

#[derive(Clone)]
struct Current {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// The validity period of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Seconds since the Unix epoch.
    pub(crate) not_before: i64,
    /// Seconds since the Unix epoch.
    pub(crate) not_after: i64,
}

impl Certificate {
    /// Creates it without a certificate, with which no handshake succeeds.
    ///
    /// # Errors
    /// The metric of the expiry is already registered.
    pub(crate) fn new(registry: &Registry) -> Result<Arc<Self>, prometheus::Error> {
        let expiry = IntGauge::new(
            "orange_certificate_expiry_seconds",
            "Expiry of the HTTPS certificate in seconds since the Unix epoch; 0 without a certificate.",
        )?;
        registry.register(Box::new(expiry.clone()))?;
        Ok(Arc::new(Self { current: RwLock::default(), challenge: RwLock::default(), expiry }))
    }

    /// Uses another certificate for new connections.
    pub(crate) fn replace(&self, (key, validity): (CertifiedKey, Validity)) {
        self.expiry.set(validity.not_after);
        if let Ok(mut current) = self.current.write() {
            *current = Some(Current { key: Arc::new(key), validity });
        }
    }

    /// Sets the certificate for validation connections; with `None` they fail.
    #[cfg_attr(not(feature = "acme"), expect(dead_code, reason = "only ACME calls it"))]
    pub(crate) fn set_challenge(&self, challenge: Option<CertifiedKey>) {
        if let Ok(mut current) = self.challenge.write() {
            *current = challenge.map(Arc::new);
        }
    }

    /// Returns the validity of the current certificate, if there is one.
    pub(crate) fn validity(&self) -> Option<Validity> {
        self.current.read().ok()?.as_ref().map(|current| current.validity)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_validation = hello
            .alpn()
            .is_some_and(|mut offered| offered.any(|protocol| protocol == ACME_TLS_PROTOCOL));
        if is_validation {
            return self.challenge.read().ok()?.clone();
        }
        self.current.read().ok()?.as_ref().map(|current| Arc::clone(&current.key))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Certificate").field("validity", &self.validity()).finish_non_exhaustive()
    }
}
