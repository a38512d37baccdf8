//! Disconnected participants: shown as such, not waited for, and removed in the end.

use signaling_protocol::Moderation;

use super::super::disconnected::CRASH_TIMEOUT;
use super::super::eviction::ABSENCE_TIMEOUT;
use super::*;

fn disconnected(client: &Client, disconnected: bool) -> Delta {
    Delta::ConnectionChanged { participant: client.participant, disconnected }
}

fn changes(world: &mut World, client: &Client) -> Vec<Delta> {
    world.deltas(client.socket).into_iter().map(|(_, delta)| delta).collect()
}

fn lost(world: &mut World, client: &Client) {
    let refusal = Refusal::new(RefusalCode::MediaUnavailable, "Nothing comes; restart it.");
    world.room.handle_media(client.participant, MediaReport::Lost { refusal }, world.now);
    world.settle();
}

fn connected(world: &mut World, client: &Client) {
    world.room.handle_media(client.participant, MediaReport::Connected, world.now);
    world.settle();
}

/// Two members, of whom the second one's media is up.
fn talking() -> (World, Client, Client) {
    let (mut world, a, b) = World::with_two_members();
    world.tell(&b, ClientMessage::Offer { sdp: "v=0".to_owned() });
    connected(&mut world, &b);
    (world, a, b)
}

#[test]
fn the_others_see_who_is_away_after_three_seconds_and_who_is_back_at_once() {
    let (mut world, a, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    world.wait(2_999);
    assert_eq!(changes(&mut world, &a), []);
    world.wait(1);
    assert_eq!(changes(&mut world, &a), [disconnected(&b, true)]);
    assert_eq!(world.join().joined.room.disconnected, [b.participant], "whoever comes sees it too");
    changes(&mut world, &a);
    world.wait_with(&[&a], 50_000);
    changes(&mut world, &a);
    let back = world.resume(&b, seq, position);
    assert_eq!(world.closing(back), None);
    assert_eq!(changes(&mut world, &a), [disconnected(&b, false)]);
}

#[test]
fn a_socket_that_is_back_at_once_is_not_worth_a_word() {
    let (mut world, a, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    world.wait(2_000);
    world.resume(&b, seq, position);
    world.wait(5_000);
    assert_eq!(changes(&mut world, &a), []);
}

#[test]
fn who_sends_nothing_to_the_sfu_any_more_is_away_until_it_does() {
    let (mut world, a, b) = World::with_two_members();
    world.tell(&b, ClientMessage::Offer { sdp: "v=0".to_owned() });
    lost(&mut world, &b);
    world.wait_with(&[&a, &b], 6_000);
    assert_eq!(changes(&mut world, &a), [disconnected(&b, true)]);
    connected(&mut world, &b);
    assert_eq!(changes(&mut world, &a), [disconnected(&b, false)]);
}

#[test]
fn whoever_comes_back_is_told_that_its_media_is_lost() {
    let (mut world, _, b) = World::with_two_members();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.tell(&b, ClientMessage::Offer { sdp: "v=0".to_owned() });
    world.break_socket(&b);
    lost(&mut world, &b);
    let back = world.resume(&b, seq, position);
    let told = world.heard(back);
    assert!(
        matches!(told.last(), Some(ServerMessage::Media(MediaMessage::MediaLost { .. }))),
        "{told:?}"
    );
}

#[test]
fn a_browser_that_has_crashed_is_gone_soon_and_a_broken_network_is_not() {
    let (mut world, a, b) = talking();
    world.break_socket(&b);
    world.wait(5_000);
    lost(&mut world, &b);
    world.wait_with(&[&a], CRASH_TIMEOUT - 1);
    assert_eq!(world.room.participants(), 2);
    world.wait(1);
    assert_eq!(world.room.participants(), 1, "its system has closed the socket, and nothing comes");

    let (mut world, a, b) = talking();
    lost(&mut world, &b);
    world.wait_with(&[&a], RESUME_WINDOW - 1);
    assert_eq!(world.room.participants(), 2, "nobody has closed anything");
    world.wait(1);
    assert_eq!(world.room.participants(), 1);
}

#[test]
fn whose_media_comes_back_has_not_crashed() {
    let (mut world, a, b) = talking();
    world.break_socket(&b);
    lost(&mut world, &b);
    world.wait_with(&[&a], CRASH_TIMEOUT - 1);
    connected(&mut world, &b);
    world.wait_with(&[&a], RESUME_WINDOW - CRASH_TIMEOUT);
    assert_eq!(world.room.participants(), 2);
    world.wait(1);
    assert_eq!(world.room.participants(), 1);
}

#[test]
fn whose_socket_breaks_before_the_media_is_up_has_not_crashed() {
    let (mut world, a, b) = World::with_two_members();
    world.tell(&b, ClientMessage::Offer { sdp: "v=0".to_owned() });
    world.break_socket(&b);
    world.wait_with(&[&a], 30_000);
    lost(&mut world, &b);
    world.wait_with(&[&a], RESUME_WINDOW - 30_001);
    assert_eq!(world.room.participants(), 2);
    world.wait(1);
    assert_eq!(world.room.participants(), 1);
}

#[test]
fn nobody_waits_for_whoever_is_away() {
    let (mut world, a, b) = World::with_two_members();
    world.members_ack = false;
    world.break_socket(&b);
    let c = world.join_with_key_package();
    world.heard(a.socket);
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    let entries = world.log_entries(a.socket);
    assert!(matches!(&entries[..], [LogEvent::Handshake(_)]), "at once: {entries:?}");
    world.wait_with(&[&a, &c], RESUME_WINDOW - 1);
    assert_eq!(world.room.participants(), 3, "it keeps its place, too");
}

#[test]
fn whoever_comes_to_members_who_are_all_away_waits_ten_seconds_at_most() {
    for waited in [0, ABSENCE_TIMEOUT / 2, ABSENCE_TIMEOUT, RESUME_WINDOW - 1] {
        let (mut world, a, b) = World::with_two_members();
        world.break_socket(&a);
        world.break_socket(&b);
        world.wait(waited);
        let c = world.join_with_key_package();
        let began = world.now;
        while world.room.log.present_members().next().is_some() {
            world.wait(500);
            world.heartbeat(&c, world.position());
        }
        assert!(
            world.now - began <= ABSENCE_TIMEOUT.saturating_sub(waited) + 500,
            "after {waited} ms"
        );
        world.create(&c);
        assert_eq!(world.room.log.snapshot().roster, [c.participant]);
    }
}

#[test]
fn a_host_removes_whoever_is_away() {
    let mut world = World::new();
    let (socket, token) = world.admit_or_queue(Role::Host);
    let host = world.let_in(socket, token);
    let guest = world.join();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&guest);
    world.wait(4_000);
    let remove = Moderation::Remove { participant: guest.participant };
    world.tell(&host, ClientMessage::Moderate(remove));
    assert_eq!(world.room.participants(), 1);
    let back = world.resume(&guest, seq, position);
    assert_eq!(world.closing(back), Some(RefusalCode::ResumeExpired));
}
