//! The video constraints of a participant: the requested heights of the other participants' cameras,
//! from its scenario.

use signaling_protocol::{
    Delta, Joined, ParticipantId, ParticipantState, ReceiverVideoConstraint, RoomMessage,
    RoomSnapshot, Source,
};

/// Computes the constraints, and detects when they change.
#[derive(Debug)]
pub(crate) struct VideoConstraints {
    video_heights: Vec<u16>,
    own: ParticipantId,
    /// The participants with a camera, in the order of joining.
    cameras: Vec<ParticipantId>,
    changed: bool,
}

impl VideoConstraints {
    /// Creates the constraints from the room's state. Without `video_heights` none are ever sent.
    pub(crate) fn new(video_heights: Vec<u16>, joined: &Joined) -> Self {
        let mut constraints =
            Self { video_heights, own: joined.participant, cameras: Vec::new(), changed: false };
        constraints.replace(&joined.room);
        constraints
    }

    /// Updates the cameras from a message about the room.
    pub(crate) fn handle_message(&mut self, message: &RoomMessage) {
        if let RoomMessage::Snapshot(snapshot) = message {
            return self.replace(&snapshot.room);
        }
        let RoomMessage::Delta { delta, .. } = message else { return };
        match delta {
            Delta::ParticipantJoined(state) | Delta::TracksChanged(state) => self.update(state),
            Delta::ParticipantLeft { participant } => self.remove(*participant),
            Delta::ConnectionChanged { .. }
            | Delta::RulesChanged(_)
            | Delta::Message { .. }
            | Delta::Log { .. } => {}
        }
    }

    /// Returns the constraints to send, if they have changed since the last call.
    pub(crate) fn poll(&mut self) -> Option<Vec<ReceiverVideoConstraint>> {
        let &last = self.video_heights.last()?;
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let video_heights = self.video_heights.iter().copied().chain(std::iter::repeat(last));
        let constraint = |(&participant, height)| ReceiverVideoConstraint {
            participant,
            source: Source::Camera,
            height,
            pinned: false,
        };
        Some(self.cameras.iter().zip(video_heights).map(constraint).collect())
    }

    fn replace(&mut self, room: &RoomSnapshot) {
        self.cameras.clear();
        self.changed = true;
        room.participants.iter().for_each(|state| self.update(state));
    }

    fn update(&mut self, state: &ParticipantState) {
        let has_camera = state.tracks.iter().any(|track| track.source == Source::Camera);
        if !has_camera {
            return self.remove(state.participant);
        }
        if state.participant != self.own && !self.cameras.contains(&state.participant) {
            self.cameras.push(state.participant);
            // Participant ids follow the order of joining.
            self.cameras.sort_unstable_by_key(|participant| participant.0);
            self.changed = true;
        }
    }

    fn remove(&mut self, participant: ParticipantId) {
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

    fn delta(delta: Delta) -> RoomMessage {
        RoomMessage::Delta { seq: Seq(1), delta }
    }

    #[test]
    fn the_first_camera_is_large_and_all_others_are_small() {
        let mut constraints = VideoConstraints {
            video_heights: vec![720, 180],
            own: ParticipantId(2),
            cameras: vec![],
            changed: true,
        };
        assert_eq!(constraints.poll(), Some(Vec::new()));
        let requested = |constraints: &mut VideoConstraints| {
            let sent = constraints.poll()?;
            Some(
                sent.iter()
                    .map(|constraint| (constraint.participant.0, constraint.height))
                    .collect::<Vec<_>>(),
            )
        };
        for number in [4, 2, 3] {
            constraints.handle_message(&delta(Delta::TracksChanged(state(number, true))));
        }
        assert_eq!(
            requested(&mut constraints),
            Some(vec![(3, 720), (4, 180)]),
            "not for its own camera"
        );
        constraints.handle_message(&delta(Delta::ParticipantJoined(state(1, false))));
        assert_eq!(requested(&mut constraints), None, "no change");
        constraints.handle_message(&delta(Delta::TracksChanged(state(1, true))));
        assert_eq!(requested(&mut constraints), Some(vec![(1, 720), (3, 180), (4, 180)]));
        constraints
            .handle_message(&delta(Delta::ParticipantLeft { participant: ParticipantId(1) }));
        assert_eq!(requested(&mut constraints), Some(vec![(3, 720), (4, 180)]));
    }
}
