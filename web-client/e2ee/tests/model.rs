//! The real committer and the real log, in every order of events: the model of `tla/`, counted
//! state by state. And random walks of it with the real MLS.
//!
//! `ORANGE_MODEL=full` checks the long bounds as well; build for that with `--release`.

#![allow(clippy::print_stdout, reason = "the numbers of states are worth seeing")]

#[path = "model/mod.rs"] // this file is the root of its crate, and has that name already
mod model;
mod support;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use e2ee::committer::{Event, Timer};
use e2ee::endpoint::RejoinReason;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signaling_protocol::{
    HandshakeCount, LogEntry, LogEvent, LogPosition, LogSnapshot, MessageId, ParticipantId,
};
use stateright::{Checker, Model, Property};

use model::bounds::{Bounds, Faults};
use model::client::{Client, Keys, Real, Sent, Symbolic};
use model::properties as holds;
use model::room::{Action, Room};

/// All behaviours of a room within bounds.
struct Rooms<C> {
    bounds: Bounds,
    clients: PhantomData<C>,
}

impl<C> Model for Rooms<C>
where
    C: Client + Clone + Debug + PartialEq + Hash + 'static,
{
    type State = Room<C>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![Room::new(&self.bounds)]
    }

    fn actions(&self, room: &Self::State, actions: &mut Vec<Action>) {
        actions.extend(room.actions());
    }

    fn next_state(&self, room: &Self::State, action: Action) -> Option<Self::State> {
        let mut room = room.clone();
        room.step(action, &self.bounds);
        Some(room)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("OneCommitPerEpoch", |_, room| holds::one_commit_per_epoch(room)),
            Property::always("Agreement", |_, room| holds::agreement(room)),
            Property::always("NoFork", |_, room| holds::no_fork(room)),
            Property::always("KeysOnlyForMembers", |_, room| holds::keys_only_for_members(room)),
            Property::always("NoWedge", |_, room| holds::no_wedge(room)),
            Property::always("NoGhost", |_, room| holds::no_ghost(room)),
            Property::always("NoPosthumous", |_, room| holds::no_posthumous(room)),
            Property::always("RestsInOneCall", |rooms: &Self, room| {
                holds::rests_in_one_call(room, &rooms.bounds.bad)
            }),
            Property::always("NobodyIsKeptOut", |rooms: &Self, room| {
                holds::nobody_is_kept_out(room, &rooms.bounds.bad)
            }),
        ]
    }
}

/// Checks all rooms within the bounds, and that there are as many states as `tla/` counts in the
/// configuration of this name.
fn check(configuration: &str, bounds: Bounds) {
    let rooms = Rooms { bounds, clients: PhantomData::<Symbolic> };
    // Depth first: the widest of these would not fit into memory. The checker of `tla/` goes
    // breadth first, and so gives the shortest way to what it finds.
    let checker = rooms.checker().threads(2).spawn_dfs().join();
    checker.assert_properties();
    println!("{configuration}: {} states", checker.unique_state_count());
    let expected = format!("Expect: passes, {} states\n", checker.unique_state_count());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tla/configurations");
    let head = std::fs::read_to_string(format!("{folder}/{configuration}.cfg"));
    assert!(
        head.is_ok_and(|head| head.contains(&expected)),
        "the spec of {configuration} does not say: {expected}"
    );
}

fn is_full() -> bool {
    std::env::var("ORANGE_MODEL").is_ok_and(|bounds| bounds == "full")
}

#[test]
fn two_participants_with_faults_have_the_states_of_the_spec() {
    let two = |faults| Bounds { participants: 2, faults, ..Bounds::default() };
    check("two", two(Faults::default()));
    check("two_lost_and_suspected", two(Faults { lost: 1, suspected: 1, ..Faults::default() }));
    check("two_frozen", two(Faults { frozen: 1, reconnects: 1, ..Faults::default() }));
    check("two_unresponsive", two(Faults { unresponsive: 1, lost: 1, ..Faults::default() }));
    let reloads = Faults { reloads: 1, ..Faults::default() };
    check("two_reloading", Bounds { members: 1, ..two(reloads) });
    if is_full() {
        check("two_reconnecting", two(Faults { reconnects: 2, suspected: 1, ..Faults::default() }));
        check("two_faults", two(Faults { lost: 1, suspected: 1, frozen: 1, ..Faults::default() }));
    }
}

#[test]
fn three_participants_have_the_states_of_the_spec() {
    let three = |members, faults| Bounds { participants: 3, members, faults, ..Bounds::default() };
    let bad = BTreeSet::from([ParticipantId(2)]);
    check("three_two_members_suspected", three(2, Faults { suspected: 1, ..Faults::default() }));
    check(
        "three_two_members_lost_reconnecting",
        three(2, Faults { lost: 1, reconnects: 1, ..Faults::default() }),
    );
    check("three_bad_key_package", Bounds { bad: bad.clone(), ..three(1, Faults::default()) });
    check("three", three(0, Faults::default()));
    let poisoned = |members, faults| {
        let poison = (1..members).map(ParticipantId).collect();
        Bounds { poison, ..three(members, faults) }
    };
    check("three_two_members_poisoned", poisoned(2, Faults::default()));
    let reloads = Faults { reloads: 1, ..Faults::default() };
    check("three_two_members_reloading", three(2, Faults { lost: 1, ..reloads }));
    if is_full() {
        check("three_bad_key_package_at_first", Bounds { bad, ..three(0, Faults::default()) });
        let frozen = Faults { frozen: 1, ..Faults::default() };
        check(
            "three_two_members_frozen_unresponsive",
            three(2, Faults { unresponsive: 1, ..frozen }),
        );
        let most = Faults { lost: 1, suspected: 1, frozen: 1, ..Faults::default() };
        check("three_two_members_faults", three(2, most));
        check("three_members_faults", three(3, Faults { reconnects: 1, ..most }));
        let suspected = Faults { suspected: 1, ..Faults::default() };
        check("three_one_member_suspected", three(1, suspected));
        check("three_frozen", three(0, frozen));
        let faults = Faults { lost: 1, ..frozen };
        check("three_two_members_poisoned_faults", poisoned(2, faults));
        let gone = Faults { suspected: 1, frozen: 1, ..Faults::default() };
        check("three_members_poisoned", poisoned(3, gone));
        check("four_members_reloading", Bounds { participants: 4, ..three(3, reloads) });
        check("three_lost", three(0, Faults { lost: 1, ..Faults::default() }));
        check("three_reconnecting", three(0, Faults { reconnects: 1, ..Faults::default() }));
        check("four_two_members", Bounds { participants: 4, ..three(2, Faults::default()) });
        check("three_suspected", three(0, suspected));
        check("three_lost_and_suspected", three(0, Faults { lost: 1, ..suspected }));
        check("four_two_members_suspected", Bounds { participants: 4, ..three(2, suspected) });
    }
}

/// A client that breaks one rule: the model must find the violation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Broken<const RULE: char>(Symbolic);

/// Does not resend.
const RESEND: char = 'r';
/// Ignores departures of others.
const DEPARTURES: char = 'd';
/// Never commits as a backup.
const BACKUP: char = 'b';

impl<const RULE: char> Client for Broken<RULE> {
    fn join(me: ParticipantId, snapshot: LogSnapshot, bad: bool) -> (Self, Vec<Sent>) {
        let (client, sent) = Symbolic::join(me, snapshot, bad);
        (Self(client), sent)
    }

    fn handle(&mut self, event: Event) -> Vec<Sent> {
        let Event::Entry(LogEntry { position, event: LogEvent::Departed { participant } }) = event
        else {
            return self.0.handle(event);
        };
        // Another participant instead, which is in no room.
        let participant = if RULE == DEPARTURES { ParticipantId(100) } else { participant };
        let event = LogEvent::Departed { participant };
        self.0.handle(Event::Entry(LogEntry { position, event }))
    }

    fn position(&self) -> LogPosition {
        self.0.position()
    }

    fn waits_for(&self, timer: Timer) -> bool {
        let ignored = match timer {
            Timer::Resend => RULE == RESEND,
            Timer::Turn => RULE == BACKUP,
            Timer::JoinDelay | Timer::KeyPackageExpiry | Timer::SelfUpdate => false,
        };
        !ignored && self.0.waits_for(timer)
    }

    fn pending(&self) -> Option<HandshakeCount> {
        self.0.pending()
    }

    fn undecided(&self) -> Vec<MessageId> {
        self.0.undecided()
    }

    fn poison(&mut self) {
        self.0.poison();
    }

    fn keys(&self) -> Option<Keys> {
        self.0.keys()
    }

    fn ended(&self) -> Option<RejoinReason> {
        self.0.ended()
    }
}

fn notices<const RULE: char>(property: &'static str, faults: Faults) {
    let bounds = Bounds { participants: 2, faults, ..Bounds::default() };
    let rooms = Rooms { bounds, clients: PhantomData::<Broken<RULE>> };
    rooms.checker().spawn_bfs().join().assert_any_discovery(property);
}

#[test]
fn broken_clients_are_noticed() {
    notices::<RESEND>("RestsInOneCall", Faults { lost: 1, ..Faults::default() });
    notices::<BACKUP>("RestsInOneCall", Faults { unresponsive: 1, ..Faults::default() });
    notices::<DEPARTURES>("RestsInOneCall", Faults { frozen: 1, ..Faults::default() });
    notices::<DEPARTURES>("NoWedge", Faults { suspected: 1, ..Faults::default() });
}

/// A random walk through the rooms of the model, and then a way to rest.
fn walk<C: Client>(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let faults =
        Faults { lost: 3, reconnects: 3, suspected: 1, frozen: 1, unresponsive: 0, reloads: 2 };
    let members = rng.next_u32() % 3;
    let bounds = Bounds { participants: 5, members, faults, ..Bounds::default() };
    let mut room = Room::<C>::new(&bounds);
    let assert = |room: &Room<C>, action: &str| {
        assert!(holds::agreement(room), "Agreement, seed {seed}, after {action}");
        assert!(holds::no_fork(room), "NoFork, seed {seed}, after {action}");
        assert!(holds::keys_only_for_members(room), "KeysOnlyForMembers, seed {seed}, {action}");
        assert!(holds::no_wedge(room), "NoWedge, seed {seed}, after {action}");
        assert!(holds::no_ghost(room), "NoGhost, seed {seed}, after {action}");
        assert!(holds::no_posthumous(room), "NoPosthumous, seed {seed}, after {action}");
    };
    for _ in 0..120 {
        let Some(&action) = room.actions().choose(&mut rng) else { break };
        room.step(action, &bounds);
        assert(&room, &format!("{action:?}"));
    }
    for _ in 0..100 {
        room.deliver_all(&bounds);
        assert(&room, "all arrived");
        for index in 0..room.participants.len() {
            if room.may_fire_turn_timer(index) {
                room.step(Action::Committer_turn_timer(index), &bounds);
            }
        }
    }
    room.deliver_all(&bounds);
    let present = room.log.present().count();
    assert!(present == 0 || holds::one_call(&room, &bounds.bad), "OneCall, seed {seed}: {room:?}");
}

#[test]
fn random_walks_of_the_model_with_the_real_mls_end_in_one_call() {
    for seed in 0..30 {
        walk::<Real>(seed);
    }
}
