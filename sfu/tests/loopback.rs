//! Through real sockets on loopback.

mod support;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use prometheus::{Registry, TextEncoder};
use sfu::{Sfu, SfuConfig, StartError};
use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::{ParticipantId, RefusalCode, RoomId};
use support::{Client, deliver_to, work, work_until};
use tokio::sync::mpsc;

fn config(workers: u16) -> SfuConfig {
    let advertised = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    SfuConfig { workers, advertised, ..SfuConfig::default() }
}

fn metric(registry: &Registry, line: &str) -> f64 {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("metrics");
    let value = text.lines().find_map(|l| l.strip_prefix(line)).map(|v| v.trim().parse());
    value.unwrap_or_else(|| panic!("no {line} in\n{text}")).expect("a number")
}

#[test]
fn one_publisher_reaches_three_subscribers_over_udp() {
    let registry = Registry::new();
    let (sender, mut events) = mpsc::channel(4_096);
    let sfu = Sfu::start(config(2), deliver_to(sender), &registry).expect("it starts");
    assert_eq!(sfu.ports().len(), 2);
    let room = RoomId::from_bytes([1; 16]);
    let mut clients: Vec<Client> = (1..=4)
        .map(|n| Client::join(&sfu.handle(), &mut events, &room, n, n == 1, (1, 1)))
        .collect();
    work_until(&mut clients, "everybody to be connected", |c| c.iter().all(|c| c.connected));
    // The reports arrive as well.
    let mut connected = 0;
    while connected < 4 {
        let event = events.blocking_recv().expect("the SFU runs");
        assert!(!matches!(event.report, MediaReport::Lost { .. }), "{event:?}");
        connected += usize::from(event.report == MediaReport::Connected);
    }

    for frame in 0..50u32 {
        for packet in 0..8 {
            clients[0].send(frame * 3_000, packet == 7, &[packet; 1_000]);
        }
        work(&mut clients, Duration::from_millis(10));
    }
    work_until(&mut clients, "all packets", |c| c[1..].iter().all(|c| c.received >= 400));
    assert!(clients[1..].iter().all(|c| c.received == 400 && c.payload_bytes == 400_000));
    assert_eq!(clients[0].received, 0);

    let participant = ParticipantId(4);
    sfu.handle().send(MediaCommand::Remove { room, participant }).expect("not busy");
    sfu.stop();
    assert!(metric(&registry, "orange_sfu_forwarded_packets_total ") == 1_200.0);
    assert!(
        metric(&registry, "orange_sfu_packets_total{direction=\"received\",kind=\"rtp\"} ")
            >= 400.0
    );
    assert!(metric(&registry, "orange_sfu_srtp_connections_total{profile=\"aead_gcm\"} ") == 1.0);
    let load = |worker| metric(&registry, &format!("orange_sfu_load{{worker=\"{worker}\"}} "));
    let (one, other) = (load(0), load(1));
    assert!((0.0..1.0).contains(&one) && (0.0..1.0).contains(&other), "{one}, {other}");
    assert!(one + other > 0.0, "one of them had the room");
    let pictures = |worker, sent| {
        let labels = format!("sent=\"{sent}\",worker=\"{worker}\"");
        metric(&registry, &format!("orange_sfu_video_tracks{{{labels}}} "))
    };
    assert_eq!(pictures(0, "left_out") + pictures(1, "left_out"), 0.0);
    assert_eq!(metric(&registry, "orange_sfu_panics_total "), 0.0);
    assert_eq!(metric(&registry, "orange_sfu_unsent_packets_total "), 0.0);
}

#[test]
fn a_room_over_two_workers_is_one_room() {
    let registry = Registry::new();
    let (sender, mut events) = mpsc::channel(4_096);
    let config = SfuConfig { spread_at: 2, ..config(2) };
    let sfu = Sfu::start(config, deliver_to(sender), &registry).expect("it starts");
    let room = RoomId::from_bytes([1; 16]);
    // The third one goes to the other worker: what it sends crosses over, and what it is sent.
    let mut clients: Vec<Client> = (1..=3)
        .map(|n| Client::join(&sfu.handle(), &mut events, &room, n, n != 2, (1, 2)))
        .collect();
    work_until(&mut clients, "everybody to be connected", |c| c.iter().all(|c| c.connected));
    // Who has a part in the room is told by the way; until it is, nothing crosses.
    let mut frame = 0;
    let mut seen = |clients: &mut [Client], from: usize, by: usize| {
        let before = clients[by].received;
        for _ in 0..1_000 {
            frame += 1;
            clients[from].send(frame * 3_000, true, &[0x10, from as u8, 7, 7]);
            work(clients, Duration::from_millis(10));
            if clients[by].received > before && clients[by].last_payload[1] == from as u8 {
                return;
            }
        }
        panic!("{by} was sent nothing of {from}");
    };
    for (from, by) in [(0, 1), (0, 2), (2, 0), (2, 1)] {
        seen(&mut clients, from, by);
    }
    for frame in 0..50 {
        clients[0].send(1_000_000 + frame * 3_000, true, &[0x10, 9, frame as u8]);
        work(&mut clients, Duration::from_millis(5));
    }
    let last = |client: &Client| client.last_payload == [0x10, 9, 49];
    work_until(&mut clients, "the last packet", |c| last(&c[1]) && last(&c[2]));
    for participant in [1, 2, 3].map(ParticipantId) {
        sfu.handle().send(MediaCommand::Remove { room: room.clone(), participant }).expect("taken");
    }
    sfu.stop();
    let relayed = |worker| {
        metric(&registry, &format!("orange_sfu_cascade_packets_total{{worker=\"{worker}\"}} "))
    };
    assert!(relayed(0) >= 50.0 && relayed(1) >= 1.0, "{}, {}", relayed(0), relayed(1));
    assert!(metric(&registry, "orange_sfu_cascade_bytes_total{worker=\"0\"} ") >= 150.0);
    let rooms = |worker| metric(&registry, &format!("orange_sfu_rooms{{worker=\"{worker}\"}} "));
    assert_eq!((rooms(0), rooms(1)), (0.0, 0.0));
}

#[test]
fn a_bad_offer_is_refused_by_report() {
    let (sender, mut events) = mpsc::channel(4_096);
    let sfu = Sfu::start(config(1), deliver_to(sender), &Registry::new()).expect("it starts");
    let (room, participant) = (RoomId::from_bytes([2; 16]), ParticipantId(1));
    sfu.handle()
        .send(MediaCommand::Offer { room: room.clone(), participant, sdp: "nonsense".into() })
        .expect("not busy");
    let event = events.blocking_recv().expect("the SFU runs");
    let MediaReport::Refused { refusal } = event.report else { panic!("not refused") };
    assert_eq!(refusal.code, RefusalCode::BadOffer);
}

#[test]
fn a_stopped_sfu_refuses_commands_and_ends_its_reports() {
    let (sender, mut events) = mpsc::channel(4_096);
    let sfu = Sfu::start(config(2), deliver_to(sender), &Registry::new()).expect("it starts");
    let handle = sfu.handle();
    sfu.stop();
    let (room, participant) = (RoomId::from_bytes([3; 16]), ParticipantId(1));
    let refused = handle.send(MediaCommand::SetTracks { room, participant, tracks: vec![] });
    assert_eq!(refused.expect_err("stopped").code, RefusalCode::MediaUnavailable);
    assert!(events.blocking_recv().is_none());
}

#[test]
fn a_port_in_use_is_named_in_the_error() {
    let taken = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    let (sender, _events) = mpsc::channel(4_096);
    let config = SfuConfig { udp_port_base: port, ..config(1) };
    let error =
        Sfu::start(config, deliver_to(sender), &Registry::new()).expect_err("the port is taken");
    assert!(matches!(error, StartError::Port { port: p, .. } if p == port));
    assert!(error.to_string().contains(&port.to_string()));
}

#[test]
fn an_address_that_no_client_can_reach_is_not_advertised() {
    let (sender, _events) = mpsc::channel(4_096);
    let config = SfuConfig { advertised: vec![Ipv4Addr::UNSPECIFIED.into()], ..config(1) };
    let error = Sfu::start(config, deliver_to(sender), &Registry::new()).expect_err("0.0.0.0");
    assert!(matches!(error, StartError::Advertised(_)));
}
