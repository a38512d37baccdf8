//! A participant as a subscriber: its connection, and the slots in which it receives.

use std::collections::HashMap;
use std::time::Instant;

use signaling_protocol::ReceiverVideoConstraint;
use signaling_protocol::limits::RECEIVER_VIDEO_CONSTRAINTS;
use str0m::media::{MediaKind, Mid};

use super::receive_slot::ReceiveSlot;
use crate::ids::TrackId;
use crate::metrics::PacketKind;
use crate::peer_connection::{Fault, PeerConnection, PumpOutput};
use crate::policy::{Allocation, Demand, DownlinkReading, DownlinkState};
use crate::rtp::OutgoingPacket;
use crate::transport::GsoOrder;

/// A participant as a subscriber: its connection, and the slots in which it receives. Only
/// participants of this worker are subscribers.
#[derive(Debug)]
pub(crate) struct Subscriber {
    connection: Option<PeerConnection>,
    slots: Vec<ReceiveSlot>,
    /// The constraints on video tracks; `None` until the participant has stated any.
    constraints: Option<HashMap<TrackId, ReceiverVideoConstraint>>,
    downlink: DownlinkState,
    /// Packets to send, in order.
    outgoing: Vec<OutgoingPacket>,
    /// The subscriber is in the worker's queue of those to flush.
    queued: bool,
    /// The connection has to be pumped at the next flush.
    needs_pump: bool,
}

impl Subscriber {
    /// Creates a subscriber without a connection.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            connection: None,
            slots: Vec::new(),
            constraints: None,
            downlink: DownlinkState::new(now),
            outgoing: Vec::new(),
            queued: false,
            needs_pump: false,
        }
    }

    /// Returns the connection.
    pub(crate) fn connection(&self) -> Option<&PeerConnection> {
        self.connection.as_ref()
    }

    /// Returns the connection.
    pub(crate) fn connection_mut(&mut self) -> Option<&mut PeerConnection> {
        self.connection.as_mut()
    }

    /// Sets a new connection, about whose link nothing is known.
    pub(crate) fn set_connection(&mut self, now: Instant, connection: PeerConnection) {
        self.connection = Some(connection);
        self.downlink.restart(now);
    }

    /// Takes the connection away.
    pub(crate) fn take_connection(&mut self) -> Option<PeerConnection> {
        self.connection.take()
    }

    /// Returns whether packets can be sent.
    pub(crate) fn is_connected(&self) -> bool {
        self.connection.as_ref().is_some_and(PeerConnection::is_connected)
    }

    /// Brings the slots in line with what is negotiated. A slot that remains keeps its state.
    pub(crate) fn resolve_slots(&mut self) {
        let mut before = std::mem::take(&mut self.slots);
        let Some(connection) = &mut self.connection else { return };
        for line in connection.send_lines() {
            let known = before.iter().position(|slot| slot.is_on(&line));
            let slot = known.map(|i| before.swap_remove(i));
            self.slots.push(slot.unwrap_or_else(|| ReceiveSlot::new(&line)));
        }
    }

    /// Returns the receive slots.
    pub(crate) fn slots(&self) -> &[ReceiveSlot] {
        &self.slots
    }

    /// Returns the receive slots.
    pub(crate) fn slots_mut(&mut self) -> &mut [ReceiveSlot] {
        &mut self.slots
    }

    /// Returns the index of the slot on an m-line.
    pub(crate) fn slot_by_mid(&self, mid: Mid) -> Option<usize> {
        self.slots.iter().position(|slot| slot.mid() == mid)
    }

    /// Replaces the constraints on video tracks.
    pub(crate) fn set_constraints(&mut self, constraints: Vec<ReceiverVideoConstraint>) {
        let constraints =
            constraints.into_iter().take(RECEIVER_VIDEO_CONSTRAINTS).map(|constraint| {
                let ReceiverVideoConstraint { participant, source, .. } = constraint;
                (TrackId { participant, source }, constraint)
            });
        self.constraints = Some(constraints.collect());
    }

    /// Returns the constraint on a video track; `None` if there is none on this one. Until any
    /// constraint has been set, every track is wanted at any size.
    pub(crate) fn constraint(&self, track: TrackId) -> Option<ReceiverVideoConstraint> {
        let TrackId { participant, source } = track;
        match &self.constraints {
            Some(constraints) => constraints.get(&track).copied(),
            None => Some(ReceiverVideoConstraint {
                participant,
                source,
                height: u16::MAX,
                pinned: false,
            }),
        }
    }

    /// Returns the state of the link.
    pub(crate) fn downlink_mut(&mut self) -> &mut DownlinkState {
        &mut self.downlink
    }

    /// Returns the state of the link, for metrics.
    pub(crate) fn downlink_reading(&self) -> DownlinkReading {
        self.downlink.reading()
    }

    /// Chooses what is sent for these demands, and has the congestion control probe for what is
    /// missing.
    pub(crate) fn allocate(&mut self, now: Instant, demands: &[Demand]) -> Allocation {
        let is_used_audio = |s: &&ReceiveSlot| s.kind() == MediaKind::Audio && s.track().is_some();
        let audio_tracks = self.slots.iter().filter(is_used_audio).count();
        let allocation = self.downlink.allocate(now, audio_tracks, demands);
        // Only sending more finds a larger estimate: up to the next missing step, with probes up to
        // everything that is wanted. If nothing is missing, the capacity makes no difference.
        let missing = allocation.missing_for_next_step();
        let sent = self.downlink.sent_bitrate(now);
        let target = if missing > 0 && self.is_connected() {
            (sent + missing, sent + allocation.missing_for_ideal())
        } else {
            (0, 0)
        };
        if let Some(connection) = &mut self.connection {
            connection.set_probe_target(target.0, target.1);
        }
        allocation
    }

    /// Queues a packet to send.
    pub(crate) fn enqueue(&mut self, now: Instant, packet: OutgoingPacket) {
        self.downlink.count_sent(now, packet.payload_len());
        self.outgoing.push(packet);
    }

    /// Sends the queued packets, all at once: its keys and state are loaded into the cache once, and
    /// its datagrams leave together.
    pub(crate) fn send_outgoing(
        &mut self,
        now: Instant,
        order: &mut GsoOrder,
        output: &mut PumpOutput,
    ) -> Result<(), Fault> {
        let Some(connection) = &mut self.connection else {
            self.outgoing.clear();
            return Ok(());
        };
        order.sort(&mut self.outgoing);
        for packet in self.outgoing.drain(..) {
            let (ssrc, write) = packet.into_write();
            let is_sent = connection.send(now, ssrc, write, output)?;
            self.needs_pump |= !is_sent;
        }
        Ok(())
    }

    /// Marks the subscriber as one to flush. Returns whether it has to be queued for that.
    pub(crate) fn mark_dirty(&mut self) -> bool {
        !std::mem::replace(&mut self.queued, true)
    }

    /// Has the connection pumped at the next flush.
    pub(crate) fn request_pump(&mut self) {
        self.needs_pump = true;
    }

    /// Records that the subscriber was taken from the queue.
    pub(crate) fn set_dequeued(&mut self) {
        self.queued = false;
    }

    /// Returns whether the connection has to be pumped, once.
    pub(crate) fn take_needs_pump(&mut self) -> bool {
        std::mem::take(&mut self.needs_pump)
    }

    /// Returns whether a datagram to the participant may be dropped before others: video, a
    /// retransmission or padding, which is RTP of no audio slot.
    pub(crate) fn is_droppable(&self, datagram: &[u8]) -> bool {
        let (PacketKind::Rtp, Some(ssrc)) = (PacketKind::of(datagram), datagram.get(8..12)) else {
            return false;
        };
        let is_audio = |slot: &ReceiveSlot| {
            slot.kind() == MediaKind::Audio && slot.ssrc().to_be_bytes() == ssrc
        };
        !self.slots.iter().any(is_audio)
    }
}
