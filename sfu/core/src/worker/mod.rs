//! A worker: rooms, or its part of them, on one thread.

pub(crate) mod cascade;
pub(crate) mod commands;
pub(crate) mod forward;
pub(crate) mod liveness;
pub(crate) mod select_encodings;
pub(crate) mod timers;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use crate::media::{MediaEvent, MediaReport};
use signaling_protocol::{Refusal, RefusalCode, RoomId};
use str0m::bwe::BweKind;
use str0m::ice::StunMessage;
use str0m::net::Receive;
use str0m::rtp::Ssrc;
use str0m::{Event, IceConnectionState, Input};

use crate::limits::{DATAGRAM_BYTES, Limits};
use crate::metrics::{Counters, DropReason, Flow, PacketKind};
use crate::peer_connection::certificate::Certificate;
use crate::peer_connection::{Drained, Fault};
use crate::policy::downlink::LinkReading;
use crate::policy::overload::Overload;
use crate::room::Room;
use crate::room::participants::{Key, Participants};
use crate::transport::Transport;
use crate::transport::demux::{Demux, Path};
use crate::transport::transmit_queue::Train;
use crate::worker::cascade::Relaying;
use crate::worker::liveness::Watch;
use crate::worker::timers::Timers;

/// How often rooms are reviewed.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// What a worker is made with.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where clients reach it: the addresses in its answers. The destination of every datagram
    /// must be one of them.
    pub candidates: Vec<SocketAddr>,
    /// The same of the addresses where it takes TCP connections; none: it takes none.
    pub tcp_candidates: Vec<SocketAddr>,
    /// The same for all workers of a process.
    pub certificate: Certificate,
    /// How many participants it takes.
    pub limits: Limits,
    /// Estimate what each subscriber's link carries, by transport-wide feedback and probing.
    /// About doubles the CPU time of a forwarded packet.
    pub estimate_bandwidth: bool,
}

/// Rooms, participants and their media, as a state machine.
///
/// Feed it with `handle_datagram`, `handle_command` and `handle_timeout`; then take what there is
/// from `poll_transmit` and `poll_event`, and call `handle_timeout` at `poll_timeout`. Several
/// datagrams may be fed before: packets to subscribers wait until `poll_transmit`, so that each
/// subscriber is worked on once for all of them.
#[derive(Debug)]
pub struct Worker {
    pub(crate) config: WorkerConfig,
    pub(crate) participants: Participants,
    pub(crate) rooms: HashMap<RoomId, Room>,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    pub(crate) overload: Overload,
    pub(crate) events: VecDeque<MediaEvent>,
    pub(crate) drained: Drained,
    /// Memory to work in.
    pub(crate) streams: Vec<(Ssrc, usize)>,
    pub(crate) relaying: Relaying,
    /// Participants to work on before anything is sent, each once.
    waiting: VecDeque<Key>,
    /// Bytes of the datagram that is being handled.
    pub(crate) arriving: usize,
    now: Option<Instant>,
    tick: Option<Instant>,
    pub(crate) watch: Watch,
}

impl Worker {
    /// One without rooms.
    #[must_use]
    pub fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            participants: Participants::default(),
            rooms: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            overload: Overload::default(),
            events: VecDeque::new(),
            drained: Drained::default(),
            streams: Vec::new(),
            relaying: Relaying::default(),
            waiting: VecDeque::new(),
            arriving: 0,
            now: None,
            tick: None,
            watch: Watch::default(),
        }
    }

    /// Takes a datagram. Whatever it holds, it costs nobody but its sender anything.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.take(now, Transport::Udp, source, destination, datagram);
    }

    /// Takes what came as one datagram over a TCP connection from `source`. False if that belongs to
    /// no participant, or no more: the connection is good for nothing, and to be closed. So it is
    /// unless the first thing that comes over it is a STUN request that proves whose it is.
    #[must_use]
    pub fn handle_tcp_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        self.take(now, Transport::Tcp, source, destination, datagram);
        self.demux.by_address((Transport::Tcp, source)).is_some()
    }

    /// A TCP connection has ended: nobody is to be reached over it.
    pub fn handle_tcp_closed(&mut self, source: SocketAddr) {
        self.demux.unlearn((Transport::Tcp, source));
    }

    fn take(
        &mut self,
        now: Instant,
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.now = Some(now);
        let kind = self.counters.count(Flow::Received, datagram);
        match self.receive(now, kind, (transport, source), destination, datagram) {
            Ok(()) => {}
            Err(reason) => self.counters.drop(reason),
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        kind: PacketKind,
        path: Path,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_BYTES {
            return Err(DropReason::TooLong);
        }
        let key = match kind {
            PacketKind::Stun => self.stun_addressee(datagram)?,
            PacketKind::Dtls | PacketKind::Rtp | PacketKind::Rtcp => {
                self.demux.by_address(path).ok_or(DropReason::UnknownAddress)?
            }
            PacketKind::Unknown => return Err(DropReason::Malformed),
        };
        let receive = Receive::new(path.0.into(), path.1, destination, datagram)
            .map_err(|_| DropReason::Malformed)?;
        if matches!(kind, PacketKind::Rtp | PacketKind::Rtcp) {
            self.receive_media(now, key, receive, datagram.len());
            return Ok(());
        }
        let input = Input::Receive(now, receive);
        if kind == PacketKind::Stun {
            if self.demux.is_taken(now, path, key) {
                return Err(DropReason::AddressTaken);
            }
            if !self.accepts(now, key, &input) {
                return Err(DropReason::BadIntegrity);
            }
            self.demux.learn(now, path, key);
            self.heard_from(now, key);
        }
        self.pump(now, key, input);
        Ok(())
    }

    /// Takes a media packet or a report. A packet goes to its subscribers. What it means for its own
    /// connection waits for that one's beat, or if it is urgent until all datagrams are in.
    fn receive_media(&mut self, now: Instant, key: Key, receive: Receive<'_>, length: usize) {
        self.arriving = length;
        let participant = self.participants.get_mut(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_mut()) else { return };
        match connection.receive(now, receive) {
            Ok(received) => {
                if let Some(packet) = received.packet {
                    self.forward(now, key, &packet);
                }
                if received.is_urgent {
                    if let Some(participant) = self.participants.get_mut(key) {
                        participant.stale = true;
                    }
                    self.enlist(key);
                } else {
                    self.schedule_pump(key);
                }
            }
            Err(fault) => self.fail(now, key, &fault),
        }
    }

    pub(crate) fn set_now(&mut self, now: Instant) {
        self.now = Some(now);
    }

    /// A participant is to be worked on before anything is sent.
    pub(crate) fn enlist(&mut self, key: Key) {
        if let Some(participant) = self.participants.get_mut(key)
            && !std::mem::replace(&mut participant.waits, true)
        {
            self.waiting.push_back(key);
        }
    }

    /// A STUN request names its connection (RFC 8445 section 7.2.2). We send none, so responses
    /// are never for us.
    fn stun_addressee(&self, datagram: &[u8]) -> Result<Key, DropReason> {
        // The parser is str0m's; a bug there must not cost the worker.
        let parsed = catch_unwind(|| {
            let message = StunMessage::parse(datagram).ok()?;
            let (local, _) = message.is_binding_request().then(|| message.split_username())??;
            Some(local.to_owned())
        });
        let ufrag = parsed.ok().flatten().ok_or(DropReason::Malformed)?;
        self.demux.by_ufrag(&ufrag).ok_or(DropReason::UnknownUfrag)
    }

    fn accepts(&mut self, now: Instant, key: Key, input: &Input<'_>) -> bool {
        let participant = self.participants.get_mut(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_mut()) else {
            return false;
        };
        match connection.accepts(input) {
            Ok(accepts) => accepts,
            Err(fault) => {
                self.fail(now, key, &fault);
                false
            }
        }
    }

    /// Does what the passing of time brings.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        while let Some(key) = self.timers.pop_due(now) {
            self.wake(now, key);
        }
        if self.tick.is_some_and(|at| at <= now) {
            self.tick = None;
            self.review(now);
        }
    }

    /// When to call [`Worker::handle_timeout`]; in the past if at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waiting = if self.waiting.is_empty() { None } else { self.now };
        [waiting, self.timers.next(), self.tick].into_iter().flatten().min()
    }

    /// Datagrams to send. Works on one participant after the other for whom something waits, and
    /// holds no more than one's packets at a time.
    pub fn poll_transmit(&mut self) -> Option<Train<'_>> {
        while self.drained.outbox.is_empty() {
            self.drained.outbox.clear();
            let (now, key) = (self.now?, self.waiting.pop_front()?);
            self.work_on(now, key);
        }
        let mut train = self.drained.outbox.pop()?;
        if train.transport == Transport::Tcp {
            let key = self.demux.by_address((Transport::Tcp, train.destination));
            let participant = key.and_then(|key| self.participants.get(key));
            train.yields = participant.is_some_and(|p| p.can_do_without(train.contents));
        }
        for datagram in train.datagrams() {
            self.counters.count(Flow::Sent, datagram);
        }
        Some(train)
    }

    fn work_on(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.waits = false;
        self.send_outgoing(now, key);
        let Some(participant) = self.participants.get_mut(key) else { return };
        if std::mem::take(&mut participant.stale) {
            self.pump(now, key, Input::Timeout(now));
        }
    }

    /// A report to a room.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// What has been counted since the worker was made.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How the link of everybody stands who has one here; guests have theirs elsewhere.
    pub fn links(&self) -> impl Iterator<Item = LinkReading> {
        let participants = self.participants.keys().filter_map(|key| self.participants.get(key));
        participants.filter(|p| p.home.is_none()).map(|p| p.link.reading())
    }

    /// How many participants it has, connected or not. Guests are other workers'.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.participants.len() - self.relaying.guests()
    }

    /// In how many rooms it has a part.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Says goodbye to everybody, so that clients need not wait for a timeout.
    pub fn close(&mut self, now: Instant) {
        let keys: Vec<Key> = self.participants.keys().collect();
        for key in keys {
            self.unseat(key);
            self.remove_participant(now, key);
        }
        self.rooms.clear();
    }

    /// The time of a participant has come, or nearly so.
    fn wake(&mut self, now: Instant, key: Key) {
        let asked = self.request_due_key_frames(now, key);
        let Some(participant) = self.participants.get_mut(key) else { return };
        if participant.home.is_some() {
            self.relay_due_key_frames(now, key);
            return;
        }
        let Some(connection) = &participant.connection else { return };
        if connection.is_overdue(now) {
            self.drop_connection(now, key);
            self.report_lost(key, "the media connection could not be established; offer again");
        } else if asked || connection.due() <= now {
            self.pump(now, key, Input::Timeout(now));
        } else {
            self.schedule(now, key);
        }
    }

    pub(crate) fn schedule(&mut self, now: Instant, key: Key) {
        if let Some(at) = self.participants.get(key).and_then(|p| p.key_frames_due(now)) {
            self.timers.schedule(key, at);
        }
        self.schedule_pump(key);
    }

    fn schedule_pump(&mut self, key: Key) {
        let participant = self.participants.get(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_ref()) else { return };
        if connection.can_wait() {
            self.timers.schedule_on_beat(key, connection.due());
        } else {
            self.timers.schedule(key, connection.due());
        }
    }

    /// Feeds a connection and handles everything that comes of it.
    pub(crate) fn pump(&mut self, now: Instant, key: Key, input: Input<'_>) {
        let participant = self.participants.get_mut(key);
        let Some(connection) = participant.and_then(|p| p.connection.as_mut()) else { return };
        let result = connection.pump(now, input, &mut self.drained);
        let mut events = std::mem::take(&mut self.drained.events);
        for event in events.drain(..) {
            self.handle_event(now, key, event);
        }
        self.drained.events = events;
        match result {
            Ok(()) => self.schedule(now, key),
            Err(fault) => self.fail(now, key, &fault),
        }
    }

    fn handle_event(&mut self, now: Instant, key: Key, event: Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "most of str0m's events need no action")]
        match event {
            Event::RtpPacket(packet) => self.forward(now, key, &packet),
            Event::KeyframeRequest(request) => self.key_frame_wanted(now, key, request.mid),
            Event::Connected => self.connected(now, key),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                let participant = self.participants.get_mut(key);
                if participant.and_then(|p| p.connection.as_mut()).is_some_and(|c| c.set_lost()) {
                    self.report_lost(key, "the media connection is gone; restart it");
                }
            }
            Event::IceConnectionStateChange(_) => {
                let participant = self.participants.get(key);
                if participant.and_then(|p| p.connection.as_ref()).is_some_and(|c| c.has_keys()) {
                    self.connected(now, key);
                }
            }
            Event::Closed => {
                self.drop_connection(now, key);
                self.report_lost(key, "the media connection was closed; offer again");
            }
            Event::MediaEgressStats(stats) => {
                self.count_nacks(key, Flow::Received, stats.mid, stats.nacks)
            }
            Event::MediaIngressStats(stats) => {
                self.count_nacks(key, Flow::Sent, stats.mid, stats.nacks)
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                if let Some(participant) = self.participants.get_mut(key) {
                    participant.link.estimated(now, estimate.as_u64());
                    let room = participant.room.clone();
                    self.distribute_to(now, key);
                    self.tell_peers(&room);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn connected(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let Some(connection) = &mut participant.connection else { return };
        if connection.set_connected() {
            self.report(key, MediaReport::Connected);
            self.refresh_received(now, key);
        }
    }

    pub(crate) fn fail(&mut self, now: Instant, key: Key, fault: &Fault) {
        let sentence = match fault {
            Fault::Panicked => {
                self.counters.panics += 1;
                tracing::error!(participant = ?self.participants.get(key).map(|p| p.id), "a connection panicked");
                "the media connection broke down through a fault of the server; offer again"
            }
            Fault::Failed(error) => {
                self.counters.failures += 1;
                tracing::debug!(%error, "a connection failed");
                "the media connection failed; offer again"
            }
        };
        self.drop_connection(now, key);
        self.report_lost(key, sentence);
    }

    pub(crate) fn report_lost(&mut self, key: Key, sentence: &str) {
        let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
        self.report(key, MediaReport::Lost { refusal });
    }

    pub(crate) fn report(&mut self, key: Key, report: MediaReport) {
        if let Some(participant) = self.participants.get(key) {
            let (room, participant) = (participant.room.clone(), participant.id);
            self.events.push_back(MediaEvent { room, participant, report });
        }
    }

    /// What has to be looked at again from time to time: who is silent, who is lively, what links
    /// carry, which encodings are being sent.
    fn review(&mut self, now: Instant) {
        self.give_up_the_silent(now);
        let rooms: Vec<RoomId> = self.rooms.keys().cloned().collect();
        for id in rooms {
            let Some(room) = self.rooms.get(&id) else { continue };
            let contended = room.contended;
            // Slots may be contended on another worker that it spans.
            if contended || room.span.is_some() {
                for key in room.members.values() {
                    let participant = self.participants.get_mut(*key);
                    let Some(participant) = participant.filter(|p| p.home.is_none()) else {
                        continue;
                    };
                    participant.tracks.iter_mut().for_each(|track| track.measure(now));
                }
            }
            if contended {
                self.allocate(now, &id);
            } else {
                self.distribute(now, &id);
            }
        }
        if !self.rooms.is_empty() {
            self.tick.get_or_insert(now + TICK);
        }
    }

    /// Who receives what has changed in a room.
    pub(crate) fn allocate(&mut self, now: Instant, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.allocate(now, &mut self.participants);
        self.tick.get_or_insert(now + TICK);
        self.distribute(now, id);
    }
}

#[cfg(test)]
mod tests {
    use crate::media::MediaCommand;
    use signaling_protocol::ParticipantId;
    use str0m::media::{Direction, MediaKind};

    use super::*;

    fn offer(now: Instant) -> String {
        let mut client = str0m::Rtc::new(now);
        let mut change = client.sdp_api();
        change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        change.apply().unwrap().0.to_sdp_string()
    }

    #[test]
    fn a_panic_costs_one_participant_its_connection_and_nobody_else_anything() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let mut worker = Worker::new(WorkerConfig {
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 1))],
            tcp_candidates: Vec::new(),
            certificate: Certificate::generate().unwrap(),
            limits: Limits::default(),
            estimate_bandwidth: true,
        });
        let room = RoomId::from_bytes([1; 16]);
        for id in [1, 2] {
            let participant = ParticipantId(id);
            let sdp = offer(now);
            let command = MediaCommand::Offer { room: room.clone(), participant, sdp };
            worker.handle_command(now, command);
        }
        let keys: Vec<Key> = worker.participants.keys().collect();
        let victim = worker.participants.get_mut(keys[0]).unwrap();
        let fault = victim.connection.as_mut().unwrap().break_down().unwrap_err();
        worker.fail(now, keys[0], &fault);
        worker.handle_timeout(now + Duration::from_secs(1));

        assert_eq!(worker.counters().panics, 1);
        let reports: Vec<MediaEvent> = std::iter::from_fn(|| worker.poll_event()).collect();
        let lost: Vec<_> =
            reports.iter().filter(|e| matches!(e.report, MediaReport::Lost { .. })).collect();
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].participant, ParticipantId(1));
        assert!(worker.participants.get(keys[0]).unwrap().connection.is_none());
        assert!(worker.participants.get(keys[1]).unwrap().connection.is_some());

        let sdp = offer(now);
        let command = MediaCommand::Offer { room, participant: ParticipantId(1), sdp };
        worker.handle_command(now, command);
        let report = worker.poll_event().unwrap().report;
        assert!(matches!(report, MediaReport::Answer { .. }), "it may come back: {report:?}");
    }
}
