//! The TURN server, asked as a browser asks it: an allocation (RFC 8656) with the credentials that
//! people are given, and leave to relay to the server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use signaling_protocol::IceServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Address;
use super::finding::Finding;
use super::stun::{ALLOCATE, CREATE_PERMISSION, Credential, LONGEST, REFRESH, Reply, Request};
use super::web::{Connection, PATIENCE, connect};

const WHAT: &str = "relay";
/// Datagrams are lost: a question is asked so often, and each time waited for so long.
const TRIES: usize = 3;
const TRY: Duration = Duration::from_secs(1);

/// Tries each URL. `peers` are the addresses that the server tells its clients.
pub(super) async fn look(servers: &[IceServer], peers: &[SocketAddr]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in servers {
        for url in &server.urls {
            let outcome = timeout(PATIENCE, allocate(server, url, peers)).await;
            findings.push(match outcome.unwrap_or(Err(Failure::Silent)) {
                Ok(relayed) => Finding::good(
                    WHAT,
                    format!("{url} lends the port {relayed} and may reach the server"),
                ),
                Err(failure) => failed(url, &failure),
            });
        }
    }
    findings
}

/// Why it relays nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("this kind of URL is not tried here")]
    NotTried,
    #[error("nothing comes back")]
    Silent,
    #[error("no connection: {0}")]
    NoWay(#[from] std::io::Error),
    #[error("it answers something else than a TURN server does")]
    Strange,
    #[error("it does not take the credentials")]
    Credentials,
    #[error("it lends no port: error {0}")]
    Refused(u16),
    #[error("it may not relay to the server: error {0}")]
    NotThere(u16),
}

/// A port of the server's for a moment; the address of it.
async fn allocate(
    server: &IceServer,
    url: &str,
    peers: &[SocketAddr],
) -> Result<SocketAddr, Failure> {
    let (address, over_udp) = parse(url).ok_or(Failure::NotTried)?;
    let mut way = Way::open(&address, over_udp).await?;
    let greeting = way.ask(&Request::allocation(None)?).await?;
    let (Some(realm), Some(nonce)) = (greeting.realm, greeting.nonce) else {
        return Err(Failure::Strange);
    };
    let credential = Credential::new(&server.username, &server.credential.0, realm, nonce);
    let reply = way.ask(&Request::allocation(Some(&credential))?).await?;
    debug_assert_eq!(reply.method, ALLOCATE);
    let relayed = match reply.outcome {
        Ok(()) => reply.relayed.ok_or(Failure::Strange)?,
        Err(401 | 441) => return Err(Failure::Credentials),
        Err(code) => return Err(Failure::Refused(code)),
    };
    let mut ips: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
    ips.sort_unstable();
    ips.dedup();
    // A port of one family relays to nobody of the other.
    ips.retain(|ip| ip.is_ipv4() == relayed.is_ipv4());
    // People need one address that works.
    let mut may = if ips.is_empty() { Err(Failure::NotThere(443)) } else { Ok(()) };
    for ip in ips {
        let request = Request::new(CREATE_PERMISSION)?.peer(ip).signed(&credential);
        match way.ask(&request).await?.outcome {
            Ok(()) => {
                may = Ok(());
                break;
            }
            Err(code) => may = Err(Failure::NotThere(code)),
        }
    }
    // Given back at once: somebody else may need it. If this does not arrive, its time ends it.
    let _ = way.ask(&Request::new(REFRESH)?.lifetime(0).signed(&credential)).await;
    may.map(|()| relayed)
}

/// RFC 7065 section 3.1, as browsers have it. Whether it is UDP that goes there.
fn parse(url: &str) -> Option<(Address, bool)> {
    let (scheme, rest) = url.split_once(':')?;
    let over_tls = scheme == "turns";
    let (place, transport) = match rest.split_once("?transport=") {
        Some((place, transport)) => (place, transport),
        None => (rest, if over_tls { "tcp" } else { "udp" }),
    };
    let over_udp = match (over_tls, transport) {
        (false, "udp") => true,
        (_, "tcp") => false,
        _ => return None,
    };
    let uri: axum::http::uri::Authority = place.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if over_tls { 5349 } else { 3478 });
    let host = uri.host().trim_matches(['[', ']']).to_owned();
    Some((Address { origin: url.to_owned(), host, port, over_tls }, over_udp))
}

/// How the TURN server is reached.
enum Way {
    Datagrams(UdpSocket),
    Stream(Box<dyn Connection>),
}

impl Way {
    async fn open(address: &Address, over_udp: bool) -> Result<Self, Failure> {
        if !over_udp {
            return Ok(Self::Stream(connect(address).await?));
        }
        let found = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for to in found {
            let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
            let socket = UdpSocket::bind((any, 0)).await?;
            match socket.connect(to).await {
                Ok(()) => return Ok(Self::Datagrams(socket)),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        match self {
            Self::Datagrams(socket) => {
                let mut datagram = [0; LONGEST];
                for _ in 0..TRIES {
                    socket.send(request.bytes()).await?;
                    // What is no answer to this is passed over.
                    let answer = async {
                        loop {
                            let length = socket.recv(&mut datagram).await?;
                            let bytes = datagram.get(..length).unwrap_or_default();
                            if let Some(reply) = Reply::read(bytes, request) {
                                return Ok::<_, Failure>(reply);
                            }
                        }
                    };
                    if let Ok(reply) = timeout(TRY, answer).await {
                        return reply;
                    }
                }
                Err(Failure::Silent)
            }
            Self::Stream(stream) => {
                stream.write_all(request.bytes()).await?;
                let mut message = vec![0; 20];
                stream.read_exact(&mut message).await?;
                let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
                if length > LONGEST {
                    return Err(Failure::Strange);
                }
                message.resize(20 + length, 0);
                stream.read_exact(message.get_mut(20..).unwrap_or_default()).await?;
                Reply::read(&message, request).ok_or(Failure::Strange)
            }
        }
    }
}

fn failed(url: &str, failure: &Failure) -> Finding {
    let (cause, fix) = match failure {
        Failure::NotTried => {
            ("browsers know turn: by UDP or TCP, and turns: by TCP", "see turn_urls")
        }
        Failure::Silent | Failure::NoWay(_) => (
            "the TURN server does not run, or its port is not open from here",
            "see whether it runs, and open the port; the log of coturn shows who reaches it",
        ),
        Failure::Strange => (
            "another service has this port, or the TURN server asks for no credentials",
            "see turn_urls; coturn needs `use-auth-secret`",
        ),
        Failure::Credentials => (
            "the two servers do not know the same secret, or their clocks are apart",
            "give coturn as `static-auth-secret` what is in turn_secret_file, and set both clocks \
             by NTP",
        ),
        Failure::Refused(_) => (
            "its quotas or its ports are used up",
            "see coturn's log, `user-quota` and `total-quota`",
        ),
        Failure::NotThere(_) => (
            "none of the addresses that clients are told is allowed to it",
            "name one of them as `allowed-peer-ip`, or with turn_peer the address at which it \
             reaches the server",
        ),
    };
    // People without it meet, where their network lets them.
    Finding::bad(WHAT, format!("{url}: {failure}"), cause, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_by_what() {
        let told = |url| parse(url).map(|(at, udp)| (at.host, at.port, at.over_tls, udp));
        let is = |host: &str, port, tls, udp| Some((host.to_owned(), port, tls, udp));
        assert_eq!(told("turn:meet.example"), is("meet.example", 3478, false, true));
        let tcp = told("turn:meet.example:80?transport=tcp");
        assert_eq!(tcp, is("meet.example", 80, false, false));
        assert_eq!(told("turns:[2001:db8::7]:443"), is("2001:db8::7", 443, true, false));
        assert_eq!(told("turns:meet.example?transport=udp"), None);
        assert_eq!(told("turn:"), None);
    }
}
