//! Whatever comes in costs nobody but its sender anything.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sfu_core::{DropReason, Flow, Limits, PacketKind};
use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::{RefusalCode, Source};
use str0m::format::Codec;
use str0m::ice::{StunMessage, TransId};
use support::{FEW, Meeting, Slots};

const STRANGER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)), 4_444);

fn talk_and_count(m: &mut Meeting) -> usize {
    let before = m.clients[1].received.len();
    m.talk(Duration::from_secs(1), |m, _| {
        let now = m.now;
        m.clients[0].send(now, Source::Camera, Codec::Vp8, &[1; 100]);
    });
    m.clients[1].received.len() - before
}

/// A binding request with the right user fragments.
fn stun(m: &Meeting, client: usize, password: &str) -> Vec<u8> {
    let line = |name: &str, sdp: &str| -> String {
        let found = sdp.lines().find_map(|line| line.strip_prefix(name));
        found.expect("in every answer").trim().to_owned()
    };
    let local = line("a=ice-ufrag:", &m.clients[client].answer);
    let remote = m.clients[client].ufrag();
    let username = format!("{local}:{remote}");
    let request = StunMessage::binding_request(&username, TransId::new(), true, 1, 1_000, true);
    let mut buffer = vec![0; 500];
    let provider = str0m::crypto::from_feature_flags();
    let length = request
        .to_bytes(Some(password.as_bytes()), &mut buffer, |key, parts| {
            provider.sha1_hmac_provider.sha1_hmac(key, parts)
        })
        .expect("it fits");
    buffer.truncate(length);
    buffer
}

#[test]
fn garbage_gets_no_reply_and_affects_no_participant() {
    let mut m = Meeting::new(20);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for _ in 0..20_000 {
        let length = rng.random_range(0..300);
        let mut garbage: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        // Often enough like something that is looked into.
        if let Some(first) = garbage.first_mut() {
            *first = [0, 1, 22, 0x80, 0x90, *first][rng.random_range(0..6)];
        }
        if rng.random_bool(0.3) && garbage.len() >= 20 {
            let length = (garbage.len() - 20) as u16;
            garbage[0..4].copy_from_slice(&[0, 1, (length >> 8) as u8, length as u8]);
            garbage[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        assert!(m.inject(STRANGER, &garbage).is_empty());
    }
    assert!(talk_and_count(&mut m) >= 45);
    let counters = m.worker.counters();
    assert_eq!(counters.panics, 0);
    assert!(counters.dropped(DropReason::UnknownAddress) > 1_000);
}

#[test]
fn garbage_from_a_participants_own_address_affects_no_participant() {
    let mut m = Meeting::new(21);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for victim in [0, 1] {
        let address = m.clients[victim].address;
        for _ in 0..5_000 {
            let length = rng.random_range(1..300);
            let mut garbage: Vec<u8> = (0..length).map(|_| rng.random()).collect();
            garbage[0] = [0, 22, 0x80, 0x90][rng.random_range(0..4)];
            m.inject(address, &garbage);
        }
    }
    assert!(talk_and_count(&mut m) >= 45);
    assert_eq!(m.worker.counters().panics, 0);
}

#[test]
fn stun_without_the_password_gets_no_reply_and_moves_no_media() {
    let mut m = Meeting::new(22);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let forged = stun(&m, 1, "not the password of this call");
    assert!(m.inject(STRANGER, &forged).is_empty());
    assert!(m.inject(m.clients[0].address, &forged).is_empty());
    assert_eq!(m.worker.counters().dropped(DropReason::BadIntegrity), 1);
    assert_eq!(m.worker.counters().dropped(DropReason::AddressTaken), 1);
    m.network.log = Some(Vec::new());
    assert!(talk_and_count(&mut m) >= 45);
    assert!(m.network.log.as_ref().expect("a log").iter().all(|d| d.destination != STRANGER));
}

#[test]
fn stun_with_the_password_is_answered() {
    // The control of the test above: what makes the difference is the integrity check.
    let mut m = Meeting::new(23);
    m.join(FEW, &[Source::Camera]);
    let answer = m.clients[0].answer.clone();
    let password = answer.lines().find_map(|line| line.strip_prefix("a=ice-pwd:"));
    let genuine = stun(&m, 0, password.expect("in every answer").trim());
    let replies = m.inject(STRANGER, &genuine);
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].0, STRANGER);
}

#[test]
fn datagrams_that_could_not_be_forwarded_are_dropped_on_arrival() {
    let mut m = Meeting::new(24);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    // Longer than what str0m can send on with its own header: no panic at the subscriber's.
    m.talk(Duration::from_secs(1), |m, _| {
        let now = m.now;
        m.clients[0].send(now, Source::Camera, Codec::Vp8, &[1; 1_900]);
    });
    assert!(m.worker.counters().dropped(DropReason::TooLong) >= 45);
    assert_eq!(m.worker.counters().panics, 0);
    assert!(m.clients[1].received.is_empty());
    assert!(talk_and_count(&mut m) >= 45);
    let rtp = m.worker.counters().traffic(Flow::Received, PacketKind::Rtp);
    assert!(rtp.packets >= 90 && rtp.bytes > 90_000);
}

#[test]
fn bad_offers_are_refused_and_the_old_connection_stays() {
    let mut m = Meeting::new(25);
    m.join(FEW, &[Source::Camera]);
    m.join(FEW, &[]);
    let good = m.clients[1].answer.clone();
    let lines =
        good.replace("a=ice-ufrag:", "a=nothing:").replace("a=setup:passive", "a=setup:actpass");
    for sdp in [String::new(), "v=0\r\n".into(), "m=audio".repeat(100), lines, "\0".repeat(200_000)]
    {
        let participant = m.clients[1].id;
        m.command(MediaCommand::Offer { room: m.room.clone(), participant, sdp });
        let Some(MediaReport::Refused { refusal }) = m.reports(1).last().copied() else {
            panic!("not refused");
        };
        assert_eq!(refusal.code, RefusalCode::BadOffer);
        assert!(refusal.detail().len() < 400);
    }
    assert!(talk_and_count(&mut m) >= 45);
}

#[test]
fn a_full_room_and_a_full_worker_refuse_another_participant() {
    let limits = Limits { participants_per_room: 2, participants: 3 };
    let mut m = Meeting::with_limits(26, limits);
    m.join(FEW, &[]);
    m.join(FEW, &[]);
    let refused = |m: &mut Meeting, room: u8| {
        let client = m.add();
        let sdp = m.clients[client].offer(FEW);
        let room = signaling_protocol::RoomId::from_bytes([room; 16]);
        let participant = m.clients[client].id;
        m.command(MediaCommand::Offer { room, participant, sdp });
        let report = m.reports(client).last().copied().cloned();
        if let Some(MediaReport::Refused { refusal }) = report { Some(refusal.code) } else { None }
    };
    assert_eq!(refused(&mut m, 7), Some(RefusalCode::RoomFull));
    assert_eq!(refused(&mut m, 8), None, "another room has place");
    assert_eq!(refused(&mut m, 8), Some(RefusalCode::ServerFull));
    m.leave(0);
    m.leave(1);
    assert_eq!(m.worker.participants(), 1);
    assert_eq!(m.worker.rooms(), 1, "an empty room is gone");
}

#[test]
fn a_connection_that_is_never_established_is_closed() {
    let mut m = Meeting::new(27);
    let client = m.add();
    m.offer(client, FEW);
    m.clients[client].gone = true;
    m.run(Duration::from_secs(31));
    let lost = m.reports(client).iter().any(|r| matches!(r, MediaReport::Lost { .. }));
    assert!(lost);
}

#[test]
fn offers_with_a_great_many_slots_are_refused() {
    let mut m = Meeting::new(28);
    let client = m.add();
    let sdp = m.clients[client].offer(Slots { audio: 30, video: 31 });
    let participant = m.clients[client].id;
    m.command(MediaCommand::Offer { room: m.room.clone(), participant, sdp });
    assert!(matches!(m.reports(client).last(), Some(MediaReport::Refused { .. })));
}
