//! Connections break and come back.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use signaling_protocol::Source;
use signaling_protocol::media::MediaReport;
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
fn a_silent_client_is_reported_lost_and_an_ice_restart_brings_it_back() {
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
fn closing_the_worker_tells_every_client() {
    let mut m = Meeting::new(34);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let now = m.now;
    m.worker.close(now);
    m.run(SECOND);
    assert!(m.clients.iter().all(|client| client.closed));
    assert_eq!((m.worker.participants(), m.worker.rooms()), (0, 0));
}
