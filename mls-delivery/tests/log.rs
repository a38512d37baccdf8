//! The rules of the log, one by one, and under random use.

use mls_delivery::{Log, Submitted};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
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
    }
}

/// A commit that adds somebody.
fn commit() -> Step {
    Step::Commit { commit: Opaque(vec![1]), welcome: Some(Opaque(vec![2])) }
}

/// A commit that adds nobody.
fn update() -> Step {
    Step::Commit { commit: Opaque(vec![1]), welcome: None }
}

fn join(log: &mut Log, participant: ParticipantId) {
    let prepared = log.join(participant, Opaque(vec![9]), None).expect("a new participant");
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
        let prepared = log.depart(member).expect("is_present");
        log.apply(prepared);
    }
    accept(&mut log, C, submission("again", 2, &[C], Step::Create));
    assert_eq!(log.created(), HandshakeCount(3));
    assert_eq!(log.snapshot().departed, []);
    assert_eq!(log.snapshot().roster, [C]);
}

#[test]
fn whoever_is_replaced_is_gone_by_the_entry_that_brings_its_successor() {
    let mut log = two_members_and_one_waiting();
    const AGAIN: ParticipantId = ParticipantId(4);
    let prepared = log.join(AGAIN, Opaque(vec![9]), Some(B)).expect("a new participant");
    log.apply(prepared);
    let snapshot = log.snapshot();
    assert_eq!(snapshot.departed, [B]);
    let replaces = snapshot.joined.iter().map(|one| one.replaces).collect::<Vec<_>>();
    assert_eq!(replaces, [None, None, None, Some(B)], "those who come now are told as well");
    accept(&mut log, A, submission("swap", 2, &[A, C, AGAIN], commit()));
    assert!(log.snapshot().joined.iter().all(|one| one.replaces.is_none()));
    // Neither is anybody replaced who is gone, nor who never was.
    for (participant, nobody) in [(5, B), (6, ParticipantId(77)), (7, ParticipantId(7))] {
        let joined = log.join(ParticipantId(participant), Opaque(vec![9]), Some(nobody));
        let record = joined.expect("a new participant").record().clone();
        assert_eq!(record.entry.event.departed(), None);
    }
}

#[test]
fn nothing_is_taken_from_the_departed() {
    let mut log = two_members_and_one_waiting();
    let prepared = log.depart(A).expect("is_present");
    log.apply(prepared);
    assert_eq!(log.depart(A), None);
    assert_eq!(
        submit(&mut log, A, submission("late", 2, &[A, B], commit())),
        RefusalCode::NotAllowed
    );
    assert_eq!(log.join(A, Opaque::default(), None).unwrap_err().code, RefusalCode::NotAllowed);
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
    let prepared = log.depart(C).expect("is_present");
    log.apply(prepared);
    accept(&mut log, A, submission("a adds c", 2, &[A, B, C], commit()));
    assert_eq!(log.snapshot().departed, [C], "so that the next commit removes it");
}

#[test]
fn a_message_id_that_another_sender_has_used_is_refused() {
    let mut log = two_members_and_one_waiting();
    let copied = submission("add b", 2, &[A, B, C], commit());
    assert_eq!(submit(&mut log, B, copied), RefusalCode::NotAllowed);
}

#[test]
fn non_members_strangers_doubles_and_evictions_are_refused() {
    let mut log = two_members_and_one_waiting();
    let stranger = ParticipantId(77);
    for (sender, roster) in [
        (C, vec![A, B, C]),
        (A, vec![A, B, stranger]),
        (A, vec![A, B, C, C]),
        (A, vec![B, C]),
        (A, vec![A, C]),
        (A, vec![]),
    ] {
        let code = submit(&mut log, sender, submission("x", 2, &roster, commit()));
        assert_eq!(code, RefusalCode::NotAllowed, "{sender} {roster:?}");
    }
}

#[test]
fn nobody_is_added_without_a_welcome_and_nobody_is_welcomed_without_being_added() {
    let mut log = two_members_and_one_waiting();
    for (roster, step) in [(vec![A, B, C], update()), (vec![A, B], commit())] {
        let code = submit(&mut log, A, submission("x", 2, &roster, step));
        assert_eq!(code, RefusalCode::NotAllowed, "{roster:?}");
    }
}

#[test]
fn a_crowd_is_added_in_portions() {
    let mut log = two_members_and_one_waiting();
    let crowd: Vec<_> = (10..50).map(ParticipantId).collect();
    for &one in &crowd {
        join(&mut log, one);
    }
    let roster = |adds: usize| [&[A, B], &crowd[..adds]].concat();
    let code = submit(&mut log, A, submission("all", 2, &roster(33), commit()));
    assert_eq!(code, RefusalCode::TooLarge);
    accept(&mut log, A, submission("some", 2, &roster(32), commit()));
    accept(&mut log, B, submission("the rest", 3, &roster(40), commit()));
}

#[test]
fn a_room_that_is_full_of_waiting_participants_says_so() {
    let mut log = Log::default();
    for n in 1..=mls_delivery::limits::JOINED {
        join(&mut log, ParticipantId(u32::try_from(n).expect("few")));
    }
    let refusal = log.join(ParticipantId(9999), Opaque::default(), None).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::RoomFull);
    assert!(refusal.retry_after_seconds.is_some());
}

#[test]
fn what_is_kept_for_those_who_return_is_bounded_in_bytes_too() {
    let mut log = two_members_and_one_waiting();
    let large = Opaque(vec![0; 300 * 1024]);
    for n in 0..60 {
        let step = Step::Commit { commit: large.clone(), welcome: None };
        accept(&mut log, A, submission(&format!("{n}"), 2 + n, &[A, B], step));
    }
    let kept = log.position().0 - log.base_position().0;
    assert_eq!(kept, 27, "27 of 300 KiB fit into 8 MiB");
    assert!(log.at(log.base_position()).is_none());
    assert!(log.at(log.base_position().next()).is_some());
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
        accept(&mut log, A, submission(&name, 2 + n as u64, &[A, B], update()));
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
        let prepared = log.depart(ParticipantId(n)).expect("is_present");
        log.apply(prepared);
    }
    let snapshot = log.snapshot();
    assert!(snapshot.joined.len() < 100 && snapshot.departed.len() < 100);
    assert_eq!(log.last_participant(), ParticipantId(1999), "no id is given twice");
}

#[derive(Debug, Clone)]
enum Act {
    Join {
        one: u32,
        replaces: Option<u32>,
    },
    Depart(u32),
    /// By the rules, as far as the sender knows them: everyone who has come, nobody who has gone.
    Commit {
        sender: u32,
        name: u16,
    },
    /// Anything.
    Submit {
        sender: u32,
        lag: u64,
        roster: Vec<u32>,
        step: Step,
        name: u16,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let step = prop_oneof![Just(Step::Create), Just(commit()), Just(update())];
    prop_oneof![
        (1..7u32, prop::option::of(1..7u32))
            .prop_map(|(one, replaces)| Act::Join { one, replaces }),
        (1..7u32).prop_map(Act::Depart),
        (1..7u32, any::<u16>()).prop_map(|(sender, name)| Act::Commit { sender, name }),
        (1..7u32, 0..3u64, prop::collection::vec(1..8u32, 0..6), step, any::<u16>()).prop_map(
            |(sender, lag, roster, step, name)| Act::Submit {
                sender,
                lag: lag / 2,
                roster,
                step,
                name
            }
        ),
    ]
}

fn by_the_rules(log: &Log, sender: u32, name: u16) -> Submission {
    let sender = ParticipantId(sender);
    let before = log.snapshot();
    let creates = log.present_members().next().is_none();
    let roster: Vec<_> = if creates { vec![sender] } else { log.present().collect() };
    let adds = roster.iter().any(|one| !before.roster.contains(one));
    let step = match (creates, adds) {
        (true, _) => Step::Create,
        (false, true) => commit(),
        (false, false) => update(),
    };
    submission(&format!("{name}"), before.handshakes.0, &roster, step)
}

/// What must hold of every accepted entry, said without the log's own code.
fn check(before: &Log, after: &Log, event: &LogEvent) -> Result<(), TestCaseError> {
    let was = before.snapshot();
    let is = after.snapshot();
    prop_assert_eq!(is.position, was.position.next());
    if let Some(gone) = event.departed() {
        let counted_on = was.joined.iter().any(|one| one.participant == gone);
        prop_assert!(counted_on && !was.departed.contains(&gone), "gone already");
        prop_assert!(is.departed.contains(&gone));
    }
    let LogEvent::Handshake(handshake) = event else {
        prop_assert_eq!(is.handshakes, was.handshakes);
        prop_assert_eq!(is.roster, was.roster);
        return Ok(());
    };
    prop_assert_eq!(handshake.count, was.handshakes.next());
    prop_assert_eq!(is.handshakes, handshake.count);
    prop_assert!(!was.departed.contains(&handshake.sender), "posthumous");
    let stays = was.roster.iter().filter(|one| !was.departed.contains(one));
    let lost = stays.clone().find(|one| !handshake.roster.contains(one));
    match &handshake.step {
        Step::Create => {
            prop_assert_eq!(stays.count(), 0);
            prop_assert_eq!(&handshake.roster, &[handshake.sender]);
            prop_assert_eq!(after.created(), handshake.count);
        }
        Step::Commit { welcome, .. } => {
            prop_assert!(was.roster.contains(&handshake.sender));
            prop_assert_eq!(lost, None);
            let adds = handshake.roster.iter().any(|one| !was.roster.contains(one));
            prop_assert_eq!(adds, welcome.is_some());
        }
    }
    for member in &handshake.roster {
        prop_assert!(was.joined.iter().any(|one| one.participant == *member));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever is asked: decisions change nothing, every accepted entry keeps the rules, and a
    /// base with the entries after it gives the very same log.
    #[test]
    fn the_log_keeps_its_rules_under_random_use(
        acts in prop::collection::vec(act(), 0..120),
        checkpoint_at in 0..60usize,
    ) {
        let mut log = Log::default();
        let mut base = log.base();
        let mut stored = Vec::new();
        let mut handshakes = 0;
        for (step, act) in acts.into_iter().enumerate() {
            let before = log.clone();
            let prepared = match act {
                Act::Join { one, replaces } => {
                    let replaces = replaces.map(ParticipantId);
                    log.join(ParticipantId(one), Opaque(vec![1]), replaces).ok()
                }
                Act::Depart(one) => log.depart(ParticipantId(one)),
                Act::Commit { sender, name } => {
                    let handed_in = by_the_rules(&log, sender, name);
                    match log.submit(ParticipantId(sender), handed_in) {
                        Ok(Submitted::New(prepared)) => Some(prepared),
                        Ok(Submitted::Known(_)) | Err(_) => None,
                    }
                }
                Act::Submit { sender, lag, roster, step, name } => {
                    let roster: Vec<_> = roster.into_iter().map(ParticipantId).collect();
                    let expected = log.handshakes().0.saturating_sub(lag);
                    let handed_in = submission(&format!("{name}"), expected, &roster, step);
                    match log.submit(ParticipantId(sender), handed_in) {
                        Ok(Submitted::New(prepared)) => {
                            prop_assert_eq!(expected, log.handshakes().0);
                            Some(prepared)
                        }
                        Ok(Submitted::Known(_)) | Err(_) => None,
                    }
                }
            };
            prop_assert_eq!(&log, &before, "a decision changes nothing");
            if let Some(prepared) = prepared {
                let record = prepared.record().clone();
                let entry = log.apply(prepared).entry().clone();
                handshakes += u64::from(matches!(entry.event, LogEvent::Handshake(_)));
                check(&before, &log, &entry.event)?;
                stored.push(record);
            }
            if step == checkpoint_at {
                base = log.base();
            }
        }
        prop_assert_eq!(log.handshakes().0, handshakes);
        let mut restored = Log::restore(base);
        for record in stored {
            restored.replay_record(record).expect("no gap");
        }
        prop_assert_eq!(restored, log);
    }

    #[test]
    fn garbage_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let room = signaling_protocol::RoomId::from_bytes([1; 16]);
        // Whatever the verdict is, there is one.
        let _ = mls_delivery::inspect::key_package(&Opaque(bytes.clone()));
        let step = Step::Commit { commit: Opaque(bytes.clone()), welcome: Some(Opaque(bytes.clone())) };
        let name = "A".repeat(22);
        let handed_in = submission(&name, 1, &[A], step);
        // The same bytes cannot be a Welcome and a commit.
        prop_assert!(mls_delivery::inspect::submission(&room, HandshakeCount(1), &handed_in).is_err());
    }
}

/// Comes and goes for longer than the log remembers.
#[test]
fn a_log_restored_from_its_base_and_the_entries_after_it_is_the_same_log() {
    let mut log = two_members_and_one_waiting();
    let mut stored = Vec::new();
    let mut compacted = log.base();
    for n in 10..1500u32 {
        let one = ParticipantId(n);
        let joined = log.join(one, Opaque(vec![1; 100]), None).expect("new");
        stored.push(joined.record().clone());
        log.apply(joined);
        if n % 7 == 0 {
            let handed_in = by_the_rules(&log, 1, u16::try_from(n).expect("small"));
            let Ok(Submitted::New(prepared)) = log.submit(A, handed_in) else { panic!("new") };
            stored.push(prepared.record().clone());
            log.apply(prepared);
        }
        let departed = log.depart(one).expect("known");
        stored.push(departed.record().clone());
        log.apply(departed);
        if n % 100 == 0 {
            compacted = log.base();
            stored.retain(|record| record.entry.position > compacted.position());
        }
    }
    let text = serde_json::to_vec(&compacted).expect("JSON");
    let mut restored = Log::restore(serde_json::from_slice(&text).expect("the same"));
    for record in stored {
        let text = serde_json::to_vec(&record).expect("JSON");
        restored.replay_record(serde_json::from_slice(&text).expect("the same")).expect("no gap");
    }
    assert!(log.base_position().0 > 2000, "the past is forgotten");
    assert_eq!(restored, log);
}

#[test]
fn what_an_older_version_has_stored_is_read() {
    let joined = r#"{"kind":"joined","participant":1,"key_package":"AAEABQ=="}"#;
    let text = format!(r#"{{"entry":{{"position":1,"event":{joined}}},"group_info":null}}"#);
    let record = serde_json::from_str(&text).expect("a record");
    let mut log = Log::default();
    log.replay_record(record).expect("the first entry");
    let mut checkpoint = serde_json::to_value(log.base()).expect("JSON");
    let fields = checkpoint.as_object_mut().expect("an object");
    fields.remove("replaced").expect("younger than the others");
    fields.insert("group_info".to_owned(), "AAEABA==".into());
    assert_eq!(
        Log::restore(serde_json::from_value(checkpoint).expect("a checkpoint")),
        Log::default()
    );
    assert_eq!(log.last_participant(), ParticipantId(1));
}

#[test]
fn a_gap_in_what_was_stored_is_noticed() {
    let mut log = two_members_and_one_waiting();
    let base = log.base();
    let prepared = log.depart(C).expect("is_present");
    log.apply(prepared);
    let later = log.depart(B).expect("is_present");
    let mut restored = Log::restore(base);
    assert_eq!(restored.replay_record(later.record().clone()), Err(LogPosition(1)));
}
