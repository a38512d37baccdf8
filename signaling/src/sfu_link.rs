//! The way between rooms and the SFU.

use sfu_core::{MediaCommand, MediaEvent};
use signaling_protocol::{Refusal, RoomId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::room_task::RoomInput;
use crate::rooms::Rooms;

/// The SFU, as rooms see it.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands over a command without waiting.
    ///
    /// # Errors
    /// The SFU cannot take it just now.
    fn send(&self, command: MediaCommand) -> Result<(), Refusal>;

    /// Whether somebody else may come to a room, or a room be begun (`None`).
    ///
    /// # Errors
    /// The SFU has too much to do already; the refusal says when to ask again.
    fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal>;
}

/// Brings the SFU's reports to their rooms until the service stops.
pub(crate) async fn route_media_events(
    mut reports: mpsc::Receiver<MediaEvent>,
    rooms: Rooms,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            report = reports.recv() => match report {
                // One room that is slow to read must not hold up the others: it loses a report,
                // and its client asks again.
                Some(report) => rooms.try_send(&report.room.clone(), RoomInput::Media(report)),
                None => break,
            },
            () = stop.cancelled() => break,
        }
    }
}
