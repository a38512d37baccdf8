//! The participants of a worker, by a key that is cheap to pass around.

use crate::room::participant::Participant;

/// Names a participant of this worker. Once it is gone the key leads nowhere, even if its place is
/// taken by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    pub(crate) fn index(self) -> usize {
        self.index as usize
    }

    #[cfg(test)]
    pub(crate) fn for_test(index: u32) -> Self {
        Self { index, generation: 0 }
    }
}

/// A place that is taken or free.
#[derive(Debug, Default)]
struct Place {
    generation: u32,
    participant: Option<Box<Participant>>,
}

/// All participants of a worker.
#[derive(Debug, Default)]
pub(crate) struct Participants {
    places: Vec<Place>,
    free: Vec<u32>,
}

impl Participants {
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, participant: Participant) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            // Bounded by the worker's limit, far below 2^32.
            (self.places.len() - 1) as u32
        });
        let place = &mut self.places[index as usize];
        place.participant = Some(Box::new(participant));
        Key { index, generation: place.generation }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<Participant>> {
        let place = self.places.get_mut(key.index()).filter(|p| p.generation == key.generation)?;
        let participant = place.participant.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(key.index);
        Some(participant)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Participant> {
        let place = self.places.get(key.index()).filter(|p| p.generation == key.generation)?;
        place.participant.as_deref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Participant> {
        let place = self.places.get_mut(key.index()).filter(|p| p.generation == key.generation)?;
        place.participant.as_deref_mut()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.places
            .iter()
            .enumerate()
            .filter(|(_, place)| place.participant.is_some())
            .map(|(index, place)| Key { index: index as u32, generation: place.generation })
    }
}
