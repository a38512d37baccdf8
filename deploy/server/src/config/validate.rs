//! Checks across settings that are valid one by one.

use std::net::IpAddr;

use axum::http::Uri;

use super::ServeConfig;
use super::sources::{Source, Sources};

/// Settings that conflict. Each message says how to resolve the conflict.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsConflict {
    /// The delivery log would have two places.
    #[error(
        "in_memory and data are both set ({0}): remove data to store nothing, or remove in_memory to store the rooms"
    )]
    TwoStores(String),
    /// HTTPS without ACME needs three settings.
    #[error("https, tls_certificate_file and tls_key_file must be set together: {0} is not set")]
    IncompleteTls(&'static str),
    /// ACME needs another setting, or excludes one.
    #[error("acme is set: {0}")]
    Acme(&'static str),
    /// The setting needs a part that this build does not have.
    #[error(
        "{setting}: this server was built without the feature {feature}; the image and `cargo build --release --package orange-meets` have it"
    )]
    MissingFeature {
        /// The setting.
        setting: &'static str,
        /// The feature of the package `orange-meets`.
        feature: &'static str,
    },
    /// A redirect needs its target.
    #[error("redirect is set and domain is not: set domain, the target of the redirect")]
    RedirectWithoutDomain,
    /// The address is unspecified or multicast.
    #[error(
        "advertise: clients cannot send to {0}; set an address at which this machine is reached, or none to detect it"
    )]
    UnusableAddress(IpAddr),
    /// The workers need more ports than there are.
    #[error(
        "media_port {port} leaves too few ports for {workers} workers: lower media_port to {highest} at most, or lower media_workers"
    )]
    TooFewPorts {
        /// The first port.
        port: u16,
        /// The number of workers, each with a port.
        workers: u16,
        /// The highest `media_port` for that many workers.
        highest: u16,
    },
    /// Without a data folder there is no default file for the TURN secret.
    #[error(
        "turn_urls and in_memory are both set: set turn_secret_file, because there is no data folder to store a secret in"
    )]
    TurnWithoutSecretFile,
    /// `turn_peer` is meant for a TURN server.
    #[error(
        "turn_peer is set and turn_urls is not: set the URLs of the TURN server that reaches {0}"
    )]
    TurnPeerWithoutTurn(IpAddr),
    /// The text is not an origin as browsers send it.
    #[error(
        "allow_origin: {0:?} is not an origin; write scheme, host and any non-default port, as in https://portal.example"
    )]
    NotAnOrigin(String),
}

/// Returns the first conflict as an error.
pub(crate) fn validate(config: &ServeConfig, sources: &Sources) -> Result<(), SettingsConflict> {
    // An image or a unit file may set the folder, and in_memory override it from another source.
    let (memory, data) = (sources.get("in_memory"), sources.get("data"));
    if config.in_memory && data != Source::Default && same_kind(&memory, &data) {
        return Err(SettingsConflict::TwoStores(format!("{memory}, {data}")));
    }
    for (setting, feature, is_set, is_built) in [
        ("acme", "acme", config.acme, cfg!(feature = "acme")),
        ("otlp_endpoint", "otlp", config.otlp_endpoint.is_some(), cfg!(feature = "otlp")),
    ] {
        if is_set && !is_built {
            return Err(SettingsConflict::MissingFeature { setting, feature });
        }
    }
    let tls = [
        ("https", config.https.is_some()),
        ("tls_certificate_file", config.tls_certificate_file.is_some()),
        ("tls_key_file", config.tls_key_file.is_some()),
    ];
    let has_own_certificate =
        config.tls_certificate_file.is_some() || config.tls_key_file.is_some();
    if config.acme {
        let wrong = match config {
            _ if has_own_certificate => {
                Some("remove tls_certificate_file and tls_key_file, or acme")
            }
            ServeConfig { https: None, .. } => Some("set https, as in [::]:443"),
            ServeConfig { domain: None, .. } => Some("set domain, the name in the certificate"),
            ServeConfig { in_memory: true, .. } => {
                Some("remove in_memory: the certificate must be stored")
            }
            ServeConfig { .. } => None,
        };
        if let Some(wrong) = wrong {
            return Err(SettingsConflict::Acme(wrong));
        }
    } else if tls.iter().any(|(_, is_set)| *is_set)
        && let Some((missing, _)) = tls.iter().find(|(_, is_set)| !is_set)
    {
        return Err(SettingsConflict::IncompleteTls(missing));
    }
    if config.redirect.is_some() && config.domain.is_none() {
        return Err(SettingsConflict::RedirectWithoutDomain);
    }
    if !config.turn_urls.is_empty() && config.in_memory && config.turn_secret_file.is_none() {
        return Err(SettingsConflict::TurnWithoutSecretFile);
    }
    if let (Some(peer), true) = (config.turn_peer, config.turn_urls.is_empty()) {
        return Err(SettingsConflict::TurnPeerWithoutTurn(peer));
    }
    for &ip in config.advertise.iter().chain(&config.turn_peer) {
        if ip.is_unspecified() || ip.is_multicast() {
            return Err(SettingsConflict::UnusableAddress(ip));
        }
    }
    let (port, workers) = (config.media_port, config.workers());
    let highest = u16::MAX - (workers - 1);
    if port > highest {
        return Err(SettingsConflict::TooFewPorts { port, workers, highest });
    }
    match config.allow_origin.iter().find(|origin| !is_origin(origin)) {
        Some(origin) => Err(SettingsConflict::NotAnOrigin(origin.clone())),
        None => Ok(()),
    }
}

fn same_kind(one: &Source, other: &Source) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Returns `true` if the text is the serialization of an HTTP origin (RFC 6454 section 6.2).
fn is_origin(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    matches!(scheme, "http" | "https") && uri.authority().is_some_and(|host| host == rest)
}

#[cfg(test)]
mod tests {
    use crate::config::load;
    use std::ffi::OsString;

    fn conflict(flags: &[&str]) -> String {
        let line = ["orange-meets", "serve"].into_iter().chain(flags.iter().copied());
        load(line.map(OsString::from)).map(drop).expect_err("a conflict").to_string()
    }

    #[test]
    fn every_conflict_is_reported_with_its_resolution() {
        for (flags, expected) in [
            (&["--in-memory", "--data", "here"][..], "remove data"),
            (&["--https", "[::]:443"], "tls_certificate_file is not set"),
            (&["--tls-certificate-file", "c", "--tls-key-file", "k"], "https is not set"),
            (&["--advertise", "0.0.0.0"], "cannot send to 0.0.0.0"),
            (&["--advertise", "203.0.113.7,ff02::1"], "cannot send to ff02::1"),
            (&["--redirect", "[::]:80"], "set domain"),
            (&["--in-memory", "--turn-urls", "turn:t.example"], "turn_secret_file"),
            (&["--turn-peer", "192.0.2.7"], "set the URLs of the TURN server"),
            (&["--turn-urls", "turn:t.example", "--turn-peer", "0.0.0.0"], "cannot send to"),
            (&["--turn-urls", "https://t.example"], "turn:meet.example:3478"),
            (&["--media-port", "65535", "--media-workers", "2"], "to 65534 at most"),
            (&["--allow-origin", "portal.example"], "is not an origin"),
            (&["--allow-origin", "https://portal.example/"], "is not an origin"),
            (&["--allow-origin", "ftp://portal.example"], "is not an origin"),
        ] {
            let error = conflict(flags);
            assert!(error.contains(expected), "{flags:?}: {error}");
        }
    }

    #[cfg(feature = "acme")]
    #[test]
    fn every_conflict_of_acme_is_reported_with_its_resolution() {
        for (flags, expected) in [
            (&["--acme", "--domain", "meet.example"][..], "set https"),
            (&["--acme", "--https", "[::]:443"], "set domain"),
            (
                &["--acme", "--https", "[::]:443", "--domain", "meet.example", "--in-memory"],
                "remove in_memory",
            ),
            (&["--acme", "--https", "[::]:443", "--tls-key-file", "k"], "or acme"),
        ] {
            let error = conflict(flags);
            assert!(error.contains(expected), "{flags:?}: {error}");
        }
    }

    #[cfg(not(feature = "acme"))]
    #[test]
    fn acme_is_refused_by_a_build_without_it() {
        let error = conflict(&["--acme", "--https", "[::]:443", "--domain", "meet.example"]);
        assert!(error.contains("acme"), "{error}");
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn a_collector_is_refused_by_a_build_without_otlp() {
        let error = conflict(&["--otlp-endpoint", "http://127.0.0.1:4318"]);
        assert!(error.contains("otlp"), "{error}");
    }

    #[test]
    fn settings_without_conflicts_are_accepted() {
        for flags in [
            &["--in-memory"][..],
            #[cfg(feature = "acme")]
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
