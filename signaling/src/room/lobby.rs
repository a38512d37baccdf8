//! The lobby of a room and the acts of its hosts: admission, waiting, and removal.

use std::collections::{BTreeMap, VecDeque};

use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, JoinPolicy, LobbyParticipant, LobbyParticipantId,
    Moderation, Opaque, ParticipantId, Predecessor, Refusal, RefusalCode, RoomMessage, Rules,
    Secret, ServerMessage, limits,
};

use super::participant::Participant;
use super::{Millis, Output, Room, SocketId};
use crate::auth::{self, Role};

/// So many who were lost find the door open; the one lost first is forgotten.
const LOST: usize = 256;

/// The door and who waits before it.
#[derive(Debug, Default)]
pub(super) struct Lobby {
    pub(super) join_policy: JoinPolicy,
    lobby_participants: BTreeMap<LobbyParticipantId, Waiting>,
    last_lobby_participant: LobbyParticipantId,
    /// The resume tokens of those who did not leave and were not removed, but lost.
    lost: VecDeque<Secret>,
}

/// A request to join.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) socket: SocketId,
    pub(crate) role: Role,
    /// Its resume token, fresh and random.
    pub(crate) token: Secret,
    /// The refusal to send if the SFU has no capacity for another participant.
    pub(crate) full: Option<Refusal>,
}

/// A participant in the lobby.
#[derive(Debug)]
struct Waiting {
    socket: SocketId,
    /// For when they are let in.
    resume_token: Secret,
    name: Option<Opaque>,
    /// The time of its last message.
    last_received_at: Millis,
}

impl Lobby {
    pub(super) fn is_empty(&self) -> bool {
        self.lobby_participants.is_empty()
    }

    /// Remembers a participant that was lost: it may join again whatever the join policy.
    pub(super) fn remember_lost(&mut self, resume_token: Secret) {
        if self.lost.len() >= LOST {
            self.lost.pop_front();
        }
        self.lost.push_back(resume_token);
    }

    /// Returns whether this token belongs to a lost participant, and forgets it.
    fn take_lost(&mut self, token: &Secret) -> bool {
        let known = self.lost.iter().position(|one| auth::same(one, token));
        known.and_then(|at| self.lost.remove(at)).is_some()
    }

    /// Returns the time of the oldest last message in the lobby.
    pub(super) fn oldest_activity(&self) -> Option<Millis> {
        self.lobby_participants.values().map(|one| one.last_received_at).min()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.lobby_participants.values().map(|one| one.socket)
    }

    fn at(&self, socket: SocketId) -> Option<LobbyParticipantId> {
        self.lobby_participants.iter().find(|(_, one)| one.socket == socket).map(|(&id, _)| id)
    }
}

impl Room {
    /// Admits a participant, queues it in the lobby, or refuses it. A participant that was in the room
    /// and did not leave is admitted whatever the policy, and needs no new place.
    pub(crate) fn admit_or_queue(
        &mut self,
        request: JoinRequest,
        predecessor: Option<&Predecessor>,
        now: Millis,
    ) {
        let JoinRequest { socket, role, token, full } = request;
        let was_lost = predecessor.is_some_and(|one| self.lobby.take_lost(&one.resume_token));
        let predecessor = predecessor.and_then(|one| self.take_over(one, now));
        if let Some(refusal) = full.filter(|_| !was_lost && predecessor.is_none()) {
            self.outputs.push_back(Output::Close { socket, refusal });
            return;
        }
        match (self.lobby.join_policy, role) {
            (JoinPolicy::Open, _) | (_, Role::Host) => {
                self.join(socket, role, token, predecessor, now)
            }
            _ if was_lost || predecessor.is_some() => {
                self.join(socket, role, token, predecessor, now)
            }
            (JoinPolicy::Locked, Role::Guest) => self.outputs.push_back(Output::Close {
                socket,
                refusal: Refusal::new(RefusalCode::RoomLocked, "the meeting is locked"),
            }),
            (JoinPolicy::Lobby, Role::Guest) => self.queue_in_lobby(socket, token, now),
        }
    }

    /// Returns the rules that everyone in the room knows.
    pub(super) fn rules(&self) -> Rules {
        let hosts = self.participants.iter().filter(|(_, one)| one.role == Role::Host);
        Rules { join_policy: self.lobby.join_policy, hosts: hosts.map(|(&id, _)| id).collect() }
    }

    /// Handles a message from the lobby.
    pub(super) fn handle_lobby_message(
        &mut self,
        socket: SocketId,
        message: ClientMessage,
        now: Millis,
    ) {
        let Some(lobby_participant) = self.lobby.at(socket) else { return };
        let Some(one) = self.lobby.lobby_participants.get_mut(&lobby_participant) else {
            return;
        };
        one.last_received_at = now;
        let outcome = match message {
            ClientMessage::Heartbeat { .. } => {
                self.send(socket, ServerMessage::Control(ControlMessage::HeartbeatEcho));
                Ok(())
            }
            ClientMessage::Knock { name } if name.0.len() > limits::KNOCK_BYTES => {
                Err(Refusal::new(
                    RefusalCode::TooLarge,
                    format!("A name has {} bytes at most; use a shorter one.", limits::KNOCK_BYTES),
                ))
            }
            ClientMessage::Knock { name } if one.name.is_none() => {
                one.name = Some(name);
                self.send_lobby_to_hosts();
                Ok(())
            }
            ClientMessage::Leave | ClientMessage::PageHide => {
                self.remove_from_lobby(socket);
                Ok(())
            }
            ClientMessage::Hello(_)
            | ClientMessage::UploadKeyPackage { .. }
            | ClientMessage::Submit(_)
            | ClientMessage::CommitVote { .. }
            | ClientMessage::SendMessage { .. }
            | ClientMessage::Offer { .. }
            | ClientMessage::SetTracks { .. }
            | ClientMessage::ReceiverVideoConstraints { .. }
            | ClientMessage::Knock { .. }
            | ClientMessage::Moderate(_) => Err(Refusal::new(
                RefusalCode::NotAllowed,
                "You are not in the meeting yet; wait until a host lets you in.",
            )),
        };
        if let Err(refusal) = outcome {
            self.send(socket, ServerMessage::Control(ControlMessage::Refused { refusal }));
        }
    }

    /// Removes a participant from the lobby: its socket closed, or it left.
    pub(super) fn remove_from_lobby(&mut self, socket: SocketId) {
        if let Some(lobby_participant) = self.lobby.at(socket) {
            self.lobby.lobby_participants.remove(&lobby_participant);
            self.send_lobby_to_hosts();
        }
    }

    /// Sends away who waits and says nothing any more.
    pub(super) fn expire_lobby(&mut self, now: Millis) {
        let heartbeat_timeout = self.limits.heartbeat_timeout;
        let silent = |one: &Waiting| one.last_received_at + heartbeat_timeout <= now;
        let over: Vec<_> =
            self.lobby.lobby_participants.iter().filter(|(_, one)| silent(one)).collect();
        let over: Vec<_> =
            over.into_iter().map(|(&lobby_participant, _)| lobby_participant).collect();
        let sentence = "no message from the lobby within the heartbeat timeout";
        self.refuse_waiting(&over, &Refusal::new(RefusalCode::TooSlow, sentence));
    }

    /// A participant does what only hosts may do.
    pub(super) fn moderate(
        &mut self,
        by: ParticipantId,
        action: &Moderation,
        now: Millis,
    ) -> Result<(), Refusal> {
        if self.role(by) != Some(Role::Host) {
            return Err(Refusal::new(
                RefusalCode::NotAllowed,
                "Only hosts of this meeting may do that; ask one of them.",
            ));
        }
        match *action {
            Moderation::SetJoinPolicy { join_policy } => self.set_join_policy(join_policy, now),
            Moderation::Admit { lobby_participant } => self.admit(&[lobby_participant], now),
            Moderation::Deny { lobby_participant } => {
                let sentence = "The host did not let you in; ask them another way.";
                self.refuse_waiting(
                    &[lobby_participant],
                    &Refusal::new(RefusalCode::Denied, sentence),
                );
            }
            Moderation::Remove { participant } => return self.remove(participant, now),
            Moderation::AskToMute { participant } => {
                let asked = self.participants.get(&participant).and_then(Participant::socket);
                if let Some(socket) = asked {
                    self.send(socket, ServerMessage::Room(RoomMessage::AskedToMute { by }));
                }
            }
        }
        Ok(())
    }

    /// Sends the lobby to a host.
    pub(super) fn send_lobby_to(&mut self, host: ParticipantId) {
        if self.role(host) == Some(Role::Host) && !self.lobby.is_empty() {
            self.send_lobby_to_hosts();
        }
    }

    /// Announces the current rules.
    pub(super) fn announce_rules(&mut self) {
        let rules = self.rules();
        self.broadcast(Delta::RulesChanged(rules));
    }

    fn queue_in_lobby(&mut self, socket: SocketId, resume_token: Secret, now: Millis) {
        if self.lobby.lobby_participants.len() >= limits::LOBBY_PARTICIPANTS {
            let refusal = Refusal::new(
                RefusalCode::RoomFull,
                "Too many people wait to be let into this meeting; try again in a minute.",
            );
            self.outputs.push_back(Output::Close { socket, refusal: refusal.with_retry_after(60) });
            return;
        }
        let lobby_participant = self.lobby.last_lobby_participant.next();
        self.lobby.last_lobby_participant = lobby_participant;
        let waiting = Waiting { socket, resume_token, name: None, last_received_at: now };
        self.lobby.lobby_participants.insert(lobby_participant, waiting);
        self.send(socket, ServerMessage::Room(RoomMessage::Waiting));
        self.send_shutdown_notice(socket, now);
        self.send_lobby_to_hosts();
    }

    fn set_join_policy(&mut self, join_policy: JoinPolicy, now: Millis) {
        if self.lobby.join_policy == join_policy {
            return;
        }
        self.lobby.join_policy = join_policy;
        self.announce_rules();
        let everybody: Vec<_> = self.lobby.lobby_participants.keys().copied().collect();
        match join_policy {
            JoinPolicy::Open => self.admit(&everybody, now),
            JoinPolicy::Lobby => {}
            JoinPolicy::Locked => {
                let sentence = "the meeting was locked";
                self.refuse_waiting(&everybody, &Refusal::new(RefusalCode::RoomLocked, sentence));
            }
        }
    }

    fn admit(&mut self, lobby_participants: &[LobbyParticipantId], now: Millis) {
        let mut changed = false;
        for lobby_participant in lobby_participants {
            let Some(one) = self.lobby.lobby_participants.remove(lobby_participant) else {
                continue;
            };
            self.join(one.socket, Role::Guest, one.resume_token, None, now);
            changed = true;
        }
        if changed {
            self.send_lobby_to_hosts();
        }
    }

    fn refuse_waiting(&mut self, lobby_participants: &[LobbyParticipantId], refusal: &Refusal) {
        let mut changed = false;
        for lobby_participant in lobby_participants {
            let Some(Waiting { socket, .. }) =
                self.lobby.lobby_participants.remove(lobby_participant)
            else {
                continue;
            };
            self.outputs.push_back(Output::Close { socket, refusal: refusal.clone() });
            changed = true;
        }
        if changed {
            self.send_lobby_to_hosts();
        }
    }

    fn remove(&mut self, participant: ParticipantId, now: Millis) -> Result<(), Refusal> {
        match self.role(participant) {
            // Who has gone meanwhile needs no removal.
            None => return Ok(()),
            Some(Role::Host) => {
                return Err(Refusal::new(
                    RefusalCode::NotAllowed,
                    "A host cannot be removed; hosts leave by themselves.",
                ));
            }
            Some(Role::Guest) => {}
        }
        if self.lobby.join_policy == JoinPolicy::Open {
            self.set_join_policy(JoinPolicy::Lobby, now);
        }
        // The one who is removed may have been lost before, and must not come back as that one.
        self.lobby.lost.clear();
        let sentence = "A host has removed you from the meeting; ask them why.";
        self.remove_participant(participant, Some(Refusal::new(RefusalCode::Removed, sentence)));
        Ok(())
    }

    fn send_lobby_to_hosts(&mut self) {
        let hosts = self.participants.values().filter(|one| one.role == Role::Host);
        let to: Vec<_> = hosts.filter_map(Participant::socket).collect();
        if to.is_empty() {
            return;
        }
        let lobby_participants = self.lobby.lobby_participants.iter();
        let lobby_participants = lobby_participants
            .map(|(&lobby_participant, one)| LobbyParticipant {
                lobby_participant,
                name: one.name.clone(),
            })
            .collect();
        self.outputs.push_back(Output::Send {
            to,
            message: ServerMessage::Room(RoomMessage::LobbyParticipants { lobby_participants }),
        });
    }

    fn role(&self, participant: ParticipantId) -> Option<Role> {
        self.participants.get(&participant).map(|one| one.role)
    }
}
