//! One room: participants, their tracks, and the delivery log. It decides and performs no I/O; its
//! outputs come from [`Room::poll_output`] and [`Room::poll_append`].

mod disconnected;
mod eviction;
mod handshakes;
mod history;
mod lobby;
mod membership;
mod participant;
mod shutdown_notice;
#[cfg(test)]
mod tests;
mod tracks;

use std::collections::{BTreeMap, VecDeque};

use mls_delivery::trace::Traced;
use mls_delivery::{Finality, Log, inspect};
use sfu_core::{MediaCommand, MediaReport};
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, LogPosition, MediaMessage, Opaque, ParticipantId,
    ParticipantState, ReceiveSlots, ReceiverVideoConstraint, Refusal, RefusalCode, RoomId,
    RoomMessage, ServerMessage, Track, limits,
};

use self::handshakes::Intent;
use self::history::History;
pub(crate) use self::lobby::JoinRequest;
use self::lobby::Lobby;
use self::participant::Participant;
pub(crate) use self::shutdown_notice::ShutdownNotice;

/// Milliseconds on the shell's clock.
pub(crate) type Millis = u64;

/// One socket, for the room: a number that is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(crate) u64);

/// The limits that a room keeps.
#[derive(Debug, Clone)]
pub(crate) struct RoomLimits {
    pub(crate) participants: usize,
    pub(crate) slots: ReceiveSlots,
    pub(crate) resume_window: Millis,
    pub(crate) heartbeat_timeout: Millis,
}

/// An action that the room requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Say this to these sockets.
    Send { to: Vec<SocketId>, message: ServerMessage },
    /// Say this to the socket and close it.
    Close { socket: SocketId, refusal: Refusal },
    /// Closes the socket without a message: its participant may resume on another one.
    Drop { socket: SocketId },
    /// Ask the SFU.
    Media(MediaCommand),
    /// Write this down.
    Trace(Traced),
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    id: RoomId,
    limits: RoomLimits,
    log: Log,
    finality: Finality,
    participants: BTreeMap<ParticipantId, Participant>,
    last_participant: ParticipantId,
    lobby: Lobby,
    history: History,
    /// The time since which participants have waited for members that do not act: see
    /// [`Room::unresponsive_deadline`].
    waiting_since: Option<Millis>,
    shutdown_notice: ShutdownNotice<Millis>,
    intents: VecDeque<Intent>,
    outputs: VecDeque<Output>,
    /// Steps of the delivery service are recorded.
    traces: bool,
}

impl Room {
    /// Creates a room from its stored log. Participants of an earlier process are gone with their
    /// sockets.
    pub(crate) fn new(id: RoomId, limits: RoomLimits, log: Log) -> Self {
        let intents = log.present().map(|participant| Intent::Depart { participant }).collect();
        Self {
            id,
            limits,
            last_participant: log.last_participant(),
            log,
            finality: Finality::default(),
            participants: BTreeMap::new(),
            lobby: Lobby::default(),
            history: History::default(),
            waiting_since: None,
            shutdown_notice: ShutdownNotice::None,
            intents,
            outputs: VecDeque::new(),
            traces: false,
        }
    }

    /// Starts recording every step of the delivery service.
    pub(crate) fn start_trace(&mut self) {
        self.traces = true;
    }

    /// Returns whether the room has no participant, connected, disconnected or in the lobby.
    pub(crate) fn is_empty(&self) -> bool {
        self.participants.is_empty() && self.lobby.is_empty() && self.intents.is_empty()
    }

    /// Returns the number of participants.
    pub(crate) fn participants(&self) -> usize {
        self.participants.len()
    }

    /// The log, for the shell's checkpoints.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the next action.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Room::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Millis> {
        let lobby_participants = self
            .lobby
            .oldest_activity()
            .map(|last_received_at| last_received_at + self.limits.heartbeat_timeout);
        let ends = self.participants.iter().map(|(&id, one)| self.removal_deadline(id, one));
        let disconnected = self.poll_connections();
        ends.chain(lobby_participants).chain(disconnected).chain(self.finality.poll_timeout()).min()
    }

    /// A socket said something.
    pub(crate) fn handle_message(&mut self, socket: SocketId, message: ClientMessage, now: Millis) {
        let Some(participant) = self.at(socket) else {
            self.handle_lobby_message(socket, message, now);
            return;
        };
        if let Some(one) = self.participants.get_mut(&participant) {
            one.last_received_at = now;
        }
        let outcome = match message {
            ClientMessage::Hello(_) => Err(Refusal::new(
                RefusalCode::NotAllowed,
                "A socket says hello once; reload the page.",
            )),
            ClientMessage::UploadKeyPackage { key_package } => {
                let replaces = self.participants.get(&participant).and_then(|one| one.predecessor);
                inspect::key_package(&key_package).map(|()| {
                    self.intents.push_back(Intent::Join { participant, key_package, replaces });
                })
            }
            ClientMessage::Submit(submission) => {
                self.intents.push_back(Intent::Submit { sender: participant, submission });
                Ok(())
            }
            ClientMessage::CommitVote { message_id, vote } => {
                self.record_vote(participant, message_id, vote, now);
                Ok(())
            }
            ClientMessage::Heartbeat { position } => {
                self.heartbeat(participant, position, now);
                self.send(socket, ServerMessage::Control(ControlMessage::HeartbeatEcho));
                Ok(())
            }
            ClientMessage::SendMessage { message } => {
                self.broadcast_message(participant, message, now)
            }
            ClientMessage::Offer { sdp } => self.offer(participant, sdp),
            ClientMessage::SetTracks { tracks } => self.set_tracks(participant, tracks),
            ClientMessage::ReceiverVideoConstraints { constraints } => {
                self.set_receiver_video_constraints(participant, constraints)
            }
            ClientMessage::Knock { .. } => Err(Refusal::new(
                RefusalCode::NotAllowed,
                "You are in the meeting already; there is no need to knock.",
            )),
            ClientMessage::Moderate(action) => self.moderate(participant, &action, now),
            ClientMessage::PageHide => {
                self.page_hide(participant, now);
                Ok(())
            }
            ClientMessage::Leave => {
                self.remove_participant(participant, None);
                Ok(())
            }
        };
        if let Err(refusal) = outcome {
            self.send(socket, ServerMessage::Control(ControlMessage::Refused { refusal }));
        }
    }

    /// The SFU reported something.
    pub(crate) fn handle_media(
        &mut self,
        participant: ParticipantId,
        report: MediaReport,
        now: Millis,
    ) {
        let Some(one) = self.participants.get_mut(&participant) else { return };
        let message = match report {
            MediaReport::Answer { sdp } => ServerMessage::Media(MediaMessage::Answer { sdp }),
            MediaReport::Refused { refusal } => {
                ServerMessage::Control(ControlMessage::Refused { refusal })
            }
            MediaReport::Lost { refusal } => {
                self.media_lost(participant, now);
                ServerMessage::Media(MediaMessage::MediaLost { refusal })
            }
            MediaReport::SubscribedQuality(wanted) => {
                one.set_subscribed_quality(wanted.clone());
                ServerMessage::Media(MediaMessage::SubscribedQuality(wanted))
            }
            MediaReport::Downlink(downlink) => {
                ServerMessage::Media(MediaMessage::Downlink(downlink))
            }
            MediaReport::Connected => return self.media_restored(participant, now),
        };
        if let Some(socket) = self.participants.get(&participant).and_then(Participant::socket) {
            self.send(socket, message);
        }
    }

    /// Reports again which encodings of a participant's tracks are received, which it may have missed.
    fn resend_subscribed_quality(&mut self, participant: ParticipantId, socket: SocketId) {
        let Some(one) = self.participants.get(&participant) else { return };
        for wanted in one.wanted.clone() {
            self.send(socket, ServerMessage::Media(MediaMessage::SubscribedQuality(wanted)));
        }
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Millis) {
        self.expire_lobby(now);
        self.disconnect_silent(now);
        let over =
            self.participants.iter().filter(|&(&id, one)| self.removal_deadline(id, one) <= now);
        let over: Vec<_> = over.map(|(&id, one)| (id, self.removal_reason(id, one, now))).collect();
        for (participant, sentence) in over {
            self.remove_participant(
                participant,
                Some(Refusal::new(RefusalCode::TooSlow, sentence)),
            );
        }
        self.announce_connections(now);
        self.close_overdue_vote(now);
    }

    /// Closes every socket and ends the media: the server ends, or the room has moved.
    pub(crate) fn close_all(&mut self, refusal: &Refusal) {
        for socket in self.lobby.sockets() {
            self.outputs.push_back(Output::Close { socket, refusal: refusal.clone() });
        }
        for (&participant, one) in &self.participants {
            if let Some(socket) = one.socket() {
                self.outputs.push_back(Output::Close { socket, refusal: refusal.clone() });
            }
            if one.has_media {
                let room = self.id.clone();
                self.outputs.push_back(Output::Media(MediaCommand::Remove { room, participant }));
            }
        }
    }

    fn send_to(&mut self, whom: impl IntoIterator<Item = ParticipantId>, message: ServerMessage) {
        let socket = |one: ParticipantId| self.participants.get(&one)?.socket();
        let to: Vec<_> = whom.into_iter().filter_map(socket).collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    /// An application message, in one order with the log's entries: a member that has read up to
    /// here can open it.
    fn broadcast_message(
        &mut self,
        sender: ParticipantId,
        message: Opaque,
        now: Millis,
    ) -> Result<(), Refusal> {
        if !self.log.is_present_member(sender) {
            return Err(Refusal::new(
                RefusalCode::NotAllowed,
                "Only members of the encrypted call can say something; wait to be let in.",
            ));
        }
        let (created, handshakes) = (self.log.created(), self.log.handshakes());
        inspect::application_message(&self.id, created, handshakes, &message)?;
        if let Some(one) = self.participants.get_mut(&sender) {
            one.last_sent_at = now;
        }
        self.broadcast(Delta::Message { sender, message });
        Ok(())
    }

    fn heartbeat(&mut self, participant: ParticipantId, position: LogPosition, now: Millis) {
        let newest = self.log.position();
        if let Some(one) = self.participants.get_mut(&participant) {
            one.record_progress(position.min(newest), now);
            if one.position == newest {
                one.behind_since = None;
            } else {
                one.behind_since.get_or_insert(now);
            }
        }
    }

    fn offer(&mut self, participant: ParticipantId, sdp: String) -> Result<(), Refusal> {
        if sdp.len() > limits::SDP_BYTES {
            return Err(Refusal::new(
                RefusalCode::TooLarge,
                format!(
                    "This offer has {} bytes, {} are allowed; send fewer tracks.",
                    sdp.len(),
                    limits::SDP_BYTES
                ),
            ));
        }
        if let Some(one) = self.participants.get_mut(&participant) {
            one.has_media = true;
            let tracks = one.tracks.clone();
            let room = self.id.clone();
            let command = MediaCommand::Offer { room: room.clone(), participant, sdp };
            self.outputs.push_back(Output::Media(command));
            let constraints = one.constraints.clone();
            if !tracks.is_empty() {
                let command = MediaCommand::SetTracks { room: room.clone(), participant, tracks };
                self.outputs.push_back(Output::Media(command));
            }
            if !constraints.is_empty() {
                let command =
                    MediaCommand::ReceiverVideoConstraints { room, participant, constraints };
                self.outputs.push_back(Output::Media(command));
            }
        }
        Ok(())
    }

    fn set_tracks(
        &mut self,
        participant: ParticipantId,
        tracks: Vec<Track>,
    ) -> Result<(), Refusal> {
        tracks::check(&tracks)?;
        if let Some(one) = self.participants.get_mut(&participant)
            && one.tracks != tracks
        {
            one.tracks.clone_from(&tracks);
            if one.has_media {
                let room = self.id.clone();
                let tracks = tracks.clone();
                let command = MediaCommand::SetTracks { room, participant, tracks };
                self.outputs.push_back(Output::Media(command));
            }
            self.broadcast(Delta::TracksChanged(ParticipantState { participant, tracks }));
        }
        Ok(())
    }

    fn set_receiver_video_constraints(
        &mut self,
        participant: ParticipantId,
        constraints: Vec<ReceiverVideoConstraint>,
    ) -> Result<(), Refusal> {
        tracks::check_constraints(&constraints)?;
        if let Some(one) = self.participants.get_mut(&participant)
            && one.constraints != constraints
        {
            one.constraints.clone_from(&constraints);
            if one.has_media {
                let room = self.id.clone();
                let command =
                    MediaCommand::ReceiverVideoConstraints { room, participant, constraints };
                self.outputs.push_back(Output::Media(command));
            }
        }
        Ok(())
    }
    /// Sends a delta to all participants, including its subject: deltas have no gaps.
    fn broadcast(&mut self, delta: Delta) {
        let seq = self.history.push(delta.clone());
        let to: Vec<_> = self.participants.values().filter_map(Participant::socket).collect();
        if !to.is_empty() {
            let message = ServerMessage::Room(RoomMessage::Delta { seq, delta });
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    fn refuse(&mut self, participant: ParticipantId, refusal: Refusal) {
        if let Some(socket) = self.participants.get(&participant).and_then(Participant::socket) {
            self.send(socket, ServerMessage::Control(ControlMessage::Refused { refusal }));
        }
    }

    fn send(&mut self, socket: SocketId, message: ServerMessage) {
        self.outputs.push_back(Output::Send { to: vec![socket], message });
    }

    fn at(&self, socket: SocketId) -> Option<ParticipantId> {
        let at = |one: &Participant| one.socket() == Some(socket);
        self.participants.iter().find(|(_, one)| at(one)).map(|(&id, _)| id)
    }
}
