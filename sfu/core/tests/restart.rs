//! Connections break and come back.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use sfu_core::MediaReport;
use signaling_protocol::Source;
use str0m::format::Codec;
use support::{FEW, Meeting};

const SECOND: Duration = Duration::from_secs(1);

fn talk(m: &mut Meeting, marker: u8) -> usize {
    m.talk(SECOND, |m, _| {
        let now = m.now;
        m.clients[0].send(now, Source::Camera, Codec::Vp8, &[marker; 100]);
    });
    m.clients[1].received.iter().filter(|r| r.payload[0] == marker).count()
}

#[test]
fn an_ice_restart_keeps_the_connection_and_its_streams() {
    let mut m = Meeting::new(30);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    for client in [0, 1] {
        let before = m.clients[client].answer.clone();
        let offer = m.clients[client].ice_restart();
        m.exchange(client, offer);
        let ufrag =
            |sdp: &str| sdp.lines().find(|l| l.starts_with("a=ice-ufrag")).map(str::to_owned);
        assert_ne!(ufrag(&before), ufrag(&m.clients[client].answer), "new credentials");
    }
    m.run(SECOND);
    assert!(talk(&mut m, 2) >= 45);
    let ssrcs: std::collections::HashSet<_> =
        m.clients[1].received.iter().map(|r| r.ssrc).collect();
    assert_eq!(ssrcs.len(), 1);
    let seqs: Vec<u64> = m.clients[1].received.iter().map(|r| r.seq).collect();
    assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1));
}

#[test]
fn an_inactive_client_is_reported_lost_and_an_ice_restart_restores_it() {
    let mut m = Meeting::new(31);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    let address = m.clients[1].address;
    m.network.cut(address);
    m.run(25 * SECOND);
    assert!(matches!(m.reports(1).last(), Some(MediaReport::Lost { .. })));
    assert!(!m.reports(0).iter().any(|r| matches!(r, MediaReport::Lost { .. })));

    m.network.mend(address);
    let offer = m.clients[1].ice_restart();
    m.exchange(1, offer);
    m.run(2 * SECOND);
    assert!(matches!(m.reports(1).last(), Some(MediaReport::Connected)));
    assert!(talk(&mut m, 2) >= 45);
}

/// Returns whether the last report about a client's connection is that it is connected.
fn is_connected(m: &Meeting, client: usize) -> bool {
    let news = m.reports(client).into_iter().rev();
    let mut news = news.filter(|r| matches!(r, MediaReport::Connected | MediaReport::Lost { .. }));
    news.next() == Some(&MediaReport::Connected)
}

/// Breaks the network of a subscriber while the publisher sends on. Returns the time until the
/// server notices.
fn broken(m: &mut Meeting) -> Duration {
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(m, 1) >= 45);
    let (address, cut) = (m.clients[1].address, m.now);
    m.network.cut(address);
    let mut noticed = None;
    m.talk(15 * SECOND, |m, _| {
        let now = m.now;
        m.clients[0].send(now, Source::Camera, Codec::Vp8, &[9; 100]);
        if noticed.is_none() && !is_connected(m, 1) {
            noticed = Some(now - cut);
            m.network.log = Some(Vec::new());
        }
    });
    let log = m.network.log.take().unwrap_or_default();
    let media = |byte: u8, kind: u8| (128..192).contains(&byte) && !(192..224).contains(&kind);
    let sent =
        log.iter().filter(|d| d.destination == address && media(d.contents[0], d.contents[1]));
    let sent = sent.count();
    assert!(sent <= 100, "of more than 350, next to nothing goes out to nobody: {sent}");
    m.network.mend(address);
    noticed.expect("it was noticed")
}

#[test]
fn an_inactive_connection_is_suspended_within_eight_seconds() {
    let mut m = Meeting::new(35);
    let noticed = broken(&mut m);
    assert!((5 * SECOND..8 * SECOND).contains(&noticed), "{noticed:?}");
    let losses = m.reports(1).into_iter().filter(|r| matches!(r, MediaReport::Lost { .. }));
    assert_eq!(losses.count(), 1, "told once, though ICE notices later too");
    assert!(!m.reports(0).iter().any(|r| matches!(r, MediaReport::Lost { .. })));
    assert_eq!(m.worker.counters().inactive_connections, 1);
    let offer = m.clients[1].ice_restart();
    m.exchange(1, offer);
    m.run(2 * SECOND);
    assert!(matches!(m.reports(1).last(), Some(MediaReport::Connected)));
    assert!(talk(&mut m, 2) >= 45);
}

#[test]
fn an_offer_restores_a_suspended_connection_before_ice_has_noticed() {
    let mut m = Meeting::new(36);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    let address = m.clients[1].address;
    m.network.cut(address);
    m.run(9 * SECOND);
    assert!(!is_connected(&m, 1));
    // It hears of that over the other way, which is not broken.
    let offer = m.clients[1].ice_restart();
    m.exchange(1, offer);
    m.network.mend(address);
    m.run(2 * SECOND);
    assert!(matches!(m.reports(1).last(), Some(MediaReport::Connected)));
    assert!(talk(&mut m, 2) >= 45);
}

#[test]
fn a_check_restores_a_suspended_connection_without_an_offer() {
    let mut m = Meeting::new(37);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    let address = m.clients[1].address;
    m.network.cut(address);
    m.run(9 * SECOND);
    assert!(!is_connected(&m, 1));
    m.network.mend(address);
    m.run_until("it to be heard", |m| is_connected(m, 1));
    assert!(talk(&mut m, 2) >= 45);
}

#[test]
fn a_participant_that_only_receives_is_not_inactive() {
    let mut m = Meeting::new(38);
    m.join(FEW, &[]);
    m.join(FEW, &[]);
    m.run(60 * SECOND);
    assert_eq!(m.worker.counters().inactive_connections, 0);
}

#[test]
fn a_worker_that_was_suspended_finds_no_connection_inactive() {
    let mut m = Meeting::new(39);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    m.now += 9 * SECOND;
    let now = m.now;
    m.worker.handle_timeout(now);
    m.run(10 * SECOND);
    assert!((0..2).all(|client| is_connected(&m, client)));
    assert_eq!(m.worker.counters().inactive_connections, 0);
    assert!(talk(&mut m, 2) >= 45);
}

#[test]
fn a_new_connection_of_the_same_participant_replaces_the_old_one() {
    let mut m = Meeting::new(32);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    assert!(talk(&mut m, 1) >= 45);
    for (client, port) in [(0, 7_000), (1, 7_001)] {
        let now = m.now;
        m.clients[client].start_anew(now, SocketAddr::from(([198, 51, 100, 2], port)));
        m.offer(client, FEW);
        m.run_until("the client to be connected", |m| m.clients[client].connected);
    }
    m.announce(0, &[Source::Camera]);
    assert!(talk(&mut m, 2) >= 45);
    assert_eq!(m.worker.participants(), 2);
}

#[test]
fn a_client_that_closes_its_connection_is_reported_lost() {
    let mut m = Meeting::new(33);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    m.clients[0].close();
    m.run(SECOND);
    assert!(matches!(m.reports(0).last(), Some(MediaReport::Lost { .. })));
}

#[test]
fn closing_the_worker_notifies_every_client() {
    let mut m = Meeting::new(34);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let now = m.now;
    m.worker.close(now);
    m.run(SECOND);
    assert!(m.clients.iter().all(|client| client.closed));
    assert_eq!((m.worker.participants(), m.worker.rooms()), (0, 0));
}
