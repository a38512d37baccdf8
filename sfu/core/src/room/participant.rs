//! The identity of a participant.

use signaling_protocol::{ParticipantId, RoomId};

use crate::ids::WorkerId;

/// The identity of a participant of one room.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    room: RoomId,
    id: ParticipantId,
    /// The worker that has the connection, if it is another one.
    owner_worker: Option<WorkerId>,
}

impl Participant {
    /// Creates a participant whose connection this worker has.
    pub(crate) fn local(room: RoomId, id: ParticipantId) -> Self {
        Self { room, id, owner_worker: None }
    }

    /// Creates a participant whose connection another worker has.
    pub(crate) fn remote(room: RoomId, id: ParticipantId, owner: WorkerId) -> Self {
        Self { room, id, owner_worker: Some(owner) }
    }

    /// Returns the room.
    pub(crate) fn room(&self) -> &RoomId {
        &self.room
    }

    /// Returns the id within the room.
    pub(crate) fn id(&self) -> ParticipantId {
        self.id
    }

    /// Returns the worker that has the connection, if it is another one.
    pub(crate) fn owner_worker(&self) -> Option<WorkerId> {
        self.owner_worker
    }

    /// Returns whether this worker has the connection.
    pub(crate) fn is_local(&self) -> bool {
        self.owner_worker.is_none()
    }
}
