//! The addresses advertised to clients, and the one that a datagram arrived at.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Maximum number of advertised addresses; a machine with many bridges need not list them all.
const MAX_ADVERTISED: usize = 8;

/// The addresses of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    advertised: Vec<IpAddr>,
    /// The addresses that the machine has itself, and can send from.
    own: HashSet<IpAddr>,
}

impl Addresses {
    /// Returns the configured addresses, or those of this machine if none are configured.
    pub(crate) fn discover(advertised: &[IpAddr]) -> io::Result<Self> {
        let found: Vec<IpAddr> = if_addrs::get_if_addrs()?.iter().map(|i| i.ip()).collect();
        let advertised = if advertised.is_empty() { choose(&found) } else { advertised.to_vec() };
        Ok(Self { advertised, own: found.into_iter().collect() })
    }

    /// Returns whether an IPv6 address is advertised.
    pub(crate) fn any_v6(&self) -> bool {
        self.advertised.iter().any(IpAddr::is_ipv6)
    }

    /// Returns whether an IPv4 address is advertised.
    pub(crate) fn any_v4(&self) -> bool {
        self.advertised.iter().any(IpAddr::is_ipv4)
    }

    /// Removes the IPv6 addresses, for machines whose kernel does not support IPv6.
    pub(crate) fn v4_only(mut self) -> Self {
        self.advertised.retain(IpAddr::is_ipv4);
        self
    }

    /// Returns the candidates of a worker on this port.
    pub(crate) fn candidates(&self, port: u16) -> Vec<SocketAddr> {
        self.advertised.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }

    /// Returns the candidate that a datagram was sent to, given its source and the local address that
    /// it arrived at. Behind address translation the latter is not advertised.
    pub(crate) fn local_candidate(&self, source: IpAddr, local: Option<IpAddr>) -> IpAddr {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == source.is_ipv4();
        local
            .filter(|ip| self.advertised.contains(ip))
            .or_else(|| self.advertised.iter().find(same_family).copied())
            .or_else(|| self.advertised.first().copied())
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// Returns the address to send from; `None` if the machine does not have it, so that the kernel
    /// chooses one. Nothing leaves a machine from loopback: in a container whose ports are published on
    /// the host's loopback, 127.0.0.1 is advertised, and replies have to leave from another address.
    pub(crate) fn source_ip(&self, candidate: IpAddr, destination: IpAddr) -> Option<IpAddr> {
        let stays_here = destination.is_loopback() || self.own.contains(&destination);
        let can_leave = stays_here || !candidate.is_loopback();
        (can_leave && self.own.contains(&candidate)).then_some(candidate)
    }
}

fn choose(found: &[IpAddr]) -> Vec<IpAddr> {
    let reachable = found.iter().filter(|ip| !ip.is_loopback() && !is_link_local(**ip));
    let mut advertised: Vec<IpAddr> = reachable.copied().take(MAX_ADVERTISED).collect();
    if advertised.is_empty() {
        advertised.push(Ipv4Addr::LOCALHOST.into());
    }
    advertised
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Returns an address in the form that a dual-stack socket needs.
pub(crate) fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// Returns an address of a dual-stack socket in its own family.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Returns the wildcard address of a family.
pub(crate) fn wildcard(v6: bool) -> IpAddr {
    if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn loopback_and_link_local_addresses_are_not_advertised() {
        let found =
            ips(&["127.0.0.1", "::1", "192.0.2.7", "169.254.1.1", "fe80::1", "2001:db8::7"]);
        assert_eq!(choose(&found), ips(&["192.0.2.7", "2001:db8::7"]));
    }

    #[test]
    fn a_machine_without_a_network_advertises_loopback() {
        assert_eq!(choose(&ips(&["127.0.0.1", "::1"])), ips(&["127.0.0.1"]));
        assert_eq!(choose(&[]), ips(&["127.0.0.1"]));
    }

    #[test]
    fn behind_address_translation_the_advertised_address_stands_for_the_local_one() {
        let advertised = ips(&["203.0.113.7", "2001:db8::7"]);
        let own = ips(&["10.0.0.5", "2001:db8::7"]).into_iter().collect();
        let addresses = Addresses { advertised: advertised.clone(), own };
        let [client4, client6] = ips(&["198.51.100.1", "2001:db8::99"])[..] else { panic!() };
        assert_eq!(
            addresses.local_candidate(client4, Some("10.0.0.5".parse().unwrap())),
            advertised[0]
        );
        assert_eq!(addresses.local_candidate(client6, Some(advertised[1])), advertised[1]);
        assert_eq!(addresses.local_candidate(client4, None), advertised[0]);
        assert_eq!(addresses.source_ip(advertised[0], client4), None);
        assert_eq!(addresses.source_ip(advertised[1], client6), Some(advertised[1]));
    }

    #[test]
    fn nothing_leaves_the_machine_from_loopback() {
        let [loopback, own, bridge] = ips(&["127.0.0.1", "172.30.233.2", "172.30.233.1"])[..]
        else {
            panic!()
        };
        let addresses =
            Addresses { advertised: vec![loopback], own: HashSet::from([loopback, own]) };
        assert_eq!(addresses.local_candidate(bridge, Some(own)), loopback);
        assert_eq!(addresses.source_ip(loopback, bridge), None);
        // A request to the loopback address is answered from it.
        assert_eq!(addresses.source_ip(loopback, own), Some(loopback));
        assert_eq!(addresses.source_ip(loopback, loopback), Some(loopback));
    }
}
