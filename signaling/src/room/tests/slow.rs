//! Readers that are slower than their room.

use super::*;

fn lag(world: &mut World, client: &Client) {
    world.room.handle_lagging(client.socket, world.now);
    world.settle();
}

fn snapshots(world: &mut World, client: &Client) -> Vec<Snapshot> {
    let heard = world.heard(client.socket).into_iter();
    heard
        .filter_map(|message| match message {
            ServerMessage::Room(RoomMessage::Snapshot(snapshot)) => Some(snapshot),
            _ => None,
        })
        .collect()
}

#[test]
fn a_slow_reader_gets_one_snapshot_with_the_log_since_its_last_word() {
    let (mut world, a, b) = World::with_two_members();
    let position = world.position();
    world.commit(&a, &[a.participant, b.participant]);
    world.tell(&a, ClientMessage::SetTracks { tracks: vec![track(Source::Camera, true)] });
    world.heard(b.socket);
    lag(&mut world, &b);
    let snapshots = snapshots(&mut world, &b);
    let [snapshot] = &snapshots[..] else { panic!("{snapshots:?}") };
    assert_eq!(snapshot.seq, world.room.history.seq());
    assert_eq!(snapshot.room.participants[0].tracks, [track(Source::Camera, true)]);
    let positions: Vec<_> = snapshot.log.entries.iter().map(|entry| entry.position).collect();
    assert_eq!(positions, [position.next()]);
}

#[test]
fn one_who_is_slow_again_soon_is_closed_and_gone() {
    let (mut world, a, b) = World::with_two_members();
    lag(&mut world, &b);
    world.wait(1_000);
    lag(&mut world, &b);
    assert_eq!(world.closing(b.socket), Some(RefusalCode::TooSlow));
    let gone = Delta::ParticipantLeft { participant: b.participant };
    assert_eq!(world.deltas(a.socket)[0].1, gone);
}

#[test]
fn one_who_is_slow_once_in_a_while_gets_a_snapshot_each_time() {
    let (mut world, a, b) = World::with_two_members();
    for _ in 0..3 {
        lag(&mut world, &b);
        assert_eq!(snapshots(&mut world, &b).len(), 1);
        for _ in 0..2 {
            let position = world.position();
            world.heartbeat(&a, position);
            world.heartbeat(&b, position);
            world.wait(HEARTBEAT_TIMEOUT / 2);
        }
    }
    assert_eq!(world.closing(b.socket), None);
}

#[test]
fn the_others_hear_nothing_of_a_slow_reader() {
    let (mut world, a, b) = World::with_two_members();
    lag(&mut world, &b);
    assert_eq!(world.heard(a.socket), []);
}

#[test]
fn a_reader_whose_log_is_no_longer_kept_is_told_to_join_again() {
    let (mut world, a, b) = World::with_two_members();
    for _ in 0..600 {
        world.commit(&a, &[a.participant, b.participant]);
    }
    world.heard(b.socket);
    lag(&mut world, &b);
    assert_eq!(world.closing(b.socket), Some(RefusalCode::ResumeExpired));
    assert_eq!(world.closing(a.socket), None);
}
