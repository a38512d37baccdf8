//! The room's commands to the SFU, and the handling of its reports.

use super::*;

fn offer(world: &mut World, client: &Client) {
    world.tell(client, ClientMessage::Offer { sdp: "v=0".to_owned() });
}

fn report(world: &mut World, client: &Client, report: MediaReport) {
    world.room.handle_media(client.participant, report, world.now);
    world.settle();
}

fn busy() -> Refusal {
    Refusal::new(RefusalCode::MediaUnavailable, "The media server is busy; try again.")
}

fn remove(client: &Client) -> MediaCommand {
    MediaCommand::Remove { room: id(), participant: client.participant }
}

#[test]
fn an_offer_goes_to_the_sfu_with_the_tracks_and_its_answer_to_who_offered() {
    let (mut world, a, b) = World::with_two_members();
    let tracks = vec![track(Source::Camera, false)];
    world.tell(&a, ClientMessage::SetTracks { tracks: tracks.clone() });
    assert_eq!(world.media, [], "nothing before the first offer");
    offer(&mut world, &a);
    let (room, participant) = (id(), a.participant);
    let offered = MediaCommand::Offer { room: room.clone(), participant, sdp: "v=0".to_owned() };
    assert_eq!(world.media, [offered, MediaCommand::SetTracks { room, participant, tracks }]);
    world.heard(a.socket);
    world.heard(b.socket);
    report(&mut world, &a, MediaReport::Answer { sdp: "v=0 too".to_owned() });
    assert_eq!(
        world.heard(a.socket),
        [ServerMessage::Media(MediaMessage::Answer { sdp: "v=0 too".to_owned() })]
    );
    assert_eq!(world.heard(b.socket), []);
}

#[test]
fn tracks_follow_to_the_sfu_once_an_offer_was_made() {
    let (mut world, a, _) = World::with_two_members();
    offer(&mut world, &a);
    let tracks = vec![track(Source::Screen, false)];
    world.tell(&a, ClientMessage::SetTracks { tracks: tracks.clone() });
    let (room, participant) = (id(), a.participant);
    assert_eq!(world.media[1..], [MediaCommand::SetTracks { room, participant, tracks }]);
}

#[test]
fn an_offer_over_the_limit_is_refused_and_goes_nowhere() {
    let (mut world, a, _) = World::with_two_members();
    world.tell(&a, ClientMessage::Offer { sdp: "x".repeat(limits::SDP_BYTES + 1) });
    assert_eq!(world.refusal(a.socket).code, RefusalCode::TooLarge);
    assert_eq!(world.media, []);
}

#[test]
fn lost_media_is_told_to_its_participant_only() {
    let (mut world, a, b) = World::with_two_members();
    offer(&mut world, &a);
    report(&mut world, &a, MediaReport::Lost { refusal: busy() });
    assert_eq!(
        world.heard(a.socket),
        [ServerMessage::Media(MediaMessage::MediaLost { refusal: busy() })]
    );
    assert_eq!(world.heard(b.socket), []);
}

#[test]
fn a_report_about_somebody_who_is_gone_or_away_is_passed_over() {
    let (mut world, a, b) = World::with_two_members();
    world.break_socket(&a);
    report(&mut world, &a, MediaReport::Answer { sdp: "v=0".to_owned() });
    let nobody = Client { participant: ParticipantId(99), ..a.clone() };
    report(&mut world, &nobody, MediaReport::Connected);
    assert_eq!((world.heard(a.socket), world.heard(b.socket)), (Vec::new(), Vec::new()));
}

#[test]
fn the_sfu_is_told_of_every_end_however_it_came() {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join();
    offer(&mut world, &a);
    offer(&mut world, &b);
    world.media.clear();
    world.tell(&c, ClientMessage::Leave);
    assert_eq!(world.media, [], "it never had media");
    world.tell(&a, ClientMessage::Leave);
    world.wait(RESUME_WINDOW);
    assert_eq!(world.media, [remove(&a), remove(&b)]);
}

#[test]
fn a_broken_socket_alone_does_not_stop_the_media() {
    let (mut world, a, _) = World::with_two_members();
    offer(&mut world, &a);
    world.media.clear();
    world.break_socket(&a);
    world.wait(RESUME_WINDOW - 1);
    assert_eq!(world.media, []);
}

#[test]
fn the_sfu_is_told_of_an_end_after_a_refused_offer_and_after_lost_media() {
    let (mut world, a, b) = World::with_two_members();
    offer(&mut world, &a);
    offer(&mut world, &b);
    report(&mut world, &a, MediaReport::Refused { refusal: busy() });
    report(&mut world, &b, MediaReport::Lost { refusal: busy() });
    world.media.clear();
    world.tell(&a, ClientMessage::Leave);
    world.tell(&b, ClientMessage::Leave);
    assert_eq!(world.media, [remove(&a), remove(&b)]);
}

#[test]
fn muting_reaches_the_sfu_even_after_a_refused_offer() {
    let (mut world, a, _) = World::with_two_members();
    offer(&mut world, &a);
    report(&mut world, &a, MediaReport::Refused { refusal: busy() });
    world.media.clear();
    world.tell(&a, ClientMessage::SetTracks { tracks: vec![track(Source::Camera, true)] });
    assert_eq!(world.media.len(), 1);
}

#[test]
fn the_sfu_is_told_when_the_whole_room_ends() {
    let (mut world, a, b) = World::with_two_members();
    offer(&mut world, &a);
    offer(&mut world, &b);
    world.media.clear();
    world.room.close_all(&busy());
    world.collect();
    assert_eq!(world.media, [remove(&a), remove(&b)]);
}

#[test]
fn video_constraints_go_to_the_sfu_once_and_again_with_a_new_offer() {
    let (mut world, a, b) = World::with_two_members();
    let constraint = ReceiverVideoConstraint {
        participant: b.participant,
        source: Source::Camera,
        height: 720,
        pinned: false,
    };
    let constraints = vec![constraint];
    world.tell(&a, ClientMessage::ReceiverVideoConstraints { constraints: constraints.clone() });
    assert_eq!(world.media, [], "nothing before the first offer");
    offer(&mut world, &a);
    let wished = MediaCommand::ReceiverVideoConstraints {
        room: id(),
        participant: a.participant,
        constraints: constraints.clone(),
    };
    assert_eq!(world.media[1..], *std::slice::from_ref(&wished));
    world.tell(&a, ClientMessage::ReceiverVideoConstraints { constraints });
    assert_eq!(world.media.len(), 2, "nothing new");
    offer(&mut world, &a);
    assert_eq!(world.media[3..], [wished]);
}

#[test]
fn a_track_that_is_wished_for_twice_is_refused() {
    let (mut world, a, b) = World::with_two_members();
    let constraint = ReceiverVideoConstraint {
        participant: b.participant,
        source: Source::Camera,
        height: 720,
        pinned: false,
    };
    world.tell(&a, ClientMessage::ReceiverVideoConstraints { constraints: vec![constraint; 2] });
    assert_eq!(world.refusal(a.socket).code, RefusalCode::BadMessage);
}

#[test]
fn whoever_comes_back_hears_again_what_is_wanted_of_it() {
    let (mut world, a, b) = World::with_two_members();
    offer(&mut world, &a);
    let wanted = SubscribedQuality { source: Source::Camera, wanted: vec![true, false, false] };
    report(&mut world, &a, MediaReport::SubscribedQuality(wanted.clone()));
    assert_eq!(
        world.heard(a.socket),
        [ServerMessage::Media(MediaMessage::SubscribedQuality(wanted.clone()))]
    );
    assert_eq!(world.heard(b.socket), []);
    world.break_socket(&a);
    let newer = SubscribedQuality { source: Source::Camera, wanted: vec![true, true, false] };
    report(&mut world, &a, MediaReport::SubscribedQuality(newer.clone()));
    let back = world.resume(&a, a.joined.seq, a.joined.log.position);
    assert!(
        world.heard(back).contains(&ServerMessage::Media(MediaMessage::SubscribedQuality(newer)))
    );
}
