//! A room over two workers is one room.

mod support;

use std::time::Duration;

use sfu_core::Limits;
use signaling_protocol::Source;
use str0m::format::Codec;
use support::client::{RIDS, Received};
use support::spread::Spread;
use support::{FEW, Slots};

const SECOND: Duration = Duration::from_secs(1);
const PERSON: &[Source] = &[Source::Microphone, Source::Camera];
const CAMERA: &[Source] = &[Source::Camera];

/// A payload that says whose it is and which one it is.
fn payload(client: usize, source: Source, number: u32) -> Vec<u8> {
    let mut payload = vec![client as u8, source as u8];
    payload.extend(number.to_be_bytes());
    payload.resize(200, 0x5a);
    payload
}

fn send(s: &mut Spread, client: usize, round: u32) {
    let now = s.now;
    let sender = &mut s.clients[client];
    sender.send(now, Source::Microphone, Codec::Opus, &payload(client, Source::Microphone, round));
    sender.send(now, Source::Camera, Codec::Vp8, &payload(client, Source::Camera, round));
}

fn send_all(s: &mut Spread, round: u32) {
    for client in 0..s.clients.len() {
        if !s.clients[client].gone {
            send(s, client, round);
        }
    }
}

fn from(received: &[Received], client: usize, source: Source) -> Vec<&Received> {
    received.iter().filter(|r| r.payload[..2] == [client as u8, source as u8]).collect()
}

#[test]
fn all_participants_receive_each_other_across_workers() {
    let mut s = Spread::new(61, 2);
    s.span(&[0, 1]);
    for worker in [0, 0, 1] {
        s.join(worker, FEW, PERSON);
    }
    s.talk(SECOND, send_all);
    for receiver in 0..3 {
        let received = &s.clients[receiver].received;
        for sender in (0..3).filter(|sender| *sender != receiver) {
            for source in [Source::Microphone, Source::Camera] {
                let packets = from(received, sender, source);
                assert!(packets.len() >= 45, "{receiver} got {} of {sender}", packets.len());
                let seqs: Vec<u64> = packets.iter().map(|p| p.seq).collect();
                assert!(seqs.windows(2).all(|w| w[1] == w[0] + 1), "in order, without a gap");
            }
        }
        assert!(from(received, receiver, Source::Camera).is_empty(), "nobody sees himself");
    }
    assert_eq!((s.workers[0].participants(), s.workers[1].participants()), (2, 1));
}

#[test]
fn a_packet_goes_once_to_each_worker_whatever_the_number_of_subscribers() {
    let mut s = Spread::new(62, 3);
    s.span(&[0, 1, 2]);
    let publisher = s.join(0, FEW, PERSON);
    for worker in [1, 1, 1, 2] {
        s.join(worker, FEW, &[]);
    }
    s.talk(SECOND, |s, round| send(s, publisher, round));
    s.run(SECOND / 10);
    // Two workers, two tracks, fifty packets.
    assert_eq!(s.packets, 200);
    assert_eq!(s.workers[0].counters().cascaded.packets, 200);
    assert_eq!(s.workers[0].counters().forwarded.packets, 0, "nobody is there to watch");
    assert_eq!(s.workers[1].counters().forwarded.packets, 300);
    assert_eq!(s.workers[1].counters().cascaded.packets, 0, "they go no further");
    for watcher in 1..5 {
        assert_eq!(from(&s.clients[watcher].received, publisher, Source::Camera).len(), 50);
    }
}

#[test]
fn no_packet_goes_to_a_worker_without_subscribers() {
    let mut s = Spread::new(63, 2);
    s.span(&[0, 1]);
    let publisher = s.join(0, FEW, CAMERA);
    let watcher = s.join(1, FEW, &[]);
    s.join(1, Slots { audio: 0, video: 0 }, &[]);
    s.constraint(watcher, &[(publisher, 0)]);
    s.talk(SECOND, |s, round| {
        let now = s.now;
        s.clients[publisher].send(
            now,
            Source::Camera,
            Codec::Vp8,
            &payload(0, Source::Camera, round),
        );
    });
    assert_eq!(s.packets, 0);
    s.constraint(watcher, &[(publisher, 300)]);
    s.talk(SECOND, |s, round| {
        let now = s.now;
        s.clients[publisher].send(
            now,
            Source::Camera,
            Codec::Vp8,
            &payload(0, Source::Camera, round),
        );
    });
    assert!((45..=50).contains(&s.packets), "{}", s.packets);
}

#[test]
fn a_room_on_one_worker_sends_no_cascade_messages() {
    let mut s = Spread::new(64, 2);
    s.join(0, FEW, PERSON);
    s.join(0, FEW, PERSON);
    s.talk(3 * SECOND, send_all);
    assert_eq!((s.packets, s.messages), (0, 0));
    assert!(from(&s.clients[0].received, 1, Source::Camera).len() > 140);
}

#[test]
fn key_frame_requests_across_workers_are_coalesced() {
    let mut s = Spread::new(65, 2);
    s.span(&[0, 1]);
    let publisher = s.join(0, FEW, PERSON);
    s.talk(SECOND, |s, round| send(s, publisher, round));
    assert!(s.clients[publisher].key_frame_requests_received.is_empty(), "nobody looks");
    let watchers = [s.join(1, FEW, &[]), s.join(1, FEW, &[])];
    s.talk(2 * SECOND, |s, round| send(s, publisher, round));
    assert!(
        !s.clients[publisher].key_frame_requests_received.is_empty(),
        "those who come need one"
    );
    s.clients[publisher].key_frame_requests_received.clear();
    let messages = s.messages;
    s.talk(2 * SECOND, |s, round| {
        send(s, publisher, round);
        let now = s.now;
        for watcher in watchers {
            let mid = from(&s.clients[watcher].received, publisher, Source::Camera)[0].mid;
            s.clients[watcher].request_key_frame(now, mid);
        }
    });
    s.talk(SECOND, |s, round| send(s, publisher, round));
    let asked = &s.clients[publisher].key_frame_requests_received;
    let camera = s.clients[publisher].mid(Source::Camera);
    assert!((3..=6).contains(&asked.len()), "200 requests became {}", asked.len());
    assert!(asked.iter().all(|(_, mid)| *mid == camera));
    assert!(s.messages - messages < 30, "the other worker is not flooded: {}", s.messages);
}

#[test]
fn a_participant_that_leaves_is_removed_on_both_workers() {
    let one = Slots { audio: 1, video: 1 };
    let mut s = Spread::new(66, 2);
    s.span(&[0, 1]);
    let (first, watcher) = (s.join(0, one, PERSON), s.join(1, one, &[]));
    let second = s.join(0, one, PERSON);
    s.talk(SECOND, send_all);
    assert!(!from(&s.clients[watcher].received, first, Source::Camera).is_empty());
    assert!(from(&s.clients[watcher].received, second, Source::Camera).is_empty(), "no slot");
    s.leave(first);
    s.talk(SECOND, send_all);
    let received = &s.clients[watcher].received;
    let (last, next) = (
        *from(received, first, Source::Camera).last().expect("media"),
        from(received, second, Source::Camera)[0],
    );
    assert_eq!((last.ssrc, last.seq + 1), (next.ssrc, next.seq), "the slot goes on, without a gap");
    s.leave(second);
    s.span(&[1]);
    assert_eq!((s.workers[0].rooms(), s.workers[0].participants()), (0, 0));
    assert_eq!((s.workers[1].rooms(), s.workers[1].participants()), (1, 1));
    let (packets, messages) = (s.packets, s.messages);
    s.run(3 * SECOND);
    assert_eq!((s.packets, s.messages), (packets, messages), "it is one worker's alone again");
    s.leave(watcher);
    assert_eq!((s.workers[1].rooms(), s.workers[1].participants()), (0, 0));
}

#[test]
fn a_long_muted_track_loses_its_slot_to_a_track_of_another_worker() {
    let one = Slots { audio: 1, video: 1 };
    let mut s = Spread::new(67, 2);
    s.span(&[0, 1]);
    let (first, watcher) = (s.join(0, one, PERSON), s.join(1, one, &[]));
    let second = s.join(1, one, PERSON);
    let muted = [(Source::Microphone, true), (Source::Camera, true)];
    s.talk(3 * SECOND, |s, round| send(s, first, round));
    s.set_tracks(first, &muted);
    s.talk(3 * SECOND, |s, round| send(s, second, round));
    let of = |s: &Spread, who| from(&s.clients[watcher].received, who, Source::Camera).len();
    assert_eq!(of(&s, second), 0, "a pause");
    s.talk(9 * SECOND, |s, round| send(s, second, round));
    assert!(of(&s, second) > 50);
    assert!(of(&s, first) > 140);
}

#[test]
fn the_more_active_audio_takes_the_slot_on_any_worker() {
    let one = Slots { audio: 1, video: 0 };
    let mut s = Spread::new(68, 2);
    s.span(&[0, 1]);
    let voice = &[Source::Microphone];
    let (first, second) = (s.join(0, one, voice), s.join(1, Slots { audio: 0, video: 0 }, voice));
    let receiver = s.join(1, one, &[]);
    let speak = |s: &mut Spread, loud: usize, quiet: usize| {
        s.talk(5 * SECOND, |s, _| {
            let now = s.now;
            s.clients[loud].send(now, Source::Microphone, Codec::Opus, &[loud as u8; 120]);
            s.clients[quiet].send(now, Source::Microphone, Codec::Opus, &[quiet as u8; 40]);
        });
    };
    let heard = |s: &Spread| s.clients[receiver].received.last().expect("sound").payload[0];
    speak(&mut s, second, first);
    assert_eq!(heard(&s), second as u8);
    speak(&mut s, first, second);
    assert_eq!(heard(&s), first as u8, "told though nobody here is sent it");
}

/// A VP8 packet with its descriptor (RFC 7741), and which encoding it is; 50 of them a second.
fn encoded(encoding: usize, number: u32, key: bool) -> Vec<u8> {
    let picture = (number as u16).wrapping_add(encoding as u16 * 9_000) & 0x7fff;
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let mut payload = vec![0x90, 0xe0, high, low, number as u8, 0, u8::from(!key), encoding as u8];
    payload.resize([300, 700, 1_100][encoding], 0x5a);
    payload
}

/// The publisher sends what it is told to send, with key frames when it is asked for them.
fn publish(s: &mut Spread, publisher: usize, numbers: &mut [u32; 3], time: Duration) {
    s.talk(time, |s, _| {
        let wanted = s.wanted(publisher);
        for encoding in 0..RIDS.len() {
            if !wanted[encoding] {
                s.clients[publisher].encodings_refreshed[encoding] = true;
                continue;
            }
            let key = std::mem::take(&mut s.clients[publisher].encodings_refreshed[encoding]);
            numbers[encoding] += 1;
            let (now, number) = (s.now, numbers[encoding]);
            let payload = encoded(encoding, number, key);
            s.clients[publisher].send_encoding(now, encoding, number, &payload);
        }
    });
}

#[test]
fn a_publisher_is_told_the_encodings_that_all_workers_want() {
    let mut s = Spread::new(69, 2);
    s.span(&[0, 1]);
    let publisher = s.join_with(0, FEW, CAMERA, true);
    let (near, far) = (s.join(0, FEW, &[]), s.join(1, FEW, &[]));
    let mut numbers = [0; 3];
    s.constraint(near, &[(publisher, 180)]);
    s.constraint(far, &[(publisher, 400)]);
    publish(&mut s, publisher, &mut numbers, 8 * SECOND);
    assert_eq!(s.wanted(publisher), [true, true, false]);
    let shown = |s: &Spread, who: usize| s.clients[who].received.last().map(|r| r.payload[7]);
    assert_eq!((shown(&s, near), shown(&s, far)), (Some(0), Some(1)));
    let before = s.packets;
    publish(&mut s, publisher, &mut numbers, SECOND);
    assert!((45..=55).contains(&(s.packets - before)), "one encoding crosses, not two");
    s.constraint(far, &[(publisher, 0)]);
    publish(&mut s, publisher, &mut numbers, 3 * SECOND);
    assert_eq!(s.wanted(publisher), [true, false, false]);
    s.constraint(near, &[(publisher, 0)]);
    publish(&mut s, publisher, &mut numbers, 3 * SECOND);
    assert_eq!(s.wanted(publisher), [false; 3]);
    s.constraint(far, &[(publisher, 180)]);
    assert_eq!(s.wanted(publisher), [true, false, false], "at once");
}

#[test]
fn a_switch_of_encodings_over_workers_waits_for_a_key_frame_and_leaves_no_gap() {
    let mut s = Spread::new(70, 2);
    s.span(&[0, 1]);
    let publisher = s.join_with(0, FEW, CAMERA, true);
    let far = s.join(1, FEW, &[]);
    let mut numbers = [0; 3];
    for height in [180, 400, 180, 1_080] {
        s.constraint(far, &[(publisher, height)]);
        publish(&mut s, publisher, &mut numbers, 6 * SECOND);
    }
    let mut received: Vec<&Received> = s.clients[far].received.iter().collect();
    received.sort_by_key(|r| r.seq);
    for pair in received.windows(2) {
        assert_eq!(pair[1].seq, pair[0].seq + 1, "no gap");
        if pair[0].payload[7] != pair[1].payload[7] {
            assert_eq!(pair[1].payload[6], 0, "begins with a key frame");
        }
    }
    let mut shown: Vec<u8> = received.iter().map(|r| r.payload[7]).collect();
    shown.dedup();
    assert_eq!(shown.first(), Some(&0));
    assert!(shown.contains(&1) && shown.contains(&2), "all had their turn: {shown:?}");
}

#[test]
fn workers_may_learn_of_each_other_late_and_in_any_order() {
    for order in [[0, 1], [1, 0]] {
        let mut s = Spread::new(71, 2);
        let clients = [s.join(0, FEW, PERSON), s.join(1, FEW, PERSON)];
        // Nobody sends anything, so nothing changes that would be told again by itself.
        for worker in order {
            s.set_cascade_peers(worker, &[0, 1]);
            s.run(SECOND);
        }
        s.talk(SECOND, send_all);
        for client in clients {
            assert!(from(&s.clients[client].received, 1 - client, Source::Camera).len() >= 45);
        }
    }
}

#[test]
fn merged_messages_have_the_same_outcome() {
    let mut s = Spread::new(72, 2);
    s.held_back = true;
    s.span(&[0, 1]);
    let (publisher, watcher) = (s.join(0, FEW, PERSON), s.join(1, FEW, &[]));
    let passer_by = s.join(0, FEW, PERSON);
    s.set_tracks(publisher, &[]);
    s.set_tracks(publisher, &[(Source::Camera, false)]);
    s.leave(passer_by);
    s.run(SECOND);
    assert_eq!(s.packets, 0);
    s.deliver();
    s.talk(SECOND, |s, round| send(s, publisher, round));
    let received = &s.clients[watcher].received;
    assert!(from(received, publisher, Source::Camera).len() >= 45);
    assert!(
        from(received, publisher, Source::Microphone).is_empty(),
        "it is not announced any more"
    );
}

#[test]
fn remote_participants_are_bounded_and_unknown_rooms_are_ignored() {
    let limits = Limits { participants_per_room: 2, participants: 9 };
    let mut s = Spread::with_limits(73, 4, limits);
    s.span(&[0, 1, 2]);
    // The last worker does not know of the room, but another one thinks so.
    s.set_cascade_peers(0, &[0, 1, 2, 3]);
    let watcher = s.join(1, Slots { audio: 4, video: 4 }, &[]);
    let others = [0, 0, 2, 2].map(|worker| s.join(worker, FEW, PERSON));
    s.talk(SECOND, |s, round| others.iter().for_each(|client| send(s, *client, round)));
    let received = &s.clients[watcher].received;
    let seen = others.iter().filter(|c| !from(received, **c, Source::Camera).is_empty());
    assert_eq!(seen.count(), 2);
    assert_eq!((s.workers[3].rooms(), s.workers[3].participants()), (0, 0));
    assert_eq!(s.workers[1].participants(), 1, "guests are not its own");
    let now = s.now;
    s.workers[1].close(now);
    assert_eq!((s.workers[1].rooms(), s.workers[1].participants()), (0, 0));
}
