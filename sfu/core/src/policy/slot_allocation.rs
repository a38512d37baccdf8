//! The tracks that fill a subscriber's receive slots.

use std::time::{Duration, Instant};

use signaling_protocol::{ReceiverVideoConstraint, Source};

use crate::ids::TrackId;

/// Minimum time that a slot keeps its track, so that video and audio do not flap.
const MIN_HOLD: Duration = Duration::from_secs(2);
/// Time for which a muted track keeps its slot while other tracks wait for one.
const MUTED_GRACE: Duration = Duration::from_secs(10);
/// How much more active, in percent, a waiting track must be than one that has a slot.
const HYSTERESIS_PERCENT: u64 = 150;

/// A track that a subscriber could receive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CandidateTrack {
    track: TrackId,
    /// Time since the track was muted.
    muted: Option<Duration>,
    /// Activity of the publisher, in bytes of audio per second.
    activity: u64,
    interest: Interest,
}

/// The interest that a subscriber has stated in a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Interest {
    /// It has stated its interest in other tracks only.
    Unstated,
    /// The track is on the screen, or it is audio.
    Shown,
    /// The person at the screen has pinned the track.
    Pinned,
}

/// The track in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotAssignment {
    track: TrackId,
    since: Instant,
}

impl SlotAssignment {
    /// Returns the track in the slot.
    pub(crate) fn track(self) -> TrackId {
        self.track
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Muted for longer than the grace period.
    Muted,
    /// Not known to be on the screen.
    Unstated,
    /// A microphone or a camera.
    Person,
    /// A screen share.
    Screen,
    /// Pinned.
    Pinned,
}

impl CandidateTrack {
    /// Creates a candidate. `muted` is the time since it was muted, `activity` that of its
    /// publisher in bytes of audio per second.
    pub(crate) fn new(track: TrackId, muted: Option<Duration>, activity: u64) -> Self {
        Self { track, muted, activity, interest: Interest::Shown }
    }

    /// Returns the track.
    pub(crate) fn track(&self) -> TrackId {
        self.track
    }

    /// Returns the candidate for a subscriber with this constraint; `None` if the subscriber does
    /// not show the track.
    pub(crate) fn constrained(self, constraint: Option<ReceiverVideoConstraint>) -> Option<Self> {
        let interest = match constraint {
            _ if self.track.source.is_audio() => Interest::Shown,
            None => Interest::Unstated,
            Some(ReceiverVideoConstraint { height: 0, .. }) => return None,
            Some(ReceiverVideoConstraint { pinned: true, .. }) => Interest::Pinned,
            Some(_) => Interest::Shown,
        };
        Some(Self { interest, ..self })
    }

    fn class(&self) -> Class {
        match (self.muted, self.track.source) {
            (Some(muted), _) if muted >= MUTED_GRACE => Class::Muted,
            _ if self.interest == Interest::Pinned => Class::Pinned,
            _ if self.interest == Interest::Unstated => Class::Unstated,
            (_, Source::Screen | Source::ScreenAudio) => Class::Screen,
            (_, Source::Microphone | Source::Camera) => Class::Person,
        }
    }

    fn rank(&self) -> impl Ord + use<> {
        // If all else is equal, the participant that joined first comes first.
        (self.class(), self.activity, std::cmp::Reverse(self.track))
    }

    /// Returns whether the candidate may take the slot of `other`. The activity does not count
    /// against a track that was muted a moment ago.
    fn displaces(&self, other: &Self) -> bool {
        let (class, others) = (self.class(), other.class());
        let more_active = self.activity.saturating_mul(100)
            > other.activity.max(1).saturating_mul(HYSTERESIS_PERCENT);
        class > others || class == others && other.muted.is_none() && more_active
    }
}

/// Returns the tracks for the slots of one kind from `now` on, given the tracks in them.
///
/// Slots whose track is gone become free. Free slots go to the waiting tracks by rank: screens
/// before people, the active before the quiet, the earlier before the later. If none is free, a
/// waiting track takes the slot of the lowest-ranked track, but only if it is of a higher class or
/// clearly more active, and that track has had its minimum time.
pub(crate) fn assign_slots(
    now: Instant,
    slots: &[Option<SlotAssignment>],
    candidates: &[CandidateTrack],
) -> Vec<Option<SlotAssignment>> {
    let find = |track: TrackId| candidates.iter().find(|c| c.track == track);
    let mut next: Vec<Option<SlotAssignment>> =
        slots.iter().map(|slot| slot.filter(|held| find(held.track).is_some())).collect();

    let is_held = |track| next.iter().flatten().any(|held| held.track == track);
    let mut waiting: Vec<&CandidateTrack> =
        candidates.iter().filter(|c| !is_held(c.track)).collect();
    waiting.sort_by_key(|c| std::cmp::Reverse(c.rank()));

    for waiting in waiting {
        let assignment = Some(SlotAssignment { track: waiting.track, since: now });
        if let Some(free) = next.iter_mut().find(|slot| slot.is_none()) {
            *free = assignment;
            continue;
        }
        let replaceable = next.iter_mut().filter_map(|slot| {
            let held = slot.filter(|h| now.saturating_duration_since(h.since) >= MIN_HOLD)?;
            Some((slot, find(held.track)?))
        });
        let lowest =
            replaceable.filter(|(_, c)| waiting.displaces(c)).min_by_key(|(_, c)| c.rank());
        if let Some((slot, _)) = lowest {
            *slot = assignment;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use signaling_protocol::ParticipantId;

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        Instant::now()
    }

    fn track(participant: u32, source: Source) -> TrackId {
        TrackId { participant: ParticipantId(participant), source }
    }

    fn camera(participant: u32, activity: u64) -> CandidateTrack {
        CandidateTrack {
            track: track(participant, Source::Camera),
            muted: None,
            activity,
            interest: Interest::Shown,
        }
    }

    fn participants(slots: &[Option<SlotAssignment>]) -> Vec<Option<u32>> {
        slots.iter().map(|slot| slot.map(|held| held.track.participant.0)).collect()
    }

    #[test]
    fn a_leaving_publisher_frees_its_slot_and_no_other_moves() {
        let now = start();
        let slots = assign_slots(now, &[None; 3], &[camera(1, 0), camera(2, 0), camera(3, 0)]);
        assert_eq!(participants(&slots), [Some(1), Some(2), Some(3)]);
        let slots = assign_slots(now, &slots, &[camera(1, 0), camera(3, 0)]);
        assert_eq!(participants(&slots), [Some(1), None, Some(3)]);
        let slots = assign_slots(now, &slots, &[camera(1, 0), camera(3, 0), camera(4, 0)]);
        assert_eq!(participants(&slots), [Some(1), Some(4), Some(3)]);
    }

    #[test]
    fn a_screen_comes_before_cameras_when_slots_run_out() {
        let now = start();
        let screen = CandidateTrack {
            track: track(9, Source::Screen),
            muted: None,
            activity: 0,
            interest: Interest::Shown,
        };
        let slots = assign_slots(now, &[None; 2], &[camera(1, 50), camera(2, 10)]);
        let candidates = [camera(1, 50), camera(2, 10), screen];
        let held = assign_slots(now + MIN_HOLD / 2, &slots, &candidates);
        assert_eq!(participants(&held), [Some(1), Some(2)], "not before their minimum time");
        let slots = assign_slots(now + MIN_HOLD, &slots, &candidates);
        assert_eq!(participants(&slots), [Some(1), Some(9)]);
    }

    #[test]
    fn pinned_tracks_come_first_and_tracks_without_stated_interest_last() {
        let now = start();
        let constraint = |n, height, pinned| {
            let participant = ParticipantId(n);
            Some(ReceiverVideoConstraint { participant, source: Source::Camera, height, pinned })
        };
        let candidates = [
            camera(1, 900).constrained(constraint(1, 0, false)),
            camera(2, 900).constrained(None),
            camera(3, 10).constrained(constraint(3, 180, false)),
            camera(4, 0).constrained(constraint(4, 720, true)),
        ];
        let candidates: Vec<CandidateTrack> = candidates.into_iter().flatten().collect();
        assert_eq!(
            participants(&assign_slots(now, &[None; 3], &candidates)),
            [Some(4), Some(3), Some(2)]
        );
        assert_eq!(participants(&assign_slots(now, &[None; 2], &candidates)), [Some(4), Some(3)]);
    }

    #[test]
    fn only_clearly_more_activity_takes_a_slot() {
        let now = start();
        let slots = assign_slots(now, &[None; 1], &[camera(1, 1_000)]);
        let slots = assign_slots(now + MIN_HOLD, &slots, &[camera(1, 1_000), camera(2, 1_400)]);
        assert_eq!(participants(&slots), [Some(1)]);
        let slots = assign_slots(now + MIN_HOLD, &slots, &[camera(1, 1_000), camera(2, 1_600)]);
        assert_eq!(participants(&slots), [Some(2)]);
    }

    #[test]
    fn equally_active_tracks_never_flap() {
        let now = start();
        let candidates: Vec<CandidateTrack> = (1..=5).map(|n| camera(n, 300)).collect();
        let mut slots = assign_slots(now, &[None; 2], &candidates);
        assert_eq!(participants(&slots), [Some(1), Some(2)], "those that joined first");
        for second in 1..60 {
            slots = assign_slots(now + Duration::from_secs(second), &slots, &candidates);
            assert_eq!(participants(&slots), [Some(1), Some(2)]);
        }
    }

    #[test]
    fn a_muted_track_keeps_its_slot_for_a_while_and_longer_if_no_track_waits() {
        let now = start();
        let muted = |n, d| CandidateTrack { muted: Some(d), ..camera(n, 0) };
        let slots = assign_slots(now, &[None; 1], &[camera(1, 0)]);
        let brief = [muted(1, MUTED_GRACE / 2), camera(2, 900)];
        assert_eq!(participants(&assign_slots(now + MIN_HOLD, &slots, &brief)), [Some(1)]);
        let alone = [muted(1, MUTED_GRACE * 9)];
        assert_eq!(participants(&assign_slots(now + MIN_HOLD, &slots, &alone)), [Some(1)]);
        let long = [muted(1, MUTED_GRACE), camera(2, 0)];
        assert_eq!(participants(&assign_slots(now + MIN_HOLD, &slots, &long)), [Some(2)]);
    }
}
