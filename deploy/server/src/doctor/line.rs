//! The way to a media address: datagrams by UDP, or the same in a TCP stream (RFC 4571).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket as StdSocket};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use str0m::net::Protocol;
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Longer than any datagram.
const DATAGRAM: usize = 2048;

/// An address that clients are told, and by what they reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) over_tcp: bool,
    pub(super) address: SocketAddr,
}

impl Told {
    /// The one in a line of SDP, if it is a candidate to which a call can be made (RFC 8839
    /// section 5.1; RFC 6544 section 4.5: of those by TCP, who is passive).
    pub(super) fn of_line(line: &str) -> Option<Self> {
        let mut words = line.trim().strip_prefix("a=candidate:")?.split(' ');
        let transport = words.nth(2)?;
        let ip: IpAddr = words.nth(1)?.parse().ok()?;
        let address = SocketAddr::new(ip, words.next()?.parse().ok()?);
        let rest: Vec<&str> = words.collect();
        if transport.eq_ignore_ascii_case("udp") {
            return Some(Self { over_tcp: false, address });
        }
        let is_passive = rest.windows(2).any(|pair| pair == ["tcptype", "passive"]);
        (transport.eq_ignore_ascii_case("tcp") && is_passive)
            .then_some(Self { over_tcp: true, address })
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.over_tcp { "TCP" } else { "UDP" };
        write!(f, "{} by {protocol}", self.address)
    }
}

/// A way that is open.
pub(super) enum Line {
    /// With room for one datagram.
    Datagrams(UdpSocket, Box<[u8; DATAGRAM]>),
    /// To one address alone.
    Stream(Framed<TcpStream, LengthDelimitedCodec>, SocketAddr),
}

impl Line {
    /// Opens it; `None` if there is one, but nobody there takes a connection.
    pub(super) async fn open(to: Told) -> io::Result<Option<Self>> {
        let own = own_address(to.address)?;
        if !to.over_tcp {
            let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await?;
            return Ok(Some(Self::Datagrams(socket, Box::new([0; DATAGRAM]))));
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
        Ok(Some(Self::Stream(Framed::new(stream, framing), to.address)))
    }

    pub(super) fn own(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Datagrams(socket, _) => socket.local_addr(),
            Self::Stream(stream, _) => stream.get_ref().local_addr(),
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Datagrams(..) => Protocol::Udp,
            Self::Stream(..) => Protocol::Tcp,
        }
    }

    pub(super) async fn send(&mut self, contents: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Self::Datagrams(socket, _) => socket.send_to(contents, to).await.map(|_| ()),
            Self::Stream(stream, _) => stream.send(Bytes::copy_from_slice(contents)).await,
        }
    }

    /// The next datagram and who sent it. Nothing is lost if this is given up and called again.
    pub(super) async fn receive(&mut self) -> io::Result<(Bytes, SocketAddr)> {
        match self {
            Self::Datagrams(socket, room) => {
                let (length, source) = socket.recv_from(room.as_mut_slice()).await?;
                Ok((Bytes::copy_from_slice(room.get(..length).unwrap_or_default()), source))
            }
            Self::Stream(stream, source) => match stream.next().await {
                Some(datagram) => Ok((datagram?.freeze(), *source)),
                None => Err(ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

/// From which address this machine would send there.
pub(super) fn own_address(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let probe = StdSocket::bind((any, 0))?;
    probe.connect(to)?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_candidates_of_an_answer_are_found() {
        for (line, told) in [
            ("a=candidate:1 1 udp 2130706431 203.0.113.7 8190 typ host", "203.0.113.7:8190 by UDP"),
            ("a=candidate:2 1 UDP 7 2001:db8::7 8191 typ host\r", "[2001:db8::7]:8191 by UDP"),
            (
                "a=candidate:3 1 tcp 7 203.0.113.7 8190 typ host tcptype passive",
                "203.0.113.7:8190 by TCP",
            ),
        ] {
            assert_eq!(Told::of_line(line).expect(line).to_string(), told);
        }
        for line in [
            "a=candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
            "a=mid:0",
            "a=candidate:1",
            "",
        ] {
            assert_eq!(Told::of_line(line), None, "{line}");
        }
    }
}
