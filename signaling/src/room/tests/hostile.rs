//! A client that says anything at all: the others see what the protocol lets it do, no more.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use signaling_protocol::Moderation;

use super::*;

#[derive(Debug, Clone)]
enum Attack {
    Say(ClientMessage),
    /// A create or a commit that has the right form.
    Submit {
        create: bool,
        roster: Vec<u32>,
        adds: bool,
        behind: u64,
    },
    Word,
    /// A hello with resume, on a new socket.
    Resume {
        participant: u32,
        own_token: bool,
        seq: u64,
        position: u64,
    },
    Lag,
    Break,
}

fn opaque() -> impl Strategy<Value = Opaque> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Opaque),
        (1..5_u32).prop_map(mls::key_package),
    ]
}

/// Numbers where trouble is.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..12_u64, Just(u64::MAX), Just(u64::MAX - 1), any::<u64>()]
}

fn tracks() -> impl Strategy<Value = Vec<Track>> {
    let source = prop_oneof![Just(Source::Camera), Just(Source::Screen), Just(Source::Microphone)];
    let track = (source, "[a-z ]{0,3}", any::<bool>());
    let track = track.prop_map(|(source, mid, muted)| Track { mid, source, muted });
    proptest::collection::vec(track, 0..4)
}

fn attack() -> impl Strategy<Value = Attack> {
    let said = prop_oneof![
        number().prop_map(|at| ClientMessage::Heartbeat { position: LogPosition(at) }),
        tracks().prop_map(|tracks| ClientMessage::SetTracks { tracks }),
        (0..6_u32, any::<u16>()).prop_map(|(participant, height)| {
            let participant = ParticipantId(participant);
            let constraint = ReceiverVideoConstraint {
                participant,
                source: Source::Camera,
                height,
                pinned: height == 9,
            };
            ClientMessage::ReceiverVideoConstraints {
                constraints: vec![constraint; 1 + usize::from(height % 2)],
            }
        }),
        opaque().prop_map(|key_package| ClientMessage::UploadKeyPackage { key_package }),
        opaque().prop_map(|message| ClientMessage::SendMessage { message }),
        "[a-z=]{0,9}".prop_map(|sdp| ClientMessage::Offer { sdp }),
        opaque().prop_map(|name| ClientMessage::Knock { name }),
        (0..6_u32).prop_map(|at| {
            let participant = ParticipantId(at);
            ClientMessage::Moderate(Moderation::Remove { participant })
        }),
    ];
    let roster = proptest::collection::vec(0..6_u32, 0..5);
    let submitted = (any::<bool>(), roster, any::<bool>(), 0..2_u64);
    prop_oneof![
        8 => said.prop_map(Attack::Say),
        6 => submitted.prop_map(|(create, roster, adds, behind)| {
            Attack::Submit { create, roster, adds, behind }
        }),
        2 => Just(Attack::Word),
        4 => (0..6_u32, any::<bool>(), number(), number()).prop_map(
            |(participant, own_token, seq, position)| {
                Attack::Resume { participant, own_token, seq, position }
            },
        ),
        1 => Just(Attack::Lag),
        1 => Just(Attack::Break),
        1 => Just(Attack::Say(ClientMessage::Leave)),
    ]
}

fn execute_outputs(world: &mut World, hostile: &mut Client, attack: Attack) {
    match attack {
        Attack::Say(message) => world.tell(hostile, message),
        Attack::Submit { create, roster, adds, behind } => {
            let expected = HandshakeCount(world.handshakes().0.saturating_sub(behind));
            let name = world.name();
            let roster: Vec<_> = roster.into_iter().map(ParticipantId).collect();
            let created = world.room.log.created();
            let submission = if create {
                mls::create(hostile.participant, expected, name)
            } else {
                mls::commit(&id(), created, expected.max(created), &roster, adds, name)
            };
            world.tell(hostile, ClientMessage::Submit(submission));
        }
        Attack::Word => {
            let log = &world.room.log;
            let message = mls::application(&id(), log.created(), log.handshakes(), 64);
            world.tell(hostile, ClientMessage::SendMessage { message });
        }
        Attack::Resume { participant, own_token, seq, position } => {
            let token = if own_token { hostile.resume_token.0.as_str() } else { "guessed" };
            let claimed = Client {
                participant: ParticipantId(participant),
                resume_token: Secret(token.to_owned()),
                ..hostile.clone()
            };
            let socket = world.resume(&claimed, Seq(seq), LogPosition(position));
            if world.closing(socket).is_none() {
                assert_eq!(claimed.participant, hostile.participant, "another one's place");
                hostile.socket = socket;
            }
        }
        Attack::Lag => {
            world.room.handle_lagging(hostile.socket, world.now);
            world.settle();
        }
        Attack::Break => world.break_socket(hostile),
    }
}

/// Checks what the others may see of a client that can only act for itself.
fn is_its_own_doing(delta: &Delta, hostile: ParticipantId, others: [ParticipantId; 2]) -> bool {
    match delta {
        Delta::ParticipantJoined(_) | Delta::RulesChanged(_) => false,
        Delta::TracksChanged(state) => state.participant == hostile,
        Delta::ParticipantLeft { participant } | Delta::ConnectionChanged { participant, .. } => {
            *participant == hostile
        }
        Delta::Message { sender, .. } => *sender == hostile,
        Delta::Log { entry } => match &entry.event {
            LogEvent::Joined(joined) => joined.participant == hostile,
            LogEvent::Departed { participant } => *participant == hostile,
            LogEvent::Handshake(handshake) => {
                handshake.sender == hostile
                    && others.iter().all(|one| handshake.roster.contains(one))
            }
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_that_a_client_says_changes_anothers_view_beyond_the_protocol(
        member in any::<bool>(),
        attacks in proptest::collection::vec(attack(), 1..40),
    ) {
        let (mut world, a, b) = World::with_two_members();
        let mut hostile = world.join();
        if member {
            world.upload(&hostile);
            world.commit(&a, &[a.participant, b.participant, hostile.participant]);
        }
        world.heard(a.socket);
        world.heard(b.socket);
        let mut seq = world.room.history.seq();
        for attack in attacks {
            execute_outputs(&mut world, &mut hostile, attack);
            let heard = world.heard(a.socket);
            prop_assert_eq!(&heard, &world.heard(b.socket));
            for message in heard {
                let ServerMessage::Room(RoomMessage::Delta { seq: next, delta }) = message else {
                    panic!("not for them: {message:?}")
                };
                prop_assert_eq!(next, seq.next());
                seq = next;
                let others = [a.participant, b.participant];
                prop_assert!(is_its_own_doing(&delta, hostile.participant, others), "{:?}", delta);
            }
            prop_assert_eq!(world.closing(a.socket), None);
            prop_assert_eq!(world.closing(b.socket), None);
        }
        let asked = world.media.iter().map(MediaCommand::participant);
        prop_assert!(asked.into_iter().all(|about| about == hostile.participant));
    }
}
