//! From sizes on screens to encodings: what each subscriber is sent, and what publishers need not
//! send.

use std::cmp::Reverse;
use std::time::Instant;

use crate::media::MediaReport;
use signaling_protocol::{ReceiverVideoConstraint, RoomId, Source, SubscribedQuality};
use str0m::media::MediaKind;

use crate::policy::bitrate_allocation::{self as allocation, Demand, Priority, Rate};
use crate::policy::overload::OverloadLevel;
use crate::policy::slot_allocation::TrackId;
use crate::room::encoding::at_hand;
use crate::room::participants::Key;
use crate::room::published_track::Published;
use crate::worker::Worker;

/// The height of a picture that a subscriber has not said anything about, in pixels.
const UNSEEN: u16 = 180;

/// A picture in one of the subscriber's slots.
struct Shown {
    slot: usize,
    publisher: Key,
    source: Source,
    /// What is chosen is a step of its layers.
    layered: bool,
}

impl Worker {
    /// Chooses anew what everybody in a room is sent.
    pub(crate) fn distribute(&mut self, now: Instant, room: &RoomId) {
        self.tell_peers(room);
        let Some(room) = self.rooms.get(room) else { return };
        let is_here = |key: &Key| self.participants.get(*key).is_some_and(|p| p.home.is_none());
        let members: Vec<Key> = room.members.values().copied().filter(is_here).collect();
        for key in &members {
            self.distribute_to(now, *key);
        }
        for key in members {
            self.tell_wanted(now, key);
        }
    }

    /// Chooses anew what one subscriber is sent.
    pub(crate) fn distribute_to(&mut self, now: Instant, key: Key) {
        let Some(subscriber) = self.participants.get(key) else { return };
        let room = subscriber.room.clone();
        let voices =
            subscriber.slots.iter().filter(|s| s.kind == MediaKind::Audio && s.held.is_some());
        let voices = voices.count();
        let (shown, demands) = self.demands(key);
        let Some(subscriber) = self.participants.get_mut(key) else { return };
        let budget = subscriber.link.budget(now, voices);
        let allocation = allocation::allocate(budget, &demands);
        subscriber.link.given = allocation.given(&demands);
        // A larger estimate is found only by sending more: up to the next step that is missing, with
        // probes up to all that is. Where nothing is missing nobody needs to know what else fits.
        let missing = allocation.next - allocation.cost;
        let sent = subscriber.link.sent.current(now);
        let connected =
            subscriber.connection.as_ref().is_some_and(|connection| connection.is_connected());
        let aim = match missing {
            0 => (0, 0),
            _ if !connected => (0, 0),
            _ => (sent + missing, sent + allocation.ideal.saturating_sub(allocation.cost)),
        };
        if let Some(connection) = &mut subscriber.connection {
            connection.aim_for(aim.0, aim.1);
        }
        if let Some(downlink) = subscriber.link.news(now, &allocation) {
            self.report(key, MediaReport::Downlink(downlink));
        }
        for (shown, chosen) in shown.iter().zip(allocation.chosen) {
            let track = self.participants.get_mut(shown.publisher);
            let Some(track) = track.and_then(|p| p.track_mut(shown.source)) else { continue };
            let (chosen, step) =
                if shown.layered { (chosen.map(|_| 0), chosen) } else { (chosen, None) };
            if let Some(encoding) = track.aim(now, key, shown.slot, chosen, step) {
                let id = self.participants.get(shown.publisher).map(|p| p.id);
                let Some(participant) = id else { continue };
                let track = TrackId { participant, source: shown.source };
                self.request_key_frame(now, &room, track, encoding);
            }
        }
    }

    /// The pictures in a subscriber's slots, and what it wants of each.
    fn demands(&self, key: Key) -> (Vec<Shown>, Vec<Demand>) {
        let Some(subscriber) = self.participants.get(key) else { return Default::default() };
        let Some(room) = self.rooms.get(&subscriber.room) else { return Default::default() };
        let mut shown = Vec::new();
        let mut demands = Vec::new();
        for (slot, held) in subscriber.slots.iter().enumerate() {
            let Some(held) = held.held.filter(|held| !held.track.source.is_audio()) else {
                continue;
            };
            let TrackId { participant, source } = held.track;
            let Some(&publisher) = room.members.get(&participant) else { continue };
            let track = self.participants.get(publisher).and_then(|p| p.track(source));
            let Some(track) = track else { continue };
            let constraint = subscriber.constraint(held.track);
            demands.push(demand(track, constraint, key, slot, self.overload.level()));
            shown.push(Shown { slot, publisher, source, layered: track.steps().is_some() });
        }
        (shown, demands)
    }

    /// Tells a publisher which encodings of its tracks anybody wants, where that has changed.
    pub(crate) fn tell_wanted(&mut self, now: Instant, key: Key) {
        let Some(publisher) = self.participants.get_mut(key) else { return };
        let mut changed = Vec::new();
        for track in &mut publisher.tracks {
            if let Some(wanted) = track.wanted_news(now) {
                changed.push(SubscribedQuality { source: track.source, wanted });
            }
        }
        for wanted in changed {
            self.report(key, MediaReport::SubscribedQuality(wanted));
        }
    }
}

fn demand(
    track: &Published,
    constraint: Option<ReceiverVideoConstraint>,
    subscriber: Key,
    slot: usize,
    level: OverloadLevel,
) -> Demand {
    let rates = track.steps().unwrap_or_else(|| {
        let from_top = (0..track.encodings.len()).rev();
        track.encodings.iter().zip(from_top).map(|(e, above)| e.rate(above)).collect()
    });
    let height = constraint.map_or(UNSEEN, |constraint| constraint.height);
    let pinned = constraint.is_some_and(|constraint| constraint.pinned);
    let small = level > OverloadLevel::Normal && track.source == Source::Camera && !pinned;
    Demand {
        priority: Priority {
            pinned,
            screen: track.source == Source::Screen,
            height,
            slot: Reverse(slot),
        },
        wanted: if small { 0 } else { allocation::useful(rates.len(), height) },
        current: track.sent_to(subscriber, slot, rates.len()),
        rates,
    }
}

/// The encodings to ask for, given those chosen by each subscriber.
pub(crate) fn union(count: usize, chosen: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut wanted = vec![false; count];
    for layer in chosen {
        if let Some(wanted) = wanted.get_mut(layer) {
            *wanted = true;
        }
    }
    wanted
}

impl Published {
    /// The steps between which its layers leave a choice, by what they cost.
    fn steps(&self) -> Option<Vec<Rate>> {
        if self.encodings.len() == 1 { self.layers.rates() } else { None }
    }

    /// What a subscription is sent from now on, up to a step of its layers. Returns the encoding
    /// that has to begin with a key frame for it, if another one than before.
    fn aim(
        &mut self,
        now: Instant,
        to: Key,
        slot: usize,
        chosen: Option<usize>,
        step: Option<usize>,
    ) -> Option<usize> {
        let at_hand = chosen.map(|target| at_hand(now, &self.encodings, target));
        let forward = self.forwards.iter_mut().find(|f| f.subscriber == to && f.slot == slot)?;
        let is_new = forward.next != at_hand;
        forward.chosen = chosen;
        forward.next = at_hand;
        if at_hand.is_none() {
            forward.current = None;
        }
        let step = step.unwrap_or(usize::MAX);
        let rises = step > std::mem::replace(&mut forward.up_to.chosen, step);
        if rises && self.layers.rise_by_key_frames() && forward.current.is_some() {
            return at_hand;
        }
        let waited_for = at_hand.filter(|next| forward.current != Some(*next))?;
        // Once, and again while it comes and nobody can use it. One that does not come yet begins
        // with a key frame by itself.
        let comes = self.encodings.get(waited_for).is_some_and(|e| e.is_active(now));
        (is_new || comes).then_some(waited_for)
    }

    /// Which of so many encodings, or steps of one, a subscription is sent.
    fn sent_to(&self, to: Key, slot: usize, count: usize) -> Option<usize> {
        let forward = self.forwards.iter().find(|f| f.subscriber == to && f.slot == slot)?;
        let encoding = forward.current.or(forward.chosen)?;
        Some(if self.encodings.len() < count { forward.up_to.current(count) } else { encoding })
    }
}
