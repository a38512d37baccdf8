//! Wires signalling, delivery service, SFU and web client into one process.

use std::future::IntoFuture as _;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener as _, ListenerExt as _};
use mls_delivery::storage::{MemoryStorage, SqliteStorage, Storage, StorageError};
use prometheus::Registry;
use sfu::{Sfu, SfuConfig, SfuHandle};
use signaling::{MediaPlane, Signaling, SignalingConfig};
use signaling_protocol::Refusal;
use signaling_protocol::media::MediaCommand;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, ServeConfig};
use crate::signals::{Manner, Signals};
use crate::tls::{Certificate, CertificateError, TlsListener};
use crate::told_addresses::told_addresses;
use crate::web_client::with_web_client;

/// Media reports that may wait for their rooms.
const MEDIA_EVENTS: usize = 1024;

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The data folder cannot be used.
    #[error(
        "the data folder {path} cannot be used: {source}; choose another one with --data or ORANGE_DATA"
    )]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: StorageError,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A TCP port cannot be used.
    #[error("{address} cannot be listened on: {source}; choose another one with --{setting}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The SFU did not start.
    #[error(transparent)]
    Sfu(#[from] sfu::StartError),
    /// The signalling service did not start.
    #[error(transparent)]
    Signaling(#[from] signaling::StartError),
    /// The system refused something that a server cannot do without.
    #[error("the system refused: {0}")]
    System(#[from] std::io::Error),
}

/// Serves until the process is told to end.
pub(crate) fn run(config: ServeConfig) -> Result<(), ServeError> {
    start_log(config.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: ServeConfig) -> Result<(), ServeError> {
    let registry = Registry::new();
    let storage = open_storage(&config)?;
    let listener = bind(config.http, "http").await?;
    let address = listener.local_addr()?;
    let https = listen_for_https(&config).await?;

    let (media_events, mut media_reports) = tokio::sync::mpsc::channel(MEDIA_EVENTS);
    let sfu = Sfu::start(
        SfuConfig {
            workers: config.workers(),
            udp_port_base: config.media_port,
            advertised: told_addresses(&config).await,
            ..SfuConfig::default()
        },
        media_events,
        &registry,
    )?;
    let signaling = Signaling::start(
        SignalingConfig {
            allowed_origins: config.allow_origin.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            ..SignalingConfig::default()
        },
        storage,
        Arc::new(Media(sfu.handle())),
        &registry,
    )?;
    let reports = signaling.media_events();
    let relay = tokio::spawn(async move {
        while let Some(event) = media_reports.recv().await {
            if reports.send(event).await.is_err() {
                break;
            }
        }
    });

    let signals = Signals::listen()?;
    let patience = Duration::from_secs(config.drain_seconds.into());
    tracing::info!(%address, media_ports = ?sfu.ports(), "serving");
    announce(address);
    if let Some(https) = &https {
        tracing::info!(address = %https.local_addr()?, "serving HTTPS");
    }
    let service = with_web_client(signaling.router());
    let ended = CancellationToken::new();
    let plain =
        axum::serve(listener, service.clone().into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(ended.clone().cancelled_owned());
    let over_tls = serve_https(https, service, ended.clone());
    let ending = async {
        until_the_end(signals, patience, &signaling).await;
        ended.cancel();
    };
    let (plain, over_tls, ()) = tokio::join!(plain.into_future(), over_tls, ending);
    plain.and(over_tls)?;
    sfu.stop();
    relay.abort();
    Ok(())
}

/// Waits until the process is to end, and for its meetings to end before it, if they may.
async fn until_the_end(mut signals: Signals, patience: Duration, signaling: &Signaling) {
    if signals.told_to_end().await == Manner::Orderly && !patience.is_zero() {
        tracing::info!(seconds = patience.as_secs(), "draining: no meeting begins");
        tokio::select! {
            () = signaling.drain() => {}
            () = tokio::time::sleep(patience) => {}
            _ = signals.told_to_end() => {}
        }
    }
    tracing::info!("shutting down");
    signaling.shut_down().await;
}

async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| ServeError::Port { address, setting, source })
}

async fn listen_for_https(config: &ServeConfig) -> Result<Option<TlsListener>, ServeError> {
    let (Some(address), Some(certificate), Some(key)) =
        (config.https, &config.tls_certificate_file, &config.tls_key_file)
    else {
        return Ok(None);
    };
    let (certificate, bytes) = Certificate::read(certificate.clone(), key.clone())?;
    let listener = TlsListener::start(bind(address, "https").await?, Arc::clone(&certificate))?;
    tokio::spawn(certificate.follow(bytes));
    Ok(Some(listener))
}

async fn serve_https(
    listener: Option<TlsListener>,
    service: Router,
    ended: CancellationToken,
) -> std::io::Result<()> {
    let Some(listener) = listener else { return Ok(()) };
    // Listeners of other kinds than TCP tell their peers' addresses only when tapped.
    let listener = listener.tap_io(|_| {});
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(ended.cancelled_owned())
        .await
}

/// The SFU as the rooms see it.
struct Media(SfuHandle);

impl MediaPlane for Media {
    fn send(&self, command: MediaCommand) -> Result<(), Refusal> {
        self.0.send(command)
    }
}

fn open_storage(config: &ServeConfig) -> Result<Box<dyn Storage>, ServeError> {
    if config.in_memory {
        return Ok(Box::new(MemoryStorage::new()));
    }
    let path = &config.data;
    SqliteStorage::open(path)
        .map(|storage| Box::new(storage) as Box<dyn Storage>)
        .map_err(|source| ServeError::Data { path: path.clone(), source })
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// The one line on standard output: for people, and for programs that start this one.
fn announce(address: SocketAddr) {
    use std::io::Write as _;
    let host = if address.ip().is_loopback() && address.port() == 8080 {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    // A closed standard output is no reason not to serve.
    let _ = writeln!(std::io::stdout(), "listening on http://{host}");
}
