//! Wires signalling, delivery service, SFU and web client into one process.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mls_delivery::storage::{MemoryStorage, SqliteStorage, Storage, StorageError};
use prometheus::Registry;
use sfu::{Sfu, SfuConfig, SfuHandle};
use signaling::{MediaPlane, Signaling, SignalingConfig};
use signaling_protocol::Refusal;
use signaling_protocol::media::MediaCommand;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, ServeConfig};
use crate::signals::{Manner, Signals};
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
    /// The HTTP port cannot be used.
    #[error(
        "{address} cannot be listened on: {source}; choose another one with --http or ORANGE_HTTP"
    )]
    Http {
        /// The address.
        address: SocketAddr,
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
    let listener = TcpListener::bind(config.http)
        .await
        .map_err(|source| ServeError::Http { address: config.http, source })?;
    let address = listener.local_addr()?;

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
    let service =
        with_web_client(signaling.router()).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            let mut signals = signals;
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
        })
        .await?;
    sfu.stop();
    relay.abort();
    Ok(())
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
