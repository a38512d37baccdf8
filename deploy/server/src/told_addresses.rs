//! The addresses that are told to clients for media.

use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::config::ServeConfig;

/// A resolver that takes longer does not hold up the start.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those that are advertised, or else those that the domain leads to; none where they have to be
/// found on the machine. A name that leads nowhere is no reason not to serve: it may lead here
/// later, and a start says so in the log. The one that a TURN server reaches comes last: clients
/// try it last, and mostly in vain.
pub(crate) async fn told_addresses(config: &ServeConfig) -> Vec<IpAddr> {
    let mut told = of_clients(config).await;
    match config.turn_peer {
        Some(peer) if told.is_empty() => tracing::warn!(
            %peer, "turn_peer is not told: nothing else would be; name the domain, or advertise an address"
        ),
        Some(peer) if !told.contains(&peer) => told.push(peer),
        Some(_) | None => {}
    }
    told
}

async fn of_clients(config: &ServeConfig) -> Vec<IpAddr> {
    if !config.advertise.is_empty() {
        return config.advertise.clone();
    }
    let Some(domain) = &config.domain else { return Vec::new() };
    let reason = match timeout(PATIENCE, lookup_host((domain.as_str(), 0))).await {
        Ok(Ok(found)) => {
            let mut told: Vec<IpAddr> = found.map(|address| address.ip().to_canonical()).collect();
            told.sort_unstable();
            told.dedup();
            tracing::info!(?told, "the domain's addresses are told to clients for media");
            return told;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the resolver does not answer".to_owned(),
    };
    tracing::warn!(
        %domain, reason,
        "the domain has no address: those of this machine are told to clients for media; \
         mend the name, or advertise an address"
    );
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Command, load};
    use std::ffi::OsString;

    async fn told(flags: &[&str]) -> Vec<String> {
        let line = ["orange-meets", "serve"].into_iter().chain(flags.iter().copied());
        let Ok(loaded) = load(line.map(OsString::from)) else { panic!("good flags") };
        let Command::Serve(config) = loaded.command else { panic!("it serves") };
        told_addresses(&config).await.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn the_addresses_of_the_domain_are_told() {
        assert!(told(&["--domain", "localhost"]).await.contains(&"127.0.0.1".to_owned()));
        assert_eq!(told(&["--domain", "192.0.2.7"]).await, ["192.0.2.7"]);
    }

    #[tokio::test]
    async fn advertised_addresses_win_over_those_of_the_domain() {
        let flags = ["--domain", "localhost", "--advertise", "203.0.113.7"];
        assert_eq!(told(&flags).await, ["203.0.113.7"]);
    }

    #[tokio::test]
    async fn what_a_turn_server_reaches_is_told_last_and_never_alone() {
        let turn = ["--turn-urls", "turn:t.example", "--turn-peer", "172.30.233.2"];
        let advertised = [&turn[..], &["--advertise", "203.0.113.7"]].concat();
        assert_eq!(told(&advertised).await, ["203.0.113.7", "172.30.233.2"]);
        assert!(told(&turn).await.is_empty());
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_leaves_it_to_the_machine() {
        assert!(told(&["--domain", "meet.invalid"]).await.is_empty());
        assert!(told(&[]).await.is_empty());
    }
}
