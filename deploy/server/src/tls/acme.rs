//! Gets the certificate by ACME (RFC 8555), and renews it.
//!
//! The proof is TLS-ALPN-01 (RFC 8737): the directory opens a connection to the domain's port 443
//! and is shown a certificate that only whoever asked can make. No other port has to be open.

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

/// Longer than a directory takes that means to answer.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a proof may take to be looked at, or a certificate to be made.
const POLLING: Duration = Duration::from_secs(60);
/// How often the age of the certificate is looked at: the clock may be set, the machine may sleep.
const LOOK: Duration = Duration::from_secs(3600);
/// After a failure, the next try; it doubles up to [`LOOK`]. Let's Encrypt takes five failures of
/// a name an hour.
const RETRY: Duration = Duration::from_secs(300);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum AcmeFailure {
    /// The directory, or the way to it.
    #[error("the directory: {0}")]
    Directory(#[from] instant_acme::Error),
    /// The directory looked for the proof and did not find it.
    #[error("the directory did not find the proof at port 443 of the domain: {0}")]
    NotProven(String),
    /// The directory wants another kind of proof.
    #[error("the directory does not take proofs by TLS-ALPN-01")]
    NoChallenge,
    /// Not to be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Own certificates.
    #[error("the proof cannot be made: {0}")]
    Proof(#[from] rcgen::Error),
    /// Own keys.
    #[error("the proof's key cannot be used: {0}")]
    Key(#[from] rustls::Error),
    /// Files.
    #[error("what is to be kept cannot be written to {0}: {1}")]
    Folder(PathBuf, io::Error),
    /// The account that was kept.
    #[error("the account in {0} cannot be read; remove the file to have a new one made")]
    Account(PathBuf),
    /// No answer.
    #[error("it takes too long")]
    TooSlow,
}

/// What is asked for, where, and where it is kept.
#[derive(Debug)]
pub(crate) struct Acme {
    /// The name that the certificate is for.
    pub(crate) domain: String,
    /// The directory's URL.
    pub(crate) directory: String,
    /// PEM file with the authority that the directory's own HTTPS is certified by, if none that
    /// the system trusts.
    pub(crate) root: Option<PathBuf>,
    /// Account, chain and key are kept here.
    pub(crate) folder: PathBuf,
}

impl Acme {
    /// Gets the certificate and renews it, for ever.
    pub(crate) async fn keep(self, certificate: Arc<Certificate>) {
        if let Err(error) = self.files().read_into(&certificate) {
            tracing::info!(%error, domain = self.domain, "no certificate is kept; asking for one");
        }
        let mut wait = RETRY;
        loop {
            let left = certificate.validity().map_or(0, |one| renewal(one) - unix_seconds());
            if let Ok(left) = u64::try_from(left)
                && left > 0
            {
                sleep(Duration::from_secs(left).min(LOOK)).await;
                continue;
            }
            let obtained = timeout(PATIENCE, self.obtain(&certificate)).await;
            certificate.prove(None);
            match obtained.unwrap_or(Err(AcmeFailure::TooSlow)) {
                Ok(()) => {
                    wait = RETRY;
                    tracing::info!(domain = self.domain, "there is a new certificate");
                }
                Err(error) => {
                    let seconds = wait.as_secs();
                    tracing::warn!(%error, domain = self.domain, next_try = seconds, "no certificate");
                    sleep(wait).await;
                    wait = (wait * 2).min(LOOK);
                }
            }
        }
    }

    async fn obtain(&self, certificate: &Certificate) -> Result<(), AcmeFailure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| AcmeFailure::Folder(self.folder.clone(), error))?;
        let account = self.account().await?;
        let identifiers = [Identifier::Dns(self.domain.clone())];
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
        self.prove(&mut order, certificate).await?;
        let polling = RetryPolicy::new().timeout(POLLING);
        if order.poll_ready(&polling).await? != OrderStatus::Ready {
            return Err(AcmeFailure::NotProven(complaint(&mut order).await));
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&polling).await?;
        let files = self.files();
        // The key first: whoever reads between the two finds what does not fit, and not a key
        // that is lost.
        self.store(&files.key, key.as_bytes())?;
        self.store(&files.certificate, chain.as_bytes())?;
        files.read_into(certificate)?;
        Ok(())
    }

    /// Makes the proof that the directory will look for.
    async fn prove(&self, order: &mut Order, certificate: &Certificate) -> Result<(), AcmeFailure> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or(AcmeFailure::NoChallenge)?;
            let digest = challenge.key_authorization().digest();
            certificate.prove(Some(proof(&self.domain, digest.as_ref())?));
            challenge.set_ready().await?;
        }
        Ok(())
    }

    /// The account that was kept, or a new one.
    async fn account(&self) -> Result<Account, AcmeFailure> {
        let path = self.folder.join("account.json");
        if path.exists() {
            let text = std::fs::read(&path);
            let text = text.map_err(|error| AcmeFailure::Folder(path.clone(), error))?;
            let kept: AccountCredentials =
                serde_json::from_slice(&text).map_err(|_| AcmeFailure::Account(path))?;
            return Ok(self.builder()?.from_credentials(kept).await?);
        }
        let wanted =
            NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
        let (account, credentials) =
            self.builder()?.create(&wanted, self.directory.clone(), None).await?;
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

    fn store(&self, path: &Path, bytes: &[u8]) -> Result<(), AcmeFailure> {
        write_private(path, bytes).map_err(|error| AcmeFailure::Folder(path.to_owned(), error))
    }
}

/// RFC 8737 section 3.
fn proof(domain: &str, digest: &[u8]) -> Result<CertifiedKey, AcmeFailure> {
    let key = KeyPair::generate()?;
    let mut wanted = CertificateParams::new([domain.to_owned()])?;
    wanted.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = wanted.self_signed(&key)?;
    let key = PrivateKeyDer::from(key);
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key)?;
    // Not held against its key: the extension is critical, and no client but a directory knows it.
    Ok(CertifiedKey::new(vec![certificate.into()], key))
}

/// What the directory says against the proof.
async fn complaint(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    let mut said = Vec::new();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await {
            let problems = state.challenges.iter().filter_map(|one| one.error.as_ref());
            said.extend(problems.map(ToString::to_string));
        }
    }
    if said.is_empty() { "it does not say why".to_owned() } else { said.join("; ") }
}

/// After two thirds of its time.
fn renewal(validity: Validity) -> i64 {
    validity.from + (validity.until - validity.from) / 3 * 2
}

fn unix_seconds() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
