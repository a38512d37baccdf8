//! The way between rooms and the SFU.

use std::sync::{Arc, OnceLock};

use sfu_core::{MediaCommand, MediaEvent};
use signaling_protocol::{Refusal, RoomId};

use crate::room_task::RoomInput;
use crate::rooms::Rooms;

/// The SFU, as rooms see it.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands over a command without waiting.
    ///
    /// # Errors
    /// The SFU cannot take it just now.
    fn send(&self, command: MediaCommand) -> Result<(), Refusal>;

    /// Checks that the SFU has capacity for another participant of a room, or for a new room (`None`).
    ///
    /// # Errors
    /// The SFU is overloaded; the refusal says when to ask again.
    fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal>;
}

/// Delivers the reports of the SFU to the rooms, from any thread. It is made before the SFU and the
/// service, since the SFU reports to the rooms and the rooms command the SFU.
#[derive(Clone, Default)]
pub struct MediaReports(Arc<OnceLock<Rooms>>);

impl MediaReports {
    /// Delivers a report to the input queue of its room, without blocking. If a room is too slow and
    /// its queue is full, the report is dropped and counted, and the client asks again; no other room
    /// is affected. Reports before [`Signaling::receive_reports`](crate::Signaling::receive_reports)
    /// are dropped, as there are no rooms yet.
    pub fn deliver(&self, report: MediaEvent) {
        if let Some(rooms) = self.0.get() {
            rooms.try_send(&report.room.clone(), RoomInput::Media(report));
        }
    }

    pub(crate) fn connect(&self, rooms: Rooms) {
        // A second service of one process would have an SFU of its own.
        let _ = self.0.set(rooms);
    }
}
