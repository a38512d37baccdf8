//! The commands of rooms.

use std::time::Instant;

use signaling_protocol::{ParticipantId, Refusal, RefusalCode, RoomId, Track};

use super::Worker;
use crate::ids::ParticipantKey;
use crate::media::{MediaCommand, MediaEvent, MediaReport};
use crate::peer_connection::{Offer, PeerConnection};
use crate::room::Participant;

impl Worker {
    /// Executes a command of a room. [`Worker::poll_event`] returns the reports that follow.
    pub fn handle_command(&mut self, now: Instant, command: MediaCommand) {
        match command {
            MediaCommand::Offer { room, participant, sdp } => {
                let report = match self.accept_offer(now, &room, participant, &sdp) {
                    Ok(sdp) => {
                        self.counters.offers_accepted += 1;
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
                if let Some(subscriber) = key.and_then(|key| self.participants.subscriber_mut(key))
                {
                    subscriber.set_constraints(constraints);
                    self.assign_slots(now, &room);
                }
            }
            MediaCommand::Remove { room, participant } => {
                if let Some(key) = self.find(&room, participant) {
                    self.remove_participant(now, key);
                }
            }
        }
    }

    /// Returns the key of a participant whose connection this worker has.
    fn find(&self, room: &RoomId, participant: ParticipantId) -> Option<ParticipantKey> {
        let key = self.rooms.get(room)?.key_of(participant)?;
        self.participants.is_local(key).then_some(key)
    }

    /// Accepts an offer. Returns the answer (RFC 8866).
    fn accept_offer(
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
            .and_then(|key| self.connection_mut(key))
            .filter(|connection| connection.continues(&offer));
        let (connection, answer) = match current {
            Some(connection) => (None, connection.restart(now, offer)),
            None => match self.connect(now, offer) {
                Ok((connection, answer)) => (Some(connection), Ok(answer)),
                Err(bad) => (None, Err(bad)),
            },
        };
        let answer = answer.map_err(|bad| bad.refusal())?;

        let key = known.unwrap_or_else(|| self.add_participant(now, room, id));
        if let Some(connection) = connection {
            self.drop_connection(now, key);
            if let Some(subscriber) = self.participants.subscriber_mut(key) {
                subscriber.set_connection(now, connection);
            }
        }
        let Some((publisher, subscriber)) = self.participants.both_mut(key) else {
            let sentence = "the participant has left";
            return Err(Refusal::new(RefusalCode::MediaUnavailable, sentence));
        };
        if let Some(connection) = subscriber.connection_mut() {
            self.demux.set_ufrag(key, connection.ufrag());
        }
        subscriber.resolve_slots();
        publisher.resolve_tracks(now, subscriber.connection());
        // The negotiation is a mutation; its output is drained before the next one.
        self.pump(now, key, str0m::Input::Timeout(now));
        self.assign_slots(now, room);
        Ok(answer)
    }

    fn connect(
        &self,
        now: Instant,
        offer: Offer,
    ) -> Result<(PeerConnection, String), crate::peer_connection::BadOffer> {
        let config = &self.config;
        let candidates = (&config.candidates[..], &config.tcp_candidates[..]);
        let (certificate, estimate) = (&config.certificate, config.estimate_bandwidth);
        PeerConnection::accept(now, certificate, candidates, estimate, offer)
    }

    /// Checks whether another participant of a room fits the limits.
    fn admit(&self, room: &RoomId) -> Result<(), Refusal> {
        let limits = self.config.limits;
        if self.participants() >= limits.participants {
            let sentence = "the server has reached its limit of participants; try again later";
            return Err(Refusal::new(RefusalCode::ServerFull, sentence).with_retry_after(30));
        }
        // Remote participants do not count: they may have left already.
        let is_local = |key: &ParticipantKey| self.participants.is_local(*key);
        let members = self.rooms.get(room).map_or(0, |room| room.keys().filter(is_local).count());
        if members >= limits.participants_per_room {
            let sentence = "the room has reached its limit of participants";
            return Err(Refusal::new(RefusalCode::RoomFull, sentence));
        }
        Ok(())
    }

    fn add_participant(
        &mut self,
        now: Instant,
        room: &RoomId,
        id: ParticipantId,
    ) -> ParticipantKey {
        let key = self.participants.insert(now, Participant::local(room.clone(), id));
        self.timers.forget(key);
        if let Some(remote) = self.rooms.entry(room.clone()).or_default().insert(id, key) {
            // The participant has moved here from another worker.
            self.participants.remove(remote);
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
        if let Some((publisher, subscriber)) = self.participants.both_mut(key) {
            publisher.announce(now, tracks, subscriber.connection());
            self.assign_slots(now, room);
        }
    }

    /// Closes a participant's connection. The participant stays in the room, without slots and
    /// published tracks.
    pub(super) fn drop_connection(&mut self, now: Instant, key: ParticipantKey) {
        let Some((publisher, subscriber)) = self.participants.both_mut(key) else { return };
        let Some(mut connection) = subscriber.take_connection() else { return };
        publisher.resolve_tracks(now, None);
        subscriber.resolve_slots();
        self.demux.remove(key);
        connection.close(now, &mut self.output);
        self.output.discard_events();
        let room = self.participants.get(key).map(|p| p.room().clone());
        room.iter().for_each(|room| self.assign_slots(now, room));
    }

    /// Removes a participant from its room.
    pub(super) fn remove_participant(&mut self, now: Instant, key: ParticipantKey) {
        self.drop_connection(now, key);
        let Some(participant) = self.participants.remove(key) else { return };
        if let Some(room) = self.rooms.get_mut(participant.room()) {
            room.remove(participant.id());
            if room.is_empty() {
                self.rooms.remove(participant.room());
            }
        }
    }
}
