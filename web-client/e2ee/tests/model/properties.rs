//! What must hold in every room, whatever goes wrong: the properties of `tla/Properties.tla`.

use std::collections::BTreeSet;

use e2ee::endpoint::RejoinReason;
use signaling_protocol::{Handshake, LogEvent, LogPosition, MessageId, ParticipantId, Step};

use super::client::{Client, Keys};
use super::room::{Health, Phase, Room, Seat};
use crate::support::symbolic::SymbolicMls;

fn handshakes<C: Client>(room: &Room<C>) -> impl Iterator<Item = (LogPosition, &Handshake)> {
    room.entries().filter_map(|one| match &one.entry().event {
        LogEvent::Handshake(handshake) => Some((one.entry().position, handshake)),
        LogEvent::Joined(_) | LogEvent::Departed { .. } => None,
    })
}

fn holders<C: Client>(room: &Room<C>) -> impl Iterator<Item = (&Seat<C>, Keys)> {
    room.seats.iter().filter_map(|seat| seat.client()?.keys().map(|keys| (seat, keys)))
}

/// The epoch that a symbolic commit changes.
fn parent(handshake: &Handshake) -> Option<MessageId> {
    match &handshake.step {
        Step::Commit { commit, .. } => Some(SymbolicMls::parent(commit)),
        Step::Create => None,
    }
}

/// No two handshakes in the log build on one epoch. For symbolic groups.
pub fn one_commit_per_epoch<C: Client>(room: &Room<C>) -> bool {
    let mut counts = BTreeSet::new();
    let mut parents = BTreeSet::new();
    handshakes(room).all(|(_, one)| {
        counts.insert(one.count) && parent(one).is_none_or(|parent| parents.insert(parent))
    })
}

/// Who is in an epoch of one number is in one epoch, with the same members.
pub fn agreement<C: Client>(room: &Room<C>) -> bool {
    let all: Vec<_> = holders(room).map(|(_, keys)| keys).collect();
    all.iter().all(|one| all.iter().all(|other| one.count != other.count || one == other))
}

/// Every epoch that somebody is in is the log's, and the one that it has read of last.
pub fn no_fork<C: Client>(room: &Room<C>) -> bool {
    holders(room).all(|(seat, keys)| {
        let position = seat.client().map_or(LogPosition(0), Client::position);
        let read = handshakes(room).filter(|(at, _)| *at <= position).last();
        read.is_some_and(|(_, last)| {
            last.count == keys.count && keys.made_by.is_none_or(|id| id == last.message_id)
        })
    })
}

/// Nobody holds the keys of an epoch of which it is no member.
pub fn keys_only_for_members<C: Client>(room: &Room<C>) -> bool {
    holders(room).all(|(seat, keys)| {
        let of_its_epoch = |one: &Handshake| match &keys.made_by {
            Some(id) => one.message_id == *id,
            None => one.count == keys.count,
        };
        handshakes(room)
            .filter(|(_, one)| of_its_epoch(one))
            .all(|(_, one)| one.roster.contains(&seat.participant))
    })
}

/// Nobody comes to an end but by its own departure.
pub fn no_wedge<C: Client>(room: &Room<C>) -> bool {
    let wedged =
        |seat: &Seat<C>| matches!(seat.phase, Phase::Over(why) if why != RejoinReason::Departed);
    !room.seats.iter().any(wedged)
}

/// Nobody is a member beside the one whose place it takes.
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

/// Nothing is taken from one who is gone.
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

/// Nothing has to happen any more.
fn at_rest<C: Client>(room: &Room<C>) -> bool {
    !room.may_time_out()
        && (0..room.seats.len()).all(|seat| {
            room.seats[seat].outbox.is_none()
                && !room.may_read_entry(seat)
                && !room.may_fire_turn_timer(seat)
                && !room.may_fire_resend_timer(seat)
                && !room.may_vote(seat)
                && !room.may_discard_rejected(seat)
                && !room.must_depart(seat)
        })
}

fn is_up<C: Client>(room: &Room<C>, participant: ParticipantId) -> bool {
    room.seats.iter().any(|seat| seat.participant == participant && seat.health == Health::Up)
}

/// Somebody can do the work.
fn responsive<C: Client>(room: &Room<C>) -> bool {
    room.log.present().any(|one| is_up(room, one))
}

/// All who are present are members of one epoch, and nobody else is.
pub fn one_call<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    let present: BTreeSet<_> = room.log.present().collect();
    let roster: BTreeSet<_> = room.log.snapshot().roster.into_iter().collect();
    let keys: Vec<_> = holders(room)
        .filter(|(seat, _)| roster.contains(&seat.participant))
        .map(|(_, keys)| keys)
        .collect();
    roster.is_subset(&present)
        && present.difference(bad).all(|one| roster.contains(one))
        && keys.len() == roster.len()
        && keys.iter().all(|one| one.members == roster && one.count == room.log.handshakes())
}

/// Nobody who is well waits for ever, whatever members there are.
pub fn nobody_is_kept_out<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    let waits = |&one: &ParticipantId| !room.log.is_present_member(one) && !bad.contains(&one);
    !at_rest(room) || !room.log.present().filter(waits).any(|one| is_up(room, one))
}

/// Liveness: every room that comes to rest has come to one call. Every step uses something up,
/// so every room does come to rest.
pub fn rests_in_one_call<C: Client>(room: &Room<C>, bad: &BTreeSet<ParticipantId>) -> bool {
    !(at_rest(room) && responsive(room)) || one_call(room, bad)
}
