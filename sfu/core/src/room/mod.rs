//! A room: who is in it, and who sees whom.

pub(crate) mod encoding;
pub(crate) mod participant;
pub(crate) mod participants;
pub(crate) mod published_track;

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use signaling_protocol::ParticipantId;
use str0m::media::MediaKind;

use crate::cascade::peer::Span;
use crate::policy::slot_allocation::{self as slots, Held, Interest, TrackId, Wanted};
use crate::room::participant::kind_of;
use crate::room::participants::{Key, Participants};
use crate::room::published_track::Forward;
use crate::rtp::svc_layers::UpTo;

/// The participants of a room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// Guests included.
    pub(crate) members: BTreeMap<ParticipantId, Key>,
    /// Its ties to other workers, if it has any.
    pub(crate) span: Option<Box<Span>>,
    /// Somebody could see more tracks than it has slots: who gets them changes with activity.
    pub(crate) contended: bool,
}

impl Room {
    /// Whether nobody is in it, here or elsewhere.
    pub(crate) fn is_over(&self) -> bool {
        self.members.is_empty() && self.span.is_none()
    }

    /// Fills everybody's slots anew, with as few changes as the policy asks for.
    pub(crate) fn allocate(&mut self, now: Instant, participants: &mut Participants) {
        let offered = self.offered(now, participants);
        self.contended = false;
        for key in self.members.values() {
            let subscriber = participants.get_mut(*key).filter(|p| p.home.is_none());
            let Some(subscriber) = subscriber else { continue };
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let wanted: Vec<Wanted> = offered
                    .iter()
                    .filter(|w| w.track.participant != subscriber.id)
                    .filter(|w| kind_of(w.track.source) == kind)
                    .filter_map(|w| w.as_wished(subscriber.constraint(w.track)))
                    .collect();
                let mut slots: Vec<_> =
                    subscriber.slots.iter_mut().filter(|slot| slot.kind == kind).collect();
                self.contended |= wanted.len() > slots.len() && !slots.is_empty();
                let before: Vec<Option<Held>> = slots.iter().map(|slot| slot.held).collect();
                let after = slots::allocate(now, &before, &wanted);
                for (slot, held) in slots.iter_mut().zip(after) {
                    if slot.held.map(|h| h.track) == held.map(|h| h.track) {
                        continue;
                    }
                    slot.held = held;
                    slot.switch();
                }
            }
        }
        self.connect_forwards(participants);
        if self.span.is_some() {
            self.connect_branches(participants);
        }
    }

    fn offered(&self, now: Instant, participants: &Participants) -> Vec<Wanted> {
        let mut offered = Vec::new();
        for participant in self.members.values().filter_map(|key| participants.get(*key)) {
            let activity = participant.activity();
            offered.extend(participant.tracks.iter().map(|track| Wanted {
                interest: Interest::Shown,
                track: TrackId { participant: participant.id, source: track.source },
                muted: track.muted_since.map(|since| now.saturating_duration_since(since)),
                activity,
            }));
        }
        offered
    }

    /// Writes down at every track who receives it: what the packet path follows.
    fn connect_forwards(&self, participants: &mut Participants) {
        let mut forwards: HashMap<TrackId, Vec<Forward>> = HashMap::new();
        for key in self.members.values() {
            let Some(subscriber) = participants.get(*key) else { continue };
            for (slot, held) in subscriber.slots.iter().enumerate() {
                if let Some(held) = held.held {
                    // Sound has one encoding, and nobody does without it.
                    let sound = held.track.source.is_audio().then_some(0);
                    let forward = Forward {
                        subscriber: *key,
                        slot,
                        current: None,
                        next: sound,
                        chosen: sound,
                        up_to: UpTo::ALL,
                    };
                    forwards.entry(held.track).or_default().push(forward);
                }
            }
        }
        for key in self.members.values() {
            let Some(publisher) = participants.get_mut(*key) else { continue };
            let participant = publisher.id;
            for track in &mut publisher.tracks {
                let id = TrackId { participant, source: track.source };
                let before = std::mem::take(&mut track.forwards);
                track.forwards = forwards.remove(&id).unwrap_or_default();
                for forward in &mut track.forwards {
                    let same =
                        |f: &&Forward| f.subscriber == forward.subscriber && f.slot == forward.slot;
                    if let Some(same) = before.iter().find(same) {
                        *forward = *same;
                    }
                }
            }
        }
    }
}
