//! Clients and the SFU's core, datagram by datagram in virtual time.

use std::time::{Duration, Instant};

use sfu_core::{Certificate, Limits, PacketKind, Worker, WorkerConfig};
use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, RoomId};

use super::*;
use crate::media::{Emulator, Link, LinkStep};
use crate::report::links::follow;

const STEP: Duration = Duration::from_millis(1);
const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 8190);

struct Meeting {
    now: Instant,
    worker: Worker,
    clients: Vec<Client>,
    /// Every so many packets of media to the last client are lost.
    loss: Option<usize>,
    /// The last client's.
    link: Option<Emulator>,
    flown: usize,
}

impl Meeting {
    /// A speaker and two who watch.
    fn new(loss: Option<usize>) -> Self {
        Self::with(loss, false)
    }

    fn with(loss: Option<usize>, simulcast: bool) -> Self {
        let now = crate::probe::epoch();
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
            let camera = Shape { source: Source::Camera, frames_per_second: 30.0, kbps: 1_700 };
            let voice = Shape { source: Source::Microphone, frames_per_second: 50.0, kbps: 32 };
            let config = ClientConfig {
                number,
                seed: number.into(),
                publishes: if number == 0 { vec![voice, camera] } else { Vec::new() },
                simulcast,
                lines: SOURCES.to_vec(),
                slots: ReceiveSlots { audio: 1, video: 1 },
                depth: if simulcast { Depth::Encodings } else { Depth::Sampled },
            };
            let address = SocketAddr::from(([198, 51, 100, 1], 5_000 + number as u16));
            let (mut client, sdp) = Client::offer(now, config, Sealing::Opaque, &identity, address);
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
        Self { now, worker, clients, loss, link: None, flown: 0 }
    }

    /// A watcher shows the speaker in this height.
    fn constraint(&mut self, client: u32, height: u16) {
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
                client.handle_timeout(now, Duration::from_secs(1_800_000_000)).expect("it lives");
            }
            if client.is_connected() {
                client.sender.start(now);
            }
            let out = std::mem::take(&mut client.out);
            let mut begin = 0;
            for end in out.ends {
                let datagram = &out.bytes[begin..end];
                match self.link.as_mut().filter(|_| client.config.number == 2) {
                    Some(link) => link.up(now, datagram),
                    None => self.worker.handle_datagram(now, client.address, SERVER, datagram),
                }
                begin = end;
            }
        }
        if let Some(link) = &mut self.link {
            link.handle_timeout(now);
            while let Some(datagram) = link.poll_up() {
                self.worker.handle_datagram(now, self.clients[2].address, SERVER, &datagram);
            }
            while let Some(datagram) = link.poll_down() {
                self.clients[2].handle_datagram(now, &datagram).expect("it lives");
            }
        }
        self.worker.handle_timeout(now);
        while let Some(event) = self.worker.poll_event() {
            if let MediaReport::SubscribedQuality(wanted) = &event.report {
                self.clients[event.participant.0 as usize - 1].want(wanted);
            }
        }
        while let Some(transmit) = self.worker.poll_transmit() {
            let at = usize::from(transmit.destination.port() - 5_000);
            for datagram in transmit.datagrams() {
                if at == 2 && Kind::of(datagram) == Kind::Rtp {
                    self.flown += 1;
                    if self.loss.is_some_and(|every| self.flown.is_multiple_of(every)) {
                        continue;
                    }
                }
                match self.link.as_mut().filter(|_| at == 2) {
                    Some(link) => link.down(now, datagram),
                    None => self.clients[at].handle_datagram(now, datagram).expect("it lives"),
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
        streams.into_iter().find(|stream| !stream.audio).expect("a picture came")
    }

    fn sound(&self, client: usize) -> StreamStats {
        let streams = self.clients[client].receiver.streams(self.now);
        streams.into_iter().find(|stream| stream.audio).expect("a voice came")
    }
}

#[test]
fn what_one_sends_the_others_see() {
    let mut meeting = Meeting::new(None);
    meeting.run(Duration::from_secs(5));
    assert!(meeting.clients.iter().all(Client::is_connected));
    for watcher in [1, 2] {
        let stats = &meeting.clients[watcher].receiver.stats;
        assert!(stats.first_frame.is_some());
        assert_eq!((stats.refused, stats.unknown, stats.nacks), (0, 0, 0));
        let heard: Vec<(u32, Source)> = stats.heard.keys().copied().collect();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(stats.way.max() < 20_000, "within the steps of virtual time");
        let video = meeting.video(watcher);
        assert!((100..=150).contains(&video.frames), "{video:?}");
        assert_eq!((video.lost, video.freezes), (0, 0));
    }
}

#[test]
fn what_is_lost_is_asked_for_and_comes_again() {
    let mut meeting = Meeting::new(Some(20));
    meeting.run(Duration::from_secs(5));
    let unlucky = meeting.video(2);
    assert!(unlucky.recovered > 10, "{unlucky:?}");
    assert!(unlucky.lost * 10 < unlucky.recovered, "{unlucky:?}");
    assert!(meeting.clients[2].receiver.stats.nacks > 0);
    let voice = meeting.sound(2);
    assert!(voice.recovered > 5 && voice.lost * 10 < voice.recovered, "{voice:?}");
    assert_eq!(meeting.sound(1).recovered, 0);
    let lucky = meeting.video(1);
    assert_eq!((lucky.recovered, lucky.lost), (0, 0), "nobody else notices");
}

#[test]
fn an_encoding_is_sent_while_somebody_wants_it() {
    let mut meeting = Meeting::with(None, true);
    let seconds = Duration::from_secs;
    [1, 2].into_iter().for_each(|watcher| meeting.constraint(watcher, 180));
    meeting.run(seconds(8));
    let counted = |meeting: &mut Meeting| {
        meeting.start_counting();
        meeting.run(seconds(4));
        meeting.clients[0].sender.picture_bytes.map(|bytes| bytes > 0)
    };
    assert_eq!(counted(&mut meeting), [true, false, false], "nobody wants the others");
    meeting.constraint(1, 720);
    meeting.run(seconds(6));
    assert_eq!(counted(&mut meeting), [true, false, true]);
    let lasted = |watcher| meeting.video(watcher).shown.lasted.map(|lasted| lasted.as_secs() > 2);
    assert_eq!(lasted(1), [false, false, true]);
    assert_eq!(lasted(2), [true, false, false], "the other one stays with the small one");
    assert_eq!(meeting.video(1).freezes, 0);
}

#[test]
fn a_picture_follows_a_link_that_narrows_and_widens() {
    let step = |at, down_kbps| LinkStep { at, down_kbps };
    let steps = vec![step(15.0, 1_000), step(30.0, 4_000)];
    let link = Link { delay_ms: 25, down_kbps: Some(4_000), steps, ..Link::default() };
    let mut meeting = Meeting::with(None, true);
    meeting.link = Some(Emulator::new(link.clone(), 1));
    meeting.run(Duration::from_secs(10));
    meeting.start_counting();
    let since = meeting.now;
    meeting.run(Duration::from_secs(45));
    let trace = meeting.link.as_ref().and_then(Emulator::trace).expect("it counts");
    let shown = meeting.video(2).shown;
    assert_eq!(shown.at(since), Some(2), "it carries the largest");
    let steps = follow(&link, &trace, Some(since), &[&shown]);
    assert!(steps[0].overshoot_seconds.is_some_and(|over| over <= 1.25), "{steps:?}");
    assert!(steps[1].quality_seconds.is_some_and(|back| back <= 10.0), "{steps:?} {shown:?}");
    assert_eq!(meeting.video(1).shown.switches, 0, "nobody else notices");
}

#[test]
fn feedback_goes_out_as_often_as_a_browsers() {
    let mut meeting = Meeting::new(None);
    meeting.run(Duration::from_secs(3));
    let control = |meeting: &Meeting| {
        meeting.worker.counters().traffic(sfu_core::Flow::Received, PacketKind::Rtcp).packets
    };
    let before = control(&meeting);
    meeting.run(Duration::from_secs(2));
    // Two who watch, twenty times a second; and the speaker's reports.
    let sent = control(&meeting) - before;
    assert!((70..=100).contains(&sent), "{sent}");
}
