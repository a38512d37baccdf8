//! The published tracks of participants.

use super::*;

fn publish(world: &mut World, client: &Client, tracks: Vec<Track>) {
    world.tell(client, ClientMessage::SetTracks { tracks });
}

#[test]
fn a_change_of_tracks_reaches_everybody_and_later_joiners() {
    let (mut world, a, b) = World::with_two_members();
    let tracks = vec![track(Source::Microphone, true), track(Source::Camera, false)];
    publish(&mut world, &a, tracks.clone());
    let state = ParticipantState { participant: a.participant, tracks };
    assert_eq!(world.deltas(b.socket)[0].1, Delta::TracksChanged(state.clone()));
    assert_eq!(world.join().joined.room.participants[0], state);
}

#[test]
fn the_same_tracks_again_are_no_news() {
    let (mut world, a, b) = World::with_two_members();
    for _ in 0..2 {
        publish(&mut world, &a, vec![track(Source::Camera, false)]);
    }
    assert_eq!(world.heard(b.socket).len(), 1);
}

#[test]
fn tracks_that_contradict_themselves_are_refused_and_the_old_ones_stay() {
    let (mut world, a, b) = World::with_two_members();
    let good = vec![track(Source::Camera, false)];
    publish(&mut world, &a, good.clone());
    world.heard(a.socket);
    world.heard(b.socket);
    let on = |mid: &str, source| Track { mid: mid.to_owned(), source, muted: false };
    for bad in [
        vec![on("1", Source::Camera), on("2", Source::Camera)],
        vec![on("1", Source::Camera), on("1", Source::Screen)],
        vec![on("", Source::Camera)],
        vec![on("seventeen chars !", Source::Camera)],
        vec![on("a b", Source::Camera)],
        vec![on("é", Source::Camera)],
        (0..9).map(|n| on(&n.to_string(), Source::Screen)).collect(),
    ] {
        publish(&mut world, &a, bad.clone());
        assert_eq!(world.refusal(a.socket).code, RefusalCode::BadMessage, "{bad:?}");
    }
    assert_eq!(world.heard(b.socket), []);
    assert_eq!(world.join().joined.room.participants[0].tracks, good);
}
