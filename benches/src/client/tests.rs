//! Tests clients against the SFU core, datagram by datagram in virtual time.

use std::time::{Duration, Instant};

use sfu_core::{Certificate, Limits, PacketKind, Worker, WorkerConfig};
use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, RoomId};

use super::*;
use crate::media::{LinkConfig, LinkEmulator, LinkStep};
use crate::report::links::evaluate_steps;

const STEP: Duration = Duration::from_millis(1);
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 8190);

struct Meeting {
    now: Instant,
    worker: Worker,
    clients: Vec<Client>,
    /// One of this many media packets to the last client is lost.
    loss: Option<usize>,
    /// The link of the last client.
    link: Option<LinkEmulator>,
    media_sent: usize,
}

impl Meeting {
    /// Creates a meeting with a speaker and two viewers.
    fn new(loss: Option<usize>) -> Self {
        Self::with(loss, false)
    }

    fn with(loss: Option<usize>, simulcast: bool) -> Self {
        let now = crate::frame_stamp::epoch();
        let identity = Identity::generate().expect("a certificate");
        let mut worker = Worker::new(WorkerConfig {
            candidates: vec![SERVER],
            tcp_candidates: Vec::new(),
            certificate: Certificate::generate().expect("a certificate"),
            limits: Limits::default(),
            estimate_bandwidth: true,
        });
        let room = RoomId::from_bytes([1; 16]);
        let mut clients = Vec::new();
        for number in 0..3u32 {
            let camera =
                TrackConfig { source: Source::Camera, frames_per_second: 30.0, kbps: 1_700 };
            let audio =
                TrackConfig { source: Source::Microphone, frames_per_second: 50.0, kbps: 32 };
            let config = ClientConfig {
                number,
                seed: number.into(),
                publishes: if number == 0 { vec![audio, camera] } else { Vec::new() },
                simulcast,
                sources: SOURCES.to_vec(),
                slots: ReceiveSlots { audio: 1, video: 1 },
                depth: if simulcast { Depth::Encodings } else { Depth::Sampled },
            };
            let address = SocketAddr::from(([198, 51, 100, 1], 5_000 + number as u16));
            let (mut client, sdp) =
                Client::offer(now, config, FrameProtection::Opaque, &identity, address);
            let participant = ParticipantId(number + 1);
            let (room, tracks) = (room.clone(), client.tracks());
            worker
                .handle_command(now, MediaCommand::Offer { room: room.clone(), participant, sdp });
            let reports = std::iter::from_fn(|| worker.poll_event()).map(|event| event.report);
            let answer = reports.into_iter().find_map(|report| {
                if let MediaReport::Answer { sdp } = report { Some(sdp) } else { None }
            });
            let sdp = answer.expect("an answer");
            worker.handle_command(now, MediaCommand::SetTracks { room, participant, tracks });
            client.answer(now, &sdp, &identity).expect("a fitting answer");
            clients.push(client);
        }
        Self { now, worker, clients, loss, link: None, media_sent: 0 }
    }

    /// Sets the height at which a viewer requests the speaker's camera.
    fn set_constraint(&mut self, client: u32, height: u16) {
        let participant = ParticipantId(1);
        let constraint =
            ReceiverVideoConstraint { participant, source: Source::Camera, height, pinned: false };
        let room = RoomId::from_bytes([1; 16]);
        let participant = ParticipantId(client + 1);
        let command = MediaCommand::ReceiverVideoConstraints {
            room,
            participant,
            constraints: vec![constraint],
        };
        self.worker.handle_command(self.now, command);
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        for client in &mut self.clients {
            if client.poll_timeout().is_some_and(|at| at <= now) {
                client.handle_timeout(now, Duration::from_secs(1_800_000_000)).expect("connected");
            }
            if client.is_connected() {
                client.sender.start(now);
            }
            let out = std::mem::take(&mut client.out);
            for datagram in out.datagrams() {
                match self.link.as_mut().filter(|_| client.config.number == 2) {
                    Some(link) => link.push_up(now, datagram),
                    None => self.worker.handle_datagram(now, client.address, SERVER, datagram),
                }
            }
        }
        if let Some(link) = &mut self.link {
            link.handle_timeout(now);
            while let Some(datagram) = link.poll_up() {
                self.worker.handle_datagram(now, self.clients[2].address, SERVER, &datagram);
            }
            while let Some(datagram) = link.poll_down() {
                self.clients[2].handle_datagram(now, &datagram).expect("connected");
            }
        }
        self.worker.handle_timeout(now);
        while let Some(event) = self.worker.poll_event() {
            if let MediaReport::SubscribedQuality(quality) = &event.report {
                self.clients[event.participant.0 as usize - 1].set_subscribed_quality(quality);
            }
        }
        while let Some(transmit) = self.worker.poll_transmit() {
            let at = usize::from(transmit.destination.port() - 5_000);
            for datagram in transmit.datagrams() {
                if at == 2 && Kind::of(datagram) == Kind::Rtp {
                    self.media_sent += 1;
                    if self.loss.is_some_and(|every| self.media_sent.is_multiple_of(every)) {
                        continue;
                    }
                }
                match self.link.as_mut().filter(|_| at == 2) {
                    Some(link) => link.push_down(now, datagram),
                    None => self.clients[at].handle_datagram(now, datagram).expect("connected"),
                }
            }
        }
    }

    fn start_counting(&mut self) {
        for client in &mut self.clients {
            client.sender.start_counting();
            client.receiver.start_counting();
        }
        self.link.iter_mut().for_each(|link| link.start_counting(self.now));
    }

    fn video(&self, client: usize) -> StreamStats {
        let streams = self.clients[client].receiver.streams(self.now);
        streams.into_iter().find(|stream| !stream.audio).expect("video was received")
    }

    fn audio(&self, client: usize) -> StreamStats {
        let streams = self.clients[client].receiver.streams(self.now);
        streams.into_iter().find(|stream| stream.audio).expect("audio was received")
    }
}

#[test]
fn media_of_one_client_is_received_by_the_others() {
    let mut meeting = Meeting::new(None);
    meeting.run(Duration::from_secs(5));
    assert!(meeting.clients.iter().all(Client::is_connected));
    for viewer in [1, 2] {
        let stats = &meeting.clients[viewer].receiver.stats;
        assert!(stats.first_frame.is_some());
        assert_eq!((stats.unauthentic, stats.unknown_ssrc, stats.nacks), (0, 0, 0));
        let tracks: Vec<(u32, Source)> = stats.tracks.keys().copied().collect();
        assert_eq!(tracks.len(), 2, "{tracks:?}");
        assert!(stats.latency.max() < 20_000, "within the steps of virtual time");
        let video = meeting.video(viewer);
        assert!((100..=150).contains(&video.frames), "{video:?}");
        assert_eq!((video.lost, video.freezes), (0, 0));
    }
}

#[test]
fn lost_packets_are_requested_and_retransmitted() {
    let mut meeting = Meeting::new(Some(20));
    meeting.run(Duration::from_secs(5));
    let lossy = meeting.video(2);
    assert!(lossy.recovered > 10, "{lossy:?}");
    assert!(lossy.lost * 10 < lossy.recovered, "{lossy:?}");
    assert!(meeting.clients[2].receiver.stats.nacks > 0);
    let audio = meeting.audio(2);
    assert!(audio.recovered > 5 && audio.lost * 10 < audio.recovered, "{audio:?}");
    assert_eq!(meeting.audio(1).recovered, 0);
    let lossless = meeting.video(1);
    assert_eq!((lossless.recovered, lossless.lost), (0, 0), "the others are not affected");
}

#[test]
fn an_encoding_is_sent_only_while_a_receiver_uses_it() {
    let mut meeting = Meeting::with(None, true);
    let seconds = Duration::from_secs;
    [1, 2].into_iter().for_each(|viewer| meeting.set_constraint(viewer, 180));
    meeting.run(seconds(8));
    let counted = |meeting: &mut Meeting| {
        meeting.start_counting();
        meeting.run(seconds(4));
        meeting.clients[0].sender.video_bytes.map(|bytes| bytes > 0)
    };
    assert_eq!(counted(&mut meeting), [true, false, false], "the others are unused");
    meeting.set_constraint(1, 720);
    meeting.run(seconds(6));
    assert_eq!(counted(&mut meeting), [true, false, true]);
    let long_enough =
        |viewer| meeting.video(viewer).history.durations.map(|time| time.as_secs() > 2);
    assert_eq!(long_enough(1), [false, false, true]);
    assert_eq!(long_enough(2), [true, false, false], "the other viewer keeps the low encoding");
    assert_eq!(meeting.video(1).freezes, 0);
}

#[test]
fn video_adapts_to_a_link_whose_capacity_changes() {
    let step = |at, down_kbps| LinkStep { at, down_kbps };
    let steps = vec![step(15.0, 1_000), step(30.0, 4_000)];
    let link = LinkConfig { delay_ms: 25, down_kbps: Some(4_000), steps, ..LinkConfig::default() };
    let mut meeting = Meeting::with(None, true);
    meeting.link = Some(LinkEmulator::new(link.clone(), 1));
    meeting.run(Duration::from_secs(10));
    meeting.start_counting();
    let since = meeting.now;
    meeting.run(Duration::from_secs(45));
    let trace = meeting.link.as_ref().and_then(LinkEmulator::trace).expect("a trace");
    let history = meeting.video(2).history;
    assert_eq!(history.encoding_at(since), Some(2), "the link carries the highest encoding");
    let steps = evaluate_steps(&link, &trace, Some(since), &[&history]);
    assert!(steps[0].overshoot_seconds.is_some_and(|over| over <= 1.25), "{steps:?}");
    assert!(
        steps[1].quality_recovery_seconds.is_some_and(|back| back <= 10.0),
        "{steps:?} {history:?}"
    );
    assert_eq!(meeting.video(1).history.switches, 0, "the others are not affected");
}

#[test]
fn feedback_is_sent_as_often_as_by_browsers() {
    let mut meeting = Meeting::new(None);
    meeting.run(Duration::from_secs(3));
    let control = |meeting: &Meeting| {
        meeting.worker.counters().traffic(sfu_core::Flow::Received, PacketKind::Rtcp).packets
    };
    let before = control(&meeting);
    meeting.run(Duration::from_secs(2));
    // Two viewers, twenty times per second, and the speaker's reports.
    let sent = control(&meeting) - before;
    assert!((70..=100).contains(&sent), "{sent}");
}
