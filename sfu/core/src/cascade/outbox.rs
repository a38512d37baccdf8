//! The messages that wait to be sent to other workers.

use std::collections::VecDeque;
use std::sync::Arc;

use signaling_protocol::{RoomId, Source};

use super::messages::{CascadeControl, CascadeMessage, CascadePacket, CascadeTarget};
use crate::ids::WorkerId;
use crate::metrics::Traffic;
use crate::rtp::MediaHeader;

/// The messages that wait to be sent to other workers.
#[derive(Debug, Default)]
pub(crate) struct CascadeOutbox {
    /// Rooms whose changes have to be sent, each once.
    stale_rooms: Vec<RoomId>,
    controls: VecDeque<(WorkerId, RoomId, CascadeControl)>,
    packets: VecDeque<(WorkerId, CascadePacket)>,
}

impl CascadeOutbox {
    /// Adds a room whose changes have to be sent.
    pub(crate) fn push_room(&mut self, room: RoomId) {
        self.stale_rooms.push(room);
    }

    /// Takes a room whose changes have to be sent.
    pub(crate) fn pop_room(&mut self) -> Option<RoomId> {
        self.stale_rooms.pop()
    }

    /// Queues the changes in a room.
    pub(crate) fn push_control(&mut self, to: WorkerId, room: RoomId, control: CascadeControl) {
        self.controls.push_back((to, room, control));
    }

    /// Queues a copy of a packet for each worker that forwards its encoding.
    pub(crate) fn copy_packet(
        &mut self,
        targets: &[CascadeTarget],
        source: Source,
        header: MediaHeader,
        payload: &Arc<[u8]>,
        counter: &mut Traffic,
    ) {
        for copy in targets.iter().filter_map(|t| t.copy_packet(source, header, payload)) {
            counter.add(payload.len());
            self.packets.push_back(copy);
        }
    }

    /// Takes the next message; changes in rooms come before packets.
    pub(crate) fn pop(&mut self) -> Option<(WorkerId, CascadeMessage)> {
        if let Some((to, room, control)) = self.controls.pop_front() {
            return Some((to, CascadeMessage::Control(room, control)));
        }
        let (to, packet) = self.packets.pop_front()?;
        Some((to, CascadeMessage::Packet(packet)))
    }
}
