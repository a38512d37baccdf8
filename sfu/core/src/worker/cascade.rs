//! Rooms that span workers: what others tell, and what they are told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::limits::TRACKS;
use signaling_protocol::{ParticipantId, RoomId, Source};

use crate::cascade::messages::{
    Branch, MediaHeader, Offered, Relay, RelayControl, RelayPacket, Wants, WorkerId,
};
use crate::cascade::peer::Peer;
use crate::limits::ENCODINGS;
use crate::metrics::Traffic;
use crate::policy::slot_allocation::TrackId;
use crate::room::participant::Participant;
use crate::room::participants::Key;
use crate::worker::Worker;

/// What waits to be told to other workers.
#[derive(Debug, Default)]
pub(crate) struct Relaying {
    /// Rooms of which others may have to be told something, each once.
    stale: Vec<RoomId>,
    controls: VecDeque<(WorkerId, RoomId, RelayControl)>,
    packets: VecDeque<(WorkerId, RelayPacket)>,
    /// Participants that other workers have.
    guests: usize,
}

impl Relaying {
    pub(crate) fn guests(&self) -> usize {
        self.guests
    }

    /// Copies a packet to the workers on which somebody is sent it.
    pub(crate) fn copy(
        &mut self,
        branches: &[Branch],
        source: Source,
        header: MediaHeader,
        payload: &Arc<[u8]>,
        counter: &mut Traffic,
    ) {
        for Branch { to, wants } in branches {
            if wants.taken.has(header.encoding) {
                counter.add(payload.len());
                let seat = wants.seat;
                let packet = RelayPacket { seat, source, header, payload: payload.clone() };
                self.packets.push_back((*to, packet));
            }
        }
    }
}

impl Worker {
    /// These other workers have participants of a room, and nobody else has; none: it is this one's
    /// alone. Each of them is to be told the same, in any order, and relays of the room go between
    /// them from then on.
    pub fn set_peers(&mut self, now: Instant, id: &RoomId, others: &[WorkerId]) {
        if others.is_empty() && !self.rooms.contains_key(id) {
            return;
        }
        let room = self.rooms.entry(id.clone()).or_default();
        let span = room.span.get_or_insert_default();
        let (kept, gone): (Vec<Peer>, Vec<Peer>) =
            span.peers.drain(..).partition(|peer| others.contains(&peer.id));
        span.peers = kept;
        for other in others {
            if span.peers.iter().all(|peer| peer.id != *other) {
                span.peers.push(Peer::new(*other));
            }
        }
        if others.is_empty() {
            room.span = None;
        }
        for peer in gone {
            self.seat_guests(now, id, peer.id, &[]);
        }
        if self.rooms.get(id).is_some_and(|room| room.is_over()) {
            self.rooms.remove(id);
            return;
        }
        self.allocate(now, id);
    }

    /// Takes a media packet from another worker. One for nobody who is a guest here, or no more, goes
    /// nowhere.
    pub fn handle_relay_packet(&mut self, now: Instant, packet: RelayPacket) {
        self.set_now(now);
        let RelayPacket { seat, source, header, payload } = packet;
        if self.participants.get(seat).is_some_and(|p| p.home.is_some()) {
            self.fan_out(now, seat, source, &header, &payload);
        }
    }

    /// Takes what another worker tells of a room. From one that the room does not span to it is not
    /// taken; if it does so later, that worker is asked to say it again.
    pub fn handle_relay_control(
        &mut self,
        now: Instant,
        from: WorkerId,
        id: &RoomId,
        control: RelayControl,
    ) {
        self.set_now(now);
        let Some(peer) = self.rooms.get_mut(id).and_then(|room| room.peer_mut(from)) else {
            return;
        };
        let RelayControl { asks, tracks, wants, key_frames } = control;
        if asks {
            peer.forget_told();
            self.tell_peers(id);
        }
        if let Some(tracks) = tracks
            && self.seat_guests(now, id, from, &tracks)
        {
            self.allocate(now, id);
        }
        if let Some(wants) = wants {
            self.take_wants(now, id, from, wants);
        }
        for (track, encoding) in key_frames {
            if self.is_published_here(id, track) {
                self.request_key_frame(now, id, track, encoding);
            }
        }
    }

    /// What to tell another worker: to be asked for until there is nothing, whenever anything has been
    /// fed.
    pub fn poll_relay(&mut self, now: Instant) -> Option<(WorkerId, Relay)> {
        while let Some(id) = self.relaying.stale.pop() {
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            for (to, control) in room.news(now, &self.participants) {
                self.relaying.controls.push_back((to, id.clone(), control));
            }
        }
        if let Some((to, room, control)) = self.relaying.controls.pop_front() {
            return Some((to, Relay::Control(room, control)));
        }
        let (to, packet) = self.relaying.packets.pop_front()?;
        Some((to, Relay::Packet(packet)))
    }

    /// Something may have changed in a room that other workers are to be told.
    pub(crate) fn tell_peers(&mut self, id: &RoomId) {
        if let Some(span) = self.rooms.get_mut(id).and_then(|room| room.span.as_mut())
            && !std::mem::replace(&mut span.stale, true)
        {
            self.relaying.stale.push(id.clone());
        }
    }

    fn take_wants(&mut self, now: Instant, id: &RoomId, from: WorkerId, mut wants: Vec<Wants>) {
        let Some(room) = self.rooms.get_mut(id) else { return };
        wants.truncate(room.members.len() * TRACKS);
        if let Some(peer) = room.peer_mut(from) {
            peer.wants = wants;
        }
        room.connect_branches(&mut self.participants);
        self.distribute(now, id);
    }

    fn is_published_here(&self, id: &RoomId, track: TrackId) -> bool {
        let key = self.rooms.get(id).and_then(|room| room.members.get(&track.participant));
        key.and_then(|key| self.participants.get(*key)).is_some_and(|p| p.home.is_none())
    }

    /// The guests from a worker, and their tracks. Whether that changes who could be sent what.
    fn seat_guests(
        &mut self,
        now: Instant,
        id: &RoomId,
        home: WorkerId,
        offered: &[Offered],
    ) -> bool {
        let mut by_guest: BTreeMap<ParticipantId, Vec<&Offered>> = BTreeMap::new();
        for track in offered {
            let tracks = by_guest.entry(track.track.participant).or_default();
            if (1..=ENCODINGS).contains(&track.encodings.len()) && tracks.len() < TRACKS {
                tracks.push(track);
            }
        }
        let Some(room) = self.rooms.get_mut(id) else { return false };
        let mut changed = false;
        let most = self.config.limits.participants_per_room;
        room.members.retain(|participant, key| {
            let is_guest = self.participants.get(*key).is_some_and(|p| p.home == Some(home));
            let gone = is_guest && !by_guest.contains_key(participant);
            if gone {
                self.participants.remove(*key);
                self.relaying.guests -= 1;
                changed = true;
            }
            !gone
        });
        let is_guest = |key: &&Key| self.participants.get(**key).is_some_and(|p| p.home.is_some());
        let mut guests = room.members.values().filter(is_guest).count();
        for (participant, tracks) in by_guest {
            let key = match room.members.get(&participant) {
                Some(key) => *key,
                None if guests >= most => continue,
                None => {
                    let guest = Participant::guest(now, id.clone(), participant, home);
                    let key = self.participants.insert(guest);
                    self.timers.forget(key);
                    self.relaying.guests += 1;
                    guests += 1;
                    room.members.insert(participant, key);
                    key
                }
            };
            // Who has a connection here, or is another worker's, stays what he is.
            let guest = self.participants.get_mut(key).filter(|p| p.home == Some(home));
            changed |= guest.is_some_and(|guest| guest.offer(now, &tracks));
        }
        changed
    }

    /// A guest's place is taken by the participant himself.
    pub(crate) fn unseat(&mut self, key: Key) {
        if self.participants.get(key).is_some_and(|p| p.home.is_some()) {
            self.participants.remove(key);
            self.relaying.guests -= 1;
        }
    }

    /// The requests to a guest whose time has come go to the worker that has its connection.
    pub(crate) fn relay_due_key_frames(&mut self, now: Instant, key: Key) {
        let Some(guest) = self.participants.get_mut(key) else { return };
        let Some(home) = guest.home else { return };
        let participant = guest.id;
        let mut due = Vec::new();
        for track in &mut guest.tracks {
            let track_id = TrackId { participant, source: track.source };
            for (place, encoding) in track.encodings.iter_mut().enumerate() {
                if encoding.key_frames.take_due(now) {
                    due.push((track_id, place));
                }
            }
        }
        let id = guest.room.clone();
        self.schedule(now, key);
        if let Some(peer) = self.rooms.get_mut(&id).and_then(|room| room.peer_mut(home)) {
            peer.key_frames.extend(due);
            self.tell_peers(&id);
        }
    }
}
