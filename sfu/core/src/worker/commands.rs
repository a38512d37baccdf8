//! What rooms ask of a worker.

use std::time::Instant;

use crate::media::{MediaCommand, MediaEvent, MediaReport};
use signaling_protocol::{ParticipantId, Refusal, RefusalCode, RoomId, Track};

use crate::peer_connection::Connection;
use crate::peer_connection::offer::Offer;
use crate::room::participant::Participant;
use crate::room::participants::Key;
use crate::worker::Worker;

impl Worker {
    /// Does what a room asks. What comes of it is reported by [`Worker::poll_event`].
    pub fn handle_command(&mut self, now: Instant, command: MediaCommand) {
        match command {
            MediaCommand::Offer { room, participant, sdp } => {
                let report = match self.take_offer(now, &room, participant, &sdp) {
                    Ok(sdp) => {
                        self.counters.offers_taken += 1;
                        MediaReport::Answer { sdp }
                    }
                    Err(refusal) => {
                        self.counters.offers_refused += 1;
                        MediaReport::Refused { refusal }
                    }
                };
                self.events.push_back(MediaEvent { room, participant, report });
            }
            MediaCommand::SetTracks { room, participant, tracks } => {
                self.set_tracks(now, &room, participant, tracks);
            }
            MediaCommand::ReceiverVideoConstraints { room, participant, constraints } => {
                let key = self.find(&room, participant);
                if let Some(participant) = key.and_then(|key| self.participants.get_mut(key)) {
                    participant.wish_for(constraints);
                    self.allocate(now, &room);
                }
            }
            MediaCommand::Remove { room, participant } => {
                if let Some(key) = self.find(&room, participant) {
                    self.remove_participant(now, key);
                }
            }
        }
    }

    fn find(&self, room: &RoomId, participant: ParticipantId) -> Option<Key> {
        let key = self.rooms.get(room)?.members.get(&participant).copied()?;
        self.participants.get(key).filter(|p| p.home.is_none()).map(|_| key)
    }

    fn take_offer(
        &mut self,
        now: Instant,
        room: &RoomId,
        id: ParticipantId,
        sdp: &str,
    ) -> Result<String, Refusal> {
        let offer = Offer::parse(sdp).map_err(|bad| bad.refusal())?;
        let known = self.find(room, id);
        if known.is_none() {
            self.admit(room)?;
        }
        let current = known
            .and_then(|key| self.participants.get_mut(key))
            .and_then(|participant| participant.connection.as_mut())
            .filter(|connection| connection.continues(&offer));
        let (fresh, answer) = match current {
            Some(connection) => (None, connection.restart(now, offer)),
            None => match Connection::accept(now, &self.config, offer) {
                Ok((connection, answer)) => (Some(connection), Ok(answer)),
                Err(bad) => (None, Err(bad)),
            },
        };
        let answer = answer.map_err(|bad| bad.refusal())?;

        let key = match known {
            Some(key) => key,
            None => self.add_participant(now, room, id),
        };
        if let Some(fresh) = fresh {
            self.drop_connection(now, key);
            if let Some(participant) = self.participants.get_mut(key) {
                participant.connection = Some(fresh);
                participant.link.restart(now);
            }
        }
        let Some(participant) = self.participants.get_mut(key) else {
            let sentence = "the participant is gone";
            return Err(Refusal::new(RefusalCode::MediaUnavailable, sentence));
        };
        if let Some(connection) = &mut participant.connection {
            self.demux.set_ufrag(key, connection.ufrag());
        }
        participant.resolve_slots();
        participant.resolve_tracks(now);
        // The negotiation is a mutation; what it brings out is drained before the next one.
        self.pump(now, key, str0m::Input::Timeout(now));
        self.allocate(now, room);
        Ok(answer)
    }

    fn admit(&self, room: &RoomId) -> Result<(), Refusal> {
        let limits = self.config.limits;
        if self.participants() >= limits.participants {
            let sentence = "this server carries as many participants as it can; try again later";
            return Err(Refusal::new(RefusalCode::ServerFull, sentence).with_retry_after(30));
        }
        // Of those on other workers it is not known when they left.
        let is_here = |key: &&Key| self.participants.get(**key).is_some_and(|p| p.home.is_none());
        let members =
            self.rooms.get(room).map_or(0, |room| room.members.values().filter(is_here).count());
        if members >= limits.participants_per_room {
            let sentence = "this room has as many participants as it can";
            return Err(Refusal::new(RefusalCode::RoomFull, sentence));
        }
        Ok(())
    }

    fn add_participant(&mut self, now: Instant, room: &RoomId, id: ParticipantId) -> Key {
        let key = self.participants.insert(Participant::new(now, room.clone(), id));
        self.timers.forget(key);
        let before = self.rooms.entry(room.clone()).or_default().members.insert(id, key);
        if let Some(guest) = before {
            self.unseat(guest);
        }
        key
    }

    fn set_tracks(&mut self, now: Instant, room: &RoomId, id: ParticipantId, tracks: Vec<Track>) {
        let key = match self.find(room, id) {
            Some(key) => key,
            // Tracks may be announced before the offer is made.
            None if self.admit(room).is_ok() => self.add_participant(now, room, id),
            None => return,
        };
        if let Some(participant) = self.participants.get_mut(key) {
            participant.announce(now, tracks);
            self.allocate(now, room);
        }
    }

    /// Ends a participant's connection; it stays in the room, with its slots' and tracks' places
    /// given up.
    pub(crate) fn drop_connection(&mut self, now: Instant, key: Key) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let Some(mut connection) = participant.connection.take() else { return };
        participant.resolve_tracks(now);
        participant.resolve_slots();
        let room = participant.room.clone();
        self.demux.forget(key);
        connection.close(now, &mut self.drained);
        self.drained.events.clear();
        self.allocate(now, &room);
    }

    pub(crate) fn remove_participant(&mut self, now: Instant, key: Key) {
        self.drop_connection(now, key);
        let Some(participant) = self.participants.remove(key) else { return };
        if let Some(room) = self.rooms.get_mut(&participant.room) {
            room.members.remove(&participant.id);
            if room.is_over() {
                self.rooms.remove(&participant.room);
            }
        }
    }
}
