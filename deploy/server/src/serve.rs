//! Runs the server: connects signalling, delivery service, SFU and web client in one process.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener as _, ListenerExt as _};
use mls_delivery_storage::{MemoryStorage, SqliteStorage, Storage, StorageError};
use prometheus::Registry;
use sfu::{Limits, MediaCommand, Sfu, SfuConfig, SfuHandle};
use signaling::{MediaPlane, MediaReports, Signaling, SignalingConfig, TurnServer};
use signaling_protocol::{Refusal, RoomId, Secret};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::advertised_addresses::resolve_advertised_addresses;
use crate::config::ServeConfig;
use crate::https_redirect::redirect_to_https;
use crate::process_metrics::ProcessMetrics;
use crate::secrets::{self, SecretError};
use crate::shutdown_signals::{ShutdownMode, ShutdownSignals};
use crate::telemetry;
#[cfg(feature = "acme")]
use crate::tls::Acme;
use crate::tls::{Certificate, CertificateError, Files, TlsListener};
use crate::web_client::with_web_client;

/// Why the server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The data folder cannot be used.
    #[error(
        "the data folder {path} cannot be used: {source}; set another one with --data or ORANGE_DATA"
    )]
    Data {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: StorageError,
    },
    /// A metric is invalid or registered twice.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A TCP port cannot be used.
    #[error("cannot listen on {address}: {source}; set another address with --{setting}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// The flag that sets the address, without dashes.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A secret cannot be read or created.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The SFU did not start.
    #[error(transparent)]
    Sfu(#[from] sfu::StartError),
    /// The signalling service did not start.
    #[error(transparent)]
    Signaling(#[from] signaling::StartError),
    /// The OTLP exporter cannot be created.
    #[error("trace spans cannot be exported: {0}; see --otlp-endpoint")]
    Spans(#[from] telemetry::ExportError),
    /// A system call failed.
    #[error("a system call failed: {0}")]
    System(#[from] std::io::Error),
}

/// Runs the server until a signal ends the process.
///
/// # Errors
/// The server cannot start, or a listener fails.
pub(crate) fn run(config: ServeConfig) -> Result<(), ServeError> {
    let telemetry = telemetry::start(config.log_format, config.otlp_endpoint.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(serve(config));
    telemetry.shut_down();
    result
}

async fn serve(config: ServeConfig) -> Result<(), ServeError> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessMetrics::new()?))?;
    let storage = open_storage(&config)?;
    let listener = bind(config.http, "http").await?;
    let address = listener.local_addr()?;
    let https = listen_for_https(&config, &registry).await?;
    let admin = bind_if(config.admin, "admin").await?;
    let redirect = bind_if(config.redirect, "redirect").await?;
    let admin_token = admin_token(&config)?;
    let relay = relay(&config)?;

    let reports = MediaReports::default();
    let delivery = reports.clone();
    let sfu = Sfu::start(
        SfuConfig {
            workers: config.workers(),
            spread_at: config.media_spread.into(),
            pin: config.media_pin,
            udp_port_base: config.media_port,
            tcp: config.media_tcp.into(),
            advertised: resolve_advertised_addresses(&config).await,
            limits: Limits {
                participants_per_room: config.participants_per_room.into(),
                ..Limits::default()
            },
            load_limit: f32::from(config.media_load_limit) / 100.0,
            ..SfuConfig::default()
        },
        move |report| delivery.deliver(report),
        &registry,
    )?;
    let signaling = Signaling::start(
        SignalingConfig {
            allowed_origins: config.allow_origin.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            turn_server: relay,
            rooms_persist: !config.in_memory,
            participants_per_room: config.participants_per_room.into(),
            ..SignalingConfig::default()
        },
        storage,
        Arc::new(Media(sfu.handle())),
        &registry,
    )?;
    signaling.receive_reports(&reports);

    let signals = ShutdownSignals::listen()?;
    let drain_time = Duration::from_secs(config.drain_seconds.into());
    tracing::info!(%address, media_ports = ?sfu.ports(), "serving");
    if let Some(admin) = &admin {
        announce("administration on", admin.local_addr()?);
    }
    announce("listening on", address);
    if let Some(https) = &https {
        tracing::info!(address = %https.local_addr()?, "serving HTTPS");
    }
    let service = with_web_client(signaling.router());
    let stopped = CancellationToken::new();
    let administration = serve_if(admin, signaling.admin_router(admin_token), stopped.clone());
    let domain = config.domain.clone().unwrap_or_default();
    let redirecting = serve_if(redirect, redirect_to_https(domain), stopped.clone());
    let plain =
        axum::serve(listener, service.clone().into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(stopped.clone().cancelled_owned());
    let over_tls = serve_https(https, service, stopped.clone());
    let stopping = async {
        drain_and_shut_down(signals, drain_time, &signaling).await;
        stopped.cancel();
    };
    let (plain, over_tls, administration, redirecting, ()) =
        tokio::join!(plain.into_future(), over_tls, administration, redirecting, stopping);
    plain.and(over_tls).and(administration).and(redirecting)?;
    sfu.stop();
    Ok(())
}

/// Waits for a signal, drains for up to `drain_time` if the signal allows it, and closes all rooms.
/// A second signal ends draining.
async fn drain_and_shut_down(
    mut signals: ShutdownSignals,
    drain_time: Duration,
    signaling: &Signaling,
) {
    if signals.wait().await == ShutdownMode::Graceful && !drain_time.is_zero() {
        tracing::info!(seconds = drain_time.as_secs(), "draining: accepting no new meetings");
        tokio::select! {
            () = signaling.drain(drain_time) => {}
            _ = signals.wait() => {}
        }
    }
    tracing::info!("shutting down");
    signaling.shut_down().await;
}

async fn bind(address: SocketAddr, setting: &'static str) -> Result<TcpListener, ServeError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| ServeError::Port { address, setting, source })
}

async fn bind_if(
    address: Option<SocketAddr>,
    setting: &'static str,
) -> Result<Option<TcpListener>, ServeError> {
    match address {
        Some(address) => Ok(Some(bind(address, setting).await?)),
        None => Ok(None),
    }
}

async fn listen_for_https(
    config: &ServeConfig,
    registry: &Registry,
) -> Result<Option<TlsListener>, ServeError> {
    let Some(address) = config.https else { return Ok(None) };
    let certificate = Certificate::new(registry)?;
    let tcp = bind(address, "https").await?;
    match (&config.tls_certificate_file, &config.tls_key_file, &config.domain) {
        (Some(chain), Some(key), _) => {
            let files = Files { certificate: chain.clone(), key: key.clone() };
            let bytes = files.read_into(&certificate)?;
            tokio::spawn(files.watch(Arc::clone(&certificate), bytes));
        }
        #[cfg(feature = "acme")]
        (_, _, Some(domain)) => {
            let acme = Acme {
                domain: domain.clone(),
                directory: config.acme_directory.clone(),
                root: config.acme_root_file.clone(),
                folder: acme_folder(config, domain),
            };
            tokio::spawn(acme.obtain_and_renew(Arc::clone(&certificate)));
        }
        // The validation of the settings refuses all other cases.
        _ => return Ok(None),
    }
    Ok(Some(TlsListener::start(tcp, certificate)?))
}

/// Returns the folder for what one ACME directory issues for one domain.
#[cfg(feature = "acme")]
fn acme_folder(config: &ServeConfig, domain: &str) -> PathBuf {
    let directory = config.acme_directory.split_once("://").map_or("", |(_, rest)| rest);
    let safe = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte) } else { '-' };
    config.data.join("acme").join(directory.bytes().map(safe).collect::<String>()).join(domain)
}

async fn serve_https(
    listener: Option<TlsListener>,
    service: Router,
    stopped: CancellationToken,
) -> std::io::Result<()> {
    let Some(listener) = listener else { return Ok(()) };
    // axum implements `Connected` for custom listeners only when they are tapped.
    let listener = listener.tap_io(|_| {});
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stopped.cancelled_owned())
        .await
}

async fn serve_if(
    listener: Option<TcpListener>,
    service: Router,
    stopped: CancellationToken,
) -> std::io::Result<()> {
    let Some(listener) = listener else { return Ok(()) };
    axum::serve(listener, service).with_graceful_shutdown(stopped.cancelled_owned()).await
}

/// Returns the administration token; `None` if the administration API is off.
fn admin_token(config: &ServeConfig) -> Result<Option<Secret>, SecretError> {
    let path = match (&config.admin, &config.admin_token_file, config.in_memory) {
        (Some(_), Some(path), _) => path.clone(),
        (Some(_), None, false) => config.data.join("admin-token"),
        (Some(_), None, true) | (None, _, _) => return Ok(None),
    };
    secrets::read_or_create(&path).map(Some)
}

/// Returns the TURN servers and their secret, if any are set.
fn relay(config: &ServeConfig) -> Result<Option<TurnServer>, SecretError> {
    if config.turn_urls.is_empty() {
        return Ok(None);
    }
    let path = config.turn_secret_file.clone();
    let secret = secrets::read_or_create(&path.unwrap_or_else(|| config.data.join("turn-secret")))?;
    Ok(Some(TurnServer::new(config.turn_urls.clone(), secret.0)))
}

/// Implements the rooms' interface to the SFU.
struct Media(SfuHandle);

impl MediaPlane for Media {
    fn send(&self, command: MediaCommand) -> Result<(), Refusal> {
        self.0.send(command)
    }

    fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal> {
        self.0.admits(room)
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

/// Prints an address that the server listens on. Standard output has nothing else, so that programs
/// that start the server can read it.
fn announce(what: &str, address: SocketAddr) {
    use std::io::Write as _;
    let host = if address.ip().is_loopback() && address.port() == 8080 {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    };
    // The server runs on if standard output is closed.
    let _ = writeln!(std::io::stdout(), "{what} http://{host}");
}
