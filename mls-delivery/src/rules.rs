//! The rules of the group, as far as a service without keys can check them.

use std::collections::BTreeSet;

use signaling_protocol::limits::ADDS_PER_COMMIT;
use signaling_protocol::{ParticipantId, Refusal, RefusalCode, Step};

use crate::checkpoint::Checkpoint;

/// Checks that the step fits the sender and the roster.
pub(crate) fn check_submission(
    state: &Checkpoint,
    sender: ParticipantId,
    roster: &[ParticipantId],
    step: &Step,
) -> Result<(), Refusal> {
    match step {
        Step::Create => check_create(state, sender, roster),
        Step::Commit { welcome, .. } => check_commit(state, sender, roster, welcome.is_some()),
    }
}

/// A new group: only where no member is left who could be waiting for it.
fn check_create(
    state: &Checkpoint,
    sender: ParticipantId,
    roster: &[ParticipantId],
) -> Result<(), Refusal> {
    if state.present_members().next().is_some() {
        return Err(not_allowed(
            "This meeting has members already; wait for one of them to add you.",
        ));
    }
    if !state.joined.contains_key(&sender) {
        return Err(not_allowed("Hand in a KeyPackage first."));
    }
    if roster != [sender] {
        return Err(not_allowed("A new group has its creator as its only member."));
    }
    Ok(())
}

/// Checks a commit: its sender is a member; each added participant waits with a KeyPackage and gets
/// a Welcome in the same entry; each removed one has departed.
fn check_commit(
    state: &Checkpoint,
    sender: ParticipantId,
    roster: &[ParticipantId],
    has_welcome: bool,
) -> Result<(), Refusal> {
    if !state.roster.contains(&sender) {
        return Err(not_allowed("Only a member can commit; wait to be added."));
    }
    let members: BTreeSet<_> = roster.iter().copied().collect();
    if members.len() != roster.len() {
        return Err(not_allowed("A roster names each member once."));
    }
    if let Some(present) = state.present_members().find(|one| !members.contains(one)) {
        return Err(not_allowed(format!(
            "Participant {present} cannot be removed: it has not left the meeting."
        )));
    }
    let added: Vec<_> = members.difference(&state.roster).collect();
    if let Some(stranger) = added.iter().find(|one| !state.joined.contains_key(one)) {
        return Err(not_allowed(format!(
            "Participant {stranger} cannot be added: it has no KeyPackage here."
        )));
    }
    if added.len() > ADDS_PER_COMMIT {
        return Err(Refusal::new(
            RefusalCode::TooLarge,
            format!(
                "This commit adds {} participants, {ADDS_PER_COMMIT} are allowed; add the rest with the next one.",
                added.len()
            ),
        ));
    }
    if has_welcome == added.is_empty() {
        return Err(not_allowed(
            "A commit comes with a Welcome if it adds somebody, and only then.",
        ));
    }
    Ok(())
}

/// Refuses submissions of a departed participant.
pub(crate) fn check_present(state: &Checkpoint, participant: ParticipantId) -> Result<(), Refusal> {
    if state.departed.contains(&participant) {
        return Err(not_allowed(format!(
            "Participant {participant} has left this meeting; join it again."
        )));
    }
    Ok(())
}

pub(crate) fn not_allowed(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::NotAllowed, message)
}
