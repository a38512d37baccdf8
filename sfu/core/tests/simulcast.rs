//! Several encodings of a camera: each subscriber gets the one that fits, without a gap.

mod support;

use std::time::Duration;

use sfu_core::MediaCommand;
use sfu_core::OverloadLevel;
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, Source};
use support::client::{RIDS, Received};
use support::{FEW, Meeting, Slots};

const SECOND: Duration = Duration::from_secs(1);
/// Of a frame of each encoding; 50 of them a second.
const SIZES: [usize; 3] = [300, 1_000, 1_180];
/// Packets that make up a frame of each encoding: 120, 400 and 1,416 kbit/s.
const PACKETS: [u32; 3] = [1, 1, 3];

/// A VP8 packet with its descriptor (RFC 7741): a picture id of 15 bits and TL0PICIDX; after the
/// first byte of the frame, which encoding and which frame it is.
fn packet(encoding: usize, number: u32, begins: bool, key: bool) -> Vec<u8> {
    let picture = (number as u16).wrapping_add(encoding as u16 * 9_000) & 0x7fff;
    let [high, low] = (picture | 0x8000).to_be_bytes();
    let start = 0x80 | u8::from(begins) << 4;
    let mut payload = vec![start, 0xe0, high, low, number as u8, 0, u8::from(!key), encoding as u8];
    payload.extend(number.to_be_bytes());
    payload.resize(SIZES[encoding], 0x5a);
    payload
}

struct Call {
    m: Meeting,
    frame: u32,
    packets: [u32; 3],
}

impl Call {
    /// One who publishes three encodings, and some who watch.
    fn new(seed: u64, watchers: usize) -> Self {
        let mut m = Meeting::new(seed);
        let publisher = m.add();
        m.clients[publisher].simulcast = true;
        m.offer(publisher, FEW);
        m.announce(publisher, &[Source::Camera]);
        m.run_until("the publisher to be connected", |m| m.clients[publisher].connected);
        for _ in 0..watchers {
            m.join(FEW, &[]);
        }
        Self { m, frame: 0, packets: [0; 3] }
    }

    /// The publisher sends what it is told to send, with key frames when it is asked for them.
    fn run(&mut self, time: Duration) {
        let Self { m, frame, packets } = self;
        m.talk(time, |m, _| {
            *frame += 1;
            let wanted = m.wanted(0);
            for encoding in 0..RIDS.len() {
                if !wanted[encoding] {
                    // It has to begin anew with a key frame.
                    m.clients[0].encodings_refreshed[encoding] = true;
                    continue;
                }
                let refreshed = &mut m.clients[0].encodings_refreshed[encoding];
                let key = std::mem::take(refreshed);
                for part in 0..PACKETS[encoding] {
                    packets[encoding] += 1;
                    let payload = packet(encoding, *frame, part == 0, key);
                    let now = m.now;
                    m.clients[0].send_encoding(now, encoding, packets[encoding], &payload);
                }
            }
        });
    }

    fn received(&self, watcher: usize) -> &[Received] {
        &self.m.clients[watcher].received
    }

    /// The encoding that came last.
    fn shown(&self, watcher: usize) -> Option<u8> {
        self.received(watcher).last().map(|r| r.payload[7])
    }
}

/// Fails on input that a decoder must never see: a gap in the numbering, or a new encoding without a key frame.
fn assert_continuous(received: &[Received]) {
    let mut sorted: Vec<&Received> = received.iter().collect();
    sorted.sort_by_key(|r| r.seq);
    for pair in sorted.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        assert_eq!(b.seq, a.seq + 1, "no gap");
        let step = b.timestamp.wrapping_sub(a.timestamp);
        assert!(step < 90_000, "time moves on: {step}");
        let picture = |r: &Received| u16::from_be_bytes([r.payload[2] & 0x7f, r.payload[3]]);
        let pictures = picture(b).wrapping_sub(picture(a)) & 0x7fff;
        assert!(pictures <= 1, "pictures are numbered one after the other: {pictures}");
        if a.payload[7] != b.payload[7] {
            assert_eq!((b.payload[0] & 0x10, b.payload[6]), (0x10, 0), "begins with a key frame");
            assert!(step > 0 && pictures == 1, "another frame");
        }
    }
}

#[test]
fn each_subscriber_gets_the_encoding_that_fits_its_screen() {
    let mut call = Call::new(31, 3);
    for (watcher, height) in [(1, 180), (2, 400), (3, 1_080)] {
        call.m.constraint(watcher, &[(0, height)]);
    }
    call.run(8 * SECOND);
    assert_eq!([1, 2, 3].map(|watcher| call.shown(watcher)), [Some(0), Some(1), Some(2)]);
    for watcher in 1..=3 {
        assert!(call.received(watcher).len() > 100);
        assert_continuous(call.received(watcher));
    }
}

#[test]
fn a_switch_leaves_no_gap_and_waits_for_a_key_frame() {
    let mut call = Call::new(32, 1);
    for height in [180, 1_080, 400, 180, 720, 180] {
        call.m.constraint(1, &[(0, height)]);
        call.run(5 * SECOND);
    }
    assert_continuous(call.received(1));
    let shown: std::collections::BTreeSet<u8> =
        call.received(1).iter().map(|r| r.payload[7]).collect();
    assert_eq!(shown.len(), 3, "all encodings had their turn");
}

#[test]
fn unused_encodings_stop_and_resume_quickly() {
    let mut call = Call::new(33, 2);
    call.m.constraint(1, &[(0, 180)]);
    call.m.constraint(2, &[(0, 180)]);
    call.run(2 * SECOND);
    assert_eq!(call.m.wanted(0), [true, false, false]);
    call.m.constraint(1, &[]);
    call.m.constraint(2, &[(0, 0)]);
    call.m.constraint(1, &[(0, 0)]);
    call.run(2 * SECOND);
    assert_eq!(call.m.wanted(0), [false; 3], "nobody has it on the screen");
    let before = call.received(1).len();
    call.m.constraint(1, &[(0, 180)]);
    assert_eq!(call.m.wanted(0), [true, false, false], "at once");
    call.run(SECOND / 2);
    assert!(call.received(1).len() > before + 10, "it is seen again within half a second");
}

#[test]
fn an_encoding_that_the_publisher_stops_is_replaced() {
    let mut call = Call::new(34, 1);
    call.m.constraint(1, &[(0, 1_080)]);
    call.run(8 * SECOND);
    assert_eq!(call.shown(1), Some(2));
    // Its processor is too slow: what a browser does by itself, whatever it is told.
    let Call { m, frame, packets } = &mut call;
    m.talk(3 * SECOND, |m, _| {
        *frame += 1;
        packets[0] += 1;
        let key = std::mem::take(&mut m.clients[0].encodings_refreshed[0]);
        let payload = packet(0, *frame, true, key);
        let now = m.now;
        m.clients[0].send_encoding(now, 0, packets[0], &payload);
    });
    assert_eq!(call.shown(1), Some(0));
    assert!(call.m.wanted(0)[2], "it is still wanted");
    call.m.clients[0].encodings_refreshed[2] = true;
    call.run(3 * SECOND);
    assert_eq!(call.shown(1), Some(2), "and taken when it is back");
}

#[test]
fn a_busy_worker_sends_the_lowest_encodings_except_of_pinned_tracks() {
    let mut call = Call::new(36, 2);
    call.m.constraint(1, &[(0, 1_080)]);
    let constraint = |pinned| ReceiverVideoConstraint {
        participant: ParticipantId(1),
        source: Source::Camera,
        height: 1_080,
        pinned,
    };
    let pin = |call: &mut Call, pinned| {
        let (room, participant) = (call.m.room.clone(), call.m.clients[2].id);
        call.m.command(MediaCommand::ReceiverVideoConstraints {
            room,
            participant,
            constraints: vec![constraint(pinned)],
        });
    };
    let run = |call: &mut Call, halves: u32, load: f64| {
        for _ in 0..halves {
            let now = call.m.now;
            call.m.worker.handle_load(now, load);
            call.run(SECOND / 2);
        }
    };
    pin(&mut call, true);
    run(&mut call, 16, 0.8);
    assert_eq!([1, 2].map(|watcher| call.shown(watcher)), [Some(2); 2]);
    run(&mut call, 8, 0.95);
    assert_eq!(call.m.worker.overload_level(), OverloadLevel::LowestEncodings);
    assert_eq!([1, 2].map(|watcher| call.shown(watcher)), [Some(0), Some(2)]);
    assert_eq!(call.m.wanted(0), [true, false, true]);
    pin(&mut call, false);
    run(&mut call, 8, 0.95);
    assert_eq!([1, 2].map(|watcher| call.shown(watcher)), [Some(0); 2]);
    assert_eq!(call.m.wanted(0), [true, false, false], "the publisher need not send more");
    run(&mut call, 40, 0.3);
    assert_eq!([1, 2].map(|watcher| call.shown(watcher)), [Some(2); 2]);
    assert_continuous(call.received(1));
    assert_continuous(call.received(2));
}

#[test]
fn a_single_slot_goes_to_the_track_on_the_screen() {
    let mut m = Meeting::new(35);
    let watcher = m.join(Slots { audio: 1, video: 1 }, &[]);
    let (a, b) = (m.join(FEW, &[Source::Camera]), m.join(FEW, &[Source::Camera]));
    let talk = |m: &mut Meeting| {
        m.talk(SECOND, |m, round| {
            let now = m.now;
            for client in [a, b] {
                let payload = [vec![client as u8], round.to_be_bytes().to_vec()].concat();
                m.clients[client].send(now, Source::Camera, str0m::format::Codec::Vp8, &payload);
            }
        });
    };
    m.constraint(watcher, &[(a, 0), (b, 300)]);
    talk(&mut m);
    m.clients[watcher].received.clear();
    m.constraint(watcher, &[(a, 300), (b, 0)]);
    talk(&mut m);
    let received = &m.clients[watcher].received;
    let late = received.iter().skip(received.len() / 2);
    assert!(received.len() > 40 && late.clone().all(|r| r.payload[0] == a as u8));
}
