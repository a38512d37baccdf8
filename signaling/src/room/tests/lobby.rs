//! The door, those who wait before it, and what hosts may do.

use signaling_protocol::{JoinPolicy, LobbyParticipant, LobbyParticipantId, Moderation, Rules};

use super::*;
use crate::room::ShutdownNotice;

/// A room with a host, a guest, and nothing left to read.
fn hosted() -> (World, Client, Client) {
    let mut world = World::new();
    let host = join_as_host(&mut world);
    let guest = world.join();
    world.heard(host.socket);
    world.heard(guest.socket);
    (world, host, guest)
}

fn join_as_host(world: &mut World) -> Client {
    let (socket, token) = world.admit_or_queue(Role::Host);
    world.let_in(socket, token)
}

fn moderate(world: &mut World, by: &Client, action: Moderation) {
    world.tell(by, ClientMessage::Moderate(action));
}

fn set_join_policy(world: &mut World, by: &Client, join_policy: JoinPolicy) {
    moderate(world, by, Moderation::SetJoinPolicy { join_policy });
}

/// Takes the lobby that a host was sent since the last call.
fn lobby_participants(world: &mut World, host: &Client) -> Option<Vec<LobbyParticipant>> {
    let heard = world.heard(host.socket).into_iter();
    heard.rev().find_map(|message| match message {
        ServerMessage::Room(RoomMessage::LobbyParticipants { lobby_participants }) => {
            Some(lobby_participants)
        }
        _ => None,
    })
}

fn knock(world: &mut World, socket: SocketId, name: &[u8]) {
    let message = ClientMessage::Knock { name: Opaque(name.to_vec()) };
    world.room.handle_message(socket, message, world.now);
    world.settle();
}

fn rules_heard(world: &mut World, socket: SocketId) -> Vec<Rules> {
    let deltas = world.deltas(socket).into_iter();
    deltas
        .filter_map(|(_, delta)| match delta {
            Delta::RulesChanged(rules) => Some(rules),
            _ => None,
        })
        .collect()
}

#[test]
fn everybody_knows_who_the_hosts_are_from_the_snapshot_or_a_delta() {
    let mut world = World::new();
    let guest = world.join();
    assert_eq!(guest.joined.room.rules, Rules::default());
    let host = join_as_host(&mut world);
    let rules = Rules { join_policy: JoinPolicy::Open, hosts: vec![host.participant] };
    assert_eq!(host.joined.room.rules, rules);
    assert_eq!(rules_heard(&mut world, guest.socket), [rules]);
    world.tell(&host, ClientMessage::Leave);
    assert_eq!(rules_heard(&mut world, guest.socket), [Rules::default()]);
}

#[test]
fn a_guest_who_moderates_is_refused_and_nothing_happens() {
    let (mut world, host, guest) = hosted();
    for action in [
        Moderation::SetJoinPolicy { join_policy: JoinPolicy::Locked },
        Moderation::Admit { lobby_participant: LobbyParticipantId(1) },
        Moderation::Deny { lobby_participant: LobbyParticipantId(1) },
        Moderation::Remove { participant: host.participant },
        Moderation::Remove { participant: guest.participant },
        Moderation::AskToMute { participant: host.participant },
    ] {
        moderate(&mut world, &guest, action);
        assert_eq!(world.refusal(guest.socket).code, RefusalCode::NotAllowed);
    }
    assert_eq!(world.heard(host.socket), []);
}

#[test]
fn a_locked_door_refuses_guests_and_lets_hosts_in() {
    let (mut world, host, guest) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Locked);
    let rules = Rules { join_policy: JoinPolicy::Locked, hosts: vec![host.participant] };
    assert_eq!(rules_heard(&mut world, guest.socket), [rules]);
    let (late, _) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.closing(late), Some(RefusalCode::RoomLocked));
    join_as_host(&mut world);
    set_join_policy(&mut world, &host, JoinPolicy::Open);
    world.join();
}

#[test]
fn who_is_inside_comes_back_through_a_locked_door() {
    let (mut world, host, guest) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Locked);
    world.break_socket(&guest);
    let (seq, position) = (world.room.history.seq(), world.position());
    let back = world.resume(&guest, seq, position);
    assert_eq!(world.closing(back), None);
}

#[test]
fn who_was_removed_does_not_come_back_as_one_who_was_lost_before() {
    let (mut world, host, before) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Open);
    world.break_socket(&before);
    world.wait_with(&[&host], RESUME_WINDOW);
    let again = world.join();
    set_join_policy(&mut world, &host, JoinPolicy::Locked);
    moderate(&mut world, &host, Moderation::Remove { participant: again.participant });
    let (socket, _) = world.come_in_place(before.participant, &before.resume_token);
    assert_eq!(world.closing(socket), Some(RefusalCode::RoomLocked));
}

#[test]
fn a_visitor_waits_knocks_and_is_let_in() {
    let (mut world, host, guest) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    world.heard(guest.socket);
    let (socket, token) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.heard(socket), [ServerMessage::Room(RoomMessage::Waiting)]);
    knock(&mut world, socket, b"sealed");
    let lobby_participant = LobbyParticipant {
        lobby_participant: LobbyParticipantId(1),
        name: Some(Opaque(b"sealed".to_vec())),
    };
    assert_eq!(lobby_participants(&mut world, &host), Some(vec![lobby_participant]));
    assert_eq!(world.heard(guest.socket), [], "only hosts hear of those who wait");
    moderate(&mut world, &host, Moderation::Admit { lobby_participant: LobbyParticipantId(1) });
    let joined = world.let_in(socket, token);
    assert_eq!(joined.joined.room.participants.len(), 2);
    assert_eq!(joined.joined.room.rules.join_policy, JoinPolicy::Lobby);
    assert_eq!(lobby_participants(&mut world, &host), Some(vec![]));
}

#[test]
fn a_visitor_takes_no_part() {
    let (mut world, host, guest) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    let (socket, _) = world.admit_or_queue(Role::Guest);
    world.heard(socket);
    world.heard(host.socket);
    world.heard(guest.socket);
    for message in [
        ClientMessage::UploadKeyPackage { key_package: mls::key_package(3) },
        ClientMessage::SetTracks { tracks: vec![track(Source::Camera, false)] },
        ClientMessage::Offer { sdp: "v=0".to_owned() },
        ClientMessage::Moderate(Moderation::Admit { lobby_participant: LobbyParticipantId(1) }),
    ] {
        world.room.handle_message(socket, message, world.now);
        world.settle();
        assert_eq!(world.refusal(socket).code, RefusalCode::NotAllowed);
    }
    assert_eq!(world.heard(host.socket), []);
    assert_eq!(world.heard(guest.socket), []);
    assert_eq!(world.media, []);
    assert_eq!(world.room.participants(), 2);
}

#[test]
fn a_visitor_knocks_once_and_shortly() {
    let (mut world, host, _) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    let (socket, _) = world.admit_or_queue(Role::Guest);
    world.heard(socket);
    knock(&mut world, socket, &[0; limits::KNOCK_BYTES + 1]);
    assert_eq!(world.refusal(socket).code, RefusalCode::TooLarge);
    knock(&mut world, socket, b"one");
    assert_eq!(world.heard(socket), []);
    knock(&mut world, socket, b"two");
    assert_eq!(world.refusal(socket).code, RefusalCode::NotAllowed);
}

#[test]
fn a_visitor_who_is_turned_away_goes_is_silent_or_breaks_is_forgotten() {
    let (mut world, host, _) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    let [disconnected, leaves, silent, broken] =
        [(); 4].map(|()| world.admit_or_queue(Role::Guest).0);
    moderate(&mut world, &host, Moderation::Deny { lobby_participant: LobbyParticipantId(1) });
    assert_eq!(world.closing(disconnected), Some(RefusalCode::Denied));
    world.room.handle_message(leaves, ClientMessage::Leave, world.now);
    world.room.handle_closed(broken, world.now);
    world.settle();
    let waiting = LobbyParticipant { lobby_participant: LobbyParticipantId(3), name: None };
    assert_eq!(lobby_participants(&mut world, &host), Some(vec![waiting]));
    for _ in 0..4 {
        world.wait(HEARTBEAT_TIMEOUT / 4);
        let position = world.position();
        world.heartbeat(&host, position);
    }
    assert_eq!(world.closing(silent), Some(RefusalCode::TooSlow));
    assert_eq!(lobby_participants(&mut world, &host), Some(vec![]));
    moderate(&mut world, &host, Moderation::Admit { lobby_participant: LobbyParticipantId(3) });
    assert_eq!(world.deltas(host.socket), [], "nobody is there to be let in");
}

#[test]
fn a_visitor_who_gives_signs_of_life_waits_on() {
    let (mut world, host, _) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    let (socket, _) = world.admit_or_queue(Role::Guest);
    world.heard(socket);
    for _ in 0..8 {
        world.wait(HEARTBEAT_TIMEOUT / 2);
        let heartbeat = ClientMessage::Heartbeat { position: LogPosition(0) };
        world.room.handle_message(socket, heartbeat, world.now);
        world.settle();
        assert_eq!(world.heard(socket), [ServerMessage::Control(ControlMessage::HeartbeatEcho)]);
    }
    assert!(!world.room.is_empty(), "somebody waits, though everybody inside is gone");
    let host = join_as_host(&mut world);
    assert!(lobby_participants(&mut world, &host).is_some(), "a host who comes later is told");
}

#[test]
fn opening_the_door_lets_all_in_and_locking_it_sends_all_away() {
    let (mut world, host, _) = hosted();
    for (join_policy, inside) in [(JoinPolicy::Open, 4), (JoinPolicy::Locked, 4)] {
        set_join_policy(&mut world, &host, JoinPolicy::Lobby);
        let waiting = [world.admit_or_queue(Role::Guest).0, world.admit_or_queue(Role::Guest).0];
        set_join_policy(&mut world, &host, join_policy);
        assert_eq!(world.room.participants(), inside);
        for socket in waiting {
            let locked = (join_policy == JoinPolicy::Locked).then_some(RefusalCode::RoomLocked);
            assert_eq!(world.closing(socket), locked);
        }
    }
}

#[test]
fn no_more_wait_than_a_host_can_look_through() {
    let (mut world, host, _) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    for _ in 0..limits::LOBBY_PARTICIPANTS {
        world.admit_or_queue(Role::Guest);
    }
    let (socket, _) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.closing(socket), Some(RefusalCode::RoomFull));
    assert_eq!(
        lobby_participants(&mut world, &host).map(|all| all.len()),
        Some(limits::LOBBY_PARTICIPANTS)
    );
}

#[test]
fn whoever_is_removed_is_told_leaves_the_log_and_finds_the_door_attended() {
    let (mut world, host, _) = hosted();
    let guest = world.join_with_key_package();
    world.heard(host.socket);
    moderate(&mut world, &host, Moderation::Remove { participant: guest.participant });
    assert_eq!(world.closing(guest.socket), Some(RefusalCode::Removed));
    let heard = world.heard(host.socket);
    let departed = heard.iter().any(|message| {
        matches!(message, ServerMessage::Room(RoomMessage::Delta { delta: Delta::Log { entry }, .. })
            if entry.event == LogEvent::Departed { participant: guest.participant })
    });
    assert!(departed, "the members are to move to new keys: {heard:?}");
    let (again, _) = world.admit_or_queue(Role::Guest);
    assert_eq!(world.heard(again), [ServerMessage::Room(RoomMessage::Waiting)]);
}

#[test]
fn hosts_cannot_be_removed_and_who_is_gone_need_not_be() {
    let (mut world, host, guest) = hosted();
    let other = join_as_host(&mut world);
    world.heard(host.socket);
    moderate(&mut world, &host, Moderation::Remove { participant: other.participant });
    assert_eq!(world.refusal(host.socket).code, RefusalCode::NotAllowed);
    world.tell(&guest, ClientMessage::Leave);
    world.heard(host.socket);
    moderate(&mut world, &host, Moderation::Remove { participant: guest.participant });
    assert_eq!(world.heard(host.socket), []);
}

#[test]
fn whoever_waits_is_told_too_that_the_server_will_be_restarted() {
    let (mut world, host, _) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Lobby);
    let (early, _) = world.admit_or_queue(Role::Guest);
    let at = Some(world.now + 60_000);
    world.room.announce_shutdown(ShutdownNotice::Planned { at }, world.now);
    world.settle();
    let (late, _) = world.admit_or_queue(Role::Guest);
    for socket in [early, late] {
        let told = ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: Some(60) });
        assert_eq!(world.heard(socket), [ServerMessage::Room(RoomMessage::Waiting), told]);
    }
}

#[test]
fn whoever_is_asked_to_mute_hears_who_asks() {
    let (mut world, host, guest) = hosted();
    moderate(&mut world, &host, Moderation::AskToMute { participant: guest.participant });
    let asked = ServerMessage::Room(RoomMessage::AskedToMute { by: host.participant });
    assert_eq!(world.heard(guest.socket), [asked]);
    assert_eq!(world.heard(host.socket), []);
}

#[test]
fn who_was_lost_joins_anew_through_a_locked_door_once() {
    let (mut world, host, guest) = hosted();
    set_join_policy(&mut world, &host, JoinPolicy::Locked);
    world.break_socket(&guest);
    world.wait_with(&[&host], RESUME_WINDOW);
    assert_eq!(world.room.participants(), 1, "the guest is lost");
    let (socket, token) = world.come_in_place(guest.participant, &guest.resume_token);
    let back = world.let_in(socket, token);
    assert_ne!(back.participant, guest.participant);
    let (again, _) = world.come_in_place(guest.participant, &guest.resume_token);
    assert_eq!(world.closing(again), Some(RefusalCode::RoomLocked));
}

#[test]
fn who_left_or_was_removed_finds_the_door_as_others_do() {
    let (mut world, host, guest) = hosted();
    let other = world.join();
    set_join_policy(&mut world, &host, JoinPolicy::Locked);
    world.tell(&other, ClientMessage::Leave);
    moderate(&mut world, &host, Moderation::Remove { participant: guest.participant });
    for one in [&guest, &other] {
        let (socket, _) = world.come_in_place(one.participant, &one.resume_token);
        assert_eq!(world.closing(socket), Some(RefusalCode::RoomLocked));
    }
}
