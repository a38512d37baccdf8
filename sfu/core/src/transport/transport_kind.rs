//! The transport protocol of a datagram.

use str0m::net::Protocol;

/// The protocol that carries datagrams between a client and a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP.
    Udp,
    /// A TCP connection that the client opened (RFC 6544), with each datagram framed by its length
    /// (RFC 4571).
    Tcp,
}

impl From<Transport> for Protocol {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Udp => Self::Udp,
            Transport::Tcp => Self::Tcp,
        }
    }
}

impl From<Protocol> for Transport {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Udp => Self::Udp,
            // A worker has no candidates of the other two.
            Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Self::Tcp,
        }
    }
}
