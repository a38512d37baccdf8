//! The rules of the log, one by one, and under random use.

use mls_delivery::{Log, Submitted};
use proptest::prelude::*;
use signaling_protocol::{
    HandshakeCount, LogEvent, LogPosition, MessageId, Opaque, ParticipantId, RefusalCode, Step,
    Submission,
};

const A: ParticipantId = ParticipantId(1);
const B: ParticipantId = ParticipantId(2);
const C: ParticipantId = ParticipantId(3);

fn submission(name: &str, expected: u64, roster: &[ParticipantId], step: Step) -> Submission {
    Submission {
        message_id: MessageId(name.to_owned()),
        expected: HandshakeCount(expected),
        roster: roster.to_vec(),
        step,
        group_info: Opaque::default(),
    }
}

fn commit() -> Step {
    Step::Commit { commit: Opaque(vec![1]), welcome: Some(Opaque(vec![2])) }
}

fn join(log: &mut Log, participant: ParticipantId) {
    let prepared = log.join(participant, Opaque(vec![9])).expect("a new participant");
    log.apply(prepared);
}

fn submit(log: &mut Log, sender: ParticipantId, submission: Submission) -> RefusalCode {
    match log.submit(sender, submission) {
        Ok(Submitted::New(prepared)) => {
            log.apply(prepared);
            panic!("accepted")
        }
        Ok(Submitted::Known(position)) => panic!("known at {position}"),
        Err(refusal) => refusal.code,
    }
}

fn accept(log: &mut Log, sender: ParticipantId, submission: Submission) {
    match log.submit(sender, submission).expect("accepted") {
        Submitted::New(prepared) => log.apply(prepared),
        Submitted::Known(position) => panic!("known at {position}"),
    };
}

/// A and B are members, C waits.
fn two_members_and_one_waiting() -> Log {
    let mut log = Log::default();
    join(&mut log, A);
    accept(&mut log, A, submission("create", 0, &[A], Step::Create));
    join(&mut log, B);
    accept(&mut log, A, submission("add b", 1, &[A, B], commit()));
    join(&mut log, C);
    log
}

#[test]
fn the_second_of_two_commits_for_one_epoch_is_stale_and_learns_the_count() {
    let mut log = two_members_and_one_waiting();
    accept(&mut log, A, submission("a adds c", 2, &[A, B, C], commit()));
    let refusal = log.submit(B, submission("b adds c", 2, &[A, B, C], commit())).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::StaleHandshake);
    assert_eq!(refusal.current, Some(HandshakeCount(3)));
}

#[test]
fn the_loser_of_the_create_race_is_stale_and_a_create_among_the_living_is_refused() {
    let mut log = Log::default();
    join(&mut log, A);
    join(&mut log, B);
    accept(&mut log, A, submission("a", 0, &[A], Step::Create));
    assert_eq!(
        submit(&mut log, B, submission("b", 0, &[B], Step::Create)),
        RefusalCode::StaleHandshake
    );
    assert_eq!(
        submit(&mut log, B, submission("b", 1, &[B], Step::Create)),
        RefusalCode::NotAllowed
    );
}

#[test]
fn once_every_member_has_gone_somebody_who_waits_may_create_anew() {
    let mut log = two_members_and_one_waiting();
    for member in [A, B] {
        let prepared = log.depart(member).expect("news");
        log.apply(prepared);
    }
    accept(&mut log, C, submission("again", 2, &[C], Step::Create));
    assert_eq!(log.created(), HandshakeCount(3));
    assert_eq!(log.snapshot().departed, []);
    assert_eq!(log.snapshot().roster, [C]);
}

#[test]
fn nothing_is_taken_from_the_departed() {
    let mut log = two_members_and_one_waiting();
    let prepared = log.depart(A).expect("news");
    log.apply(prepared);
    assert_eq!(log.depart(A), None);
    assert_eq!(
        submit(&mut log, A, submission("late", 2, &[A, B], commit())),
        RefusalCode::NotAllowed
    );
    assert_eq!(log.join(A, Opaque::default()).unwrap_err().code, RefusalCode::NotAllowed);
}

#[test]
fn a_resent_submission_is_recognised_and_not_doubled() {
    let mut log = two_members_and_one_waiting();
    let again = submission("add b", 1, &[A, B], commit());
    assert_eq!(log.submit(A, again), Ok(Submitted::Known(LogPosition(4))));
    join(&mut log, ParticipantId(9));
    assert_eq!(log.handshakes(), HandshakeCount(2));
}

#[test]
fn a_commit_may_pass_over_a_departure_that_it_did_not_see() {
    let mut log = two_members_and_one_waiting();
    let prepared = log.depart(C).expect("news");
    log.apply(prepared);
    accept(&mut log, A, submission("a adds c", 2, &[A, B, C], commit()));
    assert_eq!(log.snapshot().departed, [C], "so that the next commit removes it");
}

#[test]
fn outsiders_strangers_and_doubles_are_refused() {
    let mut log = two_members_and_one_waiting();
    let stranger = ParticipantId(77);
    for (sender, roster) in [
        (C, vec![A, B, C]),
        (A, vec![A, B, stranger]),
        (A, vec![A, B, B]),
        (A, vec![B, C]),
        (A, vec![]),
    ] {
        let code = submit(&mut log, sender, submission("x", 2, &roster, commit()));
        assert_eq!(code, RefusalCode::NotAllowed, "{sender} {roster:?}");
    }
}

#[test]
fn the_welcome_goes_to_those_whom_it_adds_and_to_nobody_else() {
    let mut log = two_members_and_one_waiting();
    accept(&mut log, A, submission("add c", 2, &[A, B, C], commit()));
    let entry = log.entries_after(LogPosition(5)).expect("kept").next().expect("one entry");
    let welcomed = |participant| match entry.for_participant(participant).event {
        LogEvent::Handshake(handshake) => {
            matches!(handshake.step, Step::Commit { welcome: Some(_), .. })
        }
        LogEvent::Joined(_) | LogEvent::Departed { .. } => false,
    };
    assert_eq!([A, B, C].map(welcomed), [false, false, true]);
}

#[test]
fn a_return_from_too_long_ago_or_from_the_future_is_refused() {
    let mut log = two_members_and_one_waiting();
    for n in 0..mls_delivery::limits::RETAINED_ENTRIES {
        let name = format!("update {n}");
        accept(&mut log, A, submission(&name, 2 + n as u64, &[A, B], commit()));
    }
    let code = |position| log.entries_after(LogPosition(position)).err().map(|one| one.code);
    assert_eq!(code(1), Some(RefusalCode::ResumeExpired));
    assert_eq!(code(log.position().0 + 1), Some(RefusalCode::ResumeExpired));
    assert_eq!(code(log.position().0 - 3), None);
    assert_eq!(log.entries_after(LogPosition(log.position().0 - 3)).expect("kept").count(), 3);
}

#[test]
fn a_crowd_that_comes_and_goes_leaves_no_pile() {
    let mut log = two_members_and_one_waiting();
    for n in 10..2000 {
        join(&mut log, ParticipantId(n));
        let prepared = log.depart(ParticipantId(n)).expect("news");
        log.apply(prepared);
    }
    let snapshot = log.snapshot();
    assert!(snapshot.joined.len() < 100 && snapshot.departed.len() < 100);
    assert_eq!(log.last_participant(), ParticipantId(1999), "no id is given twice");
}

#[derive(Debug, Clone)]
enum Act {
    Join(u32),
    Depart(u32),
    Submit { sender: u32, lag: u64, roster: Vec<u32>, create: bool, name: u8 },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (1..7u32).prop_map(Act::Join),
        (1..7u32).prop_map(Act::Depart),
        (1..7u32, 0..3u64, prop::collection::vec(1..8u32, 0..6), any::<bool>(), any::<u8>())
            .prop_map(|(sender, lag, roster, create, name)| Act::Submit {
                sender,
                lag: lag / 2,
                roster,
                create,
                name
            }),
    ]
}

proptest! {
    /// Whatever is asked: counts never skip, a handshake's sender is never departed, a create
    /// comes only when nobody is left, and a checkpoint with its entries gives the same log.
    #[test]
    fn the_log_keeps_its_rules_under_random_use(acts in prop::collection::vec(act(), 0..80)) {
        let mut log = Log::default();
        let mut restored = Log::restore(log.checkpoint().clone());
        for act in acts {
            let before = log.clone();
            let prepared = match act {
                Act::Join(one) => log.join(ParticipantId(one), Opaque(vec![1])).ok(),
                Act::Depart(one) => log.depart(ParticipantId(one)),
                Act::Submit { sender, lag, roster, create, name } => {
                    let roster: Vec<_> = roster.into_iter().map(ParticipantId).collect();
                    let expected = log.handshakes().0.saturating_sub(lag);
                    let step = if create { Step::Create } else { commit() };
                    let name = format!("{name}");
                    match log.submit(ParticipantId(sender), submission(&name, expected, &roster, step)) {
                        Ok(Submitted::New(prepared)) => {
                            prop_assert_eq!(expected, log.handshakes().0);
                            prop_assert!(!before.snapshot().departed.contains(&ParticipantId(sender)));
                            prop_assert!(!create || before.present_members().next().is_none());
                            Some(prepared)
                        }
                        Ok(Submitted::Known(_)) | Err(_) => None,
                    }
                }
            };
            prop_assert_eq!(&log, &before, "a decision changes nothing");
            if let Some(prepared) = prepared {
                let record = prepared.record().clone();
                log.apply(prepared);
                prop_assert_eq!(log.position(), before.position().next());
                restored.replay_record(record).expect("no gap");
            }
            prop_assert_eq!(log.checkpoint(), restored.checkpoint());
        }
    }

    #[test]
    fn garbage_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let room = signaling_protocol::RoomId::from_bytes([1; 16]);
        // Whatever the verdict is, there is one.
        let _ = mls_delivery::inspect::key_package(&Opaque(bytes.clone()));
        let step = Step::Commit { commit: Opaque(bytes.clone()), welcome: Some(Opaque(bytes.clone())) };
        let handed_in = Submission { group_info: Opaque(bytes), ..submission(&"A".repeat(22), 1, &[A], step) };
        prop_assert!(mls_delivery::inspect::submission(&room, HandshakeCount(1), &handed_in).is_err());
    }
}
