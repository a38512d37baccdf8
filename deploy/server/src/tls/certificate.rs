//! A certificate and its key, from files that somebody else renews.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::interval;

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
}

/// The files' bytes, by which a change is noticed.
type Bytes = (Vec<u8>, Vec<u8>);

/// The certificate that new connections are given.
pub(crate) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files. Give the bytes to [`Self::follow`].
    pub(crate) fn read(
        certificate: PathBuf,
        key: PathBuf,
    ) -> Result<(Arc<Self>, Bytes), CertificateError> {
        let bytes = bytes(&certificate, &key)?;
        let current = RwLock::new(parse(&certificate, &key, &bytes)?);
        Ok((Arc::new(Self { certificate, key, current }), bytes))
    }

    /// Reads the files again whenever they change, for ever. While they cannot be used, as between
    /// the writing of one and of the other, the last good ones are.
    pub(crate) async fn follow(self: Arc<Self>, mut last: Bytes) {
        let mut ticks = interval(LOOK);
        loop {
            ticks.tick().await;
            let Ok(now) = bytes(&self.certificate, &self.key) else { continue };
            if now == last {
                continue;
            }
            match parse(&self.certificate, &self.key, &now) {
                Ok(renewed) => {
                    if let Ok(mut current) = self.current.write() {
                        *current = renewed;
                    }
                    tracing::info!(path = %self.certificate.display(), "the certificate is renewed");
                }
                Err(error) => tracing::warn!(%error, "the changed certificate is not used"),
            }
            last = now;
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().ok().map(|current| Arc::clone(&current))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Certificate").field("path", &self.certificate).finish_non_exhaustive()
    }
}

fn bytes(certificate: &PathBuf, key: &PathBuf) -> Result<Bytes, CertificateError> {
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|source| CertificateError::Unreadable { path: path.clone(), source })
    };
    Ok((read(certificate)?, read(key)?))
}

fn parse(
    certificate: &PathBuf,
    key: &PathBuf,
    (chain, secret): &Bytes,
) -> Result<Arc<CertifiedKey>, CertificateError> {
    let not_pem = |path: &PathBuf, wanted| {
        let path = path.clone();
        move |source| CertificateError::NotPem { path, wanted, source }
    };
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(not_pem(certificate, "chain of certificates"))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty(certificate.clone()));
    }
    let secret = PrivateKeyDer::from_pem_slice(secret).map_err(not_pem(key, "private key"))?;
    CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider()).map(Arc::new).map_err(
        |source| CertificateError::Useless {
            certificate: certificate.clone(),
            key: key.clone(),
            source,
        },
    )
}
