//! The participants of a worker, as publishers and as subscribers.

use std::time::Instant;

use super::participant::Participant;
use super::publisher::Publisher;
use super::subscriber::Subscriber;
use crate::ids::ParticipantKey;

/// Values by participant.
#[derive(Debug)]
pub(crate) struct Store<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<T> Store<T> {
    /// Returns the value of a participant.
    pub(crate) fn get(&self, key: ParticipantKey) -> Option<&T> {
        let entry = self.entries.get(key.index()).filter(|e| e.generation == key.generation())?;
        entry.value.as_ref()
    }

    /// Returns the value of a participant.
    pub(crate) fn get_mut(&mut self, key: ParticipantKey) -> Option<&mut T> {
        let entry =
            self.entries.get_mut(key.index()).filter(|e| e.generation == key.generation())?;
        entry.value.as_mut()
    }

    fn set(&mut self, key: ParticipantKey, value: Option<T>) {
        while self.entries.len() <= key.index() {
            self.entries.push(Entry { generation: 0, value: None });
        }
        self.entries[key.index()] = Entry { generation: key.generation(), value };
    }

    fn remove(&mut self, key: ParticipantKey) -> Option<T> {
        let entry =
            self.entries.get_mut(key.index()).filter(|e| e.generation == key.generation())?;
        entry.value.take()
    }
}

/// The participants of a worker. Publishers and subscribers are stored apart, so that a packet can be
/// forwarded from one to the others while both are borrowed.
#[derive(Debug, Default)]
pub(crate) struct Participants {
    identities: Store<Participant>,
    publishers: Store<Box<Publisher>>,
    subscribers: Store<Box<Subscriber>>,
    /// Keys whose index is free, with the generation of the next participant there.
    free: Vec<ParticipantKey>,
    /// Number of participants whose connection this worker has.
    local: usize,
}

impl Participants {
    /// Returns the number of participants whose connection this worker has.
    pub(crate) fn local_count(&self) -> usize {
        self.local
    }

    /// Adds a participant that publishes nothing yet.
    pub(crate) fn insert(&mut self, now: Instant, participant: Participant) -> ParticipantKey {
        // The number of participants is bounded by the worker's limits, far below 2^32.
        let next_index = self.identities.entries.len() as u32;
        let key = self.free.pop().unwrap_or_else(|| ParticipantKey::new(next_index, 0));
        let is_local = participant.is_local();
        self.local += usize::from(is_local);
        self.identities.set(key, Some(participant));
        self.publishers.set(key, Some(Box::default()));
        self.subscribers.set(key, is_local.then(|| Box::new(Subscriber::new(now))));
        key
    }

    /// Removes a participant.
    pub(crate) fn remove(&mut self, key: ParticipantKey) -> Option<Participant> {
        let participant = self.identities.remove(key)?;
        self.publishers.remove(key);
        self.subscribers.remove(key);
        self.local -= usize::from(participant.is_local());
        // Until the index is used again, the key of the removed participant finds no value.
        let generation = key.generation().wrapping_add(1);
        self.free.push(ParticipantKey::new(key.index() as u32, generation));
        Some(participant)
    }

    /// Returns the identity of a participant.
    pub(crate) fn get(&self, key: ParticipantKey) -> Option<&Participant> {
        self.identities.get(key)
    }

    /// Returns whether this worker has the connection of a participant.
    pub(crate) fn is_local(&self, key: ParticipantKey) -> bool {
        self.get(key).is_some_and(Participant::is_local)
    }

    /// Returns a participant as a publisher.
    pub(crate) fn publisher(&self, key: ParticipantKey) -> Option<&Publisher> {
        self.publishers.get(key).map(|publisher| &**publisher)
    }

    /// Returns a participant as a publisher.
    pub(crate) fn publisher_mut(&mut self, key: ParticipantKey) -> Option<&mut Publisher> {
        self.publishers.get_mut(key).map(|publisher| &mut **publisher)
    }

    /// Returns a participant as a subscriber; `None` if another worker has its connection.
    pub(crate) fn subscriber(&self, key: ParticipantKey) -> Option<&Subscriber> {
        self.subscribers.get(key).map(|subscriber| &**subscriber)
    }

    /// Returns a participant as a subscriber; `None` if another worker has its connection.
    pub(crate) fn subscriber_mut(&mut self, key: ParticipantKey) -> Option<&mut Subscriber> {
        self.subscribers.get_mut(key).map(|subscriber| &mut **subscriber)
    }

    /// Returns a participant of this worker in both roles.
    pub(crate) fn both_mut(
        &mut self,
        key: ParticipantKey,
    ) -> Option<(&mut Publisher, &mut Subscriber)> {
        Some((self.publishers.get_mut(key)?, self.subscribers.get_mut(key)?))
    }

    /// Returns all publishers and all subscribers, to be borrowed at the same time.
    pub(crate) fn split_mut(
        &mut self,
    ) -> (&mut Store<Box<Publisher>>, &mut Store<Box<Subscriber>>) {
        (&mut self.publishers, &mut self.subscribers)
    }

    /// Returns the keys of all participants.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ParticipantKey> + '_ {
        let entries = self.identities.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.value.is_some())
            .map(|(index, entry)| ParticipantKey::new(index as u32, entry.generation))
    }
}

#[cfg(test)]
mod tests {
    use signaling_protocol::{ParticipantId, RoomId};

    use super::*;
    use crate::ids::WorkerId;

    #[test]
    fn the_key_of_a_removed_participant_finds_nothing_even_if_its_place_is_taken() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let room = RoomId::from_bytes([1; 16]);
        let mut participants = Participants::default();
        let local = Participant::local(room.clone(), ParticipantId(1));
        let first = participants.insert(now, local);
        assert!(participants.is_local(first) && participants.local_count() == 1);
        participants.remove(first);
        assert!(participants.publisher(first).is_none() && participants.local_count() == 0);
        let remote = Participant::remote(room, ParticipantId(2), WorkerId(1));
        let second = participants.insert(now, remote);
        assert_eq!(first.index(), second.index());
        assert!(participants.get(first).is_none() && participants.remove(first).is_none());
        assert!(participants.publisher(first).is_none() && participants.both_mut(first).is_none());
        assert!(participants.publisher(second).is_some());
        assert!(participants.subscriber(second).is_none(), "its connection is on another worker");
        assert_eq!(participants.keys().collect::<Vec<_>>(), [second]);
    }
}
