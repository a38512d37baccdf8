//! The properties of every room under every combination of faults: those of `tla/Properties.tla`.

use std::collections::BTreeSet;

use e2ee::endpoint::RejoinReason;
use signaling_protocol::{Handshake, LogEvent, LogPosition, MessageId, ParticipantId, Step};

use super::client::{Client, Keys};
use super::participant::{Health, Participant, Phase};
use super::room::Room;
use crate::support::symbolic::SymbolicMls;

fn handshakes<C: Client>(room: &Room<C>) -> impl Iterator<Item = (LogPosition, &Handshake)> {
    room.entries().filter_map(|one| match &one.entry().event {
        LogEvent::Handshake(handshake) => Some((one.entry().position, handshake)),
        LogEvent::Joined(_) | LogEvent::Departed { .. } => None,
    })
}

fn holders<C: Client>(room: &Room<C>) -> impl Iterator<Item = (&Participant<C>, Keys)> {
    room.participants.iter().filter_map(|one| one.client()?.keys().map(|keys| (one, keys)))
}

/// Returns the epoch that a symbolic commit changes.
fn parent(handshake: &Handshake) -> Option<MessageId> {
    match &handshake.step {
        Step::Commit { commit, .. } => Some(SymbolicMls::parent(commit)),
        Step::Create => None,
    }
}

/// No two handshakes in the log change the same epoch. For symbolic groups.
pub fn one_commit_per_epoch<C: Client>(room: &Room<C>) -> bool {
    let mut counts = BTreeSet::new();
    let mut parents = BTreeSet::new();
    handshakes(room).all(|(_, one)| {
        counts.insert(one.count) && parent(one).is_none_or(|parent| parents.insert(parent))
    })
}

/// Clients in an epoch with the same count are in the same epoch, with the same members.
pub fn agreement<C: Client>(room: &Room<C>) -> bool {
    let all: Vec<_> = holders(room).map(|(_, keys)| keys).collect();
    all.iter().all(|one| all.iter().all(|other| one.count != other.count || one == other))
}

/// Each client's epoch is the one of the last handshake that the client has read.
pub fn no_fork<C: Client>(room: &Room<C>) -> bool {
    holders(room).all(|(participant, keys)| {
        let position = participant.client().map_or(LogPosition(0), Client::position);
        let read = handshakes(room).filter(|(at, _)| *at <= position).last();
        read.is_some_and(|(_, last)| {
            last.count == keys.count && keys.made_by.is_none_or(|id| id == last.message_id)
        })
    })
}

/// No client holds the keys of an epoch in which it is not a member.
pub fn keys_only_for_members<C: Client>(room: &Room<C>) -> bool {
    holders(room).all(|(participant, keys)| {
        let of_its_epoch = |one: &Handshake| match &keys.made_by {
            Some(id) => one.message_id == *id,
            None => one.count == keys.count,
        };
        handshakes(room)
            .filter(|(_, one)| of_its_epoch(one))
            .all(|(_, one)| one.roster.contains(&participant.participant))
    })
}

/// No client ends for any reason but its own departure.
pub fn no_wedge<C: Client>(room: &Room<C>) -> bool {
    let wedged = |participant: &Participant<C>| matches!(participant.phase, Phase::Over(why) if why != RejoinReason::Departed);
    !room.participants.iter().any(wedged)
}

/// No roster has a participant together with its predecessor.
pub fn no_ghost<C: Client>(room: &Room<C>) -> bool {
    let mut successors = BTreeSet::new();
    room.entries().all(|one| match &one.entry().event {
        LogEvent::Joined(joined) => {
            successors.extend(joined.replaces.map(|old| (old, joined.participant)));
            true
        }
        LogEvent::Departed { .. } => true,
        LogEvent::Handshake(handshake) => !successors
            .iter()
            .any(|(old, new)| handshake.roster.contains(old) && handshake.roster.contains(new)),
    })
}

/// No handshake of a departed participant is accepted.
pub fn no_posthumous<C: Client>(room: &Room<C>) -> bool {
    let mut gone = BTreeSet::new();
    room.entries().all(|one| match &one.entry().event {
        LogEvent::Handshake(handshake) => !gone.contains(&handshake.sender),
        event @ (LogEvent::Joined(_) | LogEvent::Departed { .. }) => {
            gone.extend(event.departed());
            true
        }
    })
}

/// Returns `true` if no step is due.
fn at_rest<C: Client>(room: &Room<C>) -> bool {
    !room.may_time_out()
        && (0..room.participants.len()).all(|index| {
            room.participants[index].outbox.is_none()
                && !room.may_read_entry(index)
                && !room.may_fire_turn_timer(index)
                && !room.may_fire_resend_timer(index)
                && !room.may_vote(index)
                && !room.may_discard_rejected(index)
                && !room.must_depart(index)
        })
}

fn is_up<C: Client>(room: &Room<C>, participant: ParticipantId) -> bool {
    room.participants.iter().any(|one| one.participant == participant && one.health == Health::Up)
}

/// Returns `true` if a present participant is responsive.
fn responsive<C: Client>(room: &Room<C>) -> bool {
    room.log.present().any(|one| is_up(room, one))
}

/// The members of the current epoch are exactly the present participants.
pub fn one_call<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    let present: BTreeSet<_> = room.log.present().collect();
    let roster: BTreeSet<_> = room.log.snapshot().roster.into_iter().collect();
    let keys: Vec<_> = holders(room)
        .filter(|(participant, _)| roster.contains(&participant.participant))
        .map(|(_, keys)| keys)
        .collect();
    roster.is_subset(&present)
        && present.difference(bad).all(|one| roster.contains(one))
        && keys.len() == roster.len()
        && keys.iter().all(|one| one.members == roster && one.count == room.log.handshakes())
}

/// No responsive participant waits forever, whatever the members do.
pub fn nobody_is_kept_out<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    let waits = |&one: &ParticipantId| !room.log.is_present_member(one) && !bad.contains(&one);
    !at_rest(room) || !room.log.present().filter(waits).any(|one| is_up(room, one))
}

/// Liveness: every room at rest is one call. Every step uses something up, so every room comes to
/// rest.
pub fn rests_in_one_call<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    !(at_rest(room) && responsive(room)) || one_call(room, bad)
}
