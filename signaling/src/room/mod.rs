//! One room: who is here, what they publish, and the delivery log. It decides and does nothing:
//! what it wants done comes out of [`Room::poll_output`] and [`Room::poll_append`].

mod door;
mod history;
mod participant;
#[cfg(test)]
mod tests;
mod tracks;

use std::collections::{BTreeMap, VecDeque};

use mls_delivery::{Decision, Finality, Log, Opened, Prepared, Submitted, inspect};
use signaling_protocol::media::{MediaCommand, MediaReport};
use signaling_protocol::{
    ClientMessage, Delta, Joined, LogEvent, LogPosition, LogReplay, Opaque, ParticipantId,
    ParticipantState, ReceiveSlots, Refusal, RefusalCode, Resume, RoomId, RoomSnapshot, Secret,
    Seq, ServerMessage, Snapshot, Submission, Track, VERSION, limits,
};

use self::door::Entrance;
use self::history::History;
use self::participant::{Participant, Presence};
use crate::auth::{self, Role};

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
    pub(crate) silence: Millis,
}

/// What the room wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Say this to these sockets.
    Send { to: Vec<SocketId>, message: ServerMessage },
    /// Say this to the socket and close it.
    Close { socket: SocketId, refusal: Refusal },
    /// Ask the SFU.
    Media(MediaCommand),
}

/// A change of the log that waits to be stored.
#[derive(Debug)]
enum Intent {
    Join {
        participant: ParticipantId,
        key_package: Opaque,
    },
    Submit {
        sender: ParticipantId,
        submission: Submission,
    },
    /// A member can follow it.
    Finalise {
        sender: ParticipantId,
        submission: Submission,
    },
    Depart {
        participant: ParticipantId,
    },
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
    entrance: Entrance,
    history: History,
    intents: VecDeque<Intent>,
    outputs: VecDeque<Output>,
}

impl Room {
    /// A room as its store knows it. Whoever was in it before is gone with the old sockets.
    pub(crate) fn new(id: RoomId, limits: RoomLimits, log: Log) -> Self {
        let intents = log.present().map(|participant| Intent::Depart { participant }).collect();
        Self {
            id,
            limits,
            last_participant: log.last_participant(),
            log,
            finality: Finality::default(),
            participants: BTreeMap::new(),
            entrance: Entrance::default(),
            history: History::default(),
            intents,
            outputs: VecDeque::new(),
        }
    }

    /// Nobody is here, not even for a return or before the door.
    pub(crate) fn is_empty(&self) -> bool {
        self.participants.is_empty() && self.entrance.is_empty() && self.intents.is_empty()
    }

    /// How many are here.
    pub(crate) fn participants(&self) -> usize {
        self.participants.len()
    }

    /// The log, for the shell's checkpoints.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Room::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Millis> {
        let visitors = self.entrance.oldest().map(|heard| heard + self.limits.silence);
        let ends = self.participants.values().map(|one| self.ends(one));
        ends.chain(visitors).chain(self.finality.poll_timeout()).min()
    }

    /// Somebody comes in.
    fn join(&mut self, socket: SocketId, role: Role, resume_token: Secret, now: Millis) {
        if self.participants.len() >= self.limits.participants {
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
        self.participants
            .insert(participant, Participant::new(socket, role, resume_token, position, now));
        self.send(socket, ServerMessage::Joined(joined));
        self.tell_visitors(participant);
    }

    /// Somebody comes back.
    pub(crate) fn resume(&mut self, socket: SocketId, resume: &Resume, now: Millis) {
        let known = self
            .participants
            .get_mut(&resume.participant)
            .filter(|known| auth::same(&known.resume_token, &resume.resume_token));
        let Some(known) = known else {
            let refusal = Refusal::new(
                RefusalCode::ResumeExpired,
                "You were away for too long; join the meeting again.",
            );
            self.outputs.push_back(Output::Close { socket, refusal });
            return;
        };
        let before = known.socket();
        known.presence = Presence::Here { socket };
        known.heard = now;
        known.note_progress(resume.position, now);
        // What it has missed is sent only now.
        known.behind_since = known.behind_since.map(|_| now);
        if let Some(socket) = before {
            let refusal = Refusal::new(
                RefusalCode::Superseded,
                "You are in this meeting in another window now; close this one.",
            );
            self.outputs.push_back(Output::Close { socket, refusal });
        }
        self.catch_up(resume.participant, socket, resume.seq, resume.position);
        self.tell_visitors(resume.participant);
        self.ask(resume.participant, socket);
    }

    /// A socket said something.
    pub(crate) fn handle_message(&mut self, socket: SocketId, message: ClientMessage, now: Millis) {
        let Some(participant) = self.at(socket) else {
            self.visitor_says(socket, message, now);
            return;
        };
        if let Some(one) = self.participants.get_mut(&participant) {
            one.heard = now;
        }
        let outcome = match message {
            ClientMessage::Hello(_) => Err(Refusal::new(
                RefusalCode::NotAllowed,
                "A socket says hello once; reload the page.",
            )),
            ClientMessage::UploadKeyPackage { key_package } => inspect::key_package(&key_package)
                .map(|()| self.intents.push_back(Intent::Join { participant, key_package })),
            ClientMessage::Submit(submission) => {
                self.intents.push_back(Intent::Submit { sender: participant, submission });
                Ok(())
            }
            ClientMessage::Judge { message_id, verdict } => {
                let decision = self.finality.judge(participant, &message_id, verdict, now);
                self.conclude(decision);
                Ok(())
            }
            ClientMessage::Heartbeat { position } => {
                self.heartbeat(participant, position, now);
                self.send(socket, ServerMessage::HeartbeatEcho);
                Ok(())
            }
            ClientMessage::SendMessage { message } => self.relay(participant, message),
            ClientMessage::Offer { sdp } => self.offer(participant, sdp),
            ClientMessage::SetTracks { tracks } => self.set_tracks(participant, tracks),
            ClientMessage::Knock { .. } => Err(Refusal::new(
                RefusalCode::NotAllowed,
                "You are in the meeting already; there is no need to knock.",
            )),
            ClientMessage::Moderate(action) => self.moderate(participant, &action, now),
            ClientMessage::Leave => {
                self.part(participant, None);
                Ok(())
            }
        };
        if let Err(refusal) = outcome {
            self.send(socket, ServerMessage::Refused { refusal });
        }
    }

    /// A socket broke; its participant may come back for a while.
    pub(crate) fn handle_closed(&mut self, socket: SocketId, now: Millis) {
        if let Some(participant) = self.at(socket)
            && let Some(one) = self.participants.get_mut(&participant)
        {
            one.presence = Presence::Away { since: now };
        } else {
            self.forget_visitor(socket);
        }
    }

    /// A socket's reader was too slow and has lost deltas: it gets a snapshot, once in a while.
    pub(crate) fn handle_lagging(&mut self, socket: SocketId, now: Millis) {
        let Some(participant) = self.at(socket) else { return };
        let silence = self.limits.silence;
        let Some(one) = self.participants.get_mut(&participant) else { return };
        let again = one.resynchronised.is_some_and(|before| now.saturating_sub(before) < silence);
        one.resynchronised = Some(now);
        let position = one.position;
        if again {
            let refusal = Refusal::new(
                RefusalCode::TooSlow,
                "Your connection is too slow for this meeting's messages; join it again.",
            );
            self.part(participant, Some(refusal));
        } else {
            self.send_snapshot(participant, socket, position);
            self.tell_visitors(participant);
            self.ask(participant, socket);
        }
    }

    /// The SFU reported something.
    pub(crate) fn handle_media(&mut self, participant: ParticipantId, report: MediaReport) {
        let Some(one) = self.participants.get(&participant) else { return };
        let message = match report {
            MediaReport::Answer { sdp } => ServerMessage::Answer { sdp },
            MediaReport::Refused { refusal } => ServerMessage::Refused { refusal },
            MediaReport::Lost { refusal } => ServerMessage::MediaLost { refusal },
            MediaReport::Connected => return,
        };
        if let Some(socket) = one.socket() {
            self.send(socket, message);
        }
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Millis) {
        self.forget_silent_visitors(now);
        let over: Vec<_> = self
            .participants
            .iter()
            .filter(|(_, one)| self.ends(one) <= now)
            .map(|(&participant, one)| (participant, one.heard + self.limits.silence <= now))
            .collect();
        for (participant, silent) in over {
            let sentence = if silent {
                "Nothing has been heard from you for too long; join the meeting again."
            } else {
                "You have fallen behind the meeting's key changes; join it again."
            };
            self.part(participant, Some(Refusal::new(RefusalCode::TooSlow, sentence)));
        }
        let decision = self.finality.handle_timeout(now);
        self.conclude(decision);
    }

    /// The next change of the log, to be stored. Answer with [`Room::appended`] or
    /// [`Room::not_appended`] before asking again.
    pub(crate) fn poll_append(&mut self, now: Millis) -> Option<Prepared> {
        while let Some(intent) = self.intents.pop_front() {
            let decided = match intent {
                Intent::Join { participant, key_package } => {
                    let joined = self.log.join(participant, key_package);
                    joined.map(Some).map_err(|refusal| (participant, refusal))
                }
                Intent::Depart { participant } => Ok(self.log.depart(participant)),
                Intent::Submit { sender, submission } => {
                    let message_id = submission.message_id.clone();
                    self.open(sender, submission, now)
                        .map(|()| None)
                        .map_err(|refusal| (sender, refusal.about(message_id)))
                }
                Intent::Finalise { sender, submission } => self.finalise(sender, submission),
            };
            match decided {
                Ok(Some(prepared)) => return Some(prepared),
                Ok(None) => {}
                Err((participant, refusal)) => self.refuse(participant, refusal),
            }
        }
        None
    }

    /// A prepared change is stored: it becomes true, and everybody hears of it.
    pub(crate) fn appended(&mut self, prepared: Prepared, now: Millis) {
        let accepted = self.log.apply(prepared).clone();
        let position = accepted.entry().position;
        let seq = self.history.log(position);
        let mut alike = Vec::new();
        for (&participant, one) in &self.participants {
            let Some(socket) = one.socket() else { continue };
            let entry = accepted.for_participant(participant);
            if has_welcome(&entry.event) {
                let delta = Delta::Log { entry };
                let message = ServerMessage::Delta { seq, delta };
                self.outputs.push_back(Output::Send { to: vec![socket], message });
            } else {
                alike.push(socket);
            }
        }
        if !alike.is_empty() {
            // Participant 0 does not exist: nobody's view, without a Welcome.
            let entry = accepted.for_participant(ParticipantId::default());
            let message = ServerMessage::Delta { seq, delta: Delta::Log { entry } };
            self.outputs.push_back(Output::Send { to: alike, message });
        }
        if let LogEvent::Departed { participant } = accepted.entry().event {
            let decision = self.finality.departed(participant, now);
            self.conclude(decision);
        }
    }

    /// A prepared change could not be stored. Departures are tried again; all else is its
    /// sender's to try again, so that nothing piles up while the store does not work.
    pub(crate) fn not_appended(&mut self, prepared: &Prepared) {
        let mut refused = Vec::new();
        match &prepared.record().entry.event {
            LogEvent::Departed { participant } => {
                self.intents.push_back(Intent::Depart { participant: *participant });
            }
            LogEvent::Joined(joined) => refused.push(joined.participant),
            LogEvent::Handshake(handshake) => refused.push(handshake.sender),
        }
        self.intents.retain(|intent| match intent {
            Intent::Join { participant, .. }
            | Intent::Submit { sender: participant, .. }
            | Intent::Finalise { sender: participant, .. } => {
                refused.push(*participant);
                false
            }
            // Whose KeyPackage was never stored needs no departure.
            Intent::Depart { participant } => self.log.depart(*participant).is_some(),
        });
        for participant in refused {
            let refusal = Refusal::new(
                RefusalCode::StorageUnavailable,
                "The server cannot store anything just now; it is tried again.",
            );
            self.refuse(participant, refusal.with_retry_after(2));
        }
    }

    /// Closes every socket and ends the media: the server ends, or the room has moved.
    pub(crate) fn close_all(&mut self, refusal: &Refusal) {
        for socket in self.entrance.sockets() {
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

    /// A submission has come: members are asked whether they can follow it.
    fn open(
        &mut self,
        sender: ParticipantId,
        submission: Submission,
        now: Millis,
    ) -> Result<(), Refusal> {
        match self.log.submit(sender, submission.clone())? {
            Submitted::New(_) => inspect::submission(&self.id, self.log.created(), &submission)?,
            // The sender has it from the log, or will have it when it has caught up.
            Submitted::Known(_) => return Ok(()),
        }
        match self.finality.open(&self.log, sender, submission, now)? {
            Opened::Known => {}
            Opened::Final(submission) => {
                self.intents.push_front(Intent::Finalise { sender, submission });
            }
            Opened::Tentative(asked) => {
                let question = asked.iter().find_map(|&one| self.finality.question(one));
                if let Some(handshake) = question {
                    self.tell(asked, ServerMessage::Tentative { handshake });
                }
            }
        }
        Ok(())
    }

    /// A commit that was judged goes into the log, if it still fits there.
    fn finalise(
        &mut self,
        sender: ParticipantId,
        submission: Submission,
    ) -> Result<Option<Prepared>, (ParticipantId, Refusal)> {
        let message_id = submission.message_id.clone();
        match self.log.submit(sender, submission) {
            Ok(Submitted::New(prepared)) => Ok(Some(prepared)),
            Ok(Submitted::Known(_)) => Ok(None),
            Err(refusal) => {
                self.conclude(Some(Decision::Dropped(message_id.clone())));
                Err((sender, refusal.about(message_id)))
            }
        }
    }

    /// A judgement has come to its end.
    fn conclude(&mut self, decision: Option<Decision>) {
        match decision {
            // Before anything else, or what comes first could make it stale.
            Some(Decision::Final { sender, submission }) => {
                self.intents.push_front(Intent::Finalise { sender, submission });
            }
            Some(Decision::Dropped(message_id)) => {
                let members: Vec<_> = self.log.present_members().collect();
                self.tell(members, ServerMessage::Dropped { message_id });
            }
            None => {}
        }
    }

    /// Asks one who comes back what the others were asked.
    fn ask(&mut self, participant: ParticipantId, socket: SocketId) {
        if let Some(handshake) = self.finality.question(participant) {
            self.send(socket, ServerMessage::Tentative { handshake });
        }
    }

    fn tell(&mut self, whom: impl IntoIterator<Item = ParticipantId>, message: ServerMessage) {
        let socket = |one: ParticipantId| self.participants.get(&one)?.socket();
        let to: Vec<_> = whom.into_iter().filter_map(socket).collect();
        if !to.is_empty() {
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    /// An application message, in one order with the log's entries: a member that has read up to
    /// here can open it.
    fn relay(&mut self, sender: ParticipantId, message: Opaque) -> Result<(), Refusal> {
        if !self.log.present_members().any(|member| member == sender) {
            return Err(Refusal::new(
                RefusalCode::NotAllowed,
                "Only members of the encrypted call can say something; wait to be let in.",
            ));
        }
        let (created, handshakes) = (self.log.created(), self.log.handshakes());
        inspect::application_message(&self.id, created, handshakes, &message)?;
        self.broadcast(Delta::Message { sender, message });
        Ok(())
    }

    fn heartbeat(&mut self, participant: ParticipantId, position: LogPosition, now: Millis) {
        let newest = self.log.position();
        if let Some(one) = self.participants.get_mut(&participant) {
            one.note_progress(position.min(newest), now);
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
            if !tracks.is_empty() {
                let command = MediaCommand::SetTracks { room, participant, tracks };
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

    /// Takes somebody out, telling it why if there is something to tell.
    fn part(&mut self, participant: ParticipantId, refusal: Option<Refusal>) {
        let Some(one) = self.participants.remove(&participant) else { return };
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

    fn catch_up(
        &mut self,
        participant: ParticipantId,
        socket: SocketId,
        seq: Seq,
        position: LogPosition,
    ) {
        let missed = self.history.after(seq, position, participant, &self.log);
        self.send(socket, ServerMessage::Resumed { seq: self.history.seq() });
        match missed {
            Some(missed) => {
                for (seq, delta) in missed {
                    self.send(socket, ServerMessage::Delta { seq, delta });
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
                self.send(socket, ServerMessage::Snapshot(snapshot));
            }
            Err(refusal) => self.part(participant, Some(refusal)),
        }
    }

    fn snapshot_for(&self, participant: ParticipantId) -> RoomSnapshot {
        let others = self.participants.iter().filter(|(id, _)| **id != participant);
        RoomSnapshot {
            participants: others
                .map(|(&participant, one)| ParticipantState {
                    participant,
                    tracks: one.tracks.clone(),
                })
                .collect(),
            rules: self.rules(),
        }
    }

    /// Everybody hears it, also whom it is about: deltas come to everybody without a gap.
    fn broadcast(&mut self, delta: Delta) {
        let seq = self.history.plain(delta.clone());
        let to: Vec<_> = self.participants.values().filter_map(Participant::socket).collect();
        if !to.is_empty() {
            let message = ServerMessage::Delta { seq, delta };
            self.outputs.push_back(Output::Send { to, message });
        }
    }

    fn refuse(&mut self, participant: ParticipantId, refusal: Refusal) {
        if let Some(socket) = self.participants.get(&participant).and_then(Participant::socket) {
            self.send(socket, ServerMessage::Refused { refusal });
        }
    }

    fn send(&mut self, socket: SocketId, message: ServerMessage) {
        self.outputs.push_back(Output::Send { to: vec![socket], message });
    }

    fn at(&self, socket: SocketId) -> Option<ParticipantId> {
        let at = |one: &Participant| one.socket() == Some(socket);
        self.participants.iter().find(|(_, one)| at(one)).map(|(&id, _)| id)
    }

    /// When a participant is taken out, if nothing changes.
    fn ends(&self, one: &Participant) -> Millis {
        match one.presence {
            Presence::Away { since } => since + self.limits.resume_window,
            Presence::Here { .. } => {
                one.behind_since.unwrap_or(one.heard).min(one.heard) + self.limits.silence
            }
        }
    }
}

fn has_welcome(event: &LogEvent) -> bool {
    match event {
        LogEvent::Handshake(handshake) => {
            matches!(&handshake.step, signaling_protocol::Step::Commit { welcome: Some(_), .. })
        }
        LogEvent::Joined(_) | LogEvent::Departed { .. } => false,
    }
}
