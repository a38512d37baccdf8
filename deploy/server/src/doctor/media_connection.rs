//! A connection to one media address: UDP datagrams, or the same framed in a TCP stream (RFC 4571).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use str0m::net::Protocol;
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Longer than any datagram that the server sends.
const DATAGRAM_BYTES: usize = 2048;

/// A media address that the server advertises, with its transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MediaAddress {
    over_tcp: bool,
    address: SocketAddr,
}

impl MediaAddress {
    /// Parses an SDP candidate line (RFC 8839 section 5.1). Returns `None` for other lines, and for
    /// TCP candidates that do not accept connections (RFC 6544 section 4.5: only `passive` ones do).
    pub(super) fn from_sdp_line(line: &str) -> Option<Self> {
        let mut words = line.trim().strip_prefix("a=candidate:")?.split(' ');
        let transport = words.nth(2)?;
        let ip: IpAddr = words.nth(1)?.parse().ok()?;
        let address = SocketAddr::new(ip, words.next()?.parse().ok()?);
        let attributes: Vec<&str> = words.collect();
        if transport.eq_ignore_ascii_case("udp") {
            return Some(Self { over_tcp: false, address });
        }
        let is_passive = attributes.windows(2).any(|pair| pair == ["tcptype", "passive"]);
        (transport.eq_ignore_ascii_case("tcp") && is_passive)
            .then_some(Self { over_tcp: true, address })
    }

    /// Returns `true` for a TCP candidate, `false` for a UDP candidate.
    pub(super) fn over_tcp(self) -> bool {
        self.over_tcp
    }

    /// Returns the IP address and port.
    pub(super) fn socket_address(self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for MediaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.over_tcp { "TCP" } else { "UDP" };
        write!(f, "{} over {protocol}", self.address)
    }
}

/// An open connection to a media address.
pub(super) enum MediaConnection {
    /// A UDP socket and its receive buffer.
    Udp(UdpSocket, Box<[u8; DATAGRAM_BYTES]>),
    /// A TCP stream to one address.
    Tcp(Framed<TcpStream, LengthDelimitedCodec>, SocketAddr),
}

impl MediaConnection {
    /// Opens a connection. Returns `None` if the address is routable but accepts no TCP connection.
    ///
    /// # Errors
    /// This machine has no route to the address, or no free socket.
    pub(super) async fn open(to: MediaAddress) -> io::Result<Option<Self>> {
        let local_ip = local_ip_towards(to.address)?;
        if !to.over_tcp {
            let socket = UdpSocket::bind(SocketAddr::new(local_ip, 0)).await?;
            return Ok(Some(Self::Udp(socket, Box::new([0; DATAGRAM_BYTES]))));
        }
        let stream = match TcpStream::connect(to.address).await {
            Err(error)
                if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::TimedOut) =>
            {
                return Ok(None);
            }
            stream => stream?,
        };
        let framing = LengthDelimitedCodec::builder().length_field_length(2).new_codec();
        Ok(Some(Self::Tcp(Framed::new(stream, framing), to.address)))
    }

    /// Returns the local address of the connection.
    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket, _) => socket.local_addr(),
            Self::Tcp(stream, _) => stream.get_ref().local_addr(),
        }
    }

    /// Returns the transport protocol as str0m names it.
    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Udp(..) => Protocol::Udp,
            Self::Tcp(..) => Protocol::Tcp,
        }
    }

    /// Sends one datagram; a TCP connection ignores `to`.
    pub(super) async fn send(&mut self, contents: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Self::Udp(socket, _) => socket.send_to(contents, to).await.map(|_| ()),
            Self::Tcp(stream, _) => stream.send(Bytes::copy_from_slice(contents)).await,
        }
    }

    /// Receives the next datagram and the address of its sender. Cancel safe.
    pub(super) async fn receive(&mut self) -> io::Result<(Bytes, SocketAddr)> {
        match self {
            Self::Udp(socket, buffer) => {
                let (length, source) = socket.recv_from(buffer.as_mut_slice()).await?;
                Ok((Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()), source))
            }
            Self::Tcp(stream, source) => match stream.next().await {
                Some(datagram) => Ok((datagram?.freeze(), *source)),
                None => Err(ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

/// Returns the address from which this machine sends to `to`.
pub(super) fn local_ip_towards(to: SocketAddr) -> io::Result<IpAddr> {
    let unspecified: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = StdSocket::bind((unspecified, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udp_and_passive_tcp_candidates_are_parsed_from_an_sdp_answer() {
        for (line, expected) in [
            (
                "a=candidate:1 1 udp 2130706431 203.0.113.7 8190 typ host",
                "203.0.113.7:8190 over UDP",
            ),
            ("a=candidate:2 1 UDP 7 2001:db8::7 8191 typ host\r", "[2001:db8::7]:8191 over UDP"),
            (
                "a=candidate:3 1 tcp 7 203.0.113.7 8190 typ host tcptype passive",
                "203.0.113.7:8190 over TCP",
            ),
        ] {
            assert_eq!(MediaAddress::from_sdp_line(line).expect(line).to_string(), expected);
        }
        for line in [
            "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
            "a=mid:0",
            "a=candidate:1",
            "",
        ] {
            assert_eq!(MediaAddress::from_sdp_line(line), None, "{line}");
        }
    }
}
