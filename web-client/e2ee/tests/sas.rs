//! Comparison by voice: five emoji that are the same exactly for those who are in the same call.

mod support;

use e2ee::Suite;
use e2ee::endpoint::SasState;
use e2ee::messages::{ContentError, EMOJI_COUNT};
use signaling_protocol::RoomId;

use support::Meeting;
use support::person::{Person, Visitor, real_now_ms};

fn arrive(meeting: &mut Meeting<Visitor>, name: &str) {
    let visitor = Person::new(name, Suite::Classic).arrives(meeting.now_ms);
    meeting.join(visitor);
}

fn call(names: &[&str]) -> Meeting<Visitor> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in names {
        arrive(&mut meeting, name);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn compare(meeting: &mut Meeting<Visitor>, seat: usize) {
    meeting.act(seat, |node, now_ms| node.endpoint.start_sas(now_ms)).expect("it begins");
}

fn emoji(meeting: &Meeting<Visitor>) -> Vec<[u8; EMOJI_COUNT]> {
    let emoji = |state: &Option<SasState>| match state {
        Some(SasState::Emoji(emoji)) => *emoji,
        other => panic!("no emoji: {other:?}"),
    };
    meeting.seats.iter().map(|seat| emoji(&seat.node.comparison)).collect()
}

#[test]
fn all_members_answer_by_themselves_and_see_the_same() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    compare(&mut meeting, 1);
    meeting.run(2_000);
    let seen = emoji(&meeting);
    assert_eq!(seen, [seen[0]; 3]);
    for seat in 0..3 {
        compare(&mut meeting, seat);
    }
    meeting.run(8_000);
    let again = emoji(&meeting);
    assert_eq!(again, [again[0]; 3]);
    assert_ne!(again[0], seen[0], "drawn anew each time");
}

#[test]
fn two_calls_that_a_server_keeps_apart_see_different_ones() {
    let apart = [call(&["Ada", "Bela"]), call(&["Ada", "Bela"])];
    let [one, other] = apart.map(|mut meeting| {
        compare(&mut meeting, 0);
        meeting.run(2_000);
        emoji(&meeting)[0]
    });
    assert_ne!(one, other);
}

#[test]
fn one_who_does_not_answer_is_named_and_heard_when_back() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    let disconnected = meeting.seats[2].participant;
    meeting.disconnect(2);
    compare(&mut meeting, 0);
    meeting.run(2_000);
    let waiting = Some(SasState::Waiting(vec![disconnected]));
    assert_eq!(meeting.seats[0].node.comparison, waiting);
    assert_eq!(meeting.seats[1].node.comparison, waiting);
    meeting.reconnect(2);
    meeting.run(6_000);
    compare(&mut meeting, 0);
    meeting.run(8_000);
    let seen = emoji(&meeting);
    assert_eq!(seen, [seen[0]; 3]);
}

#[test]
fn whoever_comes_in_between_interrupts_it() {
    let mut meeting = call(&["Ada", "Bela", "Chi"]);
    meeting.disconnect(2);
    compare(&mut meeting, 0);
    meeting.run(1_000);
    arrive(&mut meeting, "Dora");
    meeting.run(4_000);
    assert_eq!(meeting.seats[0].node.comparison, Some(SasState::Interrupted));
    assert_eq!(meeting.seats[1].node.comparison, Some(SasState::Interrupted));
}

#[test]
fn one_who_is_not_in_the_call_cannot_compare() {
    let mut visitor = Person::new("Ada", Suite::Classic).arrives(real_now_ms());
    assert_eq!(visitor.endpoint.start_sas(real_now_ms()), Err(ContentError::NotInCall));
}
