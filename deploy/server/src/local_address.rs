//! The address at which a client on the same machine reaches a server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Returns the address to connect to for a server that listens on `listen_address`: the loopback
/// address if the server listens on all addresses, otherwise `listen_address` itself.
pub(crate) fn local_address(listen_address: SocketAddr) -> SocketAddr {
    let ip = match listen_address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, listen_address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_on_all_addresses_is_reached_on_loopback() {
        for (listen_address, expected) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            let listen_address: SocketAddr = listen_address.parse().expect("an address");
            assert_eq!(local_address(listen_address).to_string(), expected);
        }
    }
}
