//! What comes before a call: the name, the certificate, the page, the clock.

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

use super::Address;
use super::finding::Finding;
use crate::tls::validity;

/// Longer than anything takes that works.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Certificates are renewed before.
const FEWEST_DAYS: i64 = 14;
/// Credentials for five minutes, and certificates, are of no use by a clock that is off by more.
const MOST_SKEW: Duration = Duration::from_secs(60);

/// A connection to the server, with or without TLS.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Whether the name leads anywhere.
pub(super) async fn names(address: &Address) -> Finding {
    const WHAT: &str = "name";
    let found = timeout(PATIENCE, lookup_host((address.host.as_str(), address.port))).await;
    let bad = |seen: String| {
        Finding::bad(
            WHAT,
            seen,
            "there is no such name, or the resolver of this machine does not know it yet",
            "let an A or AAAA record of the name lead to the server's public address",
        )
    };
    match found {
        Ok(Ok(found)) => {
            let mut found: Vec<_> = found.map(|one| one.ip().to_string()).collect();
            found.dedup();
            Finding::good(WHAT, format!("{} leads to {}", address.host, found.join(", ")))
        }
        Ok(Err(error)) => bad(format!("{} leads nowhere: {error}", address.host)),
        Err(_) => bad(format!("no answer about {}", address.host)),
    }
}

/// Whether browsers trust the certificate, and for how long.
pub(super) async fn certificate(address: &Address) -> Finding {
    const WHAT: &str = "certificate";
    let stream = match timeout(PATIENCE, over_tls(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Finding::bad(
                WHAT,
                error.to_string(),
                "nobody answers there, or with a certificate that is expired, incomplete, for \
                 another name, or of an authority that is not trusted here",
                "open TCP 443; see \"no certificate\" in the server's log; give the whole chain \
                 where the certificate is yours",
            );
        }
        Err(_) => {
            return Finding::bad(
                WHAT,
                format!("no answer from port {} within {} s", address.port, PATIENCE.as_secs()),
                "packets are dropped on the way",
                "open the port in the firewall, and forward it in the router",
            );
        }
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let Some(until) = chain.first().and_then(validity).map(|one| one.until) else {
        return Finding::good(WHAT, "trusted");
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = (until - i64::try_from(now).unwrap_or(0)) / 86_400;
    if days >= FEWEST_DAYS {
        return Finding::good(WHAT, format!("trusted, and for {days} days more"));
    }
    Finding::poor(
        WHAT,
        format!("it ends in {days} days"),
        "it should have been renewed by now",
        "see \"no certificate\" in the server's log, or what writes the files",
    )
}

/// Whether the page's server answers, and whether its clock says what ours does.
pub(super) async fn answers(address: &Address) -> (Finding, Option<Finding>) {
    const WHAT: &str = "server";
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let asked = match client {
        Ok(client) => client.get(format!("{}/readyz", address.origin)).send().await,
        Err(error) => Err(error),
    };
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            let finding = Finding::bad(
                WHAT,
                format!("{} does not answer: {}", address.origin, innermost(&error)),
                "the server does not run, or its port is not open from here",
                "see whether it runs, and whether the port is open and forwarded",
            );
            return (finding, None);
        }
    };
    let skew = answer.headers().get("date").and_then(|date| date.to_str().ok()).and_then(skew);
    let status = answer.status();
    let words = answer.text().await.unwrap_or_default();
    let finding = if status.is_success() && words.trim() == "ok" {
        Finding::good(WHAT, "it may be sent people")
    } else if status == 503 {
        Finding::bad(
            WHAT,
            words.trim().to_owned(),
            "it drains, or its store does not work",
            "see its log; `orange-meets rooms resume` if somebody had it drain",
        )
    } else {
        Finding::bad(
            WHAT,
            format!("something answers {status}, and not as this server does"),
            "the proxy leads elsewhere",
            "have the proxy hand every path on to the server",
        )
    };
    (finding, skew)
}

/// How far two clocks are apart, told by a `Date` (RFC 9110 section 6.6.1).
fn skew(date: &str) -> Option<Finding> {
    const WHAT: &str = "clock";
    let theirs = httpdate::parse_http_date(date).ok()?;
    let ours = SystemTime::now();
    let apart = ours.duration_since(theirs).or_else(|_| theirs.duration_since(ours)).ok()?;
    if apart <= MOST_SKEW {
        return Some(Finding::good(WHAT, "the server's and this machine's agree"));
    }
    Some(Finding::poor(
        WHAT,
        format!("the server's and this machine's are {} s apart", apart.as_secs()),
        "one of them is not set by NTP",
        "set both by NTP: certificates and the TURN server's credentials go by them",
    ))
}

/// A connection as a browser makes one.
pub(super) async fn connect(address: &Address) -> io::Result<Box<dyn Connection>> {
    if address.over_tls {
        Ok(Box::new(over_tls(address).await?))
    } else {
        Ok(Box::new(TcpStream::connect((address.host.as_str(), address.port)).await?))
    }
}

async fn over_tls(address: &Address) -> io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .and_then(rustls::ConfigBuilder::with_platform_verifier)
        .map_err(io::Error::other)?
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    let tcp = TcpStream::connect((address.host.as_str(), address.port)).await?;
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// What lies at the bottom of an error: the layers above it say only that something failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_and_one_that_is_not_is_praised() {
        let now = SystemTime::now();
        let agree = skew(&httpdate::fmt_http_date(now)).expect("a date");
        assert!(agree.to_string().starts_with("good  clock"), "{agree}");
        for off in [now - Duration::from_secs(600), now + Duration::from_secs(600)] {
            let finding = skew(&httpdate::fmt_http_date(off)).expect("a date").to_string();
            assert!(finding.starts_with("poor  clock") && finding.contains("NTP"), "{finding}");
        }
        assert_eq!(skew("yesterday"), None);
    }
}
