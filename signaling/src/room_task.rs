//! The task that owns a room: it brings messages in, stores what the room decides, and carries
//! out what the room wants.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mls_delivery::{Log, Prepared, Record};
use mls_delivery_storage::{AppendOutcome, Fence, NodeId, StoredLog};
use sfu_core::MediaEvent;
use signaling_protocol::{
    ClientMessage, ControlMessage, LogPosition, Predecessor, Refusal, RefusalCode, Resume, RoomId,
    ServerMessage,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::auth::{self, Role};
use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::queue::{DeliveryClass, Lagging, Outgoing, SendQueue};
use crate::room::{JoinRequest, Output, Room, RoomLimits, ShutdownNotice, SocketId};
use crate::sfu_link::MediaPlane;
use crate::spans::{self, Spans};
use crate::store::{Store, StoreFailure};

/// Log target at level `trace` under which the steps of the delivery service are written, one JSON
/// object each.
const TRACE_TARGET: &str = "protocol_trace";

/// Time for which a room without participants is kept in memory.
const LINGER: Duration = Duration::from_secs(30);
/// After a failure of the store, the next try.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// Number of entries no participant can ask for any more after which the log is compacted.
const COMPACT_AFTER: u64 = 64;

/// The kind of a join.
#[derive(Debug)]
pub(crate) enum JoinKind {
    /// A new participant, perhaps in the place of another one.
    New(Option<Predecessor>),
    /// As a participant whose socket broke.
    Resume(Resume),
}

/// An input of a room.
#[derive(Debug)]
pub(crate) enum RoomInput {
    /// A socket with its hello.
    Hello { socket: SocketId, queue: Arc<SendQueue>, role: Role, kind: JoinKind, join: Span },
    /// A socket said something.
    Message { socket: SocketId, message: ClientMessage },
    /// A socket broke.
    Closed { socket: SocketId },
    /// The SFU reported something.
    Media(MediaEvent),
    /// Asks for the number of participants and the age of the room.
    Describe { answer: oneshot::Sender<(usize, Duration)> },
    /// Ends the meeting.
    End { refusal: Refusal },
}

/// The dependencies of a room task.
#[derive(Clone)]
pub(crate) struct RoomContext {
    pub(crate) config: Arc<SignalingConfig>,
    pub(crate) store: Store,
    pub(crate) media: Arc<dyn MediaPlane>,
    pub(crate) metrics: Metrics,
    /// The shutdown that the operator has planned. A room reads it when it starts.
    pub(crate) shutdown_notice: watch::Receiver<ShutdownNotice<Instant>>,
    pub(crate) stop: CancellationToken,
}

/// Runs a room until it has been empty for a while, or the service stops.
pub(crate) async fn run(id: RoomId, context: RoomContext, mut inputs: mpsc::Receiver<RoomInput>) {
    match open(&id, &context).await {
        Ok((room, fence, compacted)) => {
            let mut task = RoomTask {
                id,
                context,
                room,
                fence,
                compacted,
                queues: HashMap::new(),
                spans: Spans::default(),
                counted: 0,
                started: Instant::now(),
            };
            task.context.metrics.rooms.inc();
            task.run(&mut inputs).await;
            task.count_participants(0);
            task.context.metrics.rooms.dec();
        }
        Err(refusal) => {
            inputs.close();
            refuse(&mut inputs, &refusal).await;
        }
    }
}

/// Refuses all joins that are still queued.
async fn refuse(inputs: &mut mpsc::Receiver<RoomInput>, refusal: &Refusal) {
    while let Some(input) = inputs.recv().await {
        if let RoomInput::Hello { queue, join, .. } = input {
            spans::refused(&join, refusal.code);
            queue.close(refusal.clone());
        }
    }
}

/// Takes the room from the store.
async fn open(id: &RoomId, context: &RoomContext) -> Result<(Room, Fence, LogPosition), Refusal> {
    let node = NodeId(context.config.node.clone());
    let (fence, stored) = context.store.open(id.clone(), node).await.map_err(refusal_of)?;
    // The store's own checkpoint may lie before the log's base: entries between them pile up.
    let compacted = stored.entries.first().map(|(first, _)| LogPosition(first.0.saturating_sub(1)));
    let log = restore(stored).map_err(|problem| {
        tracing::error!(room = %id, problem, "the stored log cannot be read");
        refusal_of(StoreFailure::Unavailable)
    })?;
    let config = &context.config;
    let limits = RoomLimits {
        participants: config.participants_per_room,
        slots: config.slots,
        resume_window: millis(config.resume_window),
        heartbeat_timeout: millis(config.heartbeat_timeout),
    };
    let compacted = compacted.unwrap_or(log.position());
    let mut room = Room::new(id.clone(), limits, log);
    if tracing::enabled!(target: TRACE_TARGET, tracing::Level::TRACE) {
        room.start_trace();
    }
    Ok((room, fence, compacted))
}

fn restore(stored: StoredLog) -> Result<Log, String> {
    let mut log = match stored.checkpoint {
        Some(bytes) => {
            Log::restore(serde_json::from_slice(&bytes).map_err(|error| error.to_string())?)
        }
        None => Log::default(),
    };
    for (position, bytes) in stored.entries {
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        if record.entry.position != position {
            return Err(format!("entry {position} says it is {}", record.entry.position));
        }
        log.replay_record(record).map_err(|missing| format!("entry {missing} is missing"))?;
    }
    Ok(log)
}

/// Returns the refusal for a failure of the store.
pub(crate) fn refusal_of(failure: StoreFailure) -> Refusal {
    match failure {
        StoreFailure::UnknownRoom => Refusal::new(
            RefusalCode::UnknownRoom,
            "There is no such meeting here: check the link, or start a new one.",
        ),
        StoreFailure::Full => Refusal::new(
            RefusalCode::ServerFull,
            "This server has as many meetings as it can; try again later.",
        )
        .with_retry_after(600),
        StoreFailure::Unavailable => Refusal::new(
            RefusalCode::StorageUnavailable,
            "The server cannot reach its store; try again in a moment.",
        )
        .with_retry_after(2),
    }
}

/// Returns the refusal for the end of the service.
pub(crate) fn shutting_down() -> Refusal {
    Refusal::new(RefusalCode::ShuttingDown, "the service ends").with_retry_after(2)
}

struct RoomTask {
    id: RoomId,
    context: RoomContext,
    room: Room,
    fence: Fence,
    /// Up to here the store holds a checkpoint.
    compacted: LogPosition,
    queues: HashMap<SocketId, Arc<SendQueue>>,
    spans: Spans,
    /// Participants that the gauge counts for this room.
    counted: i64,
    started: Instant,
}

/// The room is no longer this task's.
struct Lost;

impl RoomTask {
    async fn run(&mut self, inputs: &mut mpsc::Receiver<RoomInput>) {
        // When the store is tried again, if it has failed.
        let mut store_retry: Option<Instant> = None;
        let mut empty_since = None;
        loop {
            if store_retry.is_none_or(|at| at <= Instant::now()) {
                match self.store_intents().await {
                    Ok(true) => store_retry = None,
                    Ok(false) => store_retry = Some(Instant::now() + STORE_RETRY),
                    Err(Lost) => {
                        let refusal = refusal_of(StoreFailure::Unavailable);
                        self.end(inputs, &refusal).await;
                        return;
                    }
                }
            }
            self.execute_outputs();
            self.count_participants(self.room.participants());

            let now = Instant::now();
            empty_since = self.room.is_empty().then(|| empty_since.unwrap_or(now));
            let due = [
                self.room.poll_timeout().map(|at| self.started + Duration::from_millis(at)),
                store_retry,
                empty_since.map(|since: Instant| since + LINGER),
            ];
            let due = due.into_iter().flatten().min();
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(RoomInput::End { refusal }) => {
                        self.end(inputs, &refusal).await;
                        return;
                    }
                    Some(input) => self.handle(input),
                    None => return,
                },
                () = sleep_until(due.unwrap_or(now)), if due.is_some() => {
                    if empty_since.is_some_and(|since| since.elapsed() >= LINGER) {
                        let refusal = Refusal::new(
                            RefusalCode::ResumeExpired,
                            "The meeting was just being closed; join it again.",
                        );
                        self.end(inputs, &refusal).await;
                        return;
                    }
                    self.room.handle_timeout(self.now());
                }
                Ok(()) = self.context.shutdown_notice.changed() => {
                    let shutdown_notice = *self.context.shutdown_notice.borrow_and_update();
                    let shutdown_notice = shutdown_notice.map(|at| millis(at - self.started));
                    self.room.announce_shutdown(shutdown_notice, self.now());
                }
                () = self.context.stop.cancelled() => {
                    self.end(inputs, &shutting_down()).await;
                    return;
                }
            }
        }
    }

    /// Closes all sockets, in the room, the lobby and the queue.
    async fn end(&mut self, inputs: &mut mpsc::Receiver<RoomInput>, refusal: &Refusal) {
        self.room.close_all(refusal);
        self.execute_outputs();
        inputs.close();
        refuse(inputs, refusal).await;
    }

    fn handle(&mut self, input: RoomInput) {
        let now = self.now();
        match input {
            RoomInput::Hello { socket, queue, role, kind, join } => {
                self.queues.insert(socket, queue);
                self.spans.join_started(socket, join);
                match kind {
                    JoinKind::Resume(resume) => self.room.resume(socket, &resume, now),
                    JoinKind::New(predecessor) => match auth::resume_token() {
                        Ok(token) => {
                            let full = self.context.media.admits(Some(&self.id)).err();
                            let request = JoinRequest { socket, role, token, full };
                            self.room.admit_or_queue(request, predecessor.as_ref(), now);
                        }
                        Err(error) => {
                            tracing::error!(%error, "no random bytes");
                            self.close(socket, refusal_of(StoreFailure::Unavailable));
                        }
                    },
                }
            }
            RoomInput::Message { socket, message } => {
                self.spans.received(socket, &message);
                self.room.handle_message(socket, message, now);
            }
            RoomInput::Closed { socket } => {
                self.queues.remove(&socket);
                self.spans.closed(socket, None);
                self.room.handle_closed(socket, now);
            }
            RoomInput::Media(event) => {
                self.room.handle_media(event.participant, event.report, now);
            }
            RoomInput::Describe { answer } => {
                // Nobody waits for it any more.
                let _ = answer.send((self.room.participants(), self.started.elapsed()));
            }
            // The loop has ended before it comes here.
            RoomInput::End { .. } => {}
        }
    }

    /// Stores what the room has decided, one entry after the other. `Ok(false)`: the store does
    /// not work just now.
    async fn store_intents(&mut self) -> Result<bool, Lost> {
        while let Some(prepared) = self.room.poll_append(self.now()) {
            match self.append(&prepared).await {
                Ok(AppendOutcome::Appended) => {
                    self.appended("appended");
                    self.room.appended(prepared, self.now());
                    self.compact_if_due().await;
                }
                Ok(AppendOutcome::Conflict { .. }) => {
                    // Another owner wrote here: this room's view is not the truth any more.
                    self.appended("conflict");
                    tracing::error!(room = %self.id, "another owner wrote to this room's log");
                    return Err(Lost);
                }
                Ok(AppendOutcome::StaleFence) => {
                    self.appended("stale_fence");
                    tracing::warn!(room = %self.id, "another node owns this room now");
                    return Err(Lost);
                }
                Err(StoreFailure::UnknownRoom) => return Err(Lost),
                Err(StoreFailure::Unavailable | StoreFailure::Full) => {
                    self.appended("failed");
                    self.room.not_appended(&prepared);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn append(&self, prepared: &Prepared) -> Result<AppendOutcome, StoreFailure> {
        let record = prepared.record();
        let bytes = serde_json::to_vec(record).map_err(|error| {
            tracing::error!(%error, "a log entry cannot be written as JSON");
            StoreFailure::Unavailable
        })?;
        let timer = self.context.metrics.append_seconds.start_timer();
        let outcome = self
            .context
            .store
            .append(
                self.id.clone(),
                record.entry.position,
                self.fence,
                prepared.message_id(),
                bytes,
            )
            .instrument(self.spans.append(&record.entry.event))
            .await;
        timer.observe_duration();
        outcome
    }

    async fn compact_if_due(&mut self) {
        let log = self.room.log();
        let position = log.base_position();
        if position.0.saturating_sub(self.compacted.0) < COMPACT_AFTER {
            return;
        }
        let Ok(checkpoint) = serde_json::to_vec(&log.base()) else { return };
        let (store, id) = (&self.context.store, self.id.clone());
        // If it fails, the next one makes up for it.
        if store.compact(id, self.fence, position, checkpoint).await == Ok(true) {
            self.compacted = position;
        }
    }

    fn execute_outputs(&mut self) {
        while let Some(output) = self.room.poll_output() {
            match output {
                Output::Send { to, message } => self.send(&to, &message),
                Output::Close { socket, refusal } => self.close(socket, refusal),
                Output::Drop { socket } => {
                    if let Some(queue) = self.queues.remove(&socket) {
                        queue.finish();
                    }
                }
                Output::Media(command) => {
                    let participant = command.participant();
                    if let Err(refusal) = self.context.media.send(command) {
                        let report = sfu_core::MediaReport::Refused { refusal };
                        self.room.handle_media(participant, report, self.now());
                    }
                }
                Output::Trace(step) => {
                    let line = serde_json::to_string(&step).unwrap_or_default();
                    tracing::trace!(target: TRACE_TARGET, room = %self.id, "{line}");
                }
            }
        }
    }

    fn send(&mut self, to: &[SocketId], message: &ServerMessage) {
        if let ServerMessage::Control(ControlMessage::Refused { refusal }) = message {
            self.context.metrics.refused(refusal);
        }
        let Ok(text) = serde_json::to_string(message) else { return };
        let outgoing = Outgoing { text: text.into(), class: DeliveryClass::of(message) };
        for socket in to {
            self.spans.sent(*socket, message);
            let Some(queue) = self.queues.get(socket) else { continue };
            self.context.metrics.sent(message, 1);
            if queue.push(outgoing.clone()) == Err(Lagging) {
                self.context.metrics.slow_readers.inc();
                let now = self.now();
                self.room.handle_lagging(*socket, now);
            }
        }
    }

    fn close(&mut self, socket: SocketId, refusal: Refusal) {
        if let Some(queue) = self.queues.remove(&socket) {
            self.context.metrics.refused(&refusal);
            self.spans.closed(socket, Some(refusal.code));
            queue.close(refusal);
        }
    }

    fn appended(&self, outcome: &str) {
        self.context.metrics.appends.with_label_values(&[outcome]).inc();
    }

    fn count_participants(&mut self, now: usize) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.context.metrics.participants.add(now - self.counted);
        self.counted = now;
    }

    fn now(&self) -> u64 {
        millis(self.started.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
