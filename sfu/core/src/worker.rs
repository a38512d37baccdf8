//! A worker: whole rooms on one thread.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use signaling_protocol::media::{MediaEvent, MediaReport};
use signaling_protocol::{Refusal, RefusalCode, RoomId};
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Event, IceConnectionState, Input};

use crate::certificate::Certificate;
use crate::connection::{Drained, Fault};
use crate::counters::{Counters, DropReason, Flow, PacketKind};
use crate::demux::Demux;
use crate::limits::{DATAGRAM_BYTES, Limits};
use crate::participants::{Key, Participants};
use crate::room::Room;
use crate::timers::Timers;

/// How often activity is measured in rooms with more tracks than slots.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// What a worker is made with.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// Where clients reach it: the addresses in its answers. The destination of every datagram
    /// must be one of them.
    pub candidates: Vec<SocketAddr>,
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
/// datagrams may be fed before one `handle_timeout`: packets to subscribers wait for it, so that
/// each subscriber is worked on once for all of them.
#[derive(Debug)]
pub struct Worker {
    pub(crate) config: WorkerConfig,
    pub(crate) participants: Participants,
    pub(crate) rooms: HashMap<RoomId, Room>,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers,
    pub(crate) counters: Counters,
    pub(crate) events: VecDeque<MediaEvent>,
    pub(crate) drained: Drained,
    /// Participants to whom packets were written since they were last pumped.
    pub(crate) dirty: Vec<Key>,
    /// Bytes of the datagram that is being handled.
    pub(crate) arriving: usize,
    now: Option<Instant>,
    tick: Option<Instant>,
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
            events: VecDeque::new(),
            drained: Drained::default(),
            dirty: Vec::new(),
            arriving: 0,
            now: None,
            tick: None,
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
        self.now = Some(now);
        let kind = self.counters.count(Flow::Received, datagram);
        match self.receive(now, kind, source, destination, datagram) {
            Ok(()) => {}
            Err(reason) => self.counters.drop(reason),
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        kind: PacketKind,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_BYTES {
            return Err(DropReason::TooLong);
        }
        let key = match kind {
            PacketKind::Stun => self.stun_addressee(datagram)?,
            PacketKind::Dtls | PacketKind::Rtp | PacketKind::Rtcp => {
                self.demux.by_address(source).ok_or(DropReason::UnknownAddress)?
            }
            PacketKind::Unknown => return Err(DropReason::Malformed),
        };
        let receive = Receive::new(Protocol::Udp, source, destination, datagram)
            .map_err(|_| DropReason::Malformed)?;
        let input = Input::Receive(now, receive);
        if kind == PacketKind::Stun {
            if self.demux.is_taken(now, source, key) {
                return Err(DropReason::AddressTaken);
            }
            if !self.accepts(now, key, &input) {
                return Err(DropReason::BadIntegrity);
            }
            self.demux.learn(now, source, key);
        }
        self.arriving = datagram.len();
        self.pump(now, key, input);
        Ok(())
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

    /// Does what is due: sends what waits, and whatever the passing of time brings.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        // Sending may ask publishers for key frames, which makes them due in turn.
        for key in std::mem::take(&mut self.dirty) {
            if let Some(participant) = self.participants.get_mut(key) {
                participant.dirty = false;
                self.pump(now, key, Input::Timeout(now));
            }
        }
        while let Some(key) = self.timers.pop_due(now) {
            self.wake(now, key);
        }
        if self.tick.is_some_and(|at| at <= now) {
            self.tick = None;
            self.measure_activity(now);
        }
    }

    /// When to call [`Worker::handle_timeout`]; in the past if at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let dirty = if self.dirty.is_empty() { None } else { self.now };
        [dirty, self.timers.next(), self.tick].into_iter().flatten().min()
    }

    /// A datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let transmit = self.drained.transmits.pop_front()?;
        self.counters.count(Flow::Sent, &transmit.contents);
        Some(transmit)
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

    /// How many participants there are, connected or not.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.participants.len()
    }

    /// How many rooms there are.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Says goodbye to everybody, so that clients need not wait for a timeout.
    pub fn close(&mut self, now: Instant) {
        let keys: Vec<Key> = self.participants.keys().collect();
        for key in keys {
            self.remove_participant(now, key);
        }
        self.rooms.clear();
    }

    /// The time of a participant has come, or nearly so.
    fn wake(&mut self, now: Instant, key: Key) {
        let asked = self.request_due_key_frames(now, key);
        let Some(participant) = self.participants.get_mut(key) else { return };
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
        if let Some(at) = self.participants.get(key).and_then(|p| p.due(now)) {
            self.timers.schedule(key, at);
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
            // Where bandwidth allocation will come in: `EgressBitrateEstimate`.
            _ => {}
        }
    }

    fn connected(&mut self, now: Instant, key: Key) {
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

    fn measure_activity(&mut self, now: Instant) {
        let contended: Vec<RoomId> =
            self.rooms.iter().filter(|(_, r)| r.contended).map(|(id, _)| id.clone()).collect();
        for id in contended {
            let Some(room) = self.rooms.get(&id) else { continue };
            for key in room.members.values() {
                let Some(participant) = self.participants.get_mut(*key) else { continue };
                participant.tracks.iter_mut().for_each(|track| track.measure(now));
            }
            self.allocate(now, &id);
        }
    }

    /// Who receives what has changed in a room.
    pub(crate) fn allocate(&mut self, now: Instant, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        let begun = room.allocate(now, &mut self.participants);
        if room.contended {
            self.tick.get_or_insert(now + TICK);
        }
        for track in begun {
            self.request_key_frame(now, id, track);
        }
    }
}

#[cfg(test)]
mod tests {
    use signaling_protocol::ParticipantId;
    use signaling_protocol::media::MediaCommand;
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
