//! Membership: joins, returns and departures.

use super::*;

fn left(participant: ParticipantId) -> Delta {
    Delta::ParticipantLeft { participant }
}

#[test]
fn a_join_gives_a_snapshot_and_the_others_a_delta() {
    let mut world = World::new();
    let a = world.join();
    let tracks = vec![track(Source::Camera, false)];
    world.tell(&a, ClientMessage::SetTracks { tracks: tracks.clone() });
    world.heard(a.socket);
    let b = world.join();
    let before = ParticipantState { participant: a.participant, tracks };
    assert_eq!(b.joined.room.participants, [before]);
    assert_eq!(b.joined.slots, ReceiveSlots { audio: 2, video: 3 });
    let comes = ParticipantState { participant: b.participant, tracks: Vec::new() };
    assert_eq!(world.deltas(a.socket), [(b.joined.seq, Delta::ParticipantJoined(comes))]);
    assert_eq!(world.heard(b.socket), [], "its own coming is in the snapshot");
}

#[test]
fn ids_go_up_and_are_never_given_out_again() {
    let mut world = World::new();
    let a = world.join_with_key_package();
    world.tell(&a, ClientMessage::Leave);
    let b = world.join();
    assert!(b.participant > a.participant);
    let mut later = World::with_log(world.room.log.clone());
    assert!(later.join().participant > a.participant, "nor after the room was closed");
}

#[test]
fn a_full_room_refuses_the_next_and_takes_one_when_somebody_has_left() {
    let mut world = World::new();
    let clients: Vec<_> = (0..FULL).map(|_| world.join()).collect();
    let (refused, _) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.closing(refused), Some(RefusalCode::RoomFull));
    assert_eq!(world.room.participants(), FULL);
    world.tell(&clients[0], ClientMessage::Leave);
    world.join();
}

#[test]
fn a_resume_replays_exactly_what_was_missed() {
    let (mut world, a, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    let c = world.join_with_key_package();
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    // Who is away judges nothing.
    world.wait(mls_delivery::VOTE_TIMEOUT_MS);
    world.tell(&c, ClientMessage::SetTracks { tracks: vec![track(Source::Camera, true)] });
    let seen_by_a = world.deltas(a.socket);
    assert_eq!(seen_by_a.len(), 4);
    let back = world.resume(&b, seq, position);
    let newest = world.room.history.seq();
    let heard = world.heard(back);
    assert_eq!(heard[0], ServerMessage::Room(RoomMessage::Resumed { seq: newest }));
    let replayed: Vec<_> = heard[1..]
        .iter()
        .map(|message| match message {
            ServerMessage::Room(RoomMessage::Delta { seq, delta }) => (*seq, delta.clone()),
            other => panic!("not a delta: {other:?}"),
        })
        .collect();
    assert_eq!(replayed, seen_by_a);
}

#[test]
fn a_resume_after_nothing_has_happened_replays_nothing() {
    let (mut world, _, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    let back = world.resume(&b, seq, position);
    assert_eq!(world.heard(back), [ServerMessage::Room(RoomMessage::Resumed { seq })]);
}

#[test]
fn a_resume_from_before_what_is_kept_gets_a_snapshot_with_the_missed_log() {
    let (mut world, a, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    world.commit(&a, &[a.participant, b.participant]);
    world.wait(mls_delivery::VOTE_TIMEOUT_MS);
    for muted in [true, false].repeat(600) {
        world.tell(&a, ClientMessage::SetTracks { tracks: vec![track(Source::Camera, muted)] });
    }
    let back = world.resume(&b, seq, position);
    let newest = world.room.history.seq();
    let heard = world.heard(back);
    let [
        ServerMessage::Room(RoomMessage::Resumed { seq }),
        ServerMessage::Room(RoomMessage::Snapshot(snapshot)),
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((*seq, snapshot.seq), (newest, newest));
    assert_eq!(snapshot.room.participants[0].tracks, [track(Source::Camera, false)]);
    assert_eq!(snapshot.log.entries.len(), 1);
    assert_eq!(snapshot.log.entries[0].position, position.next());
}

#[test]
fn who_has_not_come_back_in_time_is_gone_for_the_others_and_for_the_log() {
    let (mut world, a, b) = World::with_two_members();
    world.break_socket(&b);
    world.wait_with(&[&a], RESUME_WINDOW - 1);
    let disconnected = Delta::ConnectionChanged { participant: b.participant, disconnected: true };
    let deltas: Vec<_> = world.deltas(a.socket).into_iter().map(|(_, delta)| delta).collect();
    assert_eq!(deltas, [disconnected], "it may still come back");
    world.wait(1);
    let deltas: Vec<_> = world.deltas(a.socket).into_iter().map(|(_, delta)| delta).collect();
    assert_eq!(deltas[0], left(b.participant));
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
    let late = world.resume(&b, Seq(0), LogPosition(0));
    assert_eq!(world.closing(late), Some(RefusalCode::ResumeExpired));
}

#[test]
fn a_resume_with_another_ones_token_is_refused_and_takes_nothing_from_its_owner() {
    let (mut world, a, b) = World::with_two_members();
    let thief = Client { resume_token: b.resume_token.clone(), ..a.clone() };
    let socket = world.resume(&thief, Seq(0), LogPosition(0));
    assert_eq!(world.closing(socket), Some(RefusalCode::ResumeExpired));
    assert_eq!(world.heard(socket), []);
    assert_eq!(world.closing(a.socket), None);
    world.heartbeat(&a, LogPosition(0));
    assert_eq!(world.heard(a.socket), [ServerMessage::Control(ControlMessage::HeartbeatEcho)]);
}

#[test]
fn a_second_window_supersedes_the_first_without_anybody_leaving() {
    let (mut world, a, b) = World::with_two_members();
    let second = world.resume(&b, world.room.history.seq(), world.position());
    assert_eq!(world.closing(b.socket), Some(RefusalCode::Superseded));
    // The first window's socket breaks after it was told.
    world.break_socket(&b);
    assert_eq!(world.heard(a.socket), []);
    world.tell(&a, ClientMessage::SetTracks { tracks: vec![track(Source::Camera, true)] });
    assert_eq!(world.deltas(second).len(), 1);
}

#[test]
fn what_a_superseded_socket_still_says_is_not_heard() {
    let (mut world, a, b) = World::with_two_members();
    world.resume(&b, world.room.history.seq(), world.position());
    world.tell(&b, ClientMessage::Leave);
    world.tell(&b, ClientMessage::SetTracks { tracks: vec![track(Source::Screen, false)] });
    assert_eq!(world.heard(a.socket), []);
    assert_eq!(world.room.participants(), 2);
}

#[test]
fn one_who_leaves_is_gone_at_once() {
    let (mut world, a, b) = World::with_two_members();
    world.tell(&b, ClientMessage::Leave);
    assert_eq!(world.closing(b.socket), None, "it has said goodbye itself");
    assert_eq!(world.deltas(a.socket)[0].1, left(b.participant));
    let back = world.resume(&b, Seq(0), LogPosition(0));
    assert_eq!(world.closing(back), Some(RefusalCode::ResumeExpired));
}

#[test]
fn silence_breaks_a_socket_and_any_message_breaks_silence() {
    let (mut world, a, b) = World::with_two_members();
    world.wait(HEARTBEAT_TIMEOUT - 1);
    let position = world.position();
    world.heartbeat(&a, position);
    world.heard(a.socket);
    world.wait(1);
    assert!(world.dropped.contains(&b.socket) && !world.dropped.contains(&a.socket));
    let disconnected = Delta::ConnectionChanged { participant: b.participant, disconnected: true };
    assert_eq!(world.deltas(a.socket).pop().map(|(_, delta)| delta), Some(disconnected));
    world.wait_with(&[&a], RESUME_WINDOW - HEARTBEAT_TIMEOUT - 1);
    assert_eq!(world.room.participants(), 2, "its time counts from its last word");
    world.wait(1);
    assert_eq!(world.deltas(a.socket)[0].1, left(b.participant));
}

#[test]
fn a_sole_member_that_is_heard_to_listen_and_not_to_speak_keeps_nobody_waiting_for_ever() {
    let mut world = World::new();
    let mute = world.join_with_key_package();
    world.create(&mute);
    let joiner = world.join_with_key_package();
    let listen = |world: &mut World, millis| {
        world.wait(millis);
        for client in [&mute, &joiner] {
            world.heartbeat(client, world.position());
        }
    };
    for _ in 0..3 {
        listen(&mut world, 4_000);
    }
    world.wait(HEARTBEAT_TIMEOUT - 12_000 - 1);
    assert_eq!(world.closing(mute.socket), None);
    world.wait(1);
    assert_eq!(world.closing(mute.socket), Some(RefusalCode::TooSlow));
    assert_eq!(world.room.log.snapshot().departed, [mute.participant]);
    world.create(&joiner);
    assert_eq!(world.room.log.snapshot().roster, [joiner.participant]);
}

#[test]
fn a_member_that_speaks_may_leave_somebody_waiting_whom_it_would_not_add() {
    let (mut world, a, b) = World::with_two_members();
    let stranger = world.join_with_key_package();
    for _ in 0..10 {
        world.wait(HEARTBEAT_TIMEOUT / 3);
        world.say(&a);
        for client in [&a, &b, &stranger] {
            world.heartbeat(client, world.position());
        }
    }
    assert_eq!(world.closing(a.socket), None);
    assert_eq!(world.closing(b.socket), Some(RefusalCode::TooSlow), "who says nothing goes");
}

#[test]
fn nobody_has_to_speak_where_nobody_waits_and_whoever_is_added_waits_no_more() {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join_with_key_package();
    world.wait(HEARTBEAT_TIMEOUT - 1);
    for client in [&a, &b, &c] {
        world.heartbeat(client, world.position());
    }
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    for _ in 0..10 {
        for client in [&a, &b, &c] {
            world.heartbeat(client, world.position());
            assert_eq!(world.closing(client.socket), None);
        }
        world.wait(HEARTBEAT_TIMEOUT / 3);
    }
}

#[test]
fn an_empty_room_says_so_once_its_log_knows_it() {
    let mut world = World::new();
    let a = world.join_with_key_package();
    world.store_works = false;
    world.tell(&a, ClientMessage::Leave);
    assert!(!world.room.is_empty(), "the departure is to be stored");
    world.store_works = true;
    world.settle();
    assert!(world.room.is_empty());
    assert_eq!(world.room.poll_timeout(), None);
}

#[test]
fn whoever_the_store_remembers_has_departed_when_the_room_is_opened_again() {
    let (world, a, b) = World::with_two_members();
    let mut later = World::with_log(world.room.log.clone());
    later.names = world.names;
    later.settle();
    assert_eq!(later.room.log.snapshot().departed, [a.participant, b.participant]);
    let c = later.join_with_key_package();
    later.create(&c);
    assert_eq!(later.room.log.snapshot().roster, [c.participant]);
}

#[test]
fn a_second_hello_is_refused_and_changes_nothing() {
    let (mut world, a, b) = World::with_two_members();
    let hello = signaling_protocol::Hello {
        version: VERSION,
        token: Secret("x".into()),
        resume: None,
        predecessor: None,
    };
    world.tell(&b, ClientMessage::Hello(hello));
    assert_eq!(world.refusal(b.socket).code, RefusalCode::NotAllowed);
    assert_eq!(world.heard(a.socket), []);
}

#[test]
fn when_the_room_ends_everybody_who_is_here_is_told_why() {
    let (mut world, a, b) = World::with_two_members();
    world.break_socket(&b);
    let refusal = Refusal::new(RefusalCode::ShuttingDown, "The server is being restarted.");
    world.room.close_all(&refusal);
    world.collect();
    assert_eq!(world.closing(a.socket), Some(RefusalCode::ShuttingDown));
    assert_eq!(world.closing(b.socket), None);
}

#[test]
fn one_who_returns_behind_the_log_has_its_full_time_to_catch_up() {
    let (mut world, a, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.commit(&a, &[a.participant, b.participant]);
    world.heartbeat(&b, position);
    world.wait(8_000);
    world.heartbeat(&a, world.position());
    world.break_socket(&b);
    world.wait(9_000);
    let back = world.resume(&b, seq, position);
    world.wait(1_000);
    assert_eq!(world.closing(back), None, "what it missed has only just been sent");
    let b = Client { socket: back, ..b };
    world.wait(HEARTBEAT_TIMEOUT - 2_000);
    world.heartbeat(&b, position);
    assert_eq!(world.closing(back), None);
    world.wait(1_000);
    assert_eq!(world.closing(back), Some(RefusalCode::TooSlow), "it speaks, and gets no further");
}

#[test]
fn a_resume_from_a_place_that_the_log_has_not_reached_is_told_to_join_again() {
    let (mut world, a, b) = World::with_two_members();
    let seq = world.room.history.seq();
    world.break_socket(&b);
    world.commit(&a, &[a.participant, b.participant]);
    let back = world.resume(&b, seq, LogPosition(u64::MAX));
    assert_eq!(world.closing(back), Some(RefusalCode::ResumeExpired));
    assert_eq!(world.closing(a.socket), None);
}
