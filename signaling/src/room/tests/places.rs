//! Pages that are loaded anew, and who may say that it is one.

use signaling_protocol::{JoinPolicy, Moderation};

use super::*;

fn replaced(world: &mut World, socket: SocketId) -> Vec<(ParticipantId, Option<ParticipantId>)> {
    let joined = |event| match event {
        LogEvent::Joined(joined) => Some((joined.participant, joined.replaces)),
        _ => None,
    };
    world.log_entries(socket).into_iter().filter_map(joined).collect()
}

#[test]
fn whoever_comes_in_its_own_place_is_there_once_from_its_key_package_on() {
    let (mut world, a, b) = World::with_two_members();
    world.break_socket(&b);
    let (socket, token) = world.come_in_place(b.participant, &b.resume_token);
    let back = world.let_in(socket, token);
    assert_eq!(world.room.participants(), 3, "the old one may come back until then");
    world.heard(a.socket);
    world.upload(&back);
    assert_eq!(world.room.participants(), 2);
    let heard = world.deltas(a.socket);
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1].1, Delta::ParticipantLeft { participant: b.participant });
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
    // One commit takes the old leaf and brings the new one. Nobody is left to be asked.
    world.members_ack = false;
    let before = world.handshakes();
    world.commit(&a, &[a.participant, back.participant]);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn the_entry_names_both() {
    let (mut world, a, b) = World::with_two_members();
    let (socket, token) = world.come_in_place(b.participant, &b.resume_token);
    let back = world.let_in(socket, token);
    world.upload(&back);
    let entry = (back.participant, Some(b.participant));
    assert_eq!(replaced(&mut world, a.socket), [entry]);
    assert_eq!(world.closing(b.socket), Some(RefusalCode::Superseded), "its old window");
}

#[test]
fn a_stranger_takes_nobodys_place() {
    let (mut world, a, b) = World::with_two_members();
    for token in [Secret(String::new()), Secret("guessed".to_owned()), a.resume_token.clone()] {
        let (socket, token) = world.come_in_place(b.participant, &token);
        let stranger = world.let_in(socket, token);
        world.upload(&stranger);
        assert_eq!(replaced(&mut world, a.socket), [(stranger.participant, None)]);
        world.tell(&stranger, ClientMessage::Leave);
    }
    assert_eq!(world.closing(b.socket), None);
    let expected = world.handshakes();
    world.heard(a.socket);
    world.commit_to(&a, &[a.participant], expected);
    assert_eq!(world.refusal(a.socket).code, RefusalCode::NotAllowed, "b has not gone");
}

#[test]
fn who_was_inside_meets_neither_a_door_nor_a_full_room() {
    let mut world = World::new();
    let (socket, token) = world.admit_or_queue(Role::Host);
    let host = world.let_in(socket, token);
    let guests: Vec<_> = (1..FULL).map(|_| world.join_with_key_package()).collect();
    let join_policy = Moderation::SetJoinPolicy { join_policy: JoinPolicy::Locked };
    world.tell(&host, ClientMessage::Moderate(join_policy));
    let old = &guests[0];
    world.break_socket(old);
    let (socket, token) = world.come_in_place(old.participant, &old.resume_token);
    let back = world.let_in(socket, token);
    world.upload(&back);
    assert_eq!(world.room.participants(), FULL);
    let (socket, _) = world.come_in_place(old.participant, &old.resume_token);
    assert_eq!(world.closing(socket), Some(RefusalCode::RoomLocked), "a place is taken once");
}

#[test]
fn a_server_with_too_much_to_do_takes_nobody_else_and_keeps_who_is_inside() {
    let (mut world, a, b) = World::with_two_members();
    let busy = Refusal::new(RefusalCode::ServerFull, "Too much to do; try again in a moment.");
    world.full = Some(busy.clone().with_retry_after(20));
    let (refused, _) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.closed[&refused], busy.with_retry_after(20));
    let (host, _) = world.admit_or_queue(Role::Host);
    assert_eq!(world.closing(host), Some(RefusalCode::ServerFull));
    assert_eq!(world.heard(a.socket), [], "nobody has come");

    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&a);
    let back = world.resume(&a, seq, position);
    assert_eq!(world.closing(back), None);
    let offer = ClientMessage::Offer { sdp: "v=0".to_owned() };
    world.tell(&Client { socket: back, ..a.clone() }, offer);
    assert_eq!(world.media.len(), 1, "an offer goes its way");
    world.break_socket(&b);
    let (anew, token) = world.come_in_place(b.participant, &b.resume_token);
    world.let_in(anew, token);
    let stranger = Secret("guessed".to_owned());
    let (refused, _) = world.come_in_place(a.participant, &stranger);
    assert_eq!(world.closing(refused), Some(RefusalCode::ServerFull));
}

#[test]
fn a_place_that_is_not_taken_in_time_is_nobodys() {
    let (mut world, a, b) = World::with_two_members();
    world.break_socket(&b);
    let (socket, token) = world.come_in_place(b.participant, &b.resume_token);
    let back = world.let_in(socket, token);
    world.heard(a.socket);
    world.wait_with(&[&a, &back], RESUME_WINDOW);
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
    world.upload(&back);
    assert_eq!(replaced(&mut world, a.socket), [(back.participant, None)]);
}

#[test]
fn who_steps_out_is_silent_at_once_and_gone_after_five_seconds() {
    let (mut world, a, b) = World::with_two_members();
    let tracks = vec![track(Source::Camera, false)];
    world.tell(&b, ClientMessage::Offer { sdp: "v=0".to_owned() });
    world.tell(&b, ClientMessage::SetTracks { tracks });
    world.heard(a.socket);
    world.tell(&b, ClientMessage::PageHide);
    let silent = ParticipantState { participant: b.participant, tracks: Vec::new() };
    assert_eq!(world.deltas(a.socket).pop().unwrap().1, Delta::TracksChanged(silent));
    let removed = MediaCommand::Remove { room: id(), participant: b.participant };
    assert_eq!(world.media.last(), Some(&removed));
    world.wait(PAGE_HIDE_WINDOW - 1);
    assert_eq!(world.room.participants(), 2);
    world.wait(1);
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
    assert_eq!(world.media.iter().filter(|one| **one == removed).count(), 1);
}

#[test]
fn whoever_comes_to_members_who_all_stand_still_makes_a_new_group_within_fifteen_seconds() {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join_with_key_package();
    world.create(&c);
    assert_eq!(world.refusal(c.socket).code, RefusalCode::NotAllowed, "members are there");
    let began = world.now;
    while world.room.log.present_members().next().is_some() {
        world.wait(500);
        world.heartbeat(&c, world.position());
    }
    assert!(world.now - began <= HEARTBEAT_TIMEOUT, "{} ms", world.now - began);
    assert_eq!(world.room.log.snapshot().departed, [a.participant, b.participant]);
    world.create(&c);
    assert_eq!(world.room.log.snapshot().roster, [c.participant]);
}
