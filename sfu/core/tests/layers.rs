//! A stream with layers: each subscriber is sent as many as it has use for, without a gap.

mod support;

use std::time::Duration;

use sfu_core::MediaCommand;
use signaling_protocol::{ReceiverVideoConstraint, Source};
use str0m::format::Codec;
use support::client::Received;
use support::{FEW, Meeting};

const SECOND: Duration = Duration::from_secs(1);

/// A VP9 packet that is a whole frame of its layer (RFC 9628 section 4.2): a picture id of 15 bits,
/// the layers, and at last which frame it is.
fn packet(picture: u32, (spatial, temporal): (u8, u8), key: bool) -> Vec<u8> {
    let [high, low] = (picture as u16 | 0x8000).to_be_bytes();
    let flags = 0x80 | u8::from(!key) << 6 | 0x20 | 0x08 | 0x04;
    let mut payload = vec![flags, high, low, temporal << 5 | 0x10 | spatial << 1, 0];
    payload.extend(picture.to_be_bytes());
    payload.resize(400, 0x5a);
    payload
}

fn layers(received: &Received) -> (u8, u8) {
    (received.payload[3] >> 1 & 0b111, received.payload[3] >> 5)
}

fn picture(received: &Received) -> u32 {
    u32::from_be_bytes(received.payload[5..9].try_into().expect("four bytes"))
}

struct Share {
    m: Meeting,
    picture: u32,
    /// Of the frames of one picture after the other, again and again.
    pictures: Vec<Vec<(u8, u8)>>,
}

impl Share {
    /// One who shares a screen in these layers, and some who watch it at these heights.
    fn new(seed: u64, pictures: Vec<Vec<(u8, u8)>>, heights: &[u16]) -> Self {
        let mut m = Meeting::new(seed);
        m.join(FEW, &[Source::Screen]);
        let mut share = Self { m, picture: 0, pictures };
        for height in heights {
            let watcher = share.m.join(FEW, &[]);
            share.constraint(watcher, *height);
        }
        share
    }

    fn constraint(&mut self, watcher: usize, height: u16) {
        let (room, participant) = (self.m.room.clone(), self.m.clients[watcher].id);
        let of = self.m.clients[0].id;
        let constraint = ReceiverVideoConstraint {
            participant: of,
            source: Source::Screen,
            height,
            pinned: false,
        };
        self.m.command(MediaCommand::ReceiverVideoConstraints {
            room,
            participant,
            constraints: vec![constraint],
        });
    }

    /// Sends 50 pictures a second, and a key frame where one is asked for.
    fn run(&mut self, time: Duration) {
        let Self { m, picture, pictures } = self;
        m.talk(time, |m, _| {
            *picture += 1;
            let now = m.now;
            let frames = &pictures[*picture as usize % pictures.len()];
            let key = *picture == 1
                || !std::mem::take(&mut m.clients[0].key_frame_requests_received).is_empty();
            for (at, layers) in frames.iter().enumerate() {
                let place = (*picture * 1_800, at + 1 == frames.len());
                let payload = packet(*picture, *layers, key);
                m.clients[0].send_part(now, Source::Screen, Codec::Vp9, place, &payload);
            }
        });
    }

    /// Returns the packets received since the last call, ordered by sequence number.
    fn news(&mut self, watcher: usize) -> Vec<Received> {
        let mut received = std::mem::take(&mut self.m.clients[watcher].received);
        received.sort_by_key(|r| r.seq);
        let gap = received.windows(2).find(|pair| pair[1].seq != pair[0].seq + 1);
        assert!(gap.is_none(), "no gap that would look like loss");
        received
    }
}

#[test]
fn a_small_tile_gets_fewer_temporal_layers_and_a_larger_one_more_again() {
    let pictures = [0, 2, 1, 2].map(|temporal| vec![(0, temporal)]).to_vec();
    let mut share = Share::new(51, pictures, &[180, 400, 1_080]);
    share.run(3 * SECOND);
    (1..=3).for_each(|watcher| drop(share.news(watcher)));
    share.run(4 * SECOND);
    let seen = |share: &mut Share, watcher| {
        let news = share.news(watcher);
        let highest = news.iter().map(|r| layers(r).1).max();
        (highest, (news.len() + 5) / 10)
    };
    assert_eq!(seen(&mut share, 1), (Some(0), 5), "a quarter of 200");
    assert_eq!(seen(&mut share, 2), (Some(1), 10));
    assert_eq!(seen(&mut share, 3), (Some(2), 20));

    share.constraint(1, 1_080);
    share.run(SECOND);
    share.news(1);
    share.run(2 * SECOND);
    assert_eq!(seen(&mut share, 1), (Some(2), 10), "all of them");
    assert!(share.m.clients[0].key_frame_requests_received.is_empty(), "without a key frame");
}

#[test]
fn a_small_tile_gets_fewer_spatial_layers_and_a_larger_one_waits_for_a_key_frame() {
    let pictures = vec![[0, 1, 2].map(|spatial| (spatial, 0)).to_vec()];
    let mut share = Share::new(52, pictures, &[180, 400, 1_080]);
    share.run(3 * SECOND);
    (1..=3).for_each(|watcher| drop(share.news(watcher)));
    share.run(2 * SECOND);
    for (watcher, top) in [(1, 0), (2, 1), (3, 2)] {
        let news = share.news(watcher);
        assert!(news.len() >= 95 * (usize::from(top) + 1), "{}", news.len());
        assert!(news.iter().all(|r| layers(r).0 <= top));
        assert!(news.iter().all(|r| r.marker == (layers(r).0 == top)), "each picture ends");
    }

    share.constraint(1, 1_080);
    share.run(3 * SECOND);
    let news = share.news(1);
    let first = news.iter().find(|r| layers(r).0 == 2).expect("larger pictures");
    let begins = news.iter().find(|r| picture(r) == picture(first)).unwrap();
    assert_eq!(begins.payload[0] & 0x40, 0, "with a key frame");
    let later = news.iter().filter(|r| picture(r) >= picture(first));
    assert!(later.filter(|r| layers(r).0 == 2).count() > 50, "and from then on");
}
