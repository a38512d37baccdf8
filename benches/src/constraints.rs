//! How a participant shows the cameras of others: the first one it knows of on the stage, the next
//! ones smaller, as its scenario says.

use signaling_protocol::{
    Delta, Joined, ParticipantId, ParticipantState, ReceiverVideoConstraint, RoomMessage,
    RoomSnapshot, ServerMessage, Source,
};

/// What is wished, and what was last said of it.
#[derive(Debug)]
pub(crate) struct VideoConstraints {
    heights: Vec<u16>,
    own: ParticipantId,
    /// Who has a camera, in the order of their coming.
    cameras: Vec<ParticipantId>,
    changed: bool,
}

impl VideoConstraints {
    /// None are ever said without heights.
    pub(crate) fn new(heights: Vec<u16>, joined: &Joined) -> Self {
        let mut constraints =
            Self { heights, own: joined.participant, cameras: Vec::new(), changed: false };
        constraints.replace(&joined.room);
        constraints
    }

    pub(crate) fn hear(&mut self, message: &ServerMessage) {
        if let ServerMessage::Room(RoomMessage::Snapshot(snapshot)) = message {
            return self.replace(&snapshot.room);
        }
        let ServerMessage::Room(RoomMessage::Delta { delta, .. }) = message else { return };
        match delta {
            Delta::ParticipantJoined(state) | Delta::TracksChanged(state) => self.take(state),
            Delta::ParticipantLeft { participant } => self.forget(*participant),
            Delta::ConnectionChanged { .. }
            | Delta::RulesChanged(_)
            | Delta::Message { .. }
            | Delta::Log { .. } => {}
        }
    }

    /// What is to be said, if that is something new.
    pub(crate) fn poll(&mut self) -> Option<Vec<ReceiverVideoConstraint>> {
        let &last = self.heights.last()?;
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let heights = self.heights.iter().copied().chain(std::iter::repeat(last));
        let constraint = |(&participant, height)| ReceiverVideoConstraint {
            participant,
            source: Source::Camera,
            height,
            pinned: false,
        };
        Some(self.cameras.iter().zip(heights).map(constraint).collect())
    }

    fn replace(&mut self, room: &RoomSnapshot) {
        self.cameras.clear();
        self.changed = true;
        room.participants.iter().for_each(|state| self.take(state));
    }

    fn take(&mut self, state: &ParticipantState) {
        let shows = state.tracks.iter().any(|track| track.source == Source::Camera);
        if !shows {
            return self.forget(state.participant);
        }
        if state.participant != self.own && !self.cameras.contains(&state.participant) {
            self.cameras.push(state.participant);
            // Whoever came first is first, whenever the camera was turned on.
            self.cameras.sort_unstable_by_key(|participant| participant.0);
            self.changed = true;
        }
    }

    fn forget(&mut self, participant: ParticipantId) {
        let before = self.cameras.len();
        self.cameras.retain(|known| *known != participant);
        self.changed |= self.cameras.len() != before;
    }
}

#[cfg(test)]
mod tests {
    use signaling_protocol::{Seq, Track};

    use super::*;

    fn state(number: u32, camera: bool) -> ParticipantState {
        let track = Track { mid: "1".into(), source: Source::Camera, muted: false };
        let tracks = if camera { vec![track] } else { Vec::new() };
        ParticipantState { participant: ParticipantId(number), tracks }
    }

    fn delta(delta: Delta) -> ServerMessage {
        ServerMessage::Room(RoomMessage::Delta { seq: Seq(1), delta })
    }

    #[test]
    fn the_first_camera_is_large_and_all_others_are_small() {
        let mut constraints = VideoConstraints {
            heights: vec![720, 180],
            own: ParticipantId(2),
            cameras: vec![],
            changed: true,
        };
        assert_eq!(constraints.poll(), Some(Vec::new()));
        let heights = |constraints: &mut VideoConstraints| {
            let said = constraints.poll()?;
            Some(
                said.iter()
                    .map(|constraint| (constraint.participant.0, constraint.height))
                    .collect::<Vec<_>>(),
            )
        };
        for number in [4, 2, 3] {
            constraints.hear(&delta(Delta::TracksChanged(state(number, true))));
        }
        assert_eq!(heights(&mut constraints), Some(vec![(3, 720), (4, 180)]), "nothing of its own");
        constraints.hear(&delta(Delta::ParticipantJoined(state(1, false))));
        assert_eq!(heights(&mut constraints), None, "nothing new");
        constraints.hear(&delta(Delta::TracksChanged(state(1, true))));
        assert_eq!(heights(&mut constraints), Some(vec![(1, 720), (3, 180), (4, 180)]));
        constraints.hear(&delta(Delta::ParticipantLeft { participant: ParticipantId(1) }));
        assert_eq!(heights(&mut constraints), Some(vec![(3, 720), (4, 180)]));
    }
}
