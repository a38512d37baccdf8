//! Settings that are well said one by one and cannot all be meant.

use std::net::IpAddr;

use axum::http::Uri;

use super::ServeConfig;
use super::sources::{Source, Sources};

/// Settings that cannot all be meant, with what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// Two places for one log.
    #[error(
        "in_memory and data are both set ({0}): remove data to keep nothing, or in_memory to keep the rooms"
    )]
    TwoStores(String),
    /// One of the three that HTTPS needs is missing.
    #[error("https, tls_certificate_file and tls_key_file go together: {0} is not set")]
    HalfTls(&'static str),
    /// What ACME needs besides, or what it takes the place of.
    #[error("acme is set: {0}")]
    Acme(&'static str),
    /// Nowhere to send people on to.
    #[error("redirect is set and domain is not: name the domain, to which people are sent on")]
    RedirectWhere,
    /// An address that nobody can send to.
    #[error(
        "advertise: clients cannot send to {0}; give the address at which this machine is reached, or none to have it found"
    )]
    Unreachable(IpAddr),
    /// More workers than ports.
    #[error(
        "media_port {port} leaves no ports for {workers} workers: lower media_port to {highest} at most, or media_workers"
    )]
    TooFewPorts {
        /// The first port.
        port: u16,
        /// How many are needed.
        workers: u16,
        /// The highest first port that would do.
        highest: u16,
    },
    /// A secret that nobody else could know.
    #[error(
        "turn_urls and in_memory are both set: name the TURN server's secret with turn_secret_file, as there is no data folder to keep one in"
    )]
    NoTurnSecret,
    /// An address that is of no use without the other setting.
    #[error("turn_peer is set and turn_urls is not: name the TURN server that reaches {0}")]
    NoTurn(IpAddr),
    /// What no browser sends as an origin.
    #[error(
        "allow_origin: {0:?} is no origin; write scheme and host, and the port if it is special, as in https://portal.example"
    )]
    NoOrigin(String),
}

/// Refuses the first contradiction.
pub(crate) fn check(config: &ServeConfig, sources: &Sources) -> Result<(), Contradiction> {
    // An image or a unit file sets the folder; who says "in memory" later, elsewhere, means it.
    let (memory, data) = (sources.get("in_memory"), sources.get("data"));
    if config.in_memory && data != Source::Default && same_place(&memory, &data) {
        return Err(Contradiction::TwoStores(format!("{memory}, {data}")));
    }
    let tls = [
        ("https", config.https.is_some()),
        ("tls_certificate_file", config.tls_certificate_file.is_some()),
        ("tls_key_file", config.tls_key_file.is_some()),
    ];
    let own = config.tls_certificate_file.is_some() || config.tls_key_file.is_some();
    if config.acme {
        let wrong = match config {
            _ if own => Some("remove tls_certificate_file and tls_key_file, or acme"),
            ServeConfig { https: None, .. } => Some("set https, as in [::]:443"),
            ServeConfig { domain: None, .. } => Some("set domain, which the certificate is for"),
            ServeConfig { in_memory: true, .. } => {
                Some("remove in_memory: the certificate is kept")
            }
            ServeConfig { .. } => None,
        };
        if let Some(wrong) = wrong {
            return Err(Contradiction::Acme(wrong));
        }
    } else if tls.iter().any(|(_, is_set)| *is_set)
        && let Some((missing, _)) = tls.iter().find(|(_, is_set)| !is_set)
    {
        return Err(Contradiction::HalfTls(missing));
    }
    if config.redirect.is_some() && config.domain.is_none() {
        return Err(Contradiction::RedirectWhere);
    }
    if !config.turn_urls.is_empty() && config.in_memory && config.turn_secret_file.is_none() {
        return Err(Contradiction::NoTurnSecret);
    }
    if let (Some(peer), true) = (config.turn_peer, config.turn_urls.is_empty()) {
        return Err(Contradiction::NoTurn(peer));
    }
    for &ip in config.advertise.iter().chain(&config.turn_peer) {
        if ip.is_unspecified() || ip.is_multicast() {
            return Err(Contradiction::Unreachable(ip));
        }
    }
    let (port, workers) = (config.media_port, config.workers());
    let highest = u16::MAX - (workers - 1);
    if port > highest {
        return Err(Contradiction::TooFewPorts { port, workers, highest });
    }
    match config.allow_origin.iter().find(|origin| !is_origin(origin)) {
        Some(origin) => Err(Contradiction::NoOrigin(origin.clone())),
        None => Ok(()),
    }
}

fn same_place(one: &Source, other: &Source) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// RFC 6454 section 6.2.
fn is_origin(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && uri.authority().is_some_and(|host| host == rest)
}

#[cfg(test)]
mod tests {
    use crate::config::load;
    use std::ffi::OsString;

    fn refused(flags: &[&str]) -> String {
        let line = ["orange-meets", "serve"].into_iter().chain(flags.iter().copied());
        load(line.map(OsString::from)).map(drop).expect_err("a contradiction").to_string()
    }

    #[test]
    fn every_contradiction_is_told_with_its_way_out() {
        for (flags, told) in [
            (&["--in-memory", "--data", "here"][..], "remove data"),
            (&["--https", "[::]:443"], "tls_certificate_file is not set"),
            (&["--tls-certificate-file", "c", "--tls-key-file", "k"], "https is not set"),
            (&["--advertise", "0.0.0.0"], "cannot send to 0.0.0.0"),
            (&["--advertise", "203.0.113.7,ff02::1"], "cannot send to ff02::1"),
            (&["--acme", "--domain", "meet.example"], "set https"),
            (&["--acme", "--https", "[::]:443"], "set domain"),
            (
                &["--acme", "--https", "[::]:443", "--domain", "meet.example", "--in-memory"],
                "remove in_memory",
            ),
            (&["--acme", "--https", "[::]:443", "--tls-key-file", "k"], "or acme"),
            (&["--redirect", "[::]:80"], "name the domain"),
            (&["--in-memory", "--turn-urls", "turn:t.example"], "turn_secret_file"),
            (&["--turn-peer", "192.0.2.7"], "name the TURN server"),
            (&["--turn-urls", "turn:t.example", "--turn-peer", "0.0.0.0"], "cannot send to"),
            (&["--turn-urls", "https://t.example"], "turn:meet.example:3478"),
            (&["--media-port", "65535", "--media-workers", "2"], "to 65534 at most"),
            (&["--allow-origin", "portal.example"], "is no origin"),
            (&["--allow-origin", "https://portal.example/"], "is no origin"),
            (&["--allow-origin", "ftp://portal.example"], "is no origin"),
        ] {
            let error = refused(flags);
            assert!(error.contains(told), "{flags:?}: {error}");
        }
    }

    #[test]
    fn what_does_not_contradict_itself_is_accepted() {
        for flags in [
            &["--in-memory"][..],
            &["--acme", "--https", "[::]:443", "--domain", "meet.example", "--redirect", "[::]:80"],
            &["--turn-urls", "turn:t.example:3478?transport=udp,turns:t.example:5349"],
            &["--media-port", "0", "--media-workers", "8"],
            &["--media-port", "65535", "--media-workers", "1"],
            &["--allow-origin", "https://portal.example:8443,http://localhost:3000"],
        ] {
            let line = ["orange-meets", "serve"].into_iter().chain(flags.iter().copied());
            assert!(load(line.map(OsString::from)).is_ok(), "{flags:?}");
        }
    }
}
