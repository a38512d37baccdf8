//! Which tracks fill a subscriber's receive slots: the policy, without any state of its own.

use std::time::{Duration, Instant};

use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, Source};

/// A slot keeps its track at least so long, so that pictures and voices do not flap.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// A muted track keeps its slot so long against tracks that wait for one.
pub(crate) const MUTED_GRACE: Duration = Duration::from_secs(10);
/// How much more active (in percent) a waiting track must be than one that has a slot.
const HYSTERESIS_PERCENT: u64 = 150;

/// A track, for everybody who might see it. Ids are never reused in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TrackId {
    pub(crate) participant: ParticipantId,
    pub(crate) source: Source,
}

/// A track that a subscriber could see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) track: TrackId,
    /// Muted for so long.
    pub(crate) muted: Option<Duration>,
    /// How lively its owner is, in bytes of sound per second.
    pub(crate) activity: u64,
    pub(crate) interest: Interest,
}

/// What a subscriber has said of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    /// Nothing, while it has said something of others.
    Unseen,
    /// It has it on the screen, or it is sound.
    Shown,
    /// The person at the screen picked it out.
    Pinned,
}

/// What a slot carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) track: TrackId,
    pub(crate) since: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Muted for longer than the grace.
    Silent,
    /// Not known to be on the screen.
    Unseen,
    /// Voices and faces.
    Person,
    /// What people came to look at.
    Screen,
    /// What one of them picked out.
    Pinned,
}

impl Wanted {
    /// For a subscriber with this wish. `None` if it does not show the track.
    pub(crate) fn as_wished(self, constraint: Option<ReceiverVideoConstraint>) -> Option<Self> {
        let interest = match constraint {
            _ if self.track.source.is_audio() => Interest::Shown,
            None => Interest::Unseen,
            Some(ReceiverVideoConstraint { height: 0, .. }) => return None,
            Some(ReceiverVideoConstraint { pinned: true, .. }) => Interest::Pinned,
            Some(_) => Interest::Shown,
        };
        Some(Self { interest, ..self })
    }

    fn class(&self) -> Class {
        match (self.muted, self.track.source) {
            (Some(muted), _) if muted >= MUTED_GRACE => Class::Silent,
            _ if self.interest == Interest::Pinned => Class::Pinned,
            _ if self.interest == Interest::Unseen => Class::Unseen,
            (_, Source::Screen | Source::ScreenAudio) => Class::Screen,
            (_, Source::Microphone | Source::Camera) => Class::Person,
        }
    }

    fn rank(&self) -> impl Ord + use<> {
        // The earlier one in the room goes first where all else is equal.
        (self.class(), self.activity, std::cmp::Reverse(self.track))
    }

    /// A track that was muted a moment ago is not measured by how lively its owner is.
    fn displaces(&self, other: &Self) -> bool {
        let (class, others) = (self.class(), other.class());
        let livelier = self.activity.saturating_mul(100)
            > other.activity.max(1).saturating_mul(HYSTERESIS_PERCENT);
        class > others || class == others && other.muted.is_none() && livelier
    }
}

/// What the slots of one kind should carry from `now` on, given what they carry and what there is.
///
/// Slots whose track is gone become free. Free slots go to the waiting tracks by rank: screens
/// before people, the active before the quiet, the earlier before the later. When none is free, a
/// waiting track takes the slot of the lowest-ranked one, but only if it is of a higher class or
/// clearly more active, and that one has had its time.
pub(crate) fn allocate(
    now: Instant,
    slots: &[Option<Held>],
    wanted: &[Wanted],
) -> Vec<Option<Held>> {
    let find = |track: TrackId| wanted.iter().find(|w| w.track == track);
    let mut next: Vec<Option<Held>> =
        slots.iter().map(|slot| slot.filter(|held| find(held.track).is_some())).collect();

    let is_held = |track| next.iter().flatten().any(|held| held.track == track);
    let mut waiting: Vec<&Wanted> = wanted.iter().filter(|w| !is_held(w.track)).collect();
    waiting.sort_by_key(|w| std::cmp::Reverse(w.rank()));

    for waiting in waiting {
        let held = Some(Held { track: waiting.track, since: now });
        if let Some(free) = next.iter_mut().find(|slot| slot.is_none()) {
            *free = held;
            continue;
        }
        let settled = next.iter_mut().filter_map(|slot| {
            let settled = slot.filter(|h| now.saturating_duration_since(h.since) >= HOLD)?;
            Some((slot, find(settled.track)?))
        });
        let lowest = settled.filter(|(_, w)| waiting.displaces(w)).min_by_key(|(_, w)| w.rank());
        if let Some((slot, _)) = lowest {
            *slot = held;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        Instant::now()
    }

    fn track(participant: u32, source: Source) -> TrackId {
        TrackId { participant: ParticipantId(participant), source }
    }

    fn camera(participant: u32, activity: u64) -> Wanted {
        Wanted {
            track: track(participant, Source::Camera),
            muted: None,
            activity,
            interest: Interest::Shown,
        }
    }

    fn carried(slots: &[Option<Held>]) -> Vec<Option<u32>> {
        slots.iter().map(|slot| slot.map(|held| held.track.participant.0)).collect()
    }

    #[test]
    fn a_leaving_publisher_frees_its_slot_and_moves_nobody() {
        let now = start();
        let slots = allocate(now, &[None; 3], &[camera(1, 0), camera(2, 0), camera(3, 0)]);
        assert_eq!(carried(&slots), [Some(1), Some(2), Some(3)]);
        let slots = allocate(now, &slots, &[camera(1, 0), camera(3, 0)]);
        assert_eq!(carried(&slots), [Some(1), None, Some(3)]);
        let slots = allocate(now, &slots, &[camera(1, 0), camera(3, 0), camera(4, 0)]);
        assert_eq!(carried(&slots), [Some(1), Some(4), Some(3)]);
    }

    #[test]
    fn a_screen_comes_before_cameras_when_slots_run_out() {
        let now = start();
        let screen = Wanted {
            track: track(9, Source::Screen),
            muted: None,
            activity: 0,
            interest: Interest::Shown,
        };
        let slots = allocate(now, &[None; 2], &[camera(1, 50), camera(2, 10)]);
        let wanted = [camera(1, 50), camera(2, 10), screen];
        let held = allocate(now + HOLD / 2, &slots, &wanted);
        assert_eq!(carried(&held), [Some(1), Some(2)], "not before they have had their time");
        let slots = allocate(now + HOLD, &slots, &wanted);
        assert_eq!(carried(&slots), [Some(1), Some(9)]);
    }

    #[test]
    fn what_is_pinned_comes_first_and_what_is_not_shown_last() {
        let now = start();
        let constraint = |n, height, pinned| {
            let participant = ParticipantId(n);
            Some(ReceiverVideoConstraint { participant, source: Source::Camera, height, pinned })
        };
        let wanted = [
            camera(1, 900).as_wished(constraint(1, 0, false)),
            camera(2, 900).as_wished(None),
            camera(3, 10).as_wished(constraint(3, 180, false)),
            camera(4, 0).as_wished(constraint(4, 720, true)),
        ];
        let wanted: Vec<Wanted> = wanted.into_iter().flatten().collect();
        assert_eq!(carried(&allocate(now, &[None; 3], &wanted)), [Some(4), Some(3), Some(2)]);
        assert_eq!(carried(&allocate(now, &[None; 2], &wanted)), [Some(4), Some(3)]);
    }

    #[test]
    fn a_little_more_activity_takes_no_slot_and_much_more_does() {
        let now = start();
        let slots = allocate(now, &[None; 1], &[camera(1, 1_000)]);
        let slots = allocate(now + HOLD, &slots, &[camera(1, 1_000), camera(2, 1_400)]);
        assert_eq!(carried(&slots), [Some(1)]);
        let slots = allocate(now + HOLD, &slots, &[camera(1, 1_000), camera(2, 1_600)]);
        assert_eq!(carried(&slots), [Some(2)]);
    }

    #[test]
    fn equals_never_flap() {
        let now = start();
        let wanted: Vec<Wanted> = (1..=5).map(|n| camera(n, 300)).collect();
        let mut slots = allocate(now, &[None; 2], &wanted);
        assert_eq!(carried(&slots), [Some(1), Some(2)], "the earlier ones");
        for second in 1..60 {
            slots = allocate(now + Duration::from_secs(second), &slots, &wanted);
            assert_eq!(carried(&slots), [Some(1), Some(2)]);
        }
    }

    #[test]
    fn a_muted_track_keeps_its_slot_for_a_while_and_for_good_if_nobody_waits() {
        let now = start();
        let muted = |n, d| Wanted { muted: Some(d), ..camera(n, 0) };
        let slots = allocate(now, &[None; 1], &[camera(1, 0)]);
        let brief = [muted(1, MUTED_GRACE / 2), camera(2, 900)];
        assert_eq!(carried(&allocate(now + HOLD, &slots, &brief)), [Some(1)]);
        let alone = [muted(1, MUTED_GRACE * 9)];
        assert_eq!(carried(&allocate(now + HOLD, &slots, &alone)), [Some(1)]);
        let long = [muted(1, MUTED_GRACE), camera(2, 0)];
        assert_eq!(carried(&allocate(now + HOLD, &slots, &long)), [Some(2)]);
    }
}
