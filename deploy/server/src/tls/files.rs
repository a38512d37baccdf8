//! A certificate and its key in files, which another program may renew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use tokio::time::interval;

use super::certificate::{Certificate, Validity};

/// How often the files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not contain the expected PEM sections.
    #[error("{path} is not a {expected} in PEM: {source}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The file contains no certificate.
    #[error("{0} contains no certificate; it must contain the whole chain, the server's own first")]
    Empty(PathBuf),
    /// The key does not belong to the certificate, or is of an unsupported type.
    #[error("{certificate} and {key} cannot be used together: {source}")]
    Mismatch {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate cannot be parsed.
    #[error("the first certificate in {0} cannot be parsed")]
    Malformed(PathBuf),
}

/// The contents of both files, by which a change is noticed.
pub(crate) type Bytes = (Vec<u8>, Vec<u8>);

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// PEM file with the chain, the server's own certificate first.
    pub(crate) certificate: PathBuf,
    /// PEM file with the private key.
    pub(crate) key: PathBuf,
}

impl Files {
    /// Reads the files, and uses them for new connections. Returns their contents for
    /// [`Self::watch`].
    pub(crate) fn read_into(&self, certificate: &Certificate) -> Result<Bytes, CertificateError> {
        let bytes = self.bytes()?;
        certificate.replace(self.parse(&bytes)?);
        Ok(bytes)
    }

    /// Reloads the files whenever they change, and never returns. While they cannot be used, for
    /// example because only one of them is written yet, the last valid certificate stays.
    pub(crate) async fn watch(self, certificate: Arc<Certificate>, mut last: Bytes) {
        let mut ticks = interval(CHECK_INTERVAL);
        loop {
            ticks.tick().await;
            let Ok(now) = self.bytes() else { continue };
            if now == last {
                continue;
            }
            match self.parse(&now) {
                Ok(renewed) => {
                    certificate.replace(renewed);
                    tracing::info!(path = %self.certificate.display(), "reloaded the certificate");
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificate files cannot be used")
                }
            }
            last = now;
        }
    }

    fn bytes(&self) -> Result<Bytes, CertificateError> {
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .map_err(|source| CertificateError::Unreadable { path: path.clone(), source })
        };
        Ok((read(&self.certificate)?, read(&self.key)?))
    }

    fn parse(&self, (chain, secret): &Bytes) -> Result<(CertifiedKey, Validity), CertificateError> {
        let not_pem = |path: &PathBuf, expected| {
            let path = path.clone();
            move |source| CertificateError::NotPem { path, expected, source }
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(not_pem(&self.certificate, "certificate chain"))?;
        let Some(own) = chain.first() else {
            return Err(CertificateError::Empty(self.certificate.clone()));
        };
        let validity =
            validity(own).ok_or_else(|| CertificateError::Malformed(self.certificate.clone()))?;
        let secret =
            PrivateKeyDer::from_pem_slice(secret).map_err(not_pem(&self.key, "private key"))?;
        let key = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider());
        let key = key.map_err(|source| CertificateError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })?;
        Ok((key, validity))
    }
}

/// Parses the validity period of a certificate; returns `None` if it cannot be parsed.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity {
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
    })
}
