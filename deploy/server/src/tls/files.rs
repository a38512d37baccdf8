//! A certificate and its key in files, which somebody else may renew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use tokio::time::interval;

use super::certificate::{Certificate, Validity};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

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
    /// A file is not what it should be.
    #[error("{path} is no {wanted} in PEM: {source}")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
        /// Why not.
        source: pem::Error,
    },
    /// No certificate in the file.
    #[error("{0} holds no certificate; it has to hold the whole chain, the server's own first")]
    Empty(PathBuf),
    /// The two do not belong together, or are of no kind that is known.
    #[error("{certificate} and {key} cannot be used together: {source}")]
    Useless {
        /// The file of the chain.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// What the certificate itself says cannot be read.
    #[error("{0} begins with no certificate that can be read")]
    Malformed(PathBuf),
}

/// The files' bytes, by which a change is noticed.
pub(crate) type Bytes = (Vec<u8>, Vec<u8>);

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// PEM: the chain, the server's own certificate first.
    pub(crate) certificate: PathBuf,
    /// PEM.
    pub(crate) key: PathBuf,
}

impl Files {
    /// Gives them to new connections. Give the bytes to [`Self::follow`].
    pub(crate) fn read_into(&self, certificate: &Certificate) -> Result<Bytes, CertificateError> {
        let bytes = self.bytes()?;
        certificate.replace(self.parse(&bytes)?);
        Ok(bytes)
    }

    /// Reads the files again whenever they change, for ever. While they cannot be used, as between
    /// the writing of one and of the other, the last good ones are.
    pub(crate) async fn follow(self, certificate: Arc<Certificate>, mut last: Bytes) {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            let Ok(now) = self.bytes() else { continue };
            if now == last {
                continue;
            }
            match self.parse(&now) {
                Ok(renewed) => {
                    certificate.replace(renewed);
                    tracing::info!(path = %self.certificate.display(), "the certificate is renewed");
                }
                Err(error) => tracing::warn!(%error, "the changed certificate is not used"),
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
        let not_pem = |path: &PathBuf, wanted| {
            let path = path.clone();
            move |source| CertificateError::NotPem { path, wanted, source }
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(not_pem(&self.certificate, "chain of certificates"))?;
        let Some(own) = chain.first() else {
            return Err(CertificateError::Empty(self.certificate.clone()));
        };
        let validity =
            validity(own).ok_or_else(|| CertificateError::Malformed(self.certificate.clone()))?;
        let secret =
            PrivateKeyDer::from_pem_slice(secret).map_err(not_pem(&self.key, "private key"))?;
        let key = CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider());
        let key = key.map_err(|source| CertificateError::Useless {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })?;
        Ok((key, validity))
    }
}

/// What a certificate says itself.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    Some(Validity { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
}
