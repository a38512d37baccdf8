//! What carries datagrams.

pub(crate) mod demux;
pub(crate) mod gso_order;
pub(crate) mod transmit_queue;

use str0m::net::Protocol;

/// What carries datagrams between a client and a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One by one.
    Udp,
    /// In a stream that the client opened (RFC 6544), each behind its length (RFC 4571).
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
