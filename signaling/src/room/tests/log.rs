//! The delivery log: what is stored, when it becomes true, and who hears of it.

use super::*;

#[test]
fn an_entry_is_nobodys_before_it_is_stored() {
    let mut world = World::new();
    let a = world.join();
    world.store_works = false;
    world.upload(&a);
    let prepared = world.room.poll_append(world.now).expect("something to store");
    assert_eq!(world.position(), LogPosition(0));
    world.collect();
    assert_eq!(world.heard(a.socket), []);
    world.room.appended(prepared, world.now);
    world.collect();
    assert_eq!(world.position(), LogPosition(1));
    assert_eq!(world.log_entries(a.socket).len(), 1);
}

#[test]
fn a_store_that_fails_refuses_the_sender_and_nobody_else_notices() {
    let (mut world, a, b) = World::with_two_members();
    world.store_works = false;
    world.commit(&a, &[a.participant, b.participant]);
    world.fail_to_store();
    let refusal = world.refusal(a.socket);
    assert_eq!(refusal.code, RefusalCode::StorageUnavailable);
    assert!(refusal.retry_after_seconds.is_some());
    assert_eq!(world.heard(b.socket), []);
    world.store_works = true;
    world.commit(&a, &[a.participant, b.participant]);
    assert_eq!(world.log_entries(b.socket).len(), 1, "the same, tried again");
}

#[test]
fn a_departure_that_could_not_be_stored_is_tried_again() {
    let (mut world, a, b) = World::with_two_members();
    world.store_works = false;
    world.tell(&b, ClientMessage::Leave);
    world.fail_to_store();
    world.fail_to_store();
    assert_eq!(world.room.log.snapshot().departed, []);
    world.store_works = true;
    world.settle();
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
    let departed = LogEvent::Departed { participant: b.participant };
    assert_eq!(world.log_entries(a.socket), [departed]);
}

#[test]
fn nothing_waits_for_a_store_that_fails_but_departures() {
    let (mut world, a, b) = World::with_two_members();
    world.store_works = false;
    for _ in 0..100 {
        world.commit(&a, &[a.participant, b.participant]);
    }
    world.tell(&b, ClientMessage::Leave);
    world.fail_to_store();
    let refusals = world.heard(a.socket).into_iter();
    let refusals = refusals
        .filter(|one| matches!(one, ServerMessage::Control(ControlMessage::Refused { .. })))
        .count();
    // Nobody else is connected who could be asked, so that the first one is final, and to be stored.
    assert_eq!(refusals, 100);
    assert_eq!(world.room.intents.len(), 1);
    world.store_works = true;
    world.settle();
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
}

#[test]
fn the_second_of_two_commits_to_one_epoch_learns_the_current_count() {
    let (mut world, a, b) = World::with_two_members();
    let expected = world.handshakes();
    let roster = [a.participant, b.participant];
    world.commit_to(&a, &roster, expected);
    world.commit_to(&b, &roster, expected);
    let refusal = world.refusal(b.socket);
    assert_eq!(refusal.code, RefusalCode::StaleHandshake);
    assert_eq!(refusal.current, Some(expected.next()));
    assert_eq!(world.handshakes(), expected.next());
}

#[test]
fn a_resent_submission_is_neither_doubled_nor_refused() {
    let (mut world, a, b) = World::with_two_members();
    let (created, expected) = (world.room.log.created(), world.handshakes());
    let roster = [a.participant, b.participant];
    let submission = mls::commit(&id(), created, expected, &roster, false, 99);
    world.tell(&a, ClientMessage::Submit(submission.clone()));
    world.heard(a.socket);
    world.tell(&a, ClientMessage::Submit(submission));
    assert_eq!(world.heard(a.socket), []);
    assert_eq!(world.log_entries(b.socket).len(), 1);
}

#[test]
fn a_welcome_goes_only_to_those_whom_its_commit_adds() {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join_with_key_package();
    let d = world.join_with_key_package();
    for client in [&a, &b, &c, &d] {
        world.heard(client.socket);
    }
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    for (client, welcomed) in [(&a, false), (&b, false), (&c, true), (&d, false)] {
        let entries = world.log_entries(client.socket);
        let welcomes: Vec<_> = entries.iter().map(is_commit).collect();
        assert_eq!(welcomes, [Some(welcomed)], "participant {}", client.participant);
    }
}

#[test]
fn a_welcome_is_kept_for_whom_it_adds_and_for_nobody_else_when_they_return() {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join_with_key_package();
    let (seq, position) = (world.room.history.seq(), world.position());
    world.break_socket(&b);
    world.break_socket(&c);
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    for (client, welcomed) in [(&b, false), (&c, true)] {
        let back = world.resume(client, seq, position);
        let entries = world.log_entries(back);
        assert_eq!(entries.iter().map(is_commit).collect::<Vec<_>>(), [Some(welcomed)]);
    }
}

#[test]
fn a_commit_for_another_group_or_epoch_is_refused_and_changes_nothing() {
    let (mut world, a, b) = World::with_two_members();
    let (created, expected) = (world.room.log.created(), world.handshakes());
    let elsewhere = RoomId::from_bytes([8; 16]);
    let roster = [a.participant, b.participant];
    let submission = mls::commit(&elsewhere, created, expected, &roster, false, 99);
    world.tell(&a, ClientMessage::Submit(submission));
    assert_eq!(world.refusal(a.socket).code, RefusalCode::BadMessage);
    assert_eq!(world.handshakes(), expected);
    assert_eq!(world.heard(b.socket), []);
}

#[test]
fn one_who_heartbeats_without_getting_on_in_the_log_is_declared_departed() {
    let (mut world, a, b) = World::with_two_members();
    let stuck = world.position();
    world.commit(&a, &[a.participant, b.participant]);
    for _ in 0..3 {
        assert_eq!(world.closing(b.socket), None);
        world.heartbeat(&a, world.position());
        world.heartbeat(&b, stuck);
        world.wait(5_000);
    }
    assert_eq!(world.closing(b.socket), Some(RefusalCode::TooSlow));
    assert_eq!(world.closing(a.socket), None);
    assert_eq!(world.room.log.snapshot().departed, [b.participant]);
}

#[test]
fn getting_on_slowly_is_getting_on() {
    let (mut world, a, b) = World::with_two_members();
    let mut read = world.position();
    for _ in 0..8 {
        world.commit(&a, &[a.participant, b.participant]);
    }
    for _ in 0..8 {
        world.heartbeat(&a, world.position());
        world.heartbeat(&b, read);
        read = read.next();
        world.wait(10_000);
    }
    assert_eq!(world.closing(b.socket), None);
}

#[test]
fn a_word_of_a_member_reaches_everybody_in_one_order_with_the_log() {
    let (mut world, a, b) = World::with_two_members();
    let say =
        |world: &World| mls::application(&id(), world.room.log.created(), world.handshakes(), 100);
    let first = say(&world);
    world.tell(&a, ClientMessage::SendMessage { message: first.clone() });
    world.commit(&b, &[a.participant, b.participant]);
    let second = say(&world);
    world.tell(&b, ClientMessage::SendMessage { message: second.clone() });
    let heard_by_a = world.deltas(a.socket);
    assert_eq!(heard_by_a, world.deltas(b.socket));
    let said = |sender: &Client, message| Delta::Message { sender: sender.participant, message };
    assert_eq!(heard_by_a[0].1, said(&a, first));
    assert!(matches!(heard_by_a[1].1, Delta::Log { .. }));
    assert_eq!(heard_by_a[2].1, said(&b, second));
}

#[test]
fn a_word_of_an_older_epoch_or_of_one_who_is_no_member_is_refused() {
    let (mut world, a, b) = World::with_two_members();
    let message = mls::application(&id(), world.room.log.created(), world.handshakes(), 100);
    world.commit(&b, &[a.participant, b.participant]);
    world.heard(a.socket);
    world.heard(b.socket);
    world.tell(&a, ClientMessage::SendMessage { message });
    let refusal = world.refusal(a.socket);
    assert_eq!(refusal.code, RefusalCode::StaleMessage);
    assert_eq!(refusal.current, Some(world.handshakes()));
    let c = world.join_with_key_package();
    world.heard(b.socket);
    world.heard(c.socket);
    let message = mls::application(&id(), world.room.log.created(), world.handshakes(), 100);
    world.tell(&c, ClientMessage::SendMessage { message });
    assert_eq!(world.refusal(c.socket).code, RefusalCode::NotAllowed);
    assert_eq!(world.heard(b.socket), []);
}

#[test]
fn a_second_key_package_is_refused_to_its_sender() {
    let (mut world, a, b) = World::with_two_members();
    world.upload(&a);
    assert_eq!(world.refusal(a.socket).code, RefusalCode::NotAllowed);
    assert_eq!(world.heard(b.socket), []);
}
