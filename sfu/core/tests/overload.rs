//! A worker that cannot keep up gives up pictures, and voices go on.

mod support;

use std::time::Duration;

use sfu_core::{DropReason, OverloadLevel};
use signaling_protocol::Source;
use str0m::format::Codec;
use support::client::Received;
use support::{FEW, Meeting};

const SECOND: Duration = Duration::from_secs(1);
const PERSON: &[Source] = &[Source::Microphone, Source::Camera];

/// Everybody sends sound and a picture; the worker finds the end of what came, or never.
fn talk(m: &mut Meeting, seconds: u32, late: bool, load: f64) {
    m.talk(seconds * SECOND, |m, round| {
        let now = m.now;
        m.worker.handle_read(now, late);
        if round % 25 == 0 {
            m.worker.handle_load(now, load);
        }
        for client in &mut m.clients {
            client.send(now, Source::Microphone, Codec::Opus, &[1; 100]);
            client.send(now, Source::Camera, Codec::Vp8, &[2; 1_000]);
        }
    });
}

fn heard(m: &Meeting, receiver: usize) -> usize {
    m.clients[receiver].received.iter().filter(|r| r.payload[0] == 1).count()
}

fn seen(m: &Meeting, receiver: usize) -> Vec<&Received> {
    m.clients[receiver].received.iter().filter(|r| r.payload[0] == 2).collect()
}

#[test]
fn audio_passes_while_video_is_shed_and_video_resumes_without_a_gap() {
    let mut m = Meeting::new(60);
    for _ in 0..3 {
        m.join(FEW, PERSON);
    }
    talk(&mut m, 2, true, 0.9);
    assert_eq!(m.worker.overload_level(), OverloadLevel::Shedding);
    let before: Vec<(usize, usize)> =
        (0..3).map(|client| (heard(&m, client), seen(&m, client).len())).collect();
    m.clients.iter_mut().for_each(|client| client.key_frame_requests_received.clear());
    talk(&mut m, 2, true, 0.9);
    for (client, (voices, pictures)) in before.into_iter().enumerate() {
        assert!(heard(&m, client) - voices >= 190, "two voices of 50 packets a second");
        assert_eq!(seen(&m, client).len(), pictures);
        assert_eq!(m.clients[client].key_frame_requests_received, [], "they would be shed as well");
    }
    let shed = m.worker.counters().dropped(DropReason::Shed);
    assert!((300..=600).contains(&shed), "150 a second: {shed}");

    talk(&mut m, 3, false, 0.2);
    assert!(m.clients.iter().all(|client| !client.key_frame_requests_received.is_empty()));
    for client in 0..3 {
        let mut received = seen(&m, client);
        assert!(received.len() >= 150, "{} pictures", received.len());
        received.sort_by_key(|r| (r.ssrc, r.seq));
        let gaps =
            received.windows(2).filter(|w| w[0].ssrc == w[1].ssrc && w[1].seq != w[0].seq + 1);
        assert_eq!(gaps.count(), 0);
    }
    let shed = m.worker.counters().dropped(DropReason::Shed);
    talk(&mut m, 15, false, 0.2);
    assert_eq!(m.worker.overload_level(), OverloadLevel::Normal);
    assert_eq!(m.worker.counters().dropped(DropReason::Shed), shed);
}
