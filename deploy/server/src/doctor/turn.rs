//! Checks the TURN servers as a browser uses them: an allocation (RFC 8656) with the credentials
//! that clients get, and a permission to relay to this server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use signaling_protocol::IceServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::ServerUrl;
use super::finding::Finding;
use super::stun::{
    ALLOCATE, CREATE_PERMISSION, Credential, MAX_MESSAGE_BYTES, REFRESH, Request, Response,
};
use super::web::{ByteStream, CHECK_TIMEOUT, connect};

const CHECK: &str = "TURN";
/// How often a request is sent over UDP, which may lose it.
const ATTEMPTS: usize = 3;
/// The time that each attempt waits for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Checks each URL of `servers`. `peers` are the media addresses that the server advertises.
pub(super) async fn check(servers: &[IceServer], peers: &[SocketAddr]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in servers {
        for url in &server.urls {
            let result = timeout(CHECK_TIMEOUT, allocate(server, url, peers)).await;
            findings.push(match result.unwrap_or(Err(TurnError::NoAnswer)) {
                Ok(relayed) => Finding::passed(
                    CHECK,
                    format!("{url} allocates {relayed} and may relay to the server"),
                ),
                Err(error) => check_failed(url, &error),
            });
        }
    }
    findings
}

/// Why a TURN server cannot be used.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error("this kind of URL is not checked")]
    UnsupportedUrl,
    #[error("no answer")]
    NoAnswer,
    #[error("no connection: {0}")]
    Io(#[from] std::io::Error),
    #[error("the answer is not that of a TURN server")]
    NotTurn,
    #[error("the TURN server rejects the credentials")]
    CredentialsRejected,
    #[error("the TURN server allocates no port: error {0}")]
    AllocationRefused(u16),
    #[error("the TURN server may not relay to the server: error {0}")]
    PeerForbidden(u16),
}

/// Allocates a port, requests a permission to relay to one of `peers`, and releases the port.
/// Returns the address of the port.
async fn allocate(
    server: &IceServer,
    url: &str,
    peers: &[SocketAddr],
) -> Result<SocketAddr, TurnError> {
    let (address, over_udp) = parse(url).ok_or(TurnError::UnsupportedUrl)?;
    let mut connection = TurnConnection::open(&address, over_udp).await?;
    // The first request has no credentials; its error response names realm and nonce.
    let challenge = connection.request(&Request::allocation(None)?).await?;
    let (Some(realm), Some(nonce)) = (challenge.realm, challenge.nonce) else {
        return Err(TurnError::NotTurn);
    };
    let credential = Credential::new(&server.username, &server.credential.0, realm, nonce);
    let response = connection.request(&Request::allocation(Some(&credential))?).await?;
    debug_assert_eq!(response.method, ALLOCATE);
    let relayed = match response.result {
        Ok(()) => response.relayed_address.ok_or(TurnError::NotTurn)?,
        Err(401 | 441) => return Err(TurnError::CredentialsRejected),
        Err(code) => return Err(TurnError::AllocationRefused(code)),
    };
    let mut ips: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
    ips.sort_unstable();
    ips.dedup();
    // A port relays only to addresses of its own family.
    ips.retain(|ip| ip.is_ipv4() == relayed.is_ipv4());
    // Clients need one address that works.
    let mut permission = if ips.is_empty() { Err(TurnError::PeerForbidden(443)) } else { Ok(()) };
    for ip in ips {
        let request = Request::new(CREATE_PERMISSION)?.peer(ip).signed(&credential);
        match connection.request(&request).await?.result {
            Ok(()) => {
                permission = Ok(());
                break;
            }
            Err(code) => permission = Err(TurnError::PeerForbidden(code)),
        }
    }
    // Releases the port for others; if the request is lost, the allocation expires.
    let _ = connection.request(&Request::new(REFRESH)?.lifetime(0).signed(&credential)).await;
    permission.map(|()| relayed)
}

/// Parses a TURN URL (RFC 7065 section 3.1) as browsers do. Returns the server's address, and
/// `true` if it is reached over UDP.
fn parse(url: &str) -> Option<(ServerUrl, bool)> {
    let (scheme, rest) = url.split_once(':')?;
    let over_tls = scheme == "turns";
    let (authority, transport) = match rest.split_once("?transport=") {
        Some((authority, transport)) => (authority, transport),
        None => (rest, if over_tls { "tcp" } else { "udp" }),
    };
    let over_udp = match (over_tls, transport) {
        (false, "udp") => true,
        (_, "tcp") => false,
        _ => return None,
    };
    let uri: axum::http::uri::Authority = authority.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if over_tls { 5349 } else { 3478 });
    let host = uri.host().trim_matches(['[', ']']).to_owned();
    Some((ServerUrl { origin: url.to_owned(), host, port, over_tls }, over_udp))
}

/// A connection to a TURN server.
enum TurnConnection {
    Udp(UdpSocket),
    /// TCP, with or without TLS.
    Stream(Box<dyn ByteStream>),
}

impl TurnConnection {
    async fn open(address: &ServerUrl, over_udp: bool) -> Result<Self, TurnError> {
        if !over_udp {
            return Ok(Self::Stream(connect(address).await?));
        }
        let resolved = tokio::net::lookup_host((address.host.as_str(), address.port)).await?;
        let mut last_error = std::io::Error::from(std::io::ErrorKind::NotFound);
        for to in resolved {
            let unspecified: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
            let socket = UdpSocket::bind((unspecified, 0)).await?;
            match socket.connect(to).await {
                Ok(()) => return Ok(Self::Udp(socket)),
                Err(error) => last_error = error,
            }
        }
        Err(last_error.into())
    }

    /// Sends a request and returns the response to it.
    async fn request(&mut self, request: &Request) -> Result<Response, TurnError> {
        match self {
            Self::Udp(socket) => {
                let mut datagram = [0; MAX_MESSAGE_BYTES];
                for _ in 0..ATTEMPTS {
                    socket.send(request.bytes()).await?;
                    // Datagrams that do not answer the request are ignored.
                    let response = async {
                        loop {
                            let length = socket.recv(&mut datagram).await?;
                            let bytes = datagram.get(..length).unwrap_or_default();
                            if let Some(response) = Response::parse(bytes, request) {
                                return Ok::<_, TurnError>(response);
                            }
                        }
                    };
                    if let Ok(response) = timeout(RESPONSE_TIMEOUT, response).await {
                        return response;
                    }
                }
                Err(TurnError::NoAnswer)
            }
            Self::Stream(stream) => {
                stream.write_all(request.bytes()).await?;
                let mut message = vec![0; 20];
                stream.read_exact(&mut message).await?;
                let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
                if length > MAX_MESSAGE_BYTES {
                    return Err(TurnError::NotTurn);
                }
                message.resize(20 + length, 0);
                stream.read_exact(message.get_mut(20..).unwrap_or_default()).await?;
                Response::parse(&message, request).ok_or(TurnError::NotTurn)
            }
        }
    }
}

fn check_failed(url: &str, error: &TurnError) -> Finding {
    let (likely_cause, fix) = match error {
        TurnError::UnsupportedUrl => {
            ("browsers support turn: over UDP or TCP, and turns: over TCP", "correct turn_urls")
        }
        TurnError::NoAnswer | TurnError::Io(_) => (
            "the TURN server is not running, or its port is not reachable from here",
            "check that it runs, and open the port; coturn logs the addresses that reach it",
        ),
        TurnError::NotTurn => (
            "another service uses this port, or the TURN server requires no credentials",
            "correct turn_urls; coturn needs `use-auth-secret`",
        ),
        TurnError::CredentialsRejected => (
            "the two servers have different secrets, or their clocks differ",
            "set coturn's `static-auth-secret` to the contents of turn_secret_file, and synchronize \
             both clocks by NTP",
        ),
        TurnError::AllocationRefused(_) => (
            "its quotas or ports are exhausted",
            "see coturn's log, `user-quota` and `total-quota`",
        ),
        TurnError::PeerForbidden(_) => (
            "it is allowed to relay to none of the advertised addresses",
            "set one of them as `allowed-peer-ip`, or set turn_peer to the address at which it \
             reaches the server",
        ),
    };
    // An error, although participants whose network passes UDP can meet without TURN.
    Finding::error(CHECK, format!("{url}: {error}"), likely_cause, fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_url_yields_host_port_tls_and_transport() {
        let parsed = |url| parse(url).map(|(at, udp)| (at.host, at.port, at.over_tls, udp));
        let expected = |host: &str, port, tls, udp| Some((host.to_owned(), port, tls, udp));
        assert_eq!(parsed("turn:meet.example"), expected("meet.example", 3478, false, true));
        let tcp = parsed("turn:meet.example:80?transport=tcp");
        assert_eq!(tcp, expected("meet.example", 80, false, false));
        assert_eq!(parsed("turns:[2001:db8::7]:443"), expected("2001:db8::7", 443, true, false));
        assert_eq!(parsed("turns:meet.example?transport=udp"), None);
        assert_eq!(parsed("turn:"), None);
    }
}
