//! Media flows between participants, and only as it should.

mod support;

use std::time::Duration;

use signaling_protocol::{RoomId, Source};
use str0m::format::Codec;
use str0m::media::MediaKind;
use support::client::Received;
use support::{FEW, Meeting, Slots};

const SECOND: Duration = Duration::from_secs(1);
const VOICE: &[Source] = &[Source::Microphone];
const PERSON: &[Source] = &[Source::Microphone, Source::Camera];

/// A payload that says whose it is and which one it is.
fn payload(client: usize, source: Source, number: u32) -> Vec<u8> {
    let mut payload = vec![client as u8, source as u8];
    payload.extend(number.to_be_bytes());
    payload.resize(200, 0x5a);
    payload
}

fn send_all(m: &mut Meeting, round: u32) {
    for client in 0..m.clients.len() {
        if !m.clients[client].gone {
            send(m, client, round);
        }
    }
}

fn send(m: &mut Meeting, client: usize, round: u32) {
    let now = m.now;
    let sender = &mut m.clients[client];
    sender.send(now, Source::Microphone, Codec::Opus, &payload(client, Source::Microphone, round));
    sender.send(now, Source::Camera, Codec::Vp8, &payload(client, Source::Camera, round));
}

fn from(received: &[Received], client: usize, source: Source) -> Vec<&Received> {
    received.iter().filter(|r| r.payload[..2] == [client as u8, source as u8]).collect()
}

#[test]
fn three_participants_receive_each_other_in_slots_of_the_right_kind() {
    let mut m = Meeting::new(1);
    for _ in 0..3 {
        m.join(FEW, PERSON);
    }
    m.talk(SECOND, send_all);
    for receiver in 0..3 {
        let client = &m.clients[receiver];
        assert!(from(&client.received, receiver, Source::Camera).is_empty(), "nobody sees himself");
        for sender in (0..3).filter(|s| *s != receiver) {
            for source in [Source::Microphone, Source::Camera] {
                let packets = from(&client.received, sender, source);
                assert!(packets.len() >= 45, "{receiver} got {} of {sender}", packets.len());
                let (mid, kind) = (
                    packets[0].mid,
                    if source.is_audio() { MediaKind::Audio } else { MediaKind::Video },
                );
                assert!(client.slots.contains(&(mid, kind)), "a slot of its kind");
                assert!(packets.iter().all(|p| p.mid == mid && p.ssrc == packets[0].ssrc));
            }
        }
        let carried: std::collections::HashSet<_> = client.received.iter().map(|r| r.mid).collect();
        assert_eq!(carried.len(), 4, "two voices and two faces, a slot each");
    }
}

#[test]
fn the_server_forwards_the_protected_payload_byte_for_byte() {
    // The tap: the payloads as a receiver without frame keys gets them are the payloads that the
    // server had in its hands, since it forwards them as they are.
    let mut m = Meeting::new(2);
    m.join(FEW, PERSON);
    m.join(FEW, &[]);
    let plaintext = b"what the camera saw, as the encoder wrote it".repeat(4);
    let protect = |number: u32| -> Vec<u8> {
        plaintext
            .iter()
            .enumerate()
            .map(|(i, b)| b ^ (i as u8).wrapping_mul(31) ^ number as u8 ^ 0xa5)
            .collect()
    };
    m.talk(SECOND, |m, round| {
        let now = m.now;
        m.clients[0].send(now, Source::Camera, Codec::Vp9, &protect(round));
    });
    let tapped = &m.clients[1].received;
    assert!(tapped.len() >= 45);
    let protected: Vec<Vec<u8>> = (0..50).map(protect).collect();
    for packet in tapped {
        assert!(protected.contains(&packet.payload), "unchanged");
        assert_ne!(packet.payload, plaintext);
    }
}

#[test]
fn a_leaving_publisher_frees_its_slot_and_the_next_one_continues_its_numbers() {
    let one = Slots { audio: 1, video: 1 };
    let mut m = Meeting::new(3);
    let (first, receiver) = (m.join(one, PERSON), m.join(one, &[]));
    m.talk(SECOND, |m, round| send(m, 0, round));
    m.leave(first);
    m.run(SECOND);
    let second = m.join(one, PERSON);
    m.talk(SECOND, |m, round| send(m, 2, round));

    for source in [Source::Microphone, Source::Camera] {
        let received = &m.clients[receiver].received;
        let (before, after) = (from(received, first, source), from(received, second, source));
        let (last, next) = (before.last().expect("media"), after.first().expect("media"));
        assert_eq!((last.mid, last.ssrc), (next.mid, next.ssrc), "the same slot");
        assert_eq!(next.seq, last.seq + 1, "no gap");
        let clock = if source.is_audio() { 48_000 } else { 90_000 };
        let elapsed = (next.at - last.at).as_secs_f64() * f64::from(clock);
        let moved = f64::from(next.timestamp.wrapping_sub(last.timestamp));
        assert!((moved - elapsed).abs() < f64::from(clock) / 50.0, "{moved} for {elapsed}");
        let seqs: Vec<u64> = before.iter().chain(&after).map(|r| r.seq).collect();
        assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1), "in order and without a gap");
        assert!(seqs[0] < 65_536, "no rollover counter to know about");
    }
}

#[test]
fn a_new_subscriber_and_a_new_track_each_bring_a_key_frame_request() {
    let mut m = Meeting::new(4);
    m.join(FEW, PERSON);
    m.talk(SECOND, |m, round| send(m, 0, round));
    assert!(m.clients[0].key_frame_requests_received.is_empty(), "nobody looks");
    m.join(FEW, &[]);
    m.talk(SECOND, |m, round| send(m, 0, round));
    let camera = m.clients[0].mid(Source::Camera);
    assert!(!m.clients[0].key_frame_requests_received.is_empty());
    assert!(m.clients[0].key_frame_requests_received.iter().all(|(_, mid)| *mid == camera));
}

#[test]
fn key_frame_requests_are_coalesced_and_the_last_is_not_lost() {
    let mut m = Meeting::new(5);
    for _ in 0..4 {
        m.join(FEW, PERSON);
    }
    m.talk(2 * SECOND, |m, round| send(m, 0, round));
    m.clients[0].key_frame_requests_received.clear();
    let begin = m.now;
    m.talk(2 * SECOND, |m, round| {
        send(m, 0, round);
        let now = m.now;
        for receiver in 1..4 {
            let mid = from(&m.clients[receiver].received, 0, Source::Camera)[0].mid;
            m.clients[receiver].request_key_frame(now, mid);
        }
    });
    let last_request = m.now;
    m.talk(SECOND, |m, round| send(m, 0, round));
    let asked = &m.clients[0].key_frame_requests_received;
    assert!((4..=6).contains(&asked.len()), "300 requests in 2 s became {}", asked.len());
    for pair in asked.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= Duration::from_millis(490), "at most one per 500 ms");
    }
    assert!(asked[0].0 - begin < Duration::from_millis(100), "the first goes out at once");
    assert!(
        asked.last().expect("asked").0 > last_request - Duration::from_millis(20),
        "the last one too"
    );
    let counters = m.worker.counters();
    assert!(
        counters.key_frame_requests_received >= 250,
        "{}",
        counters.key_frame_requests_received
    );
    assert!(counters.key_frame_requests_sent < 20, "{}", counters.key_frame_requests_sent);
}

#[test]
fn loss_on_one_subscribers_link_is_repaired_for_that_one_alone() {
    let mut m = Meeting::new(6);
    for _ in 0..3 {
        m.join(FEW, PERSON);
    }
    m.talk(SECOND, |m, round| send(m, 0, round));
    let lossy = m.clients[1].address;
    m.network.lose(lossy, 0.10);
    m.network.log = Some(Vec::new());
    m.talk(10 * SECOND, |m, round| send(m, 0, 1_000 + round));
    let log = m.network.log.take().expect("a log");
    m.network.lose(lossy, 0.0);
    m.talk(SECOND, |m, round| send(m, 0, 2_000 + round));

    let numbers = |client: usize, source| -> std::collections::BTreeSet<u32> {
        from(&m.clients[client].received, 0, source)
            .iter()
            .map(|r| u32::from_be_bytes(r.payload[2..6].try_into().expect("four bytes")))
            .filter(|n| (1_000..1_500).contains(n))
            .collect()
    };
    assert_eq!(numbers(2, Source::Camera).len(), 500, "the other one lost nothing");
    assert_eq!(numbers(2, Source::Microphone).len(), 500);
    assert_eq!(numbers(1, Source::Camera).len(), 500, "every lost picture was sent again");
    assert_eq!(numbers(1, Source::Microphone).len(), 500, "and all sound");
    assert!(m.worker.counters().nacks_received > 0);
    // Resends go to the one who asked: the others' traffic stays as it was.
    let towards = |address| {
        log.iter()
            .filter(|d| {
                d.destination == address
                    && d.contents[0] >> 6 == 2
                    && !(192..224).contains(&d.contents[1])
            })
            .count()
    };
    let (lossy_packets, clean) = (towards(lossy), towards(m.clients[2].address));
    assert!(lossy_packets > clean + 30, "{lossy_packets} against {clean}");
    assert_eq!(m.worker.counters().nacks_sent, 0, "the publisher is not asked again");
}

#[test]
fn loss_on_the_uplink_is_repaired_by_the_publisher() {
    let mut m = Meeting::new(7);
    m.join(FEW, PERSON);
    m.join(FEW, &[]);
    m.talk(SECOND, |m, round| send(m, 0, round));
    let server = m.server;
    m.network.lose(server, 0.10);
    m.talk(5 * SECOND, |m, round| send(m, 0, 1_000 + round));
    m.network.lose(server, 0.0);
    m.talk(SECOND, |m, round| send(m, 0, 2_000 + round));
    let arrived: std::collections::BTreeSet<u32> = from(&m.clients[1].received, 0, Source::Camera)
        .iter()
        .map(|r| u32::from_be_bytes(r.payload[2..6].try_into().expect("four bytes")))
        .filter(|n| (1_000..1_250).contains(n))
        .collect();
    assert_eq!(arrived.len(), 250);
}

#[test]
fn media_that_is_not_announced_is_not_forwarded() {
    let mut m = Meeting::new(8);
    m.join(FEW, VOICE);
    m.join(FEW, &[]);
    m.talk(SECOND, |m, round| send(m, 0, round));
    assert!(!from(&m.clients[1].received, 0, Source::Microphone).is_empty());
    assert!(from(&m.clients[1].received, 0, Source::Camera).is_empty());
    m.announce(0, PERSON);
    m.talk(SECOND, |m, round| send(m, 0, round));
    assert!(!from(&m.clients[1].received, 0, Source::Camera).is_empty());
    m.announce(0, &[]);
    m.run(SECOND);
    let before = m.clients[1].received.len();
    m.talk(SECOND, |m, round| send(m, 0, round));
    assert_eq!(m.clients[1].received.len(), before);
}

#[test]
fn a_screen_takes_a_cameras_slot_when_slots_run_out() {
    let one = Slots { audio: 1, video: 1 };
    let mut m = Meeting::new(9);
    m.join(one, PERSON);
    let receiver = m.join(one, &[]);
    let sharer = m.join(one, &[]);
    m.talk(3 * SECOND, |m, round| send(m, 0, round));
    m.announce(sharer, &[Source::Screen]);
    m.talk(2 * SECOND, |m, round| {
        send(m, 0, round);
        let now = m.now;
        m.clients[sharer].send(
            now,
            Source::Screen,
            Codec::Vp8,
            &payload(sharer, Source::Screen, round),
        );
    });
    let received = &m.clients[receiver].received;
    let screen = from(received, sharer, Source::Screen);
    let camera = from(received, 0, Source::Camera);
    assert!(screen.len() > 50);
    assert_eq!(screen[0].seq, camera.last().expect("media").seq + 1);
}

#[test]
fn the_audio_of_the_more_active_participant_takes_the_slot_and_a_pause_does_not() {
    let one = Slots { audio: 1, video: 0 };
    let mut m = Meeting::new(10);
    let (first, second) = (m.join(one, VOICE), m.join(one, VOICE));
    let receiver = m.join(one, &[]);
    let speak = |m: &mut Meeting, time, loud: usize, quiet: usize| {
        m.talk(time, |m, _| {
            let now = m.now;
            m.clients[loud].send(now, Source::Microphone, Codec::Opus, &[loud as u8; 120]);
            m.clients[quiet].send(now, Source::Microphone, Codec::Opus, &[quiet as u8; 40]);
        });
    };
    speak(&mut m, 4 * SECOND, first, second);
    assert!(m.clients[receiver].received.iter().all(|r| r.payload[0] == first as u8));
    speak(&mut m, 4 * SECOND, second, first);
    let last = m.clients[receiver].received.last().expect("media").payload[0];
    assert_eq!(last, second as u8);
}

#[test]
fn a_muted_track_keeps_its_slot() {
    let one = Slots { audio: 1, video: 1 };
    let mut m = Meeting::new(11);
    m.join(one, PERSON);
    let receiver = m.join(one, &[]);
    m.talk(3 * SECOND, |m, round| send(m, 0, round));
    m.set_tracks(0, &[(Source::Microphone, true), (Source::Camera, true)]);
    m.join(one, PERSON);
    m.talk(2 * SECOND, |m, round| send(m, 2, round));
    m.set_tracks(0, &[(Source::Microphone, false), (Source::Camera, false)]);
    m.talk(SECOND, send_all);
    let received = &m.clients[receiver].received;
    assert!(from(received, 2, Source::Camera).is_empty());
    let back = from(received, 0, Source::Camera);
    assert!(back.last().expect("media").at > m.now - Duration::from_millis(100));
}

#[test]
fn a_burst_is_forwarded_in_the_order_of_its_arrival() {
    // A key frame is a burst of packets. It waits for no pacing here, however low the estimate.
    let mut m = Meeting::new(12);
    m.join(FEW, PERSON);
    let receiver = m.join(FEW, &[]);
    m.talk(SECOND, |m, round| send(m, 0, round));
    m.clients[receiver].received.clear();
    let now = m.now;
    for _ in 0..200 {
        m.clients[0].send(now, Source::Camera, Codec::Vp8, &[0; 1_100]);
    }
    m.run(Duration::from_millis(25));
    let burst = m.clients[receiver].received.iter().filter(|r| r.payload.len() == 1_100);
    assert_eq!(burst.count(), 200);
}

#[test]
fn nothing_crosses_from_one_room_to_another() {
    let mut m = Meeting::new(13);
    let publisher = m.join(FEW, PERSON);
    let neighbour = m.join(FEW, &[]);
    m.room = RoomId::from_bytes([8; 16]);
    let stranger = m.join(FEW, PERSON);
    m.talk(SECOND, send_all);
    assert!(!m.clients[neighbour].received.is_empty());
    assert!(m.clients[publisher].received.is_empty() && m.clients[stranger].received.is_empty());
    assert!(m.clients[stranger].key_frame_requests_received.is_empty());
    assert_eq!(m.worker.rooms(), 2);
}

#[test]
fn a_participant_that_paused_for_a_minute_is_forwarded_as_before() {
    // Streams without packets rest after a while: nothing of that may be noticed.
    let mut m = Meeting::new(14);
    m.join(FEW, PERSON);
    m.join(FEW, PERSON);
    m.talk(SECOND, send_all);
    m.run(SECOND);
    let before = m.clients[1].received.len();
    let last = from(&m.clients[1].received, 0, Source::Camera).last().unwrap().seq;
    m.run(60 * SECOND);
    assert_eq!(m.clients[1].received.len(), before, "nobody sends");

    let now = m.now;
    let mid = from(&m.clients[1].received, 0, Source::Camera)[0].mid;
    m.clients[0].key_frame_requests_received.clear();
    m.clients[1].request_key_frame(now, mid);
    m.run(SECOND);
    assert!(
        !m.clients[0].key_frame_requests_received.is_empty(),
        "asked through a stream that rested"
    );

    m.talk(SECOND, send_all);
    let after = &m.clients[1].received[before..];
    for source in [Source::Microphone, Source::Camera] {
        assert!(from(after, 0, source).len() >= 45, "{source:?}");
    }
    assert_eq!(from(after, 0, Source::Camera)[0].seq, last + 1, "its numbers go on");
}
