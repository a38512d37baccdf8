//! The assignment of participants to workers.

use std::collections::{BTreeMap, HashMap};

use sfu_core::{MediaCommand, WorkerId};
use signaling_protocol::{ParticipantId, RoomId};

use crate::admission::Loads;

/// Load above which the next participant of a room is assigned to another worker
const BUSY_LOAD: f32 = 0.5;
/// if that has a load lower by this much. A room on a second worker costs a copy of each packet.
const MIN_RELIEF: f32 = 0.2;

/// Assigns participants to workers. A new room goes to the least loaded worker. So do its further
/// participants, until there are too count of them or the worker is busy; then the next ones go to
/// another worker. A participant keeps its worker.
///
/// The least loaded worker is the one with the fewest participants among those with capacity: what
/// participants will send is not known in advance.
#[derive(Debug)]
pub(crate) struct Placement {
    rooms: HashMap<RoomId, PlacedRoom>,
    /// Number of participants of each worker.
    participants: Vec<usize>,
    /// Maximum number of participants of a room on one worker.
    spread_at: usize,
}

#[derive(Debug, Default)]
struct PlacedRoom {
    participants: HashMap<ParticipantId, usize>,
    /// Number of participants of each of the room's workers; at least one.
    shares: BTreeMap<usize, usize>,
}

/// The workers that receive a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) worker: usize,
    /// If the room now spans other workers than before, the other workers of the room for each of
    /// them, to be sent after the command.
    pub(crate) cascade_peers: Vec<(usize, Vec<WorkerId>)>,
}

impl Placement {
    pub(crate) fn new(workers: usize, spread_at: usize) -> Self {
        Self { rooms: HashMap::new(), participants: vec![0; workers], spread_at: spread_at.max(1) }
    }

    /// Returns where to send a command; `None` if its participant is unknown.
    pub(crate) fn route(&mut self, command: &MediaCommand, loads: &Loads) -> Option<Route> {
        match command {
            MediaCommand::Offer { room, participant, .. }
            | MediaCommand::SetTracks { room, participant, .. } => {
                Some(self.place(room, *participant, loads))
            }
            // Constraints of an unknown participant are ignored.
            MediaCommand::ReceiverVideoConstraints { room, participant, .. } => {
                let worker = *self.rooms.get(room)?.participants.get(participant)?;
                Some(Route { worker, cascade_peers: Vec::new() })
            }
            MediaCommand::Remove { room, participant } => self.release(room, *participant),
        }
    }

    fn place(&mut self, room: &RoomId, participant: ParticipantId, loads: &Loads) -> Route {
        let known = self.rooms.get(room).and_then(|placed| placed.participants.get(&participant));
        if let Some(worker) = known {
            return Route { worker: *worker, cascade_peers: Vec::new() };
        }
        let worker = self.choose(room, loads);
        let placed = self.rooms.entry(room.clone()).or_default();
        placed.participants.insert(participant, worker);
        let before = placed.shares.len();
        *placed.shares.entry(worker).or_default() += 1;
        if let Some(count) = self.participants.get_mut(worker) {
            *count += 1;
        }
        let is_new = before > 0 && placed.shares.len() > before;
        Route {
            worker,
            cascade_peers: if is_new { placed.cascade_peers(None) } else { Vec::new() },
        }
    }

    /// Returns the worker for one more participant of a room.
    pub(crate) fn choose(&self, room: &RoomId, loads: &Loads) -> usize {
        let shares = self.rooms.get(room).map(|placed| &placed.shares);
        let fewest = |has_part: bool| {
            let workers = (0..self.participants.len())
                .filter(|worker| shares.is_some_and(|s| s.contains_key(worker)) == has_part);
            workers.min_by_key(|worker| (loads.penalty(*worker), self.participants[*worker]))
        };
        let Some(shares) = shares else { return fewest(false).unwrap_or(0) };
        let fits_in = |(worker, count): &(&usize, &usize)| {
            **count < self.spread_at && loads.of(**worker) <= BUSY_LOAD
        };
        // The worker with most of the room: this needs the fewest copies.
        let fits = shares.iter().filter(fits_in).max_by_key(|(_, count)| **count);
        if let Some((worker, _)) = fits {
            return *worker;
        }
        let lightest = shares.keys().copied().min_by_key(|worker| self.participants[*worker]);
        let own = lightest.unwrap_or(0);
        let all_full = shares.values().all(|count| *count >= self.spread_at);
        match fewest(false) {
            Some(other) if all_full || loads.of(other) + MIN_RELIEF <= loads.of(own) => other,
            Some(_) | None => own,
        }
    }

    /// Returns whether any worker has a room.
    pub(crate) fn has(&self, room: &RoomId) -> bool {
        self.rooms.contains_key(room)
    }

    fn release(&mut self, room: &RoomId, participant: ParticipantId) -> Option<Route> {
        let placed = self.rooms.get_mut(room)?;
        let worker = placed.participants.remove(&participant)?;
        if let Some(count) = self.participants.get_mut(worker) {
            *count -= 1;
        }
        let mut cascade_peers = Vec::new();
        if let Some(share) = placed.shares.get_mut(&worker) {
            *share -= 1;
            if *share == 0 {
                placed.shares.remove(&worker);
                if !placed.shares.is_empty() {
                    cascade_peers = placed.cascade_peers(Some(worker));
                }
            }
        }
        if placed.participants.is_empty() {
            self.rooms.remove(room);
        }
        Some(Route { worker, cascade_peers })
    }
}

impl PlacedRoom {
    /// Returns the other workers of the room for each of its workers, and none for one that has left.
    fn cascade_peers(&self, left: Option<usize>) -> Vec<(usize, Vec<WorkerId>)> {
        let id = |worker: &usize| u16::try_from(*worker).ok().map(WorkerId);
        let peers = self.shares.keys().map(|worker| {
            let others = self.shares.keys().filter(|other| *other != worker);
            (*worker, others.filter_map(id).collect())
        });
        peers.chain(left.map(|worker| (worker, Vec::new()))).collect()
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

    struct Workers {
        placement: Placement,
        loads: Loads,
    }

    impl Workers {
        fn new(workers: usize, spread_at: usize) -> Self {
            let placement = Placement::new(workers, spread_at);
            Self { placement, loads: Loads::new(workers, 0.9) }
        }

        fn route(&mut self, command: &MediaCommand) -> Option<usize> {
            self.placement.route(command, &self.loads).map(|route| route.worker)
        }

        /// Returns the cascade peers after a command: the number of each worker, and the others.
        fn peers(&mut self, command: &MediaCommand) -> Vec<(usize, Vec<u16>)> {
            let route = self.placement.route(command, &self.loads).expect("a known participant");
            let numbers = |others: Vec<WorkerId>| others.iter().map(|other| other.0).collect();
            route
                .cascade_peers
                .into_iter()
                .map(|(worker, others)| (worker, numbers(others)))
                .collect()
        }

        fn load(&self, worker: usize, share: f32) {
            (0..60).for_each(|_| self.loads.record(worker, share));
        }
    }

    #[test]
    fn a_room_stays_on_its_worker_and_new_ones_go_to_the_least_loaded() {
        let mut workers = Workers::new(2, 50);
        assert_eq!(workers.route(&offer(1, 1)), Some(0));
        assert_eq!(workers.route(&offer(1, 2)), Some(0));
        assert_eq!(workers.route(&offer(2, 1)), Some(1));
        assert_eq!(workers.route(&offer(1, 3)), Some(0), "the room stays");
        assert_eq!(workers.route(&offer(3, 1)), Some(1));
        assert_eq!(workers.placement.participants, [3, 2]);
    }

    #[test]
    fn a_new_room_avoids_a_busy_worker() {
        let mut workers = Workers::new(2, 50);
        workers.route(&offer(1, 1));
        workers.route(&offer(2, 1));
        workers.route(&offer(2, 2));
        workers.load(0, 0.8);
        assert_eq!(workers.route(&offer(3, 1)), Some(1), "although it has more participants");
    }

    #[test]
    fn an_empty_room_is_removed_and_unknown_participants_change_nothing() {
        let mut workers = Workers::new(1, 50);
        assert_eq!(workers.route(&remove(1, 1)), None);
        workers.route(&offer(1, 1));
        workers.route(&offer(1, 1));
        assert_eq!(workers.placement.participants, [1], "a second offer of the same participant");
        assert_eq!(workers.route(&remove(1, 1)), Some(0));
        assert_eq!(workers.route(&remove(1, 1)), None);
        assert!(workers.placement.rooms.is_empty() && workers.placement.participants == [0]);
    }

    #[test]
    fn a_large_room_spreads_and_its_workers_are_told_of_each_other() {
        let mut workers = Workers::new(3, 2);
        assert_eq!(workers.peers(&offer(1, 1)), []);
        assert_eq!(workers.peers(&offer(1, 2)), []);
        assert_eq!(workers.peers(&offer(1, 3)), [(0, vec![1]), (1, vec![0])]);
        assert_eq!(workers.peers(&offer(1, 4)), []);
        let third = [(0, vec![1, 2]), (1, vec![0, 2]), (2, vec![0, 1])];
        assert_eq!(workers.peers(&offer(1, 5)), third);
        assert_eq!(workers.route(&offer(1, 1)), Some(0), "a participant keeps its worker");
        assert_eq!(workers.peers(&offer(1, 6)), []);
        assert_eq!(workers.peers(&offer(1, 7)), [], "there is no fourth worker");
        assert_eq!(workers.placement.participants, [3, 2, 2]);

        assert_eq!(workers.peers(&remove(1, 3)), []);
        assert_eq!(workers.peers(&remove(1, 4)), [(0, vec![2]), (2, vec![0]), (1, vec![])]);
        assert_eq!(workers.route(&offer(1, 8)), Some(1), "it joins the room again");
    }

    #[test]
    fn the_next_participant_of_a_busy_worker_goes_to_a_clearly_less_loaded_one() {
        let mut workers = Workers::new(2, 50);
        assert_eq!(workers.route(&offer(1, 1)), Some(0));
        workers.load(0, 0.45);
        assert_eq!(workers.route(&offer(1, 2)), Some(0), "there is capacity left");
        workers.load(0, 0.7);
        workers.load(1, 0.65);
        assert_eq!(workers.route(&offer(1, 3)), Some(0), "the other one is hardly less loaded");
        workers.load(1, 0.3);
        assert_eq!(workers.route(&offer(1, 4)), Some(1));
        assert_eq!(
            workers.route(&offer(1, 5)),
            Some(1),
            "it is part of the room now, and has capacity"
        );
    }
}
