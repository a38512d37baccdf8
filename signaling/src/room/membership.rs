//! Membership: joining, resuming, leaving the page, and removal.

use mls_delivery::trace::Traced;
use sfu_core::MediaCommand;
use signaling_protocol::{
    Delta, Joined, LogPosition, LogReplay, ParticipantId, ParticipantState, Predecessor, Refusal,
    RefusalCode, Resume, RoomMessage, RoomSnapshot, Secret, Seq, ServerMessage, Snapshot, VERSION,
};

use super::handshakes::Intent;
use super::participant::{Participant, Presence};
use super::{Millis, Output, Room, SocketId};
use crate::auth::{self, Role};

/// Time to come back after the page was hidden, in milliseconds.
pub(super) const PAGE_HIDE_WINDOW: Millis = 5_000;

impl Room {
    /// Admits a new participant.
    pub(super) fn join(
        &mut self,
        socket: SocketId,
        role: Role,
        resume_token: Secret,
        predecessor: Option<ParticipantId>,
        now: Millis,
    ) {
        let others = self.participants.len() - usize::from(predecessor.is_some());
        if others >= self.limits.participants {
            let refusal = Refusal::new(
                RefusalCode::RoomFull,
                format!(
                    "This meeting is full: {} are in it; try again when somebody has left.",
                    self.limits.participants
                ),
            );
            self.outputs.push_back(Output::Close { socket, refusal });
            return;
        }
        let participant = self.last_participant.next();
        self.last_participant = participant;
        let state = ParticipantState { participant, tracks: Vec::new() };
        self.broadcast(Delta::ParticipantJoined(state));
        let mut rules = self.rules();
        if role == Role::Host {
            rules.hosts.push(participant);
            self.broadcast(Delta::RulesChanged(rules.clone()));
        }
        let joined = Joined {
            version: VERSION,
            participant,
            resume_token: resume_token.clone(),
            seq: self.history.seq(),
            room: RoomSnapshot { rules, ..self.snapshot_for(participant) },
            log: self.log.snapshot(),
            slots: self.limits.slots,
        };
        let position = self.log.position();
        self.trace(|| Traced::Came { participant, replaces: predecessor, position });
        let newcomer = Participant::new(socket, role, resume_token, position, now);
        self.participants.insert(participant, Participant { predecessor, ..newcomer });
        self.send(socket, ServerMessage::Room(RoomMessage::Joined(joined)));
        self.send_shutdown_notice(socket, now);
        self.send_lobby_to(participant);
    }

    /// Resumes a participant on a new socket.
    pub(crate) fn resume(&mut self, socket: SocketId, resume: &Resume, now: Millis) {
        let known = self
            .participants
            .get_mut(&resume.participant)
            .filter(|known| auth::same(&known.resume_token, &resume.resume_token));
        let Some(known) = known else {
            let refusal = Refusal::new(
                RefusalCode::ResumeExpired,
                "You were disconnected for too long; join the meeting again.",
            );
            self.outputs.push_back(Output::Close { socket, refusal });
            return;
        };
        let before = known.socket();
        known.presence = Presence::Connected { socket };
        known.socket_closed = false;
        known.last_received_at = now;
        known.record_progress(resume.position, now);
        // What it has missed is sent only now.
        known.behind_since = known.behind_since.map(|_| now);
        if let Some(socket) = before {
            self.outputs.push_back(Output::Close { socket, refusal: superseded() });
        }
        self.send_missed_deltas(resume.participant, socket, resume.seq, resume.position);
        self.announce_connections(now);
        self.send_shutdown_notice(socket, now);
        self.send_lobby_to(resume.participant);
        self.resend_subscribed_quality(resume.participant, socket);
        self.resend_media_lost(resume.participant, socket);
        self.resend_vote_request(resume.participant, socket);
    }

    /// A socket broke; its participant may come back for a while.
    pub(crate) fn handle_closed(&mut self, socket: SocketId, now: Millis) {
        match self.at(socket) {
            Some(participant) => self.handle_socket_closed(participant, now),
            None => self.remove_from_lobby(socket),
        }
    }

    /// A socket's reader was too slow and has lost deltas: it gets a snapshot, once in a while.
    pub(crate) fn handle_lagging(&mut self, socket: SocketId, now: Millis) {
        let Some(participant) = self.at(socket) else { return };
        let heartbeat_timeout = self.limits.heartbeat_timeout;
        let Some(one) = self.participants.get_mut(&participant) else { return };
        let again =
            one.resynchronised.is_some_and(|before| now.saturating_sub(before) < heartbeat_timeout);
        one.resynchronised = Some(now);
        let position = one.position;
        if again {
            let refusal = Refusal::new(
                RefusalCode::TooSlow,
                "Your connection is too slow for this meeting's messages; join it again.",
            );
            self.remove_participant(participant, Some(refusal));
        } else {
            self.send_snapshot(participant, socket, position);
            self.send_lobby_to(participant);
            self.resend_vote_request(participant, socket);
        }
    }

    /// Returns the participant that a new one replaces, if the claim is valid. It is disconnected from
    /// now on, until its successor's KeyPackage is in the log or its time is over.
    pub(super) fn take_over(
        &mut self,
        claimed: &Predecessor,
        now: Millis,
    ) -> Option<ParticipantId> {
        let Predecessor { participant, resume_token } = claimed;
        let known = self.participants.get_mut(participant)?;
        if !auth::same(&known.resume_token, resume_token) {
            return None;
        }
        if let Some(socket) = known.socket() {
            known.presence =
                Presence::Disconnected { since: now, until: now + self.limits.resume_window };
            self.outputs.push_back(Output::Close { socket, refusal: superseded() });
        }
        Some(*participant)
    }

    /// Disconnects a participant whose page is gone and may return in a moment. Until then the others
    /// neither see nor hear it.
    pub(super) fn page_hide(&mut self, participant: ParticipantId, now: Millis) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        let until = now + self.limits.resume_window.min(PAGE_HIDE_WINDOW);
        one.presence = Presence::Disconnected { since: now, until };
        one.tracks.clear();
        one.wanted.clear();
        if std::mem::take(&mut one.has_media) {
            let room = self.id.clone();
            self.outputs.push_back(Output::Media(MediaCommand::Remove { room, participant }));
        }
        self.broadcast(Delta::TracksChanged(ParticipantState { participant, tracks: Vec::new() }));
    }

    /// Removes a participant, and sends it the reason if there is one.
    pub(super) fn remove_participant(
        &mut self,
        participant: ParticipantId,
        refusal: Option<Refusal>,
    ) {
        let Some(one) = self.participants.remove(&participant) else { return };
        if refusal.as_ref().is_some_and(|refusal| refusal.code == RefusalCode::TooSlow) {
            self.lobby.remember_lost(one.resume_token.clone());
        }
        if let (Some(socket), Some(refusal)) = (one.socket(), refusal) {
            self.outputs.push_back(Output::Close { socket, refusal });
        }
        if one.has_media {
            let room = self.id.clone();
            self.outputs.push_back(Output::Media(MediaCommand::Remove { room, participant }));
        }
        self.broadcast(Delta::ParticipantLeft { participant });
        if one.role == Role::Host {
            self.announce_rules();
        }
        self.intents.push_back(Intent::Depart { participant });
    }

    fn send_missed_deltas(
        &mut self,
        participant: ParticipantId,
        socket: SocketId,
        seq: Seq,
        position: LogPosition,
    ) {
        let missed = self.history.after(seq, position, participant, &self.log);
        self.send(socket, ServerMessage::Room(RoomMessage::Resumed { seq: self.history.seq() }));
        match missed {
            Some(missed) => {
                for (seq, delta) in missed {
                    self.send(socket, ServerMessage::Room(RoomMessage::Delta { seq, delta }));
                }
            }
            None => self.send_snapshot(participant, socket, position),
        }
    }

    fn send_snapshot(
        &mut self,
        participant: ParticipantId,
        socket: SocketId,
        position: LogPosition,
    ) {
        let entries = self
            .log
            .entries_after(position)
            .map(|missed| missed.map(|accepted| accepted.for_participant(participant)).collect());
        match entries {
            Ok(entries) => {
                let snapshot = Snapshot {
                    seq: self.history.seq(),
                    room: self.snapshot_for(participant),
                    log: LogReplay { entries },
                };
                self.send(socket, ServerMessage::Room(RoomMessage::Snapshot(snapshot)));
            }
            Err(refusal) => self.remove_participant(participant, Some(refusal)),
        }
    }

    pub(super) fn snapshot_for(&self, participant: ParticipantId) -> RoomSnapshot {
        let others = self.participants.iter().filter(|(id, _)| **id != participant);
        RoomSnapshot {
            participants: others
                .map(|(&participant, one)| ParticipantState {
                    participant,
                    tracks: one.tracks.clone(),
                })
                .collect(),
            rules: self.rules(),
            disconnected: self.disconnected().filter(|&one| one != participant).collect(),
        }
    }
}

/// Returns the refusal for a socket whose participant has connected by another one.
pub(super) fn superseded() -> Refusal {
    Refusal::new(
        RefusalCode::Superseded,
        "You are in this meeting in another window now; close this one.",
    )
}
