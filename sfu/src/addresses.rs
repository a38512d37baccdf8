//! The addresses told to clients, and which of them a datagram came in on.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Candidates of one machine are few; a machine with many bridges need not list them all.
const MOST: usize = 8;

/// Where clients reach this machine.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    told: Vec<IpAddr>,
    /// Those that this machine has itself, so that answers can leave from them.
    own: HashSet<IpAddr>,
}

impl Addresses {
    /// The advertised ones if there are any, else what is found.
    pub(crate) fn discover(advertised: &[IpAddr]) -> io::Result<Self> {
        let found: Vec<IpAddr> = if_addrs::get_if_addrs()?.iter().map(|i| i.ip()).collect();
        let told = if advertised.is_empty() { choose(&found) } else { advertised.to_vec() };
        Ok(Self { told, own: found.into_iter().collect() })
    }

    pub(crate) fn any_v6(&self) -> bool {
        self.told.iter().any(IpAddr::is_ipv6)
    }

    pub(crate) fn any_v4(&self) -> bool {
        self.told.iter().any(IpAddr::is_ipv4)
    }

    /// The same without IPv6, for machines whose kernel has none.
    pub(crate) fn v4_only(mut self) -> Self {
        self.told.retain(IpAddr::is_ipv4);
        self
    }

    /// The candidates of a worker on this port.
    pub(crate) fn candidates(&self, port: u16) -> Vec<SocketAddr> {
        self.told.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
    }

    /// The candidate that a datagram came in on, given where it came from and the local address
    /// that it was sent to. Behind address translation the latter is none of the advertised ones.
    pub(crate) fn arrived_at(&self, source: IpAddr, local: Option<IpAddr>) -> IpAddr {
        let same_family = |ip: &&IpAddr| ip.is_ipv4() == source.is_ipv4();
        local
            .filter(|ip| self.told.contains(ip))
            .or_else(|| self.told.iter().find(same_family).copied())
            .or_else(|| self.told.first().copied())
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// The address to send from, if this machine has it; else the kernel chooses. Nothing leaves
    /// a machine from loopback: in a container whose ports are published on the host's loopback,
    /// 127.0.0.1 is told, and answers have to go out from another address.
    pub(crate) fn leaves_from(&self, candidate: IpAddr, destination: IpAddr) -> Option<IpAddr> {
        let stays_here = destination.is_loopback() || self.own.contains(&destination);
        let can_leave = stays_here || !candidate.is_loopback();
        (can_leave && self.own.contains(&candidate)).then_some(candidate)
    }
}

fn choose(found: &[IpAddr]) -> Vec<IpAddr> {
    let reachable = found.iter().filter(|ip| !ip.is_loopback() && !is_link_local(**ip));
    let mut told: Vec<IpAddr> = reachable.copied().take(MOST).collect();
    if told.is_empty() {
        told.push(Ipv4Addr::LOCALHOST.into());
    }
    told
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// An address as a dual-stack socket wants it.
pub(crate) fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(v4) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

/// An address that a dual-stack socket gave, in its own family.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// The wildcard address of a family.
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
    fn loopback_and_link_local_addresses_are_not_told() {
        let found =
            ips(&["127.0.0.1", "::1", "192.0.2.7", "169.254.1.1", "fe80::1", "2001:db8::7"]);
        assert_eq!(choose(&found), ips(&["192.0.2.7", "2001:db8::7"]));
    }

    #[test]
    fn a_machine_without_a_network_serves_itself() {
        assert_eq!(choose(&ips(&["127.0.0.1", "::1"])), ips(&["127.0.0.1"]));
        assert_eq!(choose(&[]), ips(&["127.0.0.1"]));
    }

    #[test]
    fn behind_address_translation_the_advertised_address_stands_for_the_local_one() {
        let told = ips(&["203.0.113.7", "2001:db8::7"]);
        let own = ips(&["10.0.0.5", "2001:db8::7"]).into_iter().collect();
        let addresses = Addresses { told: told.clone(), own };
        let [client4, client6] = ips(&["198.51.100.1", "2001:db8::99"])[..] else { panic!() };
        assert_eq!(addresses.arrived_at(client4, Some("10.0.0.5".parse().unwrap())), told[0]);
        assert_eq!(addresses.arrived_at(client6, Some(told[1])), told[1]);
        assert_eq!(addresses.arrived_at(client4, None), told[0]);
        assert_eq!(addresses.leaves_from(told[0], client4), None);
        assert_eq!(addresses.leaves_from(told[1], client6), Some(told[1]));
    }

    #[test]
    fn nothing_leaves_the_machine_from_loopback() {
        let [loopback, own, bridge] = ips(&["127.0.0.1", "172.30.233.2", "172.30.233.1"])[..]
        else {
            panic!()
        };
        let addresses = Addresses { told: vec![loopback], own: HashSet::from([loopback, own]) };
        assert_eq!(addresses.arrived_at(bridge, Some(own)), loopback);
        assert_eq!(addresses.leaves_from(loopback, bridge), None);
        // Who asked the loopback address wants to be answered from it.
        assert_eq!(addresses.leaves_from(loopback, own), Some(loopback));
        assert_eq!(addresses.leaves_from(loopback, loopback), Some(loopback));
    }
}
