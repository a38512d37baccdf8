//! The rules of the log, one by one.

mod support;

use mls_delivery::{Log, Submitted};
use signaling_protocol::{
    HandshakeCount, LogEvent, LogPosition, Opaque, ParticipantId, RefusalCode, Step,
};
use support::*;

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

#[test]
fn a_gap_in_the_stored_log_is_an_error() {
    let mut log = two_members_and_one_waiting();
    let base = log.base();
    let prepared = log.depart(C).expect("is_present");
    log.apply(prepared);
    let later = log.depart(B).expect("is_present");
    let mut restored = Log::restore(base);
    assert_eq!(restored.replay_record(later.record().clone()), Err(LogPosition(1)));
}
