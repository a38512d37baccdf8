//! A worker: rooms, or its part of them, on one thread.

mod cascade;
mod commands;
mod forward;
mod keyframes;
mod liveness;
mod receive;
mod select_encodings;
mod timers;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use signaling_protocol::{Refusal, RefusalCode, RoomId};
use str0m::bwe::BweKind;
use str0m::{Event, IceConnectionState, Input};

use crate::cascade::CascadeOutbox;
use crate::config::WorkerConfig;
use crate::ids::ParticipantKey;
use crate::media::{MediaEvent, MediaReport};
use crate::metrics::{Counters, Flow};
use crate::peer_connection::{Fault, PeerConnection, PumpOutput, ReceivingPeriod};
use crate::policy::{DownlinkReading, OverloadDetector, OverloadLevel};
use crate::room::{Participants, Room};
use crate::transport::{Demux, GsoOrder, Transmit, Transport};
use timers::Timers;

/// Time between two reviews of the rooms.
const REVIEW_INTERVAL: Duration = Duration::from_millis(500);

/// Rooms, participants and their media, as a state machine.
///
/// Feed it with [`Worker::handle_datagram`], [`Worker::handle_command`] and
/// [`Worker::handle_timeout`]. Then drain [`Worker::poll_transmit`] and [`Worker::poll_event`], and
/// call `handle_timeout` at [`Worker::poll_timeout`]. Several datagrams may be fed in between:
/// packets to subscribers wait until `poll_transmit`, so that each subscriber is processed once for
/// all of them.
#[derive(Debug)]
pub struct Worker {
    config: WorkerConfig,
    participants: Participants,
    rooms: HashMap<RoomId, Room>,
    demux: Demux,
    timers: Timers,
    counters: Counters,
    overload: OverloadDetector,
    events: VecDeque<MediaEvent>,
    output: PumpOutput,
    gso_order: GsoOrder,
    cascade: CascadeOutbox,
    /// Subscribers to flush before anything is sent, each once.
    dirty: VecDeque<ParticipantKey>,
    /// Length of the datagram that is being processed, in bytes.
    datagram_len: usize,
    now: Option<Instant>,
    next_review: Option<Instant>,
    receiving: ReceivingPeriod,
}

impl Worker {
    /// Creates a worker without rooms.
    #[must_use]
    pub fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            participants: Participants::default(),
            rooms: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::default(),
            counters: Counters::default(),
            overload: OverloadDetector::default(),
            events: VecDeque::new(),
            output: PumpOutput::default(),
            gso_order: GsoOrder::default(),
            cascade: CascadeOutbox::default(),
            dirty: VecDeque::new(),
            datagram_len: 0,
            now: None,
            next_review: None,
            receiving: ReceivingPeriod::default(),
        }
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        while let Some(key) = self.timers.pop_due(now) {
            self.wake(now, key);
        }
        if self.next_review.is_some_and(|at| at <= now) {
            self.next_review = None;
            self.review(now);
        }
    }

    /// Returns when to call [`Worker::handle_timeout`]; a time in the past if at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let flush = if self.dirty.is_empty() { None } else { self.now };
        [flush, self.timers.next(), self.next_review].into_iter().flatten().min()
    }

    /// Returns datagrams to send. Flushes one subscriber after the other, and holds no more than the
    /// packets of one at a time.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        while self.output.transmits().is_empty() {
            self.output.transmits().clear();
            let (now, key) = (self.now?, self.dirty.pop_front()?);
            self.flush(now, key);
        }
        let mut transmit = self.output.transmits().pop()?;
        if transmit.transport == Transport::Tcp {
            let key = self.demux.by_address((Transport::Tcp, transmit.destination));
            let subscriber = key.and_then(|key| self.participants.subscriber(key));
            transmit.is_droppable = subscriber.is_some_and(|s| s.is_droppable(transmit.contents));
        }
        for datagram in transmit.datagrams() {
            self.counters.count(Flow::Sent, datagram);
        }
        Some(transmit)
    }

    /// Sends the queued packets of a subscriber, and pumps its connection if necessary.
    fn flush(&mut self, now: Instant, key: ParticipantKey) {
        let Some(subscriber) = self.participants.subscriber_mut(key) else { return };
        subscriber.set_dequeued();
        if let Err(fault) = subscriber.send_outgoing(now, &mut self.gso_order, &mut self.output) {
            self.fail(now, key, &fault);
        }
        let Some(subscriber) = self.participants.subscriber_mut(key) else { return };
        if subscriber.take_needs_pump() {
            self.pump(now, key, Input::Timeout(now));
        }
    }

    /// Returns a report to a room.
    pub fn poll_event(&mut self) -> Option<MediaEvent> {
        self.events.pop_front()
    }

    /// Returns the counters since the worker was created.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the state of the link to each subscriber.
    pub fn downlinks(&self) -> impl Iterator<Item = DownlinkReading> {
        let subscribers =
            self.participants.keys().filter_map(|key| self.participants.subscriber(key));
        subscribers.map(|subscriber| subscriber.downlink_reading())
    }

    /// Returns the number of participants, connected or not, without those of other workers.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.participants.local_count()
    }

    /// Returns the number of rooms of which the worker has a part.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Records that the received datagrams were read up to `now`; `more` if the end of the queue was
    /// not reached.
    pub fn handle_read(&mut self, now: Instant, more: bool) {
        self.overload.record_read(now, more);
    }

    /// Records the load of the worker's thread since the last call, from 0 to 1. Call it about twice
    /// a second.
    pub fn handle_load(&mut self, now: Instant, load: f64) {
        self.overload.record_load(now, load);
    }

    /// Returns what the worker gives up at present.
    #[must_use]
    pub fn overload_level(&self) -> OverloadLevel {
        self.overload.level()
    }

    /// Closes all connections, so that clients need not wait for a timeout.
    pub fn close(&mut self, now: Instant) {
        let keys: Vec<ParticipantKey> = self.participants.keys().collect();
        for key in keys {
            self.remove_participant(now, key);
        }
        self.rooms.clear();
    }

    fn connection(&self, key: ParticipantKey) -> Option<&PeerConnection> {
        self.participants.subscriber(key)?.connection()
    }

    fn connection_mut(&mut self, key: ParticipantKey) -> Option<&mut PeerConnection> {
        self.participants.subscriber_mut(key)?.connection_mut()
    }

    /// Queues a subscriber to be flushed before anything is sent.
    fn mark_dirty(&mut self, key: ParticipantKey) {
        if self.participants.subscriber_mut(key).is_some_and(|s| s.mark_dirty()) {
            self.dirty.push_back(key);
        }
    }

    /// Does what is due for a participant, or nearly due.
    fn wake(&mut self, now: Instant, key: ParticipantKey) {
        if !self.participants.is_local(key) {
            self.cascade_due_key_frames(now, key);
            return;
        }
        let requested = self.request_due_key_frames(now, key);
        let Some(connection) = self.connection(key) else { return };
        if connection.is_overdue(now) {
            self.drop_connection(now, key);
            self.report_lost(key, "the media connection could not be established; offer again");
        } else if requested || connection.due() <= now {
            self.pump(now, key, Input::Timeout(now));
        } else {
            self.schedule(now, key);
        }
    }

    /// Schedules the next wake-up of a participant.
    fn schedule(&mut self, now: Instant, key: ParticipantKey) {
        if let Some(at) = self.participants.publisher(key).and_then(|p| p.key_frames_due(now)) {
            self.timers.schedule(key, at);
        }
        self.schedule_pump(key);
    }

    fn schedule_pump(&mut self, key: ParticipantKey) {
        let Some(connection) = self.connection(key) else { return };
        let (due, is_deferrable) = (connection.due(), connection.is_deferrable());
        if is_deferrable {
            self.timers.schedule_on_beat(key, due);
        } else {
            self.timers.schedule(key, due);
        }
    }

    /// Feeds a connection and handles its events.
    fn pump(&mut self, now: Instant, key: ParticipantKey, input: Input<'_>) {
        let subscriber = self.participants.subscriber_mut(key);
        let Some(connection) = subscriber.and_then(|s| s.connection_mut()) else { return };
        let result = connection.pump(now, input, &mut self.output);
        let mut events = self.output.take_events();
        for event in events.drain(..) {
            self.handle_event(now, key, event);
        }
        self.output.reuse(events);
        match result {
            Ok(()) => self.schedule(now, key),
            Err(fault) => self.fail(now, key, &fault),
        }
    }

    fn handle_event(&mut self, now: Instant, key: ParticipantKey, event: Event) {
        #[expect(clippy::wildcard_enum_match_arm, reason = "most of str0m's events need no action")]
        match event {
            Event::RtpPacket(packet) => self.forward(now, key, &packet),
            Event::KeyframeRequest(request) => self.handle_key_frame_request(now, key, request.mid),
            Event::Connected => self.handle_connected(now, key),
            Event::IceConnectionStateChange(state) => self.handle_ice_state(now, key, state),
            Event::Closed => {
                self.drop_connection(now, key);
                self.report_lost(key, "the media connection was closed; offer again");
            }
            Event::MediaEgressStats(stats) => {
                self.count_nacks(key, Flow::Received, stats.mid, stats.nacks);
            }
            Event::MediaIngressStats(stats) => {
                self.count_nacks(key, Flow::Sent, stats.mid, stats.nacks);
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                if let Some(subscriber) = self.participants.subscriber_mut(key) {
                    subscriber.downlink_mut().add_estimate(now, estimate.as_u64());
                    self.select_encodings_for(now, key);
                    let room = self.participants.get(key).map(|p| p.room().clone());
                    room.iter().for_each(|room| self.notify_peers(room));
                }
            }
            _ => {}
        }
    }

    fn handle_ice_state(&mut self, now: Instant, key: ParticipantKey, state: IceConnectionState) {
        if state == IceConnectionState::Disconnected {
            if self.connection_mut(key).is_some_and(PeerConnection::set_disconnected) {
                self.report_lost(key, "the media connection was interrupted; restart it");
            }
        } else if self.connection(key).is_some_and(PeerConnection::has_dtls) {
            self.handle_connected(now, key);
        }
    }

    fn handle_connected(&mut self, now: Instant, key: ParticipantKey) {
        if self.connection_mut(key).is_some_and(PeerConnection::set_connected) {
            self.report(key, MediaReport::Connected);
            self.request_key_frames_for(now, key);
        }
    }

    /// Ends a connection that has failed.
    fn fail(&mut self, now: Instant, key: ParticipantKey, fault: &Fault) {
        let sentence = match fault {
            Fault::Panicked => {
                self.counters.panics += 1;
                let participant = self.participants.get(key).map(|p| p.id());
                tracing::error!(?participant, "a connection panicked");
                "the media connection ended because of a server error; offer again"
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

    fn report_lost(&mut self, key: ParticipantKey, sentence: &str) {
        let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
        self.report(key, MediaReport::Lost { refusal });
    }

    fn report(&mut self, key: ParticipantKey, report: MediaReport) {
        if let Some(participant) = self.participants.get(key) {
            let (room, participant) = (participant.room().clone(), participant.id());
            self.events.push_back(MediaEvent { room, participant, report });
        }
    }

    /// Updates everything that changes with time: inactive connections, activity, the capacity of
    /// links, and which encodings are being sent.
    fn review(&mut self, now: Instant) {
        self.suspend_inactive(now);
        let rooms: Vec<RoomId> = self.rooms.keys().cloned().collect();
        for id in rooms {
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            let is_contended = room.is_contended();
            // In a room over several workers, slots may be contended on another one.
            if is_contended || room.cascade_peers_mut().is_some() {
                for key in room.keys() {
                    if let Some((publisher, _)) = self.participants.both_mut(key) {
                        publisher.tracks_mut().iter_mut().for_each(|t| t.measure_activity(now));
                    }
                }
            }
            if is_contended {
                self.assign_slots(now, &id);
            } else {
                self.select_encodings(now, &id);
            }
        }
        if !self.rooms.is_empty() {
            self.next_review.get_or_insert(now + REVIEW_INTERVAL);
        }
    }

    /// Assigns the slots of a room anew, and chooses the encodings in them.
    fn assign_slots(&mut self, now: Instant, id: &RoomId) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        room.assign_slots(now, &mut self.participants);
        self.next_review.get_or_insert(now + REVIEW_INTERVAL);
        self.select_encodings(now, id);
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use signaling_protocol::ParticipantId;
    use str0m::media::{Direction, MediaKind};

    use super::*;
    use crate::limits::Limits;
    use crate::media::MediaCommand;
    use crate::peer_connection::Certificate;

    fn offer(now: Instant) -> String {
        let mut client = str0m::Rtc::new(now);
        let mut change = client.sdp_api();
        change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        change.apply().unwrap().0.to_sdp_string()
    }

    #[test]
    fn a_panic_ends_one_connection_and_affects_no_other_participant() {
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
        let keys: Vec<ParticipantKey> = worker.participants.keys().collect();
        let connection = worker.connection_mut(keys[0]).unwrap();
        let fault = connection.provoke_panic().unwrap_err();
        worker.fail(now, keys[0], &fault);
        worker.handle_timeout(now + Duration::from_secs(1));

        assert_eq!(worker.counters().panics, 1);
        let reports: Vec<MediaEvent> = std::iter::from_fn(|| worker.poll_event()).collect();
        let lost: Vec<_> =
            reports.iter().filter(|e| matches!(e.report, MediaReport::Lost { .. })).collect();
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].participant, ParticipantId(1));
        assert!(worker.connection(keys[0]).is_none());
        assert!(worker.connection(keys[1]).is_some());

        let sdp = offer(now);
        let command = MediaCommand::Offer { room, participant: ParticipantId(1), sdp };
        worker.handle_command(now, command);
        let report = worker.poll_event().unwrap().report;
        assert!(matches!(report, MediaReport::Answer { .. }), "it may come back: {report:?}");
    }
}
