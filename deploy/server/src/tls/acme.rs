//! Obtains and renews a certificate by ACME (RFC 8555).
//!
//! The challenge is TLS-ALPN-01 (RFC 8737): the ACME server connects to the domain's port 443 and
//! expects a certificate with a digest that only the holder of the account can compute. No other
//! port has to be open.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier,
    NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::CertifiedKey;
use tokio::time::{sleep, timeout};

use super::certificate::{Certificate, Validity};
use super::files::{CertificateError, Files};
use crate::secrets::write_private;

/// How long one order may take.
const ORDER_TIMEOUT: Duration = Duration::from_secs(180);
/// How long the validation, and then issuing the certificate, may take.
const POLLING_TIMEOUT: Duration = Duration::from_secs(60);
/// How often the age of the certificate is checked: the clock may be set, and the machine may sleep.
const CHECK_INTERVAL: Duration = Duration::from_secs(3600);
/// The first retry delay; it doubles up to [`CHECK_INTERVAL`]. Let's Encrypt allows five failed
/// validations per name and hour.
const FIRST_RETRY: Duration = Duration::from_secs(300);

/// Why no certificate was obtained.
#[derive(Debug, thiserror::Error)]
enum AcmeError {
    /// The ACME server refused a request, or cannot be reached.
    #[error("the ACME server: {0}")]
    Server(#[from] instant_acme::Error),
    /// The ACME server could not validate the domain.
    #[error("the ACME server could not validate the domain at its port 443: {0}")]
    NotValidated(String),
    /// The ACME server does not offer the challenge.
    #[error("the ACME server does not support the challenge TLS-ALPN-01")]
    NoChallenge,
    /// The issued certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The challenge's certificate cannot be created.
    #[error("the challenge certificate cannot be created: {0}")]
    Challenge(#[from] rcgen::Error),
    /// The key of the challenge's certificate cannot be used.
    #[error("the key of the challenge certificate cannot be used: {0}")]
    Key(#[from] rustls::Error),
    /// A file or folder cannot be read or written.
    #[error("{0} cannot be read or written: {1}")]
    Folder(PathBuf, io::Error),
    /// The stored account cannot be parsed.
    #[error("the account in {0} cannot be parsed; remove the file to create a new account")]
    Account(PathBuf),
    /// The order took longer than [`ORDER_TIMEOUT`].
    #[error("the order timed out")]
    TimedOut,
}

/// An ACME client for one domain.
#[derive(Debug)]
pub(crate) struct Acme {
    /// The name in the certificate.
    pub(crate) domain: String,
    /// The directory's URL.
    pub(crate) directory: String,
    /// PEM file with the root certificate of the directory's own HTTPS, if the system does not trust
    /// it.
    pub(crate) root: Option<PathBuf>,
    /// The folder for account, certificate chain and key.
    pub(crate) folder: PathBuf,
}

impl Acme {
    /// Obtains the certificate, renews it when it is due, and never returns.
    pub(crate) async fn obtain_and_renew(self, certificate: Arc<Certificate>) {
        if let Err(error) = self.files().read_into(&certificate) {
            tracing::info!(%error, domain = self.domain, "no stored certificate; requesting one");
        }
        let mut retry_delay = FIRST_RETRY;
        loop {
            let left = certificate
                .validity()
                .map_or(0, |validity| renewal_time(validity) - unix_seconds());
            if let Ok(left) = u64::try_from(left)
                && left > 0
            {
                sleep(Duration::from_secs(left).min(CHECK_INTERVAL)).await;
                continue;
            }
            let obtained = timeout(ORDER_TIMEOUT, self.obtain(&certificate)).await;
            certificate.set_challenge(None);
            match obtained.unwrap_or(Err(AcmeError::TimedOut)) {
                Ok(()) => {
                    retry_delay = FIRST_RETRY;
                    tracing::info!(domain = self.domain, "obtained a new certificate");
                }
                Err(error) => {
                    let retry_in = retry_delay.as_secs();
                    tracing::warn!(%error, domain = self.domain, retry_in, "no certificate");
                    sleep(retry_delay).await;
                    retry_delay = (retry_delay * 2).min(CHECK_INTERVAL);
                }
            }
        }
    }

    async fn obtain(&self, certificate: &Certificate) -> Result<(), AcmeError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| AcmeError::Folder(self.folder.clone(), error))?;
        let account = self.load_or_create_account().await?;
        let identifiers = [Identifier::Dns(self.domain.clone())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        self.answer_challenges(&mut order, certificate).await?;
        let polling = RetryPolicy::new().timeout(POLLING_TIMEOUT);
        if order.poll_ready(&polling).await? != OrderStatus::Ready {
            return Err(AcmeError::NotValidated(challenge_errors(&mut order).await));
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&polling).await?;
        let files = self.files();
        // The key first: if the process ends in between, the files do not match and a new
        // certificate is requested, but no key of an issued certificate is lost.
        self.store(&files.key, key.as_bytes())?;
        self.store(&files.certificate, chain.as_bytes())?;
        files.read_into(certificate)?;
        Ok(())
    }

    /// Sets the challenge certificate, and tells the ACME server to validate it.
    async fn answer_challenges(
        &self,
        order: &mut Order,
        certificate: &Certificate,
    ) -> Result<(), AcmeError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge =
                authorization.challenge(ChallengeType::TlsAlpn01).ok_or(AcmeError::NoChallenge)?;
            let digest = challenge.key_authorization().digest();
            certificate.set_challenge(Some(challenge_certificate(&self.domain, digest.as_ref())?));
            challenge.set_ready().await?;
        }
        Ok(())
    }

    /// Returns the stored account, or creates one and stores it.
    async fn load_or_create_account(&self) -> Result<Account, AcmeError> {
        let path = self.folder.join("account.json");
        if path.exists() {
            let text = std::fs::read(&path);
            let text = text.map_err(|error| AcmeError::Folder(path.clone(), error))?;
            let stored: AccountCredentials =
                serde_json::from_slice(&text).map_err(|_| AcmeError::Account(path))?;
            return Ok(self.builder()?.from_credentials(stored).await?);
        }
        let new_account =
            NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) =
            self.builder()?.create(&new_account, self.directory.clone(), None).await?;
        let text = serde_json::to_vec(&credentials).map_err(instant_acme::Error::from)?;
        self.store(&path, &text)?;
        Ok(account)
    }

    fn builder(&self) -> Result<AccountBuilder, instant_acme::Error> {
        match &self.root {
            Some(root) => Account::builder_with_root(root),
            None => Account::builder(),
        }
    }

    fn files(&self) -> Files {
        let (certificate, key) = (self.folder.join("chain.pem"), self.folder.join("key.pem"));
        Files { certificate, key }
    }

    fn store(&self, path: &Path, bytes: &[u8]) -> Result<(), AcmeError> {
        write_private(path, bytes).map_err(|error| AcmeError::Folder(path.to_owned(), error))
    }
}

/// Creates the self-signed certificate of the challenge (RFC 8737 section 3).
fn challenge_certificate(domain: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([domain.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::from(key);
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key)?;
    // `CertifiedKey::from_der` would refuse the certificate for its critical extension.
    Ok(CertifiedKey::new(vec![certificate.into()], key))
}

/// Returns the ACME server's reasons for a failed validation.
async fn challenge_errors(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    let mut errors = Vec::new();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            let problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            errors.extend(problems.map(ToString::to_string));
        }
    }
    if errors.is_empty() { "no reason given".to_owned() } else { errors.join("; ") }
}

/// Returns when to renew, after two thirds of the validity period, in seconds since the Unix epoch.
fn renewal_time(validity: Validity) -> i64 {
    validity.not_before + (validity.not_after - validity.not_before) / 3 * 2
}

fn unix_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
