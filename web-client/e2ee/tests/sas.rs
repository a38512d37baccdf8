//! The short authentication string: five emoji that are equal exactly for members of the same call.

mod support;

use e2ee::Suite;
use e2ee::endpoint::SasState;
use e2ee::messages::{ContentError, EMOJI_COUNT};
use signaling_protocol::RoomId;

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

fn arrive(meeting: &mut Meeting<EndpointNode>, name: &str) {
    let endpoint_node = Person::new(name, Suite::Classic).new_node(meeting.now_ms);
    meeting.join(endpoint_node);
}

fn call(names: &[&str]) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in names {
        arrive(&mut meeting, name);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn compare(meeting: &mut Meeting<EndpointNode>, client: usize) {
    meeting.with_node(client, |node, now_ms| node.endpoint.start_sas(now_ms)).expect("it begins");
}

fn emoji(meeting: &Meeting<EndpointNode>) -> Vec<[u8; EMOJI_COUNT]> {
    let emoji = |state: &Option<SasState>| match state {
        Some(SasState::Emoji(emoji)) => *emoji,
        other => panic!("no emoji: {other:?}"),
    };
    meeting.clients.iter().map(|client| emoji(&client.node.sas)).collect()
}

#[test]
fn all_members_answer_by_themselves_and_see_the_same_emoji() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    compare(&mut meeting, 1);
    meeting.run(2_000);
    let seen = emoji(&meeting);
    assert_eq!(seen, [seen[0]; 3]);
    for client in 0..3 {
        compare(&mut meeting, client);
    }
    meeting.run(8_000);
    let again = emoji(&meeting);
    assert_eq!(again, [again[0]; 3]);
    assert_ne!(again[0], seen[0], "new emoji each time");
}

#[test]
fn two_calls_that_a_server_keeps_apart_see_different_emoji() {
    let apart = [call(&["Ada", "Bela"]), call(&["Ada", "Bela"])];
    let [one, other] = apart.map(|mut meeting| {
        compare(&mut meeting, 0);
        meeting.run(2_000);
        emoji(&meeting)[0]
    });
    assert_ne!(one, other);
}

#[test]
fn a_member_that_does_not_answer_is_named_and_answers_after_reconnecting() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    let disconnected = meeting.clients[2].participant;
    meeting.disconnect(2);
    compare(&mut meeting, 0);
    meeting.run(2_000);
    let waiting = Some(SasState::Waiting(vec![disconnected]));
    assert_eq!(meeting.clients[0].node.sas, waiting);
    assert_eq!(meeting.clients[1].node.sas, waiting);
    meeting.reconnect(2);
    meeting.run(6_000);
    compare(&mut meeting, 0);
    meeting.run(8_000);
    let seen = emoji(&meeting);
    assert_eq!(seen, [seen[0]; 3]);
}

#[test]
fn a_new_member_interrupts_the_comparison() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    meeting.disconnect(2);
    compare(&mut meeting, 0);
    meeting.run(1_000);
    arrive(&mut meeting, "Dora");
    meeting.run(4_000);
    assert_eq!(meeting.clients[0].node.sas, Some(SasState::Interrupted));
    assert_eq!(meeting.clients[1].node.sas, Some(SasState::Interrupted));
}

#[test]
fn an_endpoint_that_is_not_a_member_cannot_compare() {
    let mut endpoint_node = Person::new("Ada", Suite::Classic).new_node(real_now_ms());
    assert_eq!(endpoint_node.endpoint.start_sas(real_now_ms()), Err(ContentError::NotInCall));
}
