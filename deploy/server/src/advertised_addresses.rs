//! The IP addresses that the SFU advertises to clients for media.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::config::ServeConfig;

/// A slower resolver does not delay the start.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the addresses set with `advertise`, or else those that the domain resolves to. An empty
/// list leaves it to the SFU to find addresses on this machine.
///
/// A domain that does not resolve is logged and is no error: it may resolve later. The address for
/// a TURN server (`turn_peer`) comes last, because most clients cannot reach it.
pub(crate) async fn resolve_advertised_addresses(config: &ServeConfig) -> Vec<IpAddr> {
    let mut advertised = resolve_client_addresses(config).await;
    match config.turn_peer {
        Some(peer) if advertised.is_empty() => tracing::warn!(
            %peer, "turn_peer is not advertised, as it would be the only address: set domain or advertise"
        ),
        Some(peer) if !advertised.contains(&peer) => advertised.push(peer),
        Some(_) | None => {}
    }
    advertised
}

async fn resolve_client_addresses(config: &ServeConfig) -> Vec<IpAddr> {
    if !config.advertise.is_empty() {
        return config.advertise.clone();
    }
    let Some(domain) = &config.domain else { return Vec::new() };
    let reason = match timeout(LOOKUP_TIMEOUT, lookup_host((domain.as_str(), 0))).await {
        Ok(Ok(found)) => {
            let mut advertised: Vec<IpAddr> =
                found.map(|address| address.ip().to_canonical()).collect();
            advertised.sort_unstable();
            advertised.dedup();
            tracing::info!(?advertised, "advertising the domain's addresses for media");
            return advertised;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the resolver does not answer".to_owned(),
    };
    tracing::warn!(
        %domain, reason,
        "the domain has no address; advertising this machine's addresses for media: \
         fix the DNS record, or set advertise"
    );
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Command, load};
    use std::ffi::OsString;

    async fn advertised(flags: &[&str]) -> Vec<String> {
        let line = ["orange-meets", "serve"].into_iter().chain(flags.iter().copied());
        let Ok(loaded) = load(line.map(OsString::from)) else { panic!("valid flags") };
        let Command::Serve(config) = loaded.command else { panic!("the serve command") };
        resolve_advertised_addresses(&config).await.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn the_addresses_of_the_domain_are_advertised() {
        assert!(advertised(&["--domain", "localhost"]).await.contains(&"127.0.0.1".to_owned()));
        assert_eq!(advertised(&["--domain", "192.0.2.7"]).await, ["192.0.2.7"]);
    }

    #[tokio::test]
    async fn the_advertise_setting_takes_precedence_over_the_domain() {
        let flags = ["--domain", "localhost", "--advertise", "203.0.113.7"];
        assert_eq!(advertised(&flags).await, ["203.0.113.7"]);
    }

    #[tokio::test]
    async fn the_address_for_a_turn_server_comes_last_and_is_never_the_only_one() {
        let turn = ["--turn-urls", "turn:t.example", "--turn-peer", "172.30.233.2"];
        let with_advertise = [&turn[..], &["--advertise", "203.0.113.7"]].concat();
        assert_eq!(advertised(&with_advertise).await, ["203.0.113.7", "172.30.233.2"]);
        assert!(advertised(&turn).await.is_empty());
    }

    #[tokio::test]
    async fn a_domain_that_does_not_resolve_yields_no_addresses() {
        assert!(advertised(&["--domain", "meet.invalid"]).await.is_empty());
        assert!(advertised(&[]).await.is_empty());
    }
}
