//! Rejoining: a client that has lost its keys joins as a new participant, and one commit removes the
//! old leaf and adds the new one.

mod support;

use std::collections::BTreeSet;

use e2ee::Suite;
use e2ee::endpoint::{ProblemCode, RejoinReason};
use signaling_protocol::{ClientMessage, ParticipantId, RoomId, Step};

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

const NAMES: [&str; 3] = ["Ada Lovelace", "Bela Bartok", "Chien-Shiung Wu"];

fn call(people: usize) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in &NAMES[..people] {
        let endpoint_node = new_node(&meeting, name);
        meeting.join(endpoint_node);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn new_node(meeting: &Meeting<EndpointNode>, name: &str) -> EndpointNode {
    Person::new(name, Suite::Classic).new_node(meeting.now_ms)
}

/// Asserts that no participant was in one epoch with its predecessor.
fn assert_no_ghost(meeting: &Meeting<EndpointNode>) {
    for client in &meeting.clients {
        let Some(old) = client.replaces else { continue };
        let both = BTreeSet::from([old, client.participant]);
        for epoch in meeting.clients.iter().flat_map(|one| one.epochs.values()) {
            assert!(!both.is_subset(&epoch.members), "a ghost in epoch {}", epoch.count);
        }
    }
}

#[test]
fn a_reloaded_page_replaces_itself_by_one_commit() {
    for (client, name) in NAMES.iter().enumerate() {
        let mut meeting = call(3);
        let before = meeting.handshakes();
        let endpoint_node = new_node(&meeting, name);
        let back = meeting.reload(client, endpoint_node);
        meeting.run(100);
        assert!(meeting.clients[back].last_epoch().is_some(), "client {client} does not wait");
        meeting.assert_one_call();
        assert_no_ghost(&meeting);
        assert_eq!(meeting.handshakes(), before + 1, "client {client}");
        let code = |client: usize| &meeting.clients[client].last_epoch().unwrap().code;
        let other = (client + 1) % 3;
        let first = meeting.clients[other].epochs.values().find(|one| one.members.len() == 3);
        assert_eq!(*code(back), first.unwrap().code, "it is the same people");
    }
}

#[test]
fn a_sole_member_that_reloads_is_back_at_once() {
    let mut meeting = call(1);
    let endpoint_node = new_node(&meeting, NAMES[0]);
    let back = meeting.reload(0, endpoint_node);
    meeting.run(100);
    assert!(meeting.clients[back].last_epoch().is_some());
    meeting.assert_one_call();
}

#[test]
fn pages_that_all_reload_at_once_are_in_one_call_again() {
    let mut meeting = call(3);
    for (client, name) in NAMES.iter().enumerate() {
        let endpoint_node = new_node(&meeting, name);
        meeting.reload(client, endpoint_node);
    }
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn a_page_that_reloads_twice_leaves_no_leaf_behind() {
    let mut meeting = call(3);
    let first = new_node(&meeting, NAMES[1]);
    let once = meeting.reload(1, first);
    // Its KeyPackage is in the log, and no member has added it yet.
    meeting.deliver(once);
    meeting.serve(once);
    let second = new_node(&meeting, NAMES[1]);
    meeting.reload(once, second);
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn a_member_that_cannot_process_a_commit_rejoins_and_replaces_itself() {
    let mut meeting = call(3);
    // An insider and an accomplice: the third member cannot follow what the second one acks.
    let newcomer = new_node(&meeting, "Dorothy Hodgkin");
    let newcomer = meeting.join(newcomer);
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    let submission = meeting.clients[0].outbox.iter().find_map(|message| {
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
        sender: meeting.clients[0].participant,
        message_id: entry.message_id.clone(),
        roster: entry.roster.clone(),
        step: entry.step,
    };
    let position = meeting.log.position().next();
    let event = signaling_protocol::LogEvent::Handshake(handshake);
    let poisoned = support::delta(signaling_protocol::LogEntry { position, event });
    while meeting.deliver(2) {}
    meeting.clients[2].inbox.push_back(poisoned);
    meeting.deliver(2);
    assert_eq!(meeting.clients[2].rejoin, Some(RejoinReason::CannotProcess));
    let endpoint_node = new_node(&meeting, NAMES[2]);
    meeting.reload(2, endpoint_node);
    meeting.run(4_000);
    meeting.assert_one_call();
    assert_no_ghost(&meeting);
}

#[test]
fn attack_07_no_participant_replaces_another_identity() {
    let mut meeting = call(3);
    let before = meeting.clients[0].last_epoch().unwrap().members.clone();
    // Mallory has the link, and has stolen what proves to the server that she was Bela.
    let mallory = new_node(&meeting, "Mallory");
    let mallory = meeting.reload(1, mallory);
    meeting.run(8_000);
    assert_eq!(meeting.clients[mallory].last_epoch(), None, "she is not added");
    for member in [0, 2] {
        assert!(meeting.clients[member].has_problem(ProblemCode::BadKeyPackage));
    }
    // That Bela is gone is what such a thief could have told the server anyway.
    let bela = ParticipantId(2);
    let rest: BTreeSet<_> = before.into_iter().filter(|one| *one != bela).collect();
    assert_eq!(meeting.clients[0].last_epoch().unwrap().members, rest);
}
