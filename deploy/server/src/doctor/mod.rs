//! `orange-meets doctor`: does what a browser does, and reports what prevents meetings.

mod finding;
mod media;
mod media_connection;
mod signaling_session;
mod socket_buffers;
mod stun;
mod turn;
mod web;

use std::io::{self, Write as _};

use axum::http::Uri;

use crate::config::DoctorConfig;
use crate::local_address::local_address;
use finding::Finding;

/// Why `orange-meets doctor` fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoctorError {
    /// The URL is not one that a browser could open.
    #[error("{0:?} is not the URL of a server; give --url as https://meet.example")]
    Url(String),
    /// At least one finding is an error.
    #[error("meetings do not work, or not for everyone: see the errors above")]
    FoundErrors,
    /// A system call failed.
    #[error("a system call failed: {0}")]
    System(#[from] io::Error),
}

/// The URL of a server as browsers use it, in its parts.
#[derive(Debug, Clone)]
struct ServerUrl {
    /// Scheme, host and port, without a path.
    origin: String,
    host: String,
    port: u16,
    over_tls: bool,
}

/// Runs all checks, and prints each finding as it is made.
///
/// # Errors
/// The URL is invalid, or at least one finding is an error.
pub(crate) fn run(config: &DoctorConfig) -> Result<(), DoctorError> {
    let server = server_url(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let meetings_work = runtime.block_on(run_checks(&server))?;
    if meetings_work { Ok(()) } else { Err(DoctorError::FoundErrors) }
}

/// Returns `true` if no finding is an error.
async fn run_checks(server: &ServerUrl) -> io::Result<bool> {
    let mut meetings_work = true;
    let mut report = |finding: &Finding| {
        meetings_work &= !finding.is_error();
        write!(io::stdout(), "{finding}")
    };
    writeln!(io::stdout(), "checking {} from this machine\n", server.origin)?;
    for finding in socket_buffers::check() {
        report(&finding)?;
    }
    report(&web::check_name(server).await)?;
    if server.over_tls {
        report(&web::check_certificate(server).await)?;
    }
    let (ready, clock) = web::check_server(server).await;
    report(&ready)?;
    if ready.is_error() {
        return Ok(false);
    }
    if let Some(clock) = clock {
        report(&clock)?;
    }
    for finding in media::check(server).await {
        report(&finding)?;
    }
    Ok(meetings_work)
}

fn server_url(config: &DoctorConfig) -> Result<ServerUrl, DoctorError> {
    let url = match (&config.url, &config.domain) {
        (Some(url), _) => url.clone(),
        (None, Some(domain)) if domain != "localhost" => format!("https://{domain}"),
        (None, _) => format!("http://{}", local_address(config.http)),
    };
    let invalid = || DoctorError::Url(url.clone());
    let uri: Uri = url.parse().map_err(|_| invalid())?;
    let over_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(invalid()),
    };
    let authority = uri.authority().ok_or_else(invalid)?;
    Ok(ServerUrl {
        origin: format!("{}://{authority}", if over_tls { "https" } else { "http" }),
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(if over_tls { 443 } else { 80 }),
        over_tls,
    })
}
