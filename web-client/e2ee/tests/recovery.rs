//! How long a joiner waits when a committer fails, and what it takes to add many joiners at once: real
//! endpoints and the real log, without a network, with timers on a virtual clock.
//!
//! `cargo test --release --package e2ee --test recovery -- --nocapture` prints the figures.

#![allow(clippy::print_stdout, reason = "the figures are worth seeing")]

mod support;

use std::time::Instant;

use e2ee::Suite;
use signaling_protocol::{RoomId, Step};

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

const SUITES: [(Suite, &str); 2] =
    [(Suite::PostQuantum, "post-quantum"), (Suite::Classic, "classic")];
/// Steps of the virtual clock, in milliseconds.
const STEP_MS: u64 = 10;

fn call(people: usize, suite: Suite) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for number in 0..people {
        arrive(&mut meeting, number, suite);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn arrive(meeting: &mut Meeting<EndpointNode>, number: usize, suite: Suite) -> usize {
    let endpoint_node = Person::new(&format!("{number} of many"), suite).new_node(meeting.now_ms);
    meeting.join(endpoint_node)
}

/// How many milliseconds of the timers pass until these have keys.
fn until_in(meeting: &mut Meeting<EndpointNode>, clients: &[usize]) -> u64 {
    let began = meeting.now_ms;
    loop {
        meeting.deliver_all();
        if clients.iter().all(|&client| meeting.clients[client].last_epoch().is_some()) {
            return meeting.now_ms - began;
        }
        assert!(meeting.now_ms - began < 60_000, "no member adds them");
        meeting.advance(STEP_MS);
    }
}

#[test]
fn a_joiner_waits_less_than_three_seconds_for_a_frozen_committer_and_six_for_a_killed_one() {
    for (suite, name) in SUITES {
        let mut meeting = call(10, suite);
        let newcomer = arrive(&mut meeting, 10, suite);
        let well = until_in(&mut meeting, &[newcomer]);

        let mut meeting = call(10, suite);
        meeting.clients[0].frozen = true;
        let newcomer = arrive(&mut meeting, 10, suite);
        let frozen = until_in(&mut meeting, &[newcomer]);

        let mut meeting = call(10, suite);
        let newcomer = arrive(&mut meeting, 10, suite);
        meeting.deliver(newcomer);
        meeting.serve(newcomer);
        meeting.deliver(0);
        while meeting.serve(0) {}
        assert!(meeting.finality.is_undecided(), "it has submitted, and no member has voted");
        meeting.disconnect(0);
        meeting.clients[0].frozen = true;
        // No member votes either: the longest case.
        for client in 1..10 {
            meeting.clients[client].inbox.retain(|message| {
                !matches!(
                    message,
                    signaling_protocol::ServerMessage::Log(
                        signaling_protocol::LogMessage::CommitPending { .. }
                    )
                )
            });
        }
        let killed = until_in(&mut meeting, &[newcomer]);

        println!(
            "{name}, 10 members, wait of a joiner: {well} ms if all is well, {frozen} ms if the committer is frozen, {killed} ms if it is killed after it has submitted"
        );
        assert!(well < STEP_MS && frozen <= 3_000 && killed <= 6_000);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what the work takes is a figure")]
fn forty_nine_who_join_at_once_are_in_by_three_commits() {
    for (suite, name) in SUITES {
        let mut meeting = call(1, suite);
        let clients: Vec<_> = (1..50).map(|number| arrive(&mut meeting, number, suite)).collect();
        let before = meeting.submissions.len();
        let handshakes = meeting.handshakes();
        let began = Instant::now();
        let waited = until_in(&mut meeting, &clients);
        let worked = began.elapsed().as_millis();
        meeting.assert_one_call();
        let commits = meeting.handshakes() - handshakes;
        let sizes: Vec<_> = meeting.submissions[before..]
            .iter()
            .map(|(_, submission)| match &submission.step {
                Step::Commit { commit, welcome } => {
                    (commit.0.len(), welcome.as_ref().map_or(0, |welcome| welcome.0.len()))
                }
                Step::Create => (0, 0),
            })
            .collect();
        println!(
            "{name}, 49 join at once: {commits} commits, bytes of commit and Welcome {sizes:?}, {waited} ms of timers, {worked} ms of work of all 50 on one thread"
        );
        assert!(commits <= 3);
    }
}
