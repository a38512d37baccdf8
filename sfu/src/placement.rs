//! Which worker serves which participant.

use std::collections::{BTreeMap, HashMap};

use sfu_core::MediaCommand;
use sfu_core::WorkerId;
use signaling_protocol::{ParticipantId, RoomId};

use crate::admission::Loads;

/// A worker that is at work for more than this share of its time gives the next participant of a
/// room to another one,
const BUSY: f32 = 0.5;
/// if that has less to do by so much. A room that spreads costs a copy of each packet.
const RELIEF: f32 = 0.2;

/// Participants on workers: a new room goes to the least loaded one. Its further participants do as
/// well, until there are too many of them or the worker is busy; then the next ones go to another
/// worker. Whoever has a place keeps it.
///
/// The least loaded worker is the one with the fewest participants among those that have time to
/// spare: what participants send is not known before they do.
#[derive(Debug)]
pub(crate) struct Placement {
    rooms: HashMap<RoomId, Placed>,
    /// Participants of each worker.
    participants: Vec<usize>,
    /// Participants of a room on one worker.
    spread_at: usize,
}

#[derive(Debug, Default)]
struct Placed {
    participants: HashMap<ParticipantId, usize>,
    /// How many of them each of the room's workers has; at least one.
    shares: BTreeMap<usize, usize>,
}

/// Where a command goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) worker: usize,
    /// What is to be told after it to workers, if the room now spans others than before: which others
    /// have a part in it.
    pub(crate) span: Vec<(usize, Vec<WorkerId>)>,
}

impl Placement {
    pub(crate) fn new(workers: usize, spread_at: usize) -> Self {
        Self { rooms: HashMap::new(), participants: vec![0; workers], spread_at: spread_at.max(1) }
    }

    /// The way of a command. `None`: it is about nobody.
    pub(crate) fn route(&mut self, command: &MediaCommand, loads: &Loads) -> Option<Route> {
        match command {
            MediaCommand::Offer { room, participant, .. }
            | MediaCommand::SetTracks { room, participant, .. } => {
                Some(self.place(room, *participant, loads))
            }
            // Wishes of somebody who has no place here concern nobody.
            MediaCommand::ReceiverVideoConstraints { room, participant, .. } => {
                let worker = *self.rooms.get(room)?.participants.get(participant)?;
                Some(Route { worker, span: Vec::new() })
            }
            MediaCommand::Remove { room, participant } => self.release(room, *participant),
        }
    }

    fn place(&mut self, room: &RoomId, participant: ParticipantId, loads: &Loads) -> Route {
        let known = self.rooms.get(room).and_then(|placed| placed.participants.get(&participant));
        if let Some(worker) = known {
            return Route { worker: *worker, span: Vec::new() };
        }
        let worker = self.choose(room, loads);
        let placed = self.rooms.entry(room.clone()).or_default();
        placed.participants.insert(participant, worker);
        let before = placed.shares.len();
        *placed.shares.entry(worker).or_default() += 1;
        if let Some(many) = self.participants.get_mut(worker) {
            *many += 1;
        }
        let is_new = before > 0 && placed.shares.len() > before;
        Route { worker, span: if is_new { placed.span(None) } else { Vec::new() } }
    }

    /// The worker for one more participant of a room.
    pub(crate) fn choose(&self, room: &RoomId, loads: &Loads) -> usize {
        let shares = self.rooms.get(room).map(|placed| &placed.shares);
        let fewest = |has_part: bool| {
            let workers = (0..self.participants.len())
                .filter(|worker| shares.is_some_and(|s| s.contains_key(worker)) == has_part);
            workers.min_by_key(|worker| (loads.reluctance(*worker), self.participants[*worker]))
        };
        let Some(shares) = shares else { return fewest(false).unwrap_or(0) };
        let has_room = |(worker, many): &(&usize, &usize)| {
            **many < self.spread_at && loads.of(**worker) <= BUSY
        };
        // The one that has most of the room already: few copies.
        let fits = shares.iter().filter(has_room).max_by_key(|(_, many)| **many);
        if let Some((worker, _)) = fits {
            return *worker;
        }
        let lightest = shares.keys().copied().min_by_key(|worker| self.participants[*worker]);
        let own = lightest.unwrap_or(0);
        let crowded = shares.values().all(|many| *many >= self.spread_at);
        match fewest(false) {
            Some(other) if crowded || loads.of(other) + RELIEF <= loads.of(own) => other,
            Some(_) | None => own,
        }
    }

    /// Whether any worker has a room.
    pub(crate) fn has(&self, room: &RoomId) -> bool {
        self.rooms.contains_key(room)
    }

    fn release(&mut self, room: &RoomId, participant: ParticipantId) -> Option<Route> {
        let placed = self.rooms.get_mut(room)?;
        let worker = placed.participants.remove(&participant)?;
        if let Some(many) = self.participants.get_mut(worker) {
            *many -= 1;
        }
        let mut span = Vec::new();
        if let Some(share) = placed.shares.get_mut(&worker) {
            *share -= 1;
            if *share == 0 {
                placed.shares.remove(&worker);
                if !placed.shares.is_empty() {
                    span = placed.span(Some(worker));
                }
            }
        }
        if placed.participants.is_empty() {
            self.rooms.remove(room);
        }
        Some(Route { worker, span })
    }
}

impl Placed {
    /// What each worker is to be told, and one that has no part any more.
    fn span(&self, gone: Option<usize>) -> Vec<(usize, Vec<WorkerId>)> {
        let id = |worker: &usize| u16::try_from(*worker).ok().map(WorkerId);
        let told = self.shares.keys().map(|worker| {
            let others = self.shares.keys().filter(|other| *other != worker);
            (*worker, others.filter_map(id).collect())
        });
        told.chain(gone.map(|worker| (worker, Vec::new()))).collect()
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

        /// What workers are told by a command: each one's number, and the others.
        fn told(&mut self, command: &MediaCommand) -> Vec<(usize, Vec<u16>)> {
            let route = self.placement.route(command, &self.loads).expect("about somebody");
            let numbers = |others: Vec<WorkerId>| others.iter().map(|other| other.0).collect();
            route.span.into_iter().map(|(worker, others)| (worker, numbers(others))).collect()
        }

        fn load(&self, worker: usize, share: f32) {
            (0..60).for_each(|_| self.loads.tell(worker, share));
        }
    }

    #[test]
    fn a_room_stays_on_its_worker_and_new_ones_go_where_there_is_least_to_do() {
        let mut workers = Workers::new(2, 50);
        assert_eq!(workers.route(&offer(1, 1)), Some(0));
        assert_eq!(workers.route(&offer(1, 2)), Some(0));
        assert_eq!(workers.route(&offer(2, 1)), Some(1));
        assert_eq!(workers.route(&offer(1, 3)), Some(0), "sticky");
        assert_eq!(workers.route(&offer(3, 1)), Some(1));
        assert_eq!(workers.placement.participants, [3, 2]);
    }

    #[test]
    fn a_new_room_keeps_away_from_a_worker_that_has_much_to_do() {
        let mut workers = Workers::new(2, 50);
        workers.route(&offer(1, 1));
        workers.route(&offer(2, 1));
        workers.route(&offer(2, 2));
        workers.load(0, 0.8);
        assert_eq!(workers.route(&offer(3, 1)), Some(1), "for all its people");
    }

    #[test]
    fn an_empty_room_is_forgotten_and_unknown_participants_change_nothing() {
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
    fn a_room_of_too_many_spreads_and_everybody_is_told_who_has_a_part() {
        let mut workers = Workers::new(3, 2);
        assert_eq!(workers.told(&offer(1, 1)), []);
        assert_eq!(workers.told(&offer(1, 2)), []);
        assert_eq!(workers.told(&offer(1, 3)), [(0, vec![1]), (1, vec![0])]);
        assert_eq!(workers.told(&offer(1, 4)), []);
        let third = [(0, vec![1, 2]), (1, vec![0, 2]), (2, vec![0, 1])];
        assert_eq!(workers.told(&offer(1, 5)), third);
        assert_eq!(workers.route(&offer(1, 1)), Some(0), "who has a place keeps it");
        assert_eq!(workers.told(&offer(1, 6)), []);
        assert_eq!(workers.told(&offer(1, 7)), [], "there is no fourth one");
        assert_eq!(workers.placement.participants, [3, 2, 2]);

        assert_eq!(workers.told(&remove(1, 3)), []);
        assert_eq!(workers.told(&remove(1, 4)), [(0, vec![2]), (2, vec![0]), (1, vec![])]);
        assert_eq!(workers.route(&offer(1, 8)), Some(1), "it has a part again");
    }

    #[test]
    fn a_busy_worker_gives_the_next_one_to_a_worker_with_clearly_less_to_do() {
        let mut workers = Workers::new(2, 50);
        assert_eq!(workers.route(&offer(1, 1)), Some(0));
        workers.load(0, 0.45);
        assert_eq!(workers.route(&offer(1, 2)), Some(0), "there is time to spare");
        workers.load(0, 0.7);
        workers.load(1, 0.65);
        assert_eq!(workers.route(&offer(1, 3)), Some(0), "the other one is no better off");
        workers.load(1, 0.3);
        assert_eq!(workers.route(&offer(1, 4)), Some(1));
        assert_eq!(workers.route(&offer(1, 5)), Some(1), "it has a part now, and time");
    }
}
