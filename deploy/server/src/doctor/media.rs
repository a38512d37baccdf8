//! Connects by ICE and DTLS to each media address that the server advertises.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use signaling_protocol::{IceServer, RoomId};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::net::Receive;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::time::{sleep_until, timeout};

use super::ServerUrl;
use super::finding::Finding;
use super::media_connection::{MediaAddress, MediaConnection, local_ip_towards};
use super::signaling_session::{SignalingError, SignalingSession, create_room, delete_room};
use super::turn;
use super::web::CHECK_TIMEOUT;

const CHECK: &str = "media";
/// The number of advertised addresses that are tried.
const MAX_ADDRESSES: usize = 8;

/// Creates a room, connects to each advertised address in it, and deletes it again.
pub(super) async fn check(server: &ServerUrl) -> Vec<Finding> {
    let created = match timeout(CHECK_TIMEOUT, create_room(server)).await {
        Ok(Ok(created)) => created,
        Ok(Err(error)) => return vec![signaling_failed(&error)],
        Err(_) => return vec![signaling_failed(&SignalingError::Closed)],
    };
    let mut findings = check_in_room(server, &created.room).await;
    if !matches!(timeout(CHECK_TIMEOUT, delete_room(server, &created)).await, Ok(Ok(()))) {
        findings.push(Finding::warning(
            "meeting",
            "the test meeting could not be deleted".to_owned(),
            "the proxy does not forward DELETE or the Authorization header",
            "make the proxy forward every method and header; the room expires after 90 days",
        ));
    }
    findings
}

async fn check_in_room(server: &ServerUrl, room: &RoomId) -> Vec<Finding> {
    let mut findings = Vec::new();
    let addresses = timeout(CHECK_TIMEOUT, request_addresses(server, room)).await;
    let (advertised, turn_servers) = match addresses {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return vec![signaling_failed(&error)],
        Err(_) => return vec![signaling_failed(&SignalingError::Closed)],
    };
    findings.push(Finding::passed("socket", "the WebSocket opens and the server answers"));
    let mut connected = 0;
    let udp_addresses: Vec<SocketAddr> = advertised
        .iter()
        .filter(|media| !media.over_tcp())
        .map(|media| media.socket_address())
        .collect();
    for &media in advertised.iter().take(MAX_ADDRESSES) {
        let started = Instant::now();
        let result = timeout(CHECK_TIMEOUT, call(server, room, media)).await;
        match result.unwrap_or(Err(CallError::NoAnswer)) {
            Ok(()) => {
                connected += 1;
                let elapsed = started.elapsed().as_millis();
                findings.push(Finding::passed(
                    CHECK,
                    format!("connected to {media}, {elapsed} ms after the join began"),
                ));
            }
            Err(error) => {
                // Clients need one address that works, preferably over UDP.
                let is_only_one =
                    if media.over_tcp() { advertised.len() == 1 } else { udp_addresses.len() == 1 };
                findings.push(call_failed(media, &error, is_only_one));
            }
        }
    }
    if advertised.is_empty() {
        findings.push(Finding::error(
            CHECK,
            "the server advertises no address".to_owned(),
            "it found none on its machine, and none is set",
            "set domain or advertise",
        ));
    } else if connected == 0 {
        findings.push(Finding::error(
            "calls",
            "no media connection works from this machine".to_owned(),
            "none of the advertised addresses is reachable from here",
            "fix one of them; other networks may reach them even if this machine does not",
        ));
    }
    findings.extend(turn::check(&turn_servers, &udp_addresses).await);
    findings
}

/// Why a call to a media address failed.
#[derive(Debug, thiserror::Error)]
enum CallError {
    /// Nothing came back.
    #[error("no answer")]
    NoAnswer,
    /// This machine has no route to the address.
    #[error("this machine has no route to it: {0}")]
    NoRoute(#[from] io::Error),
    /// The signalling failed.
    #[error(transparent)]
    Signaling(#[from] SignalingError),
    /// The WebRTC stack refused the offer or the answer.
    #[error("{0}")]
    Rtc(String),
}

impl From<str0m::error::RtcError> for CallError {
    fn from(error: str0m::error::RtcError) -> Self {
        Self::Rtc(error.to_string())
    }
}

/// Joins once, and returns the advertised media addresses, sorted, and the TURN servers.
async fn request_addresses(
    server: &ServerUrl,
    room: &RoomId,
) -> Result<(Vec<MediaAddress>, Vec<IceServer>), SignalingError> {
    let mut session = SignalingSession::join(server, room).await?;
    let turn_servers = session.turn_servers().to_vec();
    let mut rtc = Rtc::builder().build(Instant::now());
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let Some((offer, _)) = changes.apply() else { return Ok((Vec::new(), turn_servers)) };
    let answer = session.negotiate(offer.to_sdp_string()).await?;
    session.leave().await;
    let mut advertised: Vec<_> = answer.lines().filter_map(MediaAddress::from_sdp_line).collect();
    advertised.sort_unstable();
    advertised.dedup();
    Ok((advertised, turn_servers))
}

/// Joins, and connects to one media address and no other.
async fn call(server: &ServerUrl, room: &RoomId, media: MediaAddress) -> Result<(), CallError> {
    let mut connection = MediaConnection::open(media).await?.ok_or(CallError::NoAnswer)?;
    let mut rtc = Rtc::builder().build(Instant::now());
    let local = Candidate::host(connection.local_address()?, connection.protocol());
    rtc.add_local_candidate(local.map_err(|error| CallError::Rtc(error.to_string()))?);
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) =
        changes.apply().ok_or_else(|| CallError::Rtc("nothing to offer".to_owned()))?;
    let mut session = SignalingSession::join(server, room).await?;
    let answer = session.negotiate(offer.to_sdp_string()).await?;
    let with_one_candidate: String = answer
        .lines()
        .filter(|line| {
            !line.starts_with("a=candidate:") || MediaAddress::from_sdp_line(line) == Some(media)
        })
        .map(|line| format!("{}\r\n", line.trim_end()))
        .collect();
    let answer = SdpAnswer::from_sdp_string(&with_one_candidate)
        .map_err(|error| CallError::Rtc(error.to_string()))?;
    rtc.sdp_api().accept_answer(pending, answer)?;
    connect(&mut rtc, &mut connection).await?;
    session.leave().await;
    Ok(())
}

/// Runs `rtc` until ICE and DTLS are connected; the caller limits the time.
async fn connect(rtc: &mut Rtc, connection: &mut MediaConnection) -> Result<(), CallError> {
    let local = connection.local_address()?;
    loop {
        let deadline = match rtc.poll_output()? {
            Output::Transmit(transmit) => {
                // A failed send counts as a lost packet: ICE sends again.
                let _ = connection.send(&transmit.contents, transmit.destination).await;
                continue;
            }
            Output::Event(Event::Connected) => return Ok(()),
            Output::Event(_) => continue,
            Output::Timeout(deadline) => deadline,
        };
        tokio::select! {
            received = connection.receive() => {
                let (bytes, source) = match received {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Err(CallError::NoAnswer);
                    }
                    // An ICMP error counts as a lost packet.
                    Err(_) => continue,
                };
                if let Ok(receive) = Receive::new(connection.protocol(), source, local, &bytes) {
                    rtc.handle_input(Input::Receive(Instant::now(), receive))?;
                }
            }
            () = sleep_until(deadline.into()) => rtc.handle_input(Input::Timeout(Instant::now()))?,
        }
    }
}

fn signaling_failed(error: &SignalingError) -> Finding {
    let (likely_cause, fix) = match error {
        SignalingError::UpgradeRefused(status) if *status == 403 => (
            "the proxy changes `Host`, so the page counts as another origin",
            "make the proxy keep `Host`, or list the page's origin in allow_origin",
        ),
        SignalingError::UpgradeRefused(_)
        | SignalingError::WebSocket(_)
        | SignalingError::Io(_)
        | SignalingError::Closed => (
            "the proxy does not forward WebSockets, or closes them early",
            "make the proxy forward Upgrade and Connection, with an idle timeout of an hour",
        ),
        SignalingError::Http(_) | SignalingError::Refused(_) => (
            "the server accepts no participants at the moment",
            "see the server's log, and whether it is draining",
        ),
    };
    Finding::error("socket", error.to_string(), likely_cause, fix)
}

fn call_failed(media: MediaAddress, error: &CallError, is_only_one: bool) -> Finding {
    let symptom = format!("{media}: {error}");
    let ip = media.socket_address().ip();
    let local_ip = local_ip_towards(media.socket_address()).ok();
    let (likely_cause, fix) = match error {
        CallError::NoRoute(_) => (
            "this machine has no address of that family",
            "check from a machine that has one; participants without one use the other addresses",
        ),
        CallError::NoAnswer if local_ip == Some(ip) => (
            "the address belongs to this machine, and nothing listens there or a local firewall \
             drops the packets",
            "check that the server runs here with these media ports, and open them",
        ),
        CallError::NoAnswer if is_private(ip) => (
            "the address is private: it can be reached only from its own network",
            "advertise the public address, unless this one is for a TURN server or for participants \
             inside the network",
        ),
        CallError::NoAnswer => (
            "a firewall or a router drops packets to this port; or this machine is behind the same \
             router as the server, and the router does not support hairpinning",
            "open and forward the port; if the server is in this network, check from outside before \
             you change anything",
        ),
        CallError::Signaling(_) | CallError::Rtc(_) => {
            ("the server does not accept the call", "see the server's log")
        }
    };
    if is_only_one {
        Finding::error(CHECK, symptom, likely_cause, fix)
    } else {
        Finding::warning(CHECK, symptom, likely_cause, fix)
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
