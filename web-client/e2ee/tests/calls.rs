//! Whole calls: real endpoints with the real MLS over the real delivery log, and a bad network.

mod support;

use e2ee::Suite;
use e2ee::endpoint::{ProblemCode, RejoinReason};
use rand::RngExt;
use signaling_protocol::{
    ClientMessage, Delta, LogEvent, Opaque, ParticipantId, RoomId, RoomMessage, ServerMessage, Step,
};

use support::person::{EndpointNode, Person, real_now_ms};
use support::{Client, Meeting, Node};

const NAMES: [&str; 8] = ["Ada", "Bela", "Chi", "Dora", "Emil", "Fay", "Gus", "Hana"];

fn meeting(seed: u64) -> Meeting<EndpointNode> {
    Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), seed)
}

fn arrive(meeting: &mut Meeting<EndpointNode>, person: &Person) -> usize {
    let endpoint_node = person.new_node(meeting.now_ms);
    meeting.join(endpoint_node)
}

fn call(people: usize, suite: Suite) -> Meeting<EndpointNode> {
    let mut meeting = meeting(0);
    for name in &NAMES[..people] {
        arrive(&mut meeting, &Person::new(name, suite));
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn walk(seed: u64, people: usize, suite: Suite) {
    let mut meeting = meeting(seed);
    for name in &NAMES[..people] {
        arrive(&mut meeting, &Person::new(name, suite));
    }
    let mut newcomers = NAMES[people..].iter();
    for step in 0..250 {
        meeting.random_step();
        if step % 60 == 59 {
            let client = meeting.rng.random_range(0..meeting.clients.len());
            let crashes = meeting.rng.random_bool(0.5);
            if meeting.clients[client].present && meeting.present().count() > 1 {
                if crashes { meeting.crash(client) } else { meeting.depart(client) }
            }
        }
        if step % 80 == 79
            && let Some(name) = newcomers.next()
        {
            arrive(&mut meeting, &Person::new(name, suite));
        }
    }
    meeting.recover();
    for client in &meeting.clients {
        assert!(
            matches!(client.rejoin, None | Some(RejoinReason::Departed)),
            "{:?}",
            client.problems
        );
    }
    meeting.assert_one_call();
}

#[test]
fn two_to_six_people_on_a_bad_network_end_in_one_call_classic() {
    for people in 2..=6 {
        for seed in 0..4 {
            walk(seed, people, Suite::Classic);
        }
    }
}

#[test]
fn two_to_six_people_on_a_bad_network_end_in_one_call_post_quantum() {
    for people in 2..=6 {
        walk(100 + people as u64, people, Suite::PostQuantum);
    }
}

#[test]
fn all_members_have_the_same_room_code() {
    let meeting = call(3, Suite::Classic);
    let codes: Vec<_> =
        meeting.present().map(|client| client.last_epoch().unwrap().code.clone()).collect();
    assert_eq!(codes[0].len(), 12 * 5 + 11);
    assert!(codes.iter().all(|code| *code == codes[0]));
}

#[test]
fn a_removed_member_gets_no_later_keys_and_its_leaf_is_erased() {
    let mut meeting = call(3, Suite::Classic);
    let before = meeting.clients[1].last_epoch().unwrap().count;
    let leaf = meeting.clients[1].node.keys.last().unwrap().own_leaf;
    meeting.depart(1);
    meeting.run(5_000);
    meeting.assert_one_call();
    assert_eq!(meeting.clients[1].rejoin, Some(RejoinReason::Departed));
    assert_eq!(meeting.clients[1].last_epoch().unwrap().count, before);
    let keys = meeting.clients[0].node.keys.last().unwrap();
    assert!(keys.epoch > before);
    assert!(!keys.members.contains(&leaf));
    assert_eq!(keys.removed, [leaf]);
}

#[test]
fn a_leaf_that_changes_hands_in_one_commit_is_named_as_removed() {
    let mut meeting = call(3, Suite::Classic);
    let leaf = meeting.clients[1].node.keys.last().unwrap().own_leaf;
    // The backup has read of the crash and of the join by the time that it commits.
    meeting.clients[0].frozen = true;
    meeting.crash(1);
    let newcomer = arrive(&mut meeting, &Person::new("Zoe", Suite::Classic));
    meeting.run(8_000);
    let keys = meeting.clients[2].node.keys.last().unwrap();
    assert_eq!(meeting.clients[newcomer].node.keys.last().unwrap().own_leaf, leaf);
    assert!(keys.members.contains(&leaf));
    assert_eq!(keys.removed, [leaf]);
}

#[test]
fn a_participant_with_another_link_is_never_added_and_both_sides_are_told() {
    let mut meeting = call(2, Suite::PostQuantum);
    let stranger = Person::new("Mallory", Suite::PostQuantum).with_link([8; 32]);
    let stranger = arrive(&mut meeting, &stranger);
    meeting.run(20_000);
    assert!(meeting.clients[stranger].epochs.is_empty());
    assert!(meeting.clients[stranger].has_problem(ProblemCode::Waiting));
    let told = &meeting.clients[stranger].problems[0].message;
    assert!(told.contains("link"), "{told}");
    for member in [0, 1] {
        let problem = &meeting.clients[member].problems[0];
        assert_eq!(problem.code, ProblemCode::OtherLink);
        assert_eq!(problem.participant, Some(meeting.clients[stranger].participant));
    }
    // Others can join meanwhile.
    let friend = arrive(&mut meeting, &Person::new("Dora", Suite::PostQuantum));
    meeting.run(5_000);
    assert!(meeting.clients[friend].last_epoch().is_some());
}

#[test]
fn a_key_package_from_another_room_is_not_added() {
    let mut meeting = call(2, Suite::Classic);
    let mut elsewhere = Person::new("Ada", Suite::Classic);
    elsewhere.room = RoomId::from_bytes([43; 16]);
    let replayed = arrive(&mut meeting, &elsewhere);
    meeting.run(8_000);
    assert!(meeting.clients[replayed].epochs.is_empty());
    assert!(meeting.clients[0].has_problem(ProblemCode::OtherLink));
}

#[test]
fn an_expired_key_package_is_not_added() {
    let mut meeting = call(2, Suite::Classic);
    let endpoint_node =
        Person::new("Late", Suite::Classic).new_node(meeting.now_ms - 2 * 3_600_000);
    let late = meeting.join(endpoint_node);
    meeting.run(8_000);
    assert!(meeting.clients[late].epochs.is_empty());
    assert!(meeting.clients[0].has_problem(ProblemCode::BadKeyPackage));
}

#[test]
fn a_copied_key_package_does_not_spoil_the_commit_of_its_owner() {
    let mut meeting = call(2, Suite::Classic);
    let owner = arrive(&mut meeting, &Person::new("Dora", Suite::Classic));
    let thief = arrive(&mut meeting, &Person::new("Eve", Suite::Classic));
    meeting.deliver(owner);
    let upload = meeting.clients[owner].outbox.front().unwrap().clone();
    meeting.deliver(thief);
    meeting.clients[thief].outbox = [upload].into();
    meeting.serve(owner);
    meeting.serve(thief);
    meeting.run(8_000);
    assert!(meeting.clients[owner].last_epoch().is_some());
    assert!(meeting.clients[thief].epochs.is_empty());
}

#[test]
fn a_garbage_key_package_is_skipped_with_a_report() {
    let mut meeting = call(2, Suite::Classic);
    meeting.checks_headers = false;
    let garbage: [fn(Opaque) -> Opaque; 3] = [
        |_| Opaque(Vec::new()),
        |whole| Opaque(whole.0[..whole.0.len() / 2].to_vec()),
        |mut whole| {
            let last = whole.0.len() - 1;
            whole.0[last] ^= 1;
            whole
        },
    ];
    for spoil in garbage {
        let bad = arrive(&mut meeting, &Person::new("Bad", Suite::Classic));
        meeting.deliver(bad);
        let Some(ClientMessage::UploadKeyPackage { key_package }) =
            meeting.clients[bad].outbox.pop_front()
        else {
            panic!("a KeyPackage comes first");
        };
        let key_package = spoil(key_package);
        meeting.clients[bad].outbox.push_back(ClientMessage::UploadKeyPackage { key_package });
        let epoch = meeting.clients[0].last_epoch().cloned();
        meeting.run(4_000);
        assert_eq!(meeting.clients[0].last_epoch().cloned(), epoch);
        let problem = meeting.clients[0].problems.last().unwrap();
        assert_eq!(problem.code, ProblemCode::BadKeyPackage);
        assert_eq!(problem.participant, Some(meeting.clients[bad].participant));
        meeting.crash(bad);
    }
    assert!(meeting.clients[0].rejoin.is_none());
}

/// The next commit that is on its way to a client.
fn commit_in(client: &mut Client<EndpointNode>) -> (&mut Opaque, &mut Option<Opaque>) {
    let handshake = client.inbox.iter_mut().find_map(|message| {
        let ServerMessage::Room(RoomMessage::Delta { delta: Delta::Log { entry }, .. }) = message
        else {
            return None;
        };
        let LogEvent::Handshake(handshake) = &mut entry.event else { return None };
        Some(handshake)
    });
    match &mut handshake.expect("a commit is on its way").step {
        Step::Commit { commit, welcome } => (commit, welcome),
        Step::Create => panic!("not a create"),
    }
}

/// A call of two, and a third whose addition is in all inboxes.
fn third_is_being_added() -> Meeting<EndpointNode> {
    third_is_being_added_in(&RoomId::from_bytes([42; 16]))
}

fn third_is_being_added_in(room: &RoomId) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(room.clone(), real_now_ms(), 0);
    for name in &NAMES[..3] {
        let person = Person { room: room.clone(), ..Person::new(name, Suite::Classic) };
        if *name == NAMES[2] {
            meeting.run(2_000);
            meeting.assert_one_call();
        }
        arrive(&mut meeting, &person);
    }
    meeting.deliver(2);
    meeting.serve(2);
    while meeting.deliver(2) {}
    while meeting.deliver(0) {}
    while meeting.serve(0) {}
    // The second one finds it good, so that it is final.
    while meeting.deliver(1) {}
    while meeting.serve(1) {}
    meeting
}

#[test]
fn a_tampered_commit_ends_the_member_and_never_forks_it() {
    for at in [0, 5, 40, 60, 200] {
        let mut meeting = third_is_being_added();
        let before = meeting.clients[1].last_epoch().cloned();
        commit_in(&mut meeting.clients[1]).0.0[at] ^= 0x10;
        meeting.deliver_all();
        assert_eq!(meeting.clients[1].rejoin, Some(RejoinReason::CannotProcess), "byte {at}");
        assert!(meeting.clients[1].has_problem(ProblemCode::BadCommit));
        assert_eq!(meeting.clients[1].last_epoch().cloned(), before);
        assert!(meeting.clients[0].rejoin.is_none());
    }
}

#[test]
fn a_welcome_of_another_meeting_or_a_tampered_one_adds_no_one() {
    let mut other = third_is_being_added_in(&RoomId::from_bytes([44; 16]));
    let foreign = commit_in(&mut other.clients[2]).1.clone();
    assert!(foreign.is_some());
    for replacement in [foreign, Some(Opaque(vec![0, 1, 0, 3])), None] {
        let mut meeting = third_is_being_added();
        *commit_in(&mut meeting.clients[2]).1 = replacement;
        meeting.deliver_all();
        assert!(meeting.clients[2].epochs.is_empty());
        assert!(meeting.clients[2].has_problem(ProblemCode::BadWelcome));
        assert_eq!(meeting.clients[2].rejoin, Some(RejoinReason::CannotProcess));
    }
}

#[test]
fn a_commit_of_an_earlier_epoch_is_not_processed() {
    let mut meeting = call(2, Suite::Classic);
    let third = arrive(&mut meeting, &Person::new("Chi", Suite::Classic));
    meeting.run(2_000);
    let old = meeting.submissions.last().unwrap().1.clone();
    let Step::Commit { commit: old, .. } = old.step else { panic!("the third was added") };
    arrive(&mut meeting, &Person::new("Dora", Suite::Classic));
    meeting.deliver(3);
    meeting.serve(3);
    while meeting.deliver(0) {}
    while meeting.serve(0) {}
    while meeting.deliver(1) {}
    while meeting.serve(1) {}
    *commit_in(&mut meeting.clients[third]).0 = old;
    meeting.deliver_all();
    assert_eq!(meeting.clients[third].rejoin, Some(RejoinReason::CannotProcess));
}

#[test]
fn a_backup_commits_for_a_frozen_committer() {
    let mut meeting = call(3, Suite::PostQuantum);
    meeting.clients[0].frozen = true;
    let newcomer = arrive(&mut meeting, &Person::new("Dora", Suite::PostQuantum));
    meeting.run(2_900);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
}

#[test]
fn a_waiting_participant_creates_a_new_group_when_all_members_departed() {
    for suite in [Suite::Classic, Suite::PostQuantum] {
        let mut meeting = call(2, suite);
        let last = meeting.handshakes();
        meeting.crash(0);
        meeting.crash(1);
        for name in ["Chi", "Dora"] {
            arrive(&mut meeting, &Person::new(name, suite));
        }
        meeting.run(6_000);
        meeting.assert_one_call();
        let epoch = meeting.clients[3].last_epoch().unwrap();
        assert_eq!(epoch.members, [ParticipantId(3), ParticipantId(4)].into());
        assert!(epoch.count > last as u64, "epochs go on counting over all groups");
    }
}

#[test]
fn a_member_that_reconnects_after_many_epochs_catches_up() {
    let mut meeting = call(3, Suite::Classic);
    meeting.disconnect(2);
    for name in ["Dora", "Emil", "Fay"] {
        arrive(&mut meeting, &Person::new(name, Suite::Classic));
        meeting.run(2_000);
    }
    meeting.reconnect(2);
    meeting.deliver_all();
    meeting.assert_one_call();
}

#[test]
fn heartbeats_carry_the_log_position_every_five_seconds() {
    let mut meeting = call(2, Suite::Classic);
    let position = meeting.clients[1].node.position();
    assert!(position.0 >= 4);
    let due = meeting.clients[1].node.next_timeout().unwrap();
    assert!(due > meeting.now_ms && due <= meeting.now_ms + 5_000);
    meeting.advance(5_000);
    let heartbeat = ClientMessage::Heartbeat { position };
    assert!(meeting.clients[1].outbox.contains(&heartbeat));
}

#[test]
fn an_endpoint_reports_what_is_wrong_with_its_set_up() {
    use e2ee::endpoint::{Endpoint, EndpointConfig, EndpointError, Output};
    let person = Person::new("Ada", Suite::Classic);
    let config = EndpointConfig {
        room: person.room.clone(),
        link: person.link.clone(),
        name: person.name.clone(),
        identity_public: ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes(),
        suite: Suite::Classic,
    };
    let (mut endpoint, request) = Endpoint::new(config, real_now_ms()).unwrap();
    assert_eq!(endpoint.certify([0; 64]), Err(EndpointError::BadSignature));
    let mut meeting = meeting(0);
    let joined = {
        let client = arrive(&mut meeting, &person);
        meeting.clients[client].inbox.pop_front().unwrap()
    };
    endpoint.handle(joined.clone(), real_now_ms());
    assert!(matches!(endpoint.poll_output(), Some(Output::Problem(problem))
        if problem.code == ProblemCode::NotCertified));
    let identity = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let signature = ed25519_dalek::Signer::sign(&identity, request.as_bytes()).to_bytes();
    assert_eq!(endpoint.certify(signature), Ok(()));
    assert_eq!(endpoint.certify(signature), Err(EndpointError::AlreadyCertified));
    endpoint.handle(joined, real_now_ms());
    assert!(matches!(endpoint.poll_output(), Some(Output::Send(_))));
}

#[test]
fn every_member_renews_its_keys_within_twenty_three_minutes_and_all_stay_together() {
    let mut meeting = call(3, Suite::Classic);
    let before = meeting.submissions.len();
    let epoch = meeting.clients[0].last_epoch().unwrap().clone();
    meeting.run(23 * 60 * 1_000);
    let renewals = &meeting.submissions[before..];
    for client in &meeting.clients {
        assert!(renewals.iter().any(|(sender, _)| *sender == client.participant));
        assert_eq!(client.rejoin, None);
    }
    for (_, submission) in renewals {
        assert!(matches!(submission.step, Step::Commit { welcome: None, .. }));
        assert_eq!(submission.roster.len(), 3, "the members stay the same");
    }
    meeting.assert_one_call();
    let later = meeting.clients[0].last_epoch().unwrap();
    assert_eq!(later.code, epoch.code, "the same identities");
    assert_ne!(later.secret, epoch.secret);
}
