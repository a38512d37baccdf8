//! Whoever has lost its keys comes back as somebody new, in its own place: one commit removes the
//! old leaf and adds the new one.

mod support;

use std::collections::BTreeSet;

use e2ee::Suite;
use e2ee::endpoint::{ProblemCode, RejoinReason};
use signaling_protocol::{ClientMessage, ParticipantId, RoomId, Step};

use support::Meeting;
use support::person::{Person, Visitor, real_now_ms};

const NAMES: [&str; 3] = ["Ada Lovelace", "Bela Bartok", "Chien-Shiung Wu"];

fn call(people: usize) -> Meeting<Visitor> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in &NAMES[..people] {
        let visitor = arrives(&meeting, name);
        meeting.join(visitor);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn arrives(meeting: &Meeting<Visitor>, name: &str) -> Visitor {
    Person::new(name, Suite::Classic).arrives(meeting.now_ms)
}

/// Nobody was ever in one epoch with the one whose place it takes.
fn assert_no_ghost(meeting: &Meeting<Visitor>) {
    for seat in &meeting.seats {
        let Some(old) = seat.replaces else { continue };
        let both = BTreeSet::from([old, seat.participant]);
        for epoch in meeting.seats.iter().flat_map(|one| one.epochs.values()) {
            assert!(!both.is_subset(&epoch.members), "a ghost in epoch {}", epoch.count);
        }
    }
}

#[test]
fn a_page_that_is_loaded_anew_takes_its_place_by_one_commit() {
    for (seat, name) in NAMES.iter().enumerate() {
        let mut meeting = call(3);
        let before = meeting.handshakes();
        let visitor = arrives(&meeting, name);
        let back = meeting.reload(seat, visitor);
        meeting.run(100);
        assert!(meeting.seats[back].last_epoch().is_some(), "seat {seat} waits for nobody");
        meeting.assert_one_call();
        assert_no_ghost(&meeting);
        assert_eq!(meeting.handshakes(), before + 1, "seat {seat}");
        let code = |seat: usize| &meeting.seats[seat].last_epoch().unwrap().code;
        let other = (seat + 1) % 3;
        let first = meeting.seats[other].epochs.values().find(|one| one.members.len() == 3);
        assert_eq!(*code(back), first.unwrap().code, "it is the same people");
    }
}

#[test]
fn whoever_is_alone_and_loads_its_page_anew_is_back_at_once() {
    let mut meeting = call(1);
    let visitor = arrives(&meeting, NAMES[0]);
    let back = meeting.reload(0, visitor);
    meeting.run(100);
    assert!(meeting.seats[back].last_epoch().is_some());
    meeting.assert_one_call();
}

#[test]
fn all_pages_at_once_come_to_one_call_again() {
    let mut meeting = call(3);
    for (seat, name) in NAMES.iter().enumerate() {
        let visitor = arrives(&meeting, name);
        meeting.reload(seat, visitor);
    }
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn a_page_that_is_loaded_anew_twice_leaves_no_leaf_behind() {
    let mut meeting = call(3);
    let first = arrives(&meeting, NAMES[1]);
    let once = meeting.reload(1, first);
    // Its KeyPackage is in the log, and nobody has added it yet.
    meeting.deliver(once);
    meeting.serve(once);
    let second = arrives(&meeting, NAMES[1]);
    meeting.reload(once, second);
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn whoever_could_not_follow_is_back_in_its_place_as_a_new_incarnation() {
    let mut meeting = call(3);
    // An insider and an accomplice: the third member cannot follow what the second one acks.
    let newcomer = arrives(&meeting, "Dorothy Hodgkin");
    let newcomer = meeting.join(newcomer);
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    let submission = meeting.seats[0].outbox.iter().find_map(|message| {
        if let ClientMessage::Submit(submission) = message {
            Some(submission.clone())
        } else {
            None
        }
    });
    let mut entry = submission.expect("the first member commits at once");
    let Step::Commit { commit, .. } = &mut entry.step else { panic!("a commit") };
    *commit.0.last_mut().unwrap() ^= 1;
    let handshake = signaling_protocol::Handshake {
        count: entry.expected.next(),
        sender: meeting.seats[0].participant,
        message_id: entry.message_id.clone(),
        roster: entry.roster.clone(),
        step: entry.step,
    };
    let position = meeting.log.position().next();
    let event = signaling_protocol::LogEvent::Handshake(handshake);
    let poisoned = support::delta(signaling_protocol::LogEntry { position, event });
    while meeting.deliver(2) {}
    meeting.seats[2].inbox.push_back(poisoned);
    meeting.deliver(2);
    assert_eq!(meeting.seats[2].rejoin, Some(RejoinReason::CannotProcess));
    let visitor = arrives(&meeting, NAMES[2]);
    meeting.reload(2, visitor);
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn attack_07_nobody_takes_the_place_of_another_identity() {
    let mut meeting = call(3);
    let before = meeting.seats[0].last_epoch().unwrap().members.clone();
    // Mallory has the link, and has stolen what proves to the server that she was Bela.
    let mallory = arrives(&meeting, "Mallory");
    let mallory = meeting.reload(1, mallory);
    meeting.run(8_000);
    assert_eq!(meeting.seats[mallory].last_epoch(), None, "she is let in as nobody");
    for witness in [0, 2] {
        assert!(meeting.seats[witness].has_problem(ProblemCode::BadKeyPackage));
    }
    // That Bela is gone is what such a thief could have told the server anyway.
    let bela = ParticipantId(2);
    let rest: BTreeSet<_> = before.into_iter().filter(|one| *one != bela).collect();
    assert_eq!(meeting.seats[0].last_epoch().unwrap().members, rest);
}
