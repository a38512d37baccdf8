//! Participants, submissions and logs that the tests of the log share.

#![allow(dead_code, reason = "each test file uses some of it")]

use mls_delivery::{Log, Submitted};
use signaling_protocol::{
    HandshakeCount, MessageId, Opaque, ParticipantId, RefusalCode, Step, Submission,
};

pub(crate) const A: ParticipantId = ParticipantId(1);
pub(crate) const B: ParticipantId = ParticipantId(2);
pub(crate) const C: ParticipantId = ParticipantId(3);

pub(crate) fn submission(
    name: &str,
    expected: u64,
    roster: &[ParticipantId],
    step: Step,
) -> Submission {
    Submission {
        message_id: MessageId(name.to_owned()),
        expected: HandshakeCount(expected),
        roster: roster.to_vec(),
        step,
    }
}

/// Returns a commit with a Welcome.
pub(crate) fn commit() -> Step {
    Step::Commit { commit: Opaque(vec![1]), welcome: Some(Opaque(vec![2])) }
}

/// Returns a commit that adds no member.
pub(crate) fn update() -> Step {
    Step::Commit { commit: Opaque(vec![1]), welcome: None }
}

pub(crate) fn join(log: &mut Log, participant: ParticipantId) {
    let prepared = log.join(participant, Opaque(vec![9]), None).expect("a new participant");
    log.apply(prepared);
}

pub(crate) fn submit(log: &mut Log, sender: ParticipantId, submission: Submission) -> RefusalCode {
    match log.submit(sender, submission) {
        Ok(Submitted::New(prepared)) => {
            log.apply(prepared);
            panic!("accepted")
        }
        Ok(Submitted::Known(position)) => panic!("known at {position}"),
        Err(refusal) => refusal.code,
    }
}

pub(crate) fn accept(log: &mut Log, sender: ParticipantId, submission: Submission) {
    match log.submit(sender, submission).expect("accepted") {
        Submitted::New(prepared) => log.apply(prepared),
        Submitted::Known(position) => panic!("known at {position}"),
    };
}

/// A and B are members, C waits.
pub(crate) fn two_members_and_one_waiting() -> Log {
    let mut log = Log::default();
    join(&mut log, A);
    accept(&mut log, A, submission("create", 0, &[A], Step::Create));
    join(&mut log, B);
    accept(&mut log, A, submission("add b", 1, &[A, B], commit()));
    join(&mut log, C);
    log
}
