//! Benchmarks the SFU core without sockets: forwarding a frame to many subscribers, and allocating
//! receive slots. The clients are those of the core's tests, in virtual time, and are not measured.

// The lints that the core's tests expect are not enabled here.
#[allow(unfulfilled_lint_expectations)]
#[path = "../../sfu/core/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sfu_core::MediaCommand;
use signaling_protocol::Source;
use str0m::format::Codec;

use support::{Datagram, Meeting, Slots};

/// Packets per frame: 1.5 Mbit/s at 30 frames per second.
const PACKETS: u64 = 6;
const PAYLOAD: [u8; 1_100] = [0x5a; 1_100];
const FRAME: Duration = Duration::from_millis(33);

/// Creates a meeting with one publisher and `subscribers` viewers.
fn webinar(subscribers: usize, slots: Slots) -> Meeting {
    let mut meeting = Meeting::new(1);
    meeting.join(slots, &[Source::Microphone, Source::Camera]);
    for _ in 0..subscribers {
        meeting.join(slots, &[]);
    }
    for _ in 0..30 {
        frame(&mut meeting);
    }
    meeting
}

/// Sends a frame; returns the time that the worker takes from the first packet received to the last
/// one sent.
fn frame(meeting: &mut Meeting) -> Duration {
    for _ in 0..PACKETS {
        let now = meeting.now;
        meeting.clients[0].send(now, Source::Camera, Codec::Vp8, &PAYLOAD);
    }
    // Takes the packets from the network before it delivers them.
    meeting.network.log = Some(Vec::new());
    let now = meeting.now;
    meeting.clients[0].handle_timeout(now);
    meeting.clients[0].drain(now, &mut meeting.network);
    let sent: Vec<Datagram> = meeting.network.log.take().unwrap_or_default();
    let publisher = meeting.clients[0].address;
    meeting.network.cut(publisher);

    let started = Instant::now();
    for datagram in &sent {
        let Datagram { source, destination, contents, .. } = datagram;
        meeting.worker.handle_datagram(now, *source, *destination, contents);
    }
    meeting.worker.handle_timeout(now);
    let mut out = Vec::new();
    while let Some(transmit) = meeting.worker.poll_transmit() {
        out.push((
            transmit.source,
            transmit.destination,
            transmit.segment,
            transmit.contents.to_vec(),
        ));
    }
    let elapsed = started.elapsed();

    meeting.network.mend(publisher);
    for (source, destination, segment, contents) in out {
        for datagram in contents.chunks(segment) {
            meeting.network.send(now, source, destination, datagram.to_vec());
        }
    }
    // The clients send feedback and reports, as browsers do.
    meeting.run(FRAME);
    for client in &mut meeting.clients {
        client.received.clear();
    }
    meeting.events.clear();
    elapsed
}

fn forward(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("forward a frame");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (subscribers, slots) in [
        (10, Slots { audio: 8, video: 16 }),
        (50, Slots { audio: 8, video: 16 }),
        (50, Slots { audio: 1, video: 1 }),
    ] {
        let mut meeting = webinar(subscribers, slots);
        let name = format!("to {subscribers} with {} slots", slots.audio + slots.video);
        group.throughput(Throughput::Elements(PACKETS * subscribers as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| frame(&mut meeting)).sum());
        });
    }
    group.finish();
}

/// All participants publish, and one mutes and unmutes its camera, which reallocates the slots of all
/// others.
fn allocate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("allocate slots");
    group.sample_size(20).measurement_time(Duration::from_secs(3));
    for participants in [10, 50] {
        let mut meeting = Meeting::new(1);
        for _ in 0..participants {
            let client = meeting.add();
            meeting.offer(client, Slots { audio: 8, video: 16 });
            meeting.announce(client, &[Source::Microphone, Source::Camera]);
        }
        let participant = meeting.clients[0].id;
        let mid = |source| meeting.clients[0].mid(source).to_string();
        let tracks = |muted| {
            [Source::Microphone, Source::Camera]
                .map(|source| signaling_protocol::Track { mid: mid(source), source, muted })
                .to_vec()
        };
        let (on, off, room) = (tracks(false), tracks(true), meeting.room.clone());
        let mut muted = false;
        group.bench_function(BenchmarkId::from_parameter(participants), |bencher| {
            bencher.iter(|| {
                muted = !muted;
                let tracks = if muted { off.clone() } else { on.clone() };
                let command = MediaCommand::SetTracks { room: room.clone(), participant, tracks };
                meeting.worker.handle_command(meeting.now, command);
                while meeting.worker.poll_event().is_some() {}
            });
        });
    }
    group.finish();
}

criterion_group!(benches, forward, allocate);
criterion_main!(benches);
