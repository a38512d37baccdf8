//! A real call, ICE and DTLS, to each address that clients are told.

use std::io;
use std::net::IpAddr;
use std::time::Instant;

use signaling_protocol::{IceServer, RoomId};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind};
use str0m::net::Receive;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::time::{sleep_until, timeout};

use super::Address;
use super::conversation::{Conversation, NotHeard, forget, room};
use super::finding::Finding;
use super::line::{Line, Told, own_address};
use super::turn;
use super::web::PATIENCE;

const WHAT: &str = "media";
/// Addresses that are tried.
const MOST: usize = 8;

/// Calls each address in turn, in a meeting of our own that is gone afterwards.
pub(super) async fn look(address: &Address) -> Vec<Finding> {
    let made = match timeout(PATIENCE, room(address)).await {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => return vec![not_heard(&error)],
        Err(_) => return vec![not_heard(&NotHeard::Ended)],
    };
    let mut findings = meet(address, &made.room).await;
    if !matches!(timeout(PATIENCE, forget(address, &made)).await, Ok(Ok(()))) {
        findings.push(Finding::poor(
            "meeting",
            "the one that was made for this look cannot be taken away".to_owned(),
            "the proxy passes DELETE or Authorization not on",
            "have it hand on every method and header; the room is forgotten in 90 days anyway",
        ));
    }
    findings
}

async fn meet(address: &Address, room: &RoomId) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (told, relays) = match timeout(PATIENCE, told_addresses(address, room)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return vec![not_heard(&error)],
        Err(_) => return vec![not_heard(&NotHeard::Ended)],
    };
    findings.push(Finding::good("socket", "opened, and heard"));
    let mut connected = 0;
    let by_udp: Vec<_> = told.iter().filter(|one| !one.over_tcp).map(|one| one.address).collect();
    for &candidate in told.iter().take(MOST) {
        let started = Instant::now();
        let called = timeout(PATIENCE, call(address, room, candidate)).await;
        let outcome = called.unwrap_or_else(|_| Err(Failure::Silent));
        match outcome {
            Ok(()) => {
                connected += 1;
                let took = started.elapsed().as_millis();
                findings.push(Finding::good(
                    WHAT,
                    format!("connected to {candidate}, {took} ms after the join began"),
                ));
            }
            Err(failure) => {
                // People need one address that works, and by UDP.
                let is_last = if candidate.over_tcp { told.len() == 1 } else { by_udp.len() == 1 };
                findings.push(failed(candidate, &failure, is_last));
            }
        }
    }
    if told.is_empty() {
        findings.push(Finding::bad(
            WHAT,
            "the server tells no address".to_owned(),
            "it found none on its machine, and none is set",
            "set domain or advertise",
        ));
    } else if connected == 0 {
        findings.push(Finding::bad(
            "calls",
            "nobody here could be heard or seen".to_owned(),
            "none of the addresses that clients are told is reached from here",
            "mend one of them; people elsewhere may do better than this machine",
        ));
    }
    findings.extend(turn::look(&relays, &by_udp).await);
    findings
}

/// Why there is no call.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Nothing came back.
    #[error("nothing comes back")]
    Silent,
    /// The family of the address is not to be had here.
    #[error("this machine has no way there: {0}")]
    NoWay(#[from] io::Error),
    /// The signalling.
    #[error(transparent)]
    NotHeard(#[from] NotHeard),
    /// Own mistake, or the server's.
    #[error("{0}")]
    Rtc(String),
}

impl From<str0m::error::RtcError> for Failure {
    fn from(error: str0m::error::RtcError) -> Self {
        Self::Rtc(error.to_string())
    }
}

/// The addresses that people are told for media, and the TURN servers.
async fn told_addresses(
    address: &Address,
    room: &RoomId,
) -> Result<(Vec<Told>, Vec<IceServer>), NotHeard> {
    let mut conversation = Conversation::join(address, room).await?;
    let relays = std::mem::take(&mut conversation.relays);
    let mut rtc = Rtc::builder().build(Instant::now());
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let Some((offer, _)) = changes.apply() else { return Ok((Vec::new(), relays)) };
    let answer = conversation.answer(offer.to_sdp_string()).await?;
    conversation.leave().await;
    let mut told: Vec<_> = answer.lines().filter_map(Told::of_line).collect();
    told.sort_unstable();
    told.dedup();
    Ok((told, relays))
}

/// Joins and connects to one address and no other.
async fn call(address: &Address, room: &RoomId, candidate: Told) -> Result<(), Failure> {
    let mut line = Line::open(candidate).await?.ok_or(Failure::Silent)?;
    let mut rtc = Rtc::builder().build(Instant::now());
    let local = Candidate::host(line.own()?, line.protocol());
    rtc.add_local_candidate(local.map_err(|error| Failure::Rtc(error.to_string()))?);
    let mut changes = rtc.sdp_api();
    changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
    let (offer, pending) =
        changes.apply().ok_or_else(|| Failure::Rtc("nothing to offer".to_owned()))?;
    let mut conversation = Conversation::join(address, room).await?;
    let answer = conversation.answer(offer.to_sdp_string()).await?;
    let alone: String = answer
        .lines()
        .filter(|line| !line.starts_with("a=candidate:") || Told::of_line(line) == Some(candidate))
        .map(|line| format!("{}\r\n", line.trim_end()))
        .collect();
    let answer =
        SdpAnswer::from_sdp_string(&alone).map_err(|error| Failure::Rtc(error.to_string()))?;
    rtc.sdp_api().accept_answer(pending, answer)?;
    connect(&mut rtc, &mut line).await?;
    conversation.leave().await;
    Ok(())
}

/// Until ICE and DTLS are up; who calls bounds the time.
async fn connect(rtc: &mut Rtc, line: &mut Line) -> Result<(), Failure> {
    let own = line.own()?;
    loop {
        let due = match rtc.poll_output()? {
            Output::Transmit(transmit) => {
                // What is refused now may be taken later: ICE tries again.
                let _ = line.send(&transmit.contents, transmit.destination).await;
                continue;
            }
            Output::Event(Event::Connected) => return Ok(()),
            Output::Event(_) => continue,
            Output::Timeout(due) => due,
        };
        tokio::select! {
            received = line.receive() => {
                let (bytes, source) = match received {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Err(Failure::Silent);
                    }
                    // An ICMP error is one more try in vain.
                    Err(_) => continue,
                };
                if let Ok(receive) = Receive::new(line.protocol(), source, own, &bytes) {
                    rtc.handle_input(Input::Receive(Instant::now(), receive))?;
                }
            }
            () = sleep_until(due.into()) => rtc.handle_input(Input::Timeout(Instant::now()))?,
        }
    }
}

fn not_heard(error: &NotHeard) -> Finding {
    let (cause, fix) = match error {
        NotHeard::Refused(status) if *status == 403 => (
            "the proxy changes `Host`, so that the page counts as somebody else's",
            "leave `Host` as it is, or name the page's origin with allow_origin",
        ),
        NotHeard::Refused(_) | NotHeard::Socket(_) | NotHeard::Connection(_) | NotHeard::Ended => (
            "the proxy does not pass WebSockets on, or closes them early",
            "have it hand on Upgrade and Connection, and wait an hour for what is said",
        ),
        NotHeard::Request(_) | NotHeard::Told(_) => {
            ("the server takes nobody just now", "see its log, and whether it drains")
        }
    };
    Finding::bad("socket", error.to_string(), cause, fix)
}

fn failed(candidate: Told, failure: &Failure, is_last: bool) -> Finding {
    let seen = format!("{candidate}: {failure}");
    let ip = candidate.address.ip();
    let ours = own_address(candidate.address).ok();
    let (cause, fix) = match failure {
        Failure::NoWay(_) => (
            "this machine has no address of that kind",
            "look from a machine that has one; people without it use the other addresses",
        ),
        Failure::Silent if ours == Some(ip) => (
            "the address is this machine's own, and nothing listens there or a local firewall \
             drops what comes",
            "see whether the server runs here with these media ports, and open them",
        ),
        Failure::Silent if is_private(ip) => (
            "the address is a private one: only people in its network reach it",
            "advertise the outer address, unless this one is told for a TURN server or for people \
             inside",
        ),
        Failure::Silent => (
            "a firewall or a router on the way drops what goes to this port; or this machine is behind \
             the same router as the server, which does not turn packets around (hairpin)",
            "open and forward the port; look from outside before you change anything if the \
             server is in this network",
        ),
        Failure::NotHeard(_) | Failure::Rtc(_) => {
            ("the server does not take the call", "see its log")
        }
    };
    if is_last {
        Finding::bad(WHAT, seen, cause, fix)
    } else {
        Finding::poor(WHAT, seen, cause, fix)
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
