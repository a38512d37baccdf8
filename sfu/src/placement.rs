//! Which worker serves which room.

use std::collections::{HashMap, HashSet};

use signaling_protocol::media::MediaCommand;
use signaling_protocol::{ParticipantId, RoomId};

/// Rooms on workers: a new room goes to the least loaded one and stays there until it is empty.
///
/// Load is participants; what they send could be counted in later.
#[derive(Debug)]
pub(crate) struct Placement {
    rooms: HashMap<RoomId, Placed>,
    load: Vec<usize>,
}

#[derive(Debug)]
struct Placed {
    worker: usize,
    participants: HashSet<ParticipantId>,
}

impl Placement {
    pub(crate) fn new(workers: usize) -> Self {
        Self { rooms: HashMap::new(), load: vec![0; workers] }
    }

    /// The worker for a command. `None`: it is about nobody.
    pub(crate) fn route(&mut self, command: &MediaCommand) -> Option<usize> {
        match command {
            MediaCommand::Offer { room, participant, .. }
            | MediaCommand::SetTracks { room, participant, .. } => {
                Some(self.place(room, *participant))
            }
            MediaCommand::Remove { room, participant } => self.release(room, *participant),
        }
    }

    fn place(&mut self, room: &RoomId, participant: ParticipantId) -> usize {
        let least = self.load.iter().enumerate().min_by_key(|(_, load)| **load);
        let least = least.map_or(0, |(worker, _)| worker);
        let placed = self
            .rooms
            .entry(room.clone())
            .or_insert_with(|| Placed { worker: least, participants: HashSet::new() });
        if placed.participants.insert(participant) {
            self.load[placed.worker] += 1;
        }
        placed.worker
    }

    fn release(&mut self, room: &RoomId, participant: ParticipantId) -> Option<usize> {
        let placed = self.rooms.get_mut(room)?;
        if !placed.participants.remove(&participant) {
            return None;
        }
        let worker = placed.worker;
        self.load[worker] -= 1;
        if placed.participants.is_empty() {
            self.rooms.remove(room);
        }
        Some(worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(room: u8, participant: u32) -> MediaCommand {
        let (room, participant) = (RoomId::from_bytes([room; 16]), ParticipantId(participant));
        MediaCommand::Offer { room, participant, sdp: String::new() }
    }

    fn remove(room: u8, participant: u32) -> MediaCommand {
        let (room, participant) = (RoomId::from_bytes([room; 16]), ParticipantId(participant));
        MediaCommand::Remove { room, participant }
    }

    #[test]
    fn a_room_stays_on_its_worker_and_new_ones_go_where_there_is_least_to_do() {
        let mut placement = Placement::new(2);
        assert_eq!(placement.route(&offer(1, 1)), Some(0));
        assert_eq!(placement.route(&offer(1, 2)), Some(0));
        assert_eq!(placement.route(&offer(2, 1)), Some(1));
        assert_eq!(placement.route(&offer(1, 3)), Some(0), "sticky");
        assert_eq!(placement.route(&offer(3, 1)), Some(1));
        assert_eq!(placement.load, [3, 2]);
    }

    #[test]
    fn an_empty_room_is_forgotten_and_unknown_participants_change_nothing() {
        let mut placement = Placement::new(1);
        assert_eq!(placement.route(&remove(1, 1)), None);
        placement.route(&offer(1, 1));
        placement.route(&offer(1, 1));
        assert_eq!(placement.load, [1], "a second offer of the same participant");
        assert_eq!(placement.route(&remove(1, 1)), Some(0));
        assert_eq!(placement.route(&remove(1, 1)), None);
        assert!(placement.rooms.is_empty() && placement.load == [0]);
    }
}
