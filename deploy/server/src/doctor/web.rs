//! The checks before a call: DNS name, certificate, HTTP, and clock.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ServerUrl;
use super::finding::Finding;
use crate::tls::validity;

/// How long each step of a check may take.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// Certificates should be renewed earlier than this before they expire.
const MIN_DAYS_LEFT: i64 = 14;
/// With more clock skew, TURN credentials, valid for five minutes, and certificates may be rejected.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// A byte stream to a server, with or without TLS.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// Checks that the host name resolves.
pub(super) async fn check_name(server: &ServerUrl) -> Finding {
    const CHECK: &str = "name";
    let resolved = timeout(CHECK_TIMEOUT, lookup_host((server.host.as_str(), server.port))).await;
    let failed = |symptom: String| {
        Finding::error(
            CHECK,
            symptom,
            "the name does not exist, or this machine's resolver does not know it yet",
            "create an A or AAAA record with the server's public address",
        )
    };
    match resolved {
        Ok(Ok(resolved)) => {
            let mut ips: Vec<_> = resolved.map(|address| address.ip().to_string()).collect();
            ips.dedup();
            Finding::passed(CHECK, format!("{} resolves to {}", server.host, ips.join(", ")))
        }
        Ok(Err(error)) => failed(format!("{} does not resolve: {error}", server.host)),
        Err(_) => failed(format!("the lookup of {} times out", server.host)),
    }
}

/// Checks that the certificate is trusted, and that it does not expire soon.
pub(super) async fn check_certificate(server: &ServerUrl) -> Finding {
    const CHECK: &str = "certificate";
    let stream = match timeout(CHECK_TIMEOUT, connect_over_tls(server)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Finding::error(
                CHECK,
                error.to_string(),
                "the port is closed, or the certificate is expired, incomplete, for another name, \
                 or from an authority that this machine does not trust",
                "open TCP 443; search the server's log for \"no certificate\"; with a certificate \
                 of your own, configure the whole chain",
            );
        }
        Err(_) => {
            return Finding::error(
                CHECK,
                format!("no answer from port {} within {} s", server.port, CHECK_TIMEOUT.as_secs()),
                "a firewall or a router drops the packets",
                "open the port in the firewall, and forward it in the router",
            );
        }
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let Some(not_after) = chain.first().and_then(validity).map(|validity| validity.not_after)
    else {
        return Finding::passed(CHECK, "trusted");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days_left = (not_after - i64::try_from(now).unwrap_or(0)) / 86_400;
    if days_left >= MIN_DAYS_LEFT {
        return Finding::passed(CHECK, format!("trusted, expires in {days_left} days"));
    }
    Finding::warning(
        CHECK,
        format!("expires in {days_left} days"),
        "the renewal is overdue",
        "search the server's log for \"no certificate\", or check what renews the files",
    )
}

/// Checks that the server is ready, and, if it sends a `Date`, that its clock agrees with this
/// machine's.
pub(super) async fn check_server(server: &ServerUrl) -> (Finding, Option<Finding>) {
    const CHECK: &str = "server";
    let client = reqwest::Client::builder().timeout(CHECK_TIMEOUT).no_proxy().build();
    let response = match client {
        Ok(client) => client.get(format!("{}/readyz", server.origin)).send().await,
        Err(error) => Err(error),
    };
    let response = match response {
        Ok(response) => response,
        Err(error) => {
            let finding = Finding::error(
                CHECK,
                format!("{} does not answer: {}", server.origin, root_cause(&error)),
                "the server is not running, or its port is not reachable from here",
                "check that it runs, and that the port is open and forwarded",
            );
            return (finding, None);
        }
    };
    let date = response.headers().get("date").and_then(|date| date.to_str().ok());
    let clock = date.and_then(check_clock);
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    let finding = if status.is_success() && body.trim() == "ok" {
        Finding::passed(CHECK, "ready")
    } else if status == 503 {
        Finding::error(
            CHECK,
            body.trim().to_owned(),
            "the server is draining, or its store does not work",
            "see its log; `orange-meets rooms resume` ends draining",
        )
    } else {
        Finding::error(
            CHECK,
            format!("another service answers, with {status}"),
            "the proxy forwards requests to another service",
            "make the proxy forward every path to the server",
        )
    };
    (finding, clock)
}

/// Compares this machine's clock with a `Date` header (RFC 9110 section 6.6.1). Returns `None` if
/// the header cannot be parsed.
fn check_clock(date: &str) -> Option<Finding> {
    const CHECK: &str = "clock";
    let remote = httpdate::parse_http_date(date).ok()?;
    let local = SystemTime::now();
    let skew = local.duration_since(remote).or_else(|_| remote.duration_since(local)).ok()?;
    if skew <= MAX_CLOCK_SKEW {
        return Some(Finding::passed(CHECK, "the clocks of the server and this machine agree"));
    }
    Some(Finding::warning(
        CHECK,
        format!("the clocks of the server and this machine differ by {} s", skew.as_secs()),
        "one of them is not synchronized",
        "synchronize both by NTP: certificates and TURN credentials depend on them",
    ))
}

/// Connects to the server by TCP, and by TLS on top where its URL says so.
pub(super) async fn connect(server: &ServerUrl) -> io::Result<Box<dyn ByteStream>> {
    if server.over_tls {
        Ok(Box::new(connect_over_tls(server).await?))
    } else {
        Ok(Box::new(TcpStream::connect((server.host.as_str(), server.port)).await?))
    }
}

async fn connect_over_tls(server: &ServerUrl) -> io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(rustls::ConfigBuilder::with_platform_verifier)
        .map_err(io::Error::other)?
        .with_no_client_auth();
    let name = ServerName::try_from(server.host.clone()).map_err(io::Error::other)?;
    let tcp = TcpStream::connect((server.host.as_str(), server.port)).await?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// Returns the message of an error's root cause; the errors above it only say that something failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_by_minutes_yields_a_warning() {
        let now = SystemTime::now();
        let agreeing = check_clock(&httpdate::fmt_http_date(now)).expect("a date");
        assert!(agreeing.to_string().starts_with("ok       clock"), "{agreeing}");
        for off in [now - Duration::from_secs(600), now + Duration::from_secs(600)] {
            let finding = check_clock(&httpdate::fmt_http_date(off)).expect("a date").to_string();
            assert!(finding.starts_with("WARNING  clock") && finding.contains("NTP"), "{finding}");
        }
        assert_eq!(check_clock("yesterday"), None);
    }
}
