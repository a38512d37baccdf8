//! The committer over the real delivery log, with a symbolic MLS and a bad network.

mod support;

use e2ee::endpoint::{ProblemCode, RejoinReason};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::RngExt;
use signaling_protocol::limits::ADDS_PER_COMMIT;
use signaling_protocol::{ClientMessage, Handshake, LogEntry, LogEvent, Opaque, RoomId};

use support::symbolic::{BAD, SymbolicNode};
use support::{Meeting, Node, delta};

fn meeting(seed: u64) -> Meeting<SymbolicNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([1; 16]), 1_000_000, seed);
    meeting.checks_headers = false;
    meeting
}

fn with_members(count: usize) -> Meeting<SymbolicNode> {
    let mut meeting = meeting(0);
    for _ in 0..count {
        meeting.join(SymbolicNode::default());
    }
    meeting.run(10_000);
    meeting.assert_one_call();
    meeting
}

/// A disturbance of a meeting between random steps of the network.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Join,
    Crash(u8),
    Suspect(u8),
    RandomSteps(u8),
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    prop_oneof![
        2 => Just(Disturbance::Join),
        1 => any::<u8>().prop_map(Disturbance::Crash),
        1 => any::<u8>().prop_map(Disturbance::Suspect),
        6 => (1_u8..40).prop_map(Disturbance::RandomSteps),
    ]
}

/// Adds a new participant if all present ones were declared departed.
fn rejoin_if_empty(meeting: &mut Meeting<SymbolicNode>) {
    let gone: Vec<_> = meeting.clients.iter().map(|client| client.rejoin).collect();
    for reason in gone.into_iter().flatten() {
        assert_eq!(reason, RejoinReason::Departed, "nothing else happens among honest people");
    }
    if meeting.present().count() == 0 {
        meeting.join(SymbolicNode::default());
    }
}

fn walk(seed: u64, people: usize, disturbances: &[Disturbance]) {
    let mut meeting = meeting(seed);
    for _ in 0..people {
        meeting.join(SymbolicNode::default());
    }
    for disturbance in disturbances {
        match *disturbance {
            Disturbance::Join => {
                if meeting.present().count() < 6 {
                    meeting.join(SymbolicNode::default());
                }
            }
            Disturbance::Crash(who) => {
                let who = usize::from(who) % meeting.clients.len();
                if meeting.clients[who].present {
                    meeting.crash(who);
                }
            }
            Disturbance::Suspect(who) => {
                let who = usize::from(who) % meeting.clients.len();
                if meeting.clients[who].present {
                    meeting.depart(who);
                }
            }
            Disturbance::RandomSteps(count) => {
                for _ in 0..count {
                    meeting.random_step();
                }
            }
        }
        rejoin_if_empty(&mut meeting);
    }
    meeting.recover();
    rejoin_if_empty(&mut meeting);
    meeting.recover();
    meeting.assert_one_call();
}

#[test]
fn any_sequence_of_joins_crashes_suspicions_and_losses_ends_in_one_call() {
    let config = Config { failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let walks = (any::<u64>(), 3_usize..=5, prop::collection::vec(disturbance(), 0..24));
    let checked = runner.run(&walks, |(seed, people, disturbances)| {
        walk(seed, people, &disturbances);
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn one_commit_adds_all_who_wait_and_removes_all_who_departed() {
    let mut meeting = with_members(4);
    meeting.crash(2);
    meeting.crash(3);
    for _ in 0..3 {
        meeting.join(SymbolicNode::default());
    }
    // The KeyPackages reach the log before any member reads of them.
    for client in 4..7 {
        meeting.deliver(client);
        meeting.serve(client);
    }
    let before = meeting.handshakes();
    meeting.deliver_all();
    meeting.assert_one_call();
    // The first departure alone is committed at once; the rest is one commit.
    assert!(meeting.handshakes() - before <= 2, "{}", meeting.handshakes() - before);
}

#[test]
fn many_joins_at_once_are_added_in_batches() {
    let mut meeting = with_members(1);
    for _ in 0..49 {
        meeting.join(SymbolicNode::default());
    }
    for client in 1..50 {
        meeting.deliver(client);
        meeting.serve(client);
    }
    let before = meeting.handshakes();
    meeting.deliver_all();
    meeting.assert_one_call();
    assert!(meeting.handshakes() - before <= 3);
    for entry in &meeting.history {
        if let LogEvent::Handshake(handshake) = &entry.event {
            assert!(handshake.roster.len() <= 1 + 2 * ADDS_PER_COMMIT);
        }
    }
}

#[test]
fn a_frozen_designated_committer_delays_a_join_by_less_than_three_seconds() {
    let mut meeting = with_members(3);
    meeting.clients[0].frozen = true;
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.run(2_900);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    assert_eq!(meeting.submissions.last().unwrap().0, meeting.clients[1].participant);
}

#[test]
fn backups_commit_in_order_and_only_one_of_them_is_needed() {
    let mut meeting = with_members(5);
    for frozen in 0..3 {
        meeting.clients[frozen].frozen = true;
    }
    let before = meeting.submissions.len();
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.run(4_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    let committers: Vec<_> = meeting.submissions[before..].iter().map(|(who, _)| *who).collect();
    assert_eq!(committers, [meeting.clients[3].participant]);
}

#[test]
fn a_lost_submission_is_resent_byte_for_byte() {
    let mut meeting = with_members(2);
    meeting.join(SymbolicNode::default());
    meeting.deliver(2);
    meeting.serve(2);
    meeting.deliver(0);
    let lost = meeting.clients[0].outbox.pop_back().unwrap();
    // The backup is cut off, so that only the first one's resend can help.
    meeting.disconnect(1);
    meeting.clients[1].frozen = true;
    let before = meeting.submissions.len();
    // Two seconds until it is sent again, and no member is there to vote on it.
    meeting.run(2_000 + mls_delivery::VOTE_TIMEOUT_MS);
    let resent = meeting.submissions[before..].iter().map(|(_, one)| one.clone());
    assert!(resent.clone().count() >= 1);
    for submission in resent {
        assert_eq!(ClientMessage::Submit(submission), lost);
    }
    assert!(meeting.clients[2].last_epoch().is_some());
}

#[test]
fn a_committer_that_reconnects_after_its_commit_was_taken_reads_it_as_its_own() {
    let mut meeting = with_members(2);
    meeting.join(SymbolicNode::default());
    meeting.deliver(2);
    meeting.serve(2);
    meeting.deliver(0);
    // Taken by the log, but the echo is lost with the socket.
    while meeting.serve(0) {}
    meeting.disconnect(0);
    meeting.advance(500);
    meeting.reconnect(0);
    meeting.deliver_all();
    meeting.assert_one_call();
    assert!(meeting.clients.iter().all(|client| client.rejoin.is_none()));
}

#[test]
fn the_loser_of_a_create_race_becomes_a_joiner() {
    let mut meeting = meeting(0);
    for _ in 0..2 {
        meeting.join(SymbolicNode::default());
    }
    for client in 0..2 {
        meeting.deliver(client);
        meeting.serve(client);
        while meeting.deliver(client) {}
    }
    // The second one hears nothing from the first for so long that it creates too.
    let create = meeting.clients[0].outbox.pop_front().unwrap();
    meeting.advance(1_600);
    assert!(meeting.serve(1));
    meeting.clients[0].outbox.push_front(create);
    meeting.deliver_all();
    meeting.run(5_000);
    meeting.assert_one_call();
    assert!(meeting.submissions.len() >= 3, "two creates and a commit");
}

#[test]
fn a_waiting_participant_creates_a_new_group_when_all_members_departed() {
    let mut meeting = with_members(2);
    let joiner = meeting.join(SymbolicNode::default());
    meeting.deliver(joiner);
    meeting.serve(joiner);
    meeting.crash(0);
    meeting.crash(1);
    meeting.run(5_000);
    meeting.assert_one_call();
    assert_eq!(meeting.clients[joiner].last_epoch().unwrap().members.len(), 1);
}

#[test]
fn a_bad_key_package_is_skipped_and_reported_and_blocks_no_one() {
    let mut meeting = with_members(2);
    let bad = meeting.join(SymbolicNode::default());
    meeting.deliver(bad);
    meeting.clients[bad].outbox.clear();
    let key_package = Opaque(BAD.to_vec());
    meeting.clients[bad].outbox.push_back(ClientMessage::UploadKeyPackage { key_package });
    let good = meeting.join(SymbolicNode::default());
    meeting.run(10_000);
    assert!(meeting.clients[good].last_epoch().is_some());
    assert!(meeting.clients[bad].last_epoch().is_none());
    assert!(meeting.clients[bad].has_problem(ProblemCode::Waiting), "it is told that it waits");
    for member in [0, 1] {
        let reports = meeting.clients[member].problems.iter();
        let about = Some(meeting.clients[bad].participant);
        assert_eq!(reports.filter(|problem| problem.participant == about).count(), 1);
    }
}

#[test]
fn a_client_that_reads_of_its_own_departure_ends() {
    let mut meeting = with_members(3);
    meeting.depart(1);
    meeting.run(5_000);
    assert_eq!(meeting.clients[1].rejoin, Some(RejoinReason::Departed));
    meeting.assert_one_call();
}

#[test]
fn a_gap_in_the_log_is_detected_and_a_repeated_entry_is_ignored() {
    let mut meeting = with_members(3);
    meeting.join(SymbolicNode::default());
    meeting.deliver(3);
    meeting.serve(3);
    let repeated = meeting.clients[1].inbox.front().unwrap().clone();
    meeting.clients[1].inbox.push_back(repeated);
    meeting.clients[2].inbox.pop_front();
    meeting.deliver_all();
    assert_eq!(meeting.clients[1].rejoin, None);
    assert_eq!(meeting.clients[2].rejoin, Some(RejoinReason::LogGap));
    assert!(meeting.clients[2].has_problem(ProblemCode::BadLog));
}

#[test]
fn a_forged_removal_of_a_present_member_ends_the_clients() {
    let mut meeting = with_members(3);
    meeting.crash(2);
    while meeting.deliver(0) {}
    let submitted = meeting.clients[0].outbox.pop_back();
    let Some(ClientMessage::Submit(submission)) = submitted else {
        panic!("the first one commits at once, not {submitted:?}");
    };
    // In the server's version the second one goes as well.
    let forged = LogEntry {
        position: meeting.log.position().next(),
        event: LogEvent::Handshake(Handshake {
            count: submission.expected.next(),
            sender: meeting.clients[0].participant,
            message_id: submission.message_id,
            roster: vec![meeting.clients[0].participant],
            step: submission.step,
        }),
    };
    for client in [0, 1] {
        meeting.clients[client].inbox.push_back(delta(forged.clone()));
    }
    meeting.deliver_all();
    for client in [0, 1] {
        assert_eq!(meeting.clients[client].rejoin, Some(RejoinReason::InvalidLog));
    }
}

#[test]
fn timers_may_fire_late_early_or_twice_without_harm() {
    for seed in 0..20 {
        let mut meeting = meeting(seed);
        for _ in 0..4 {
            meeting.join(SymbolicNode::default());
        }
        for _ in 0..200 {
            let Some(client) = meeting.random_client() else { break };
            match meeting.rng.random_range(0..3) {
                0 => drop(meeting.deliver(client)),
                1 => drop(meeting.serve(client)),
                _ => {
                    let due = meeting.clients[client].node.next_timeout();
                    meeting.now_ms = meeting.now_ms.max(due.unwrap_or(0));
                    meeting.fire_timers(client);
                }
            }
        }
        if meeting
            .clients
            .iter()
            .any(|client| client.rejoin == Some(RejoinReason::KeyPackageExpired))
        {
            continue;
        }
        meeting.recover();
        meeting.assert_one_call();
    }
}

#[test]
fn a_commit_that_no_member_can_process_is_rejected_and_another_member_commits() {
    let mut meeting = with_members(3);
    meeting.clients[0].node.poison();
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.run(3_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    assert_eq!(meeting.rejected.len(), 1);
    assert!(meeting.clients[0].has_problem(ProblemCode::SubmissionRefused), "its author is told");
    assert!(meeting.clients[1].has_problem(ProblemCode::BadCommit));
    assert!(
        meeting.clients.iter().all(|client| client.rejoin.is_none()),
        "no member has to rejoin"
    );
    meeting.assert_one_call();
}

#[test]
fn a_member_that_backed_off_commits_in_the_end_if_no_other_member_does() {
    let mut meeting = with_members(2);
    meeting.clients[0].node.poison();
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.deliver_all();
    assert_eq!(meeting.rejected.len(), 1);
    meeting.crash(1);
    meeting.run(29_000);
    assert!(meeting.clients[newcomer].last_epoch().is_none());
    meeting.run(3_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    meeting.assert_one_call();
}

#[test]
fn a_killed_committer_delays_a_join_by_less_than_six_seconds() {
    let mut meeting = with_members(3);
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    // Its commit is with the service, and members have not been heard.
    while meeting.serve(0) {}
    meeting.disconnect(0);
    meeting.clients[0].frozen = true;
    meeting.run(6_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
}

#[test]
fn a_pending_commit_of_a_departed_member_has_no_effect() {
    let mut meeting = with_members(3);
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    while meeting.serve(0) {}
    // Both others have voted, and their votes arrive after its author was declared departed.
    for member in [1, 2] {
        while meeting.deliver(member) {}
    }
    meeting.crash(0);
    meeting.run(6_000);
    assert_eq!(meeting.rejected.len(), 1);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    meeting.assert_one_call();
}

#[test]
fn a_member_that_was_asked_and_comes_back_is_asked_again_and_answers_as_before() {
    let mut meeting = with_members(2);
    let newcomer = meeting.join(SymbolicNode::default());
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    while meeting.serve(0) {}
    while meeting.deliver(1) {}
    // Its answer is lost.
    meeting.disconnect(1);
    meeting.reconnect(1);
    meeting.deliver_all();
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    meeting.assert_one_call();
}
