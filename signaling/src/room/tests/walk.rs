//! Random walks: whatever happens, what a client makes of what it is told is what the room is.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use signaling_protocol::{JoinPolicy, LobbyParticipantId, Moderation, Rules};

use super::*;

/// Something that happens; the numbers choose whom it happens to.
#[derive(Debug, Clone)]
enum Action {
    /// A guest comes.
    Join,
    JoinAsHost,
    /// An act of moderation, by a host or another participant.
    Moderate(usize, Moderation),
    Upload(usize),
    /// The socket breaks, and what was not read is lost.
    Break(usize),
    /// Comes back, or opens a second window.
    Return(usize),
    Leave(usize),
    Read(usize, usize),
    Heartbeat(usize),
    Create(usize),
    Commit(usize),
    Say(usize),
    Publish(usize, u8),
    /// The queue to the socket overflows.
    Lag(usize),
    Wait(Millis),
    StoreBreaks,
    StoreFails,
    StoreWorks,
}

fn action() -> impl Strategy<Value = Action> {
    let who = || 0..usize::MAX;
    prop_oneof![
        4 => Just(Action::Join),
        1 => Just(Action::JoinAsHost),
        4 => (who(), moderation()).prop_map(|(who, action)| Action::Moderate(who, action)),
        5 => who().prop_map(Action::Upload),
        4 => who().prop_map(Action::Break),
        6 => who().prop_map(Action::Return),
        1 => who().prop_map(Action::Leave),
        8 => (who(), 1..6_usize).prop_map(|(who, most)| Action::Read(who, most)),
        6 => who().prop_map(Action::Heartbeat),
        2 => who().prop_map(Action::Create),
        6 => who().prop_map(Action::Commit),
        3 => who().prop_map(Action::Say),
        4 => (who(), any::<u8>()).prop_map(|(who, tracks)| Action::Publish(who, tracks)),
        2 => who().prop_map(Action::Lag),
        2 => (0..6_000_u64).prop_map(Action::Wait),
        1 => Just(Action::StoreBreaks),
        1 => Just(Action::StoreFails),
        2 => Just(Action::StoreWorks),
    ]
}

fn moderation() -> impl Strategy<Value = Moderation> {
    let join_policy =
        prop_oneof![Just(JoinPolicy::Open), Just(JoinPolicy::Lobby), Just(JoinPolicy::Locked)];
    prop_oneof![
        4 => join_policy.prop_map(|join_policy| Moderation::SetJoinPolicy { join_policy }),
        4 => (1..12_u32).prop_map(|at| Moderation::Admit { lobby_participant: LobbyParticipantId(at) }),
        1 => (1..12_u32).prop_map(|at| Moderation::Deny { lobby_participant: LobbyParticipantId(at) }),
        1 => (1..12_u32).prop_map(|at| Moderation::Remove { participant: ParticipantId(at) }),
    ]
}

/// The state of a client, from the messages it received alone.
#[derive(Debug)]
struct View {
    own: ParticipantId,
    seq: Seq,
    others: BTreeMap<ParticipantId, Vec<Track>>,
    /// Others whose connection is broken.
    disconnected: BTreeSet<ParticipantId>,
    rules: Rules,
    start: LogPosition,
    entries: Vec<LogEntry>,
    handshakes: HandshakeCount,
    roster: Vec<ParticipantId>,
}

impl View {
    fn new(joined: &Joined) -> Self {
        Self {
            own: joined.participant,
            seq: joined.seq,
            others: others(&joined.room),
            disconnected: joined.room.disconnected.iter().copied().collect(),
            rules: joined.room.rules.clone(),
            start: joined.log.position,
            entries: Vec::new(),
            handshakes: joined.log.handshakes,
            roster: joined.log.roster.clone(),
        }
    }

    fn position(&self) -> LogPosition {
        self.entries.last().map_or(self.start, |entry| entry.position)
    }

    fn read(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Room(RoomMessage::Delta { seq, delta }) => {
                assert_eq!(seq, self.seq.next(), "deltas have no gap");
                self.seq = seq;
                self.apply(delta);
            }
            ServerMessage::Room(RoomMessage::Snapshot(snapshot)) => {
                assert!(snapshot.seq >= self.seq, "a snapshot never goes back");
                self.seq = snapshot.seq;
                self.others = others(&snapshot.room);
                self.disconnected = snapshot.room.disconnected.iter().copied().collect();
                self.rules = snapshot.room.rules;
                let read = self.position();
                let entries = snapshot.log.entries.into_iter();
                entries.filter(|entry| entry.position > read).for_each(|entry| self.append(entry));
            }
            ServerMessage::Room(RoomMessage::Joined(_)) => panic!("joined twice"),
            _ => {}
        }
    }

    fn apply(&mut self, delta: Delta) {
        match delta {
            Delta::ParticipantJoined(state) => {
                let before = self.others.insert(state.participant, state.tracks);
                assert_eq!(before, None, "nobody comes twice");
            }
            Delta::ParticipantLeft { participant } => {
                assert!(self.others.remove(&participant).is_some(), "a stranger leaves");
                self.disconnected.remove(&participant);
            }
            Delta::TracksChanged(state) if state.participant == self.own => {}
            Delta::TracksChanged(state) => {
                let before = self.others.insert(state.participant, state.tracks);
                assert!(before.is_some(), "a stranger publishes");
            }
            Delta::ConnectionChanged { participant, .. } if participant == self.own => {}
            Delta::ConnectionChanged { participant, disconnected } => {
                assert!(self.others.contains_key(&participant), "a stranger is disconnected");
                assert_ne!(self.disconnected.contains(&participant), disconnected, "it is news");
                if disconnected {
                    self.disconnected.insert(participant)
                } else {
                    self.disconnected.remove(&participant)
                };
            }
            Delta::RulesChanged(rules) => self.rules = rules,
            Delta::Message { .. } => {}
            Delta::Log { entry } => self.append(entry),
        }
    }

    fn append(&mut self, entry: LogEntry) {
        assert_eq!(entry.position, self.position().next(), "the log has no gap");
        if let LogEvent::Handshake(handshake) = &entry.event {
            assert_eq!(handshake.count, self.handshakes.next());
            self.handshakes = handshake.count;
            self.roster.clone_from(&handshake.roster);
        }
        self.entries.push(entry);
    }
}

fn others(room: &RoomSnapshot) -> BTreeMap<ParticipantId, Vec<Track>> {
    room.participants.iter().map(|one| (one.participant, one.tracks.clone())).collect()
}

struct Walker {
    client: Client,
    connected: bool,
    view: View,
}

/// The cases that the walks have reached, so that none is left out unnoticed.
#[derive(Debug, Default)]
struct Tally {
    replays: usize,
    snapshots: usize,
    welcomes: usize,
    refused: usize,
    ended: usize,
    admitted: usize,
}

struct Walk<'a> {
    world: World,
    walkers: Vec<Walker>,
    /// Before the door.
    waiting: Vec<(SocketId, Secret)>,
    tally: &'a RefCell<Tally>,
}

impl Walk<'_> {
    fn act(&mut self, action: &Action) {
        match *action {
            Action::Join => self.admit_or_queue(Role::Guest),
            Action::JoinAsHost => self.admit_or_queue(Role::Host),
            Action::Moderate(who, ref action) => self.by(who, |world, one| {
                world.tell(&one.client, ClientMessage::Moderate(action.clone()));
            }),
            Action::Upload(who) => self.by(who, |world, one| world.upload(&one.client)),
            Action::Break(who) => self.by(who, |world, one| {
                one.connected = false;
                world.heard(one.client.socket);
                world.break_socket(&one.client);
            }),
            Action::Return(who) => self.come_back(who),
            Action::Leave(who) => {
                self.by(who, |world, one| world.tell(&one.client, ClientMessage::Leave));
            }
            Action::Read(who, most) => self.read(who, most),
            Action::Heartbeat(who) => self.by(who, |world, one| {
                world.heartbeat(&one.client, one.view.position());
            }),
            Action::Create(who) => self.by(who, |world, one| world.create(&one.client)),
            Action::Commit(who) => self.by(who, |world, one| {
                let log = world.room.log.snapshot();
                let known = log.joined.iter().map(|one| one.participant);
                let roster: Vec<_> = known.filter(|one| !log.departed.contains(one)).collect();
                world.commit_to(&one.client, &roster, one.view.handshakes);
            }),
            Action::Say(who) => self.by(who, |world, one| {
                let log = &world.room.log;
                let message = mls::application(&id(), log.created(), log.handshakes(), 100);
                world.tell(&one.client, ClientMessage::SendMessage { message });
            }),
            Action::Publish(who, tracks) => self.by(who, |world, one| {
                let (camera, microphone) = (Source::Camera, Source::Microphone);
                let tracks = [(1, track(camera, tracks & 2 > 0)), (4, track(microphone, true))]
                    .into_iter()
                    .filter(|(bit, _)| tracks & bit > 0)
                    .map(|(_, track)| track)
                    .collect();
                world.tell(&one.client, ClientMessage::SetTracks { tracks });
            }),
            Action::Lag(who) => self.by(who, |world, one| {
                let unread = world.heard(one.client.socket);
                let kept = unread.into_iter().filter(|message| {
                    !matches!(
                        message,
                        ServerMessage::Room(RoomMessage::Delta { .. })
                            | ServerMessage::Room(RoomMessage::Snapshot(_))
                    )
                });
                world.inboxes.insert(one.client.socket, kept.collect());
                world.room.handle_lagging(one.client.socket, world.now);
                world.settle();
            }),
            Action::Wait(millis) => self.world.wait(millis),
            Action::StoreBreaks => self.world.store_works = false,
            Action::StoreFails => {
                if let Some(prepared) = self.world.room.poll_append(self.world.now) {
                    self.world.room.not_appended(&prepared);
                }
            }
            Action::StoreWorks => self.world.store_works = true,
        }
        self.world.settle();
        self.bury_the_ended();
        self.see_who_was_let_in();
    }

    fn admit_or_queue(&mut self, role: Role) {
        let (socket, token) = self.world.admit_or_queue(role);
        match self.world.inboxes.get(&socket).and_then(|inbox| inbox.first()) {
            Some(ServerMessage::Room(RoomMessage::Joined(_))) => self.enter(socket, token),
            Some(message) => {
                assert_eq!(
                    (message, role),
                    (&ServerMessage::Room(RoomMessage::Waiting), Role::Guest)
                );
                self.world.heard(socket);
                self.waiting.push((socket, token));
            }
            None => assert!(self.world.closing(socket).is_some(), "let in, waiting or refused"),
        }
    }

    fn enter(&mut self, socket: SocketId, token: Secret) {
        let client = self.world.let_in(socket, token);
        let view = View::new(&client.joined);
        assert_eq!(client.joined.log, self.world.room.log.snapshot());
        assert_eq!(client.joined.room.rules, self.world.room.rules());
        self.walkers.push(Walker { client, connected: true, view });
    }

    /// Participants in the lobby get no message until the room has decided.
    fn see_who_was_let_in(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for (socket, token) in waiting {
            if self.world.inboxes.contains_key(&socket) {
                self.tally.borrow_mut().admitted += 1;
                let joined = self.world.inboxes[&socket].first();
                let Some(ServerMessage::Room(RoomMessage::Joined(joined))) = joined else {
                    panic!("{joined:?}")
                };
                let view = View::new(joined);
                let client = self.world.let_in(socket, token);
                self.walkers.push(Walker { client, connected: true, view });
            } else if self.world.closing(socket).is_none() {
                self.waiting.push((socket, token));
            }
        }
    }

    /// Has a connected client do something.
    fn by(&mut self, who: usize, act: impl FnOnce(&mut World, &mut Walker)) {
        let mut connected: Vec<_> = self.walkers.iter_mut().filter(|one| one.connected).collect();
        if let Some(at) = who.checked_rem(connected.len()) {
            act(&mut self.world, connected[at]);
        }
    }

    fn come_back(&mut self, who: usize) {
        let Some(at) = who.checked_rem(self.walkers.len()) else { return };
        let one = &mut self.walkers[at];
        self.world.heard(one.client.socket);
        one.client.socket = self.world.resume(&one.client, one.view.seq, one.view.position());
        one.connected = true;
        self.tally.borrow_mut().replays += 1;
    }

    fn read(&mut self, who: usize, most: usize) {
        let tally = self.tally;
        self.by(who, |world, one| {
            let mut inbox = world.heard(one.client.socket);
            let later = inbox.split_off(most.min(inbox.len()));
            world.inboxes.insert(one.client.socket, later);
            for message in inbox {
                let mut tally = tally.borrow_mut();
                tally.snapshots +=
                    usize::from(matches!(message, ServerMessage::Room(RoomMessage::Snapshot(_))));
                tally.refused += usize::from(matches!(
                    message,
                    ServerMessage::Control(ControlMessage::Refused { .. })
                ));
                one.view.read(message);
            }
        });
    }

    /// Takes those out whose socket the room has closed, or who have left.
    fn bury_the_ended(&mut self) {
        let (world, tally) = (&self.world, self.tally);
        self.walkers.retain(|one| {
            let known = world.room.participants.contains_key(&one.client.participant);
            let closed = world.closed.contains_key(&one.client.socket);
            assert!(!(closed && known), "closed, but still in the room");
            tally.borrow_mut().ended += usize::from(!known);
            known || !one.connected
        });
        for one in self.walkers.iter_mut() {
            one.connected &= !world.dropped.contains(&one.client.socket);
        }
    }

    /// Everybody reads to the end, and knows what the room knows.
    fn check(&mut self) {
        self.world.store_works = true;
        self.world.settle();
        self.bury_the_ended();
        for one in 0..self.walkers.len() {
            if self.walkers[one].connected {
                self.read_to_the_end(one);
            }
        }
    }

    fn read_to_the_end(&mut self, at: usize) {
        let one = &mut self.walkers[at];
        self.world.heard(one.client.socket).into_iter().for_each(|message| one.view.read(message));
        let (room, view) = (&self.world.room, &one.view);
        assert_eq!(view.seq, room.history.seq());
        let snapshot = room.snapshot_for(view.own);
        assert_eq!(view.others, others(&snapshot));
        assert_eq!(view.disconnected, snapshot.disconnected.iter().copied().collect());
        assert_eq!(view.rules, room.rules());
        assert_eq!(view.handshakes, room.log.handshakes());
        assert_eq!(view.roster, room.log.snapshot().roster);
        let entries = room.log.entries_after(view.start).expect("all of it is kept");
        let entries: Vec<_> = entries.map(|one| one.for_participant(view.own)).collect();
        assert_eq!(view.entries, entries);
        let welcomes = entries.iter().filter(|entry| is_commit(&entry.event) == Some(true));
        self.tally.borrow_mut().welcomes += welcomes.count();
    }
}

#[test]
fn every_client_sees_the_room_as_it_is_whatever_happens() {
    let tally = RefCell::new(Tally::default());
    let config = ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let actions = proptest::collection::vec(action(), 1..120);
    let walked = TestRunner::new(config).run(&actions, |actions| {
        let (world, walkers, waiting) = (World::new(), Vec::new(), Vec::new());
        let mut walk = Walk { world, walkers, waiting, tally: &tally };
        let opening = [Action::JoinAsHost, Action::Upload(0), Action::Create(0), Action::Join];
        opening.iter().chain(&actions).for_each(|action| walk.act(action));
        walk.check();
        Ok(())
    });
    walked.expect("the views agree");
    let tally = tally.into_inner();
    let Tally { replays, snapshots, welcomes, refused, ended, admitted } = tally;
    let reached = [replays, snapshots, welcomes, refused, ended, admitted];
    assert!(reached.iter().all(|times| *times > 20), "the walks go everywhere: {tally:?}");
}
