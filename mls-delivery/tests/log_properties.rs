//! The rules of the log under random use.

mod support;

use mls_delivery::{Log, Submitted};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use signaling_protocol::{HandshakeCount, LogEvent, Opaque, ParticipantId, Step, Submission};
use support::*;

#[derive(Debug, Clone)]
enum Act {
    Join {
        one: u32,
        replaces: Option<u32>,
    },
    Depart(u32),
    /// A valid commit as far as the sender knows: adds everyone present, and no one departed.
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

/// Checks the invariants of an accepted entry without the log's own code.
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

/// Covers more joins and departures than the log retains.
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
