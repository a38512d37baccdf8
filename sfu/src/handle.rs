//! The handle through which rooms send commands to the workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;
use sfu_core::{MediaCommand, WorkerId};
use signaling_protocol::{Refusal, RefusalCode, RoomId};

use crate::admission::Loads;
use crate::placement::{Placement, Route};

/// Maximum number of commands that wait for a worker.
const QUEUE: usize = 1_024;

/// A command to a worker thread.
#[derive(Debug)]
pub(crate) enum WorkerCommand {
    /// Pass a command of a room to the worker.
    Room(MediaCommand),
    /// Set which other workers have participants of a room.
    SetCascadePeers(RoomId, Vec<WorkerId>),
    /// Close all connections and end.
    Stop,
}

/// The sending end of a worker's command queue.
#[derive(Debug, Clone)]
pub(crate) struct CommandSender {
    commands: Sender<WorkerCommand>,
    queued: Arc<AtomicUsize>,
    waker: Arc<Waker>,
}

/// The receiving end of a worker's command queue.
#[derive(Debug)]
pub(crate) struct CommandReceiver {
    commands: Receiver<WorkerCommand>,
    queued: Arc<AtomicUsize>,
}

/// Creates the command queue of a worker, which `waker` wakes.
pub(crate) fn command_queue(waker: Arc<Waker>) -> (CommandSender, CommandReceiver) {
    let (sender, receiver) = channel();
    let queued = Arc::new(AtomicUsize::new(0));
    let receiver = CommandReceiver { commands: receiver, queued: queued.clone() };
    (CommandSender { commands: sender, queued, waker }, receiver)
}

impl CommandSender {
    /// Queues a command and wakes the worker.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::MediaUnavailable`] if the queue is full or the worker has ended.
    pub(crate) fn send(&self, command: WorkerCommand) -> Result<(), Refusal> {
        // Removals are always accepted: there is at most one per participant, and a lost one would
        // leave its connection behind. So are changes of a room's workers, at most one per arrival
        // and departure.
        let is_exempt = matches!(
            command,
            WorkerCommand::Room(MediaCommand::Remove { .. })
                | WorkerCommand::SetCascadePeers(..)
                | WorkerCommand::Stop
        );
        if !is_exempt && self.queued.load(Ordering::Relaxed) >= QUEUE {
            let sentence = "the media server is busy; try again in a moment";
            let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
            return Err(refusal.with_retry_after(1));
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.commands.send(command).map_err(|_| stopped())?;
        self.waker.wake().map_err(|_| stopped())
    }

    /// Returns the waker of the worker.
    pub(crate) fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }
}

impl CommandReceiver {
    /// Takes the next command.
    pub(crate) fn try_recv(&self) -> Option<WorkerCommand> {
        let command = self.commands.try_recv().ok()?;
        self.queued.fetch_sub(1, Ordering::Relaxed);
        Some(command)
    }
}

fn stopped() -> Refusal {
    Refusal::new(RefusalCode::MediaUnavailable, "the media server has stopped; try again later")
        .with_retry_after(10)
}

/// Sends commands to the SFU. Cheap to clone, and usable from any thread.
#[derive(Debug, Clone)]
pub struct SfuHandle {
    placement: Arc<Mutex<Placement>>,
    workers: Arc<[CommandSender]>,
    loads: Loads,
}

impl SfuHandle {
    pub(crate) fn new(placement: Placement, workers: Vec<CommandSender>, loads: Loads) -> Self {
        Self { placement: Arc::new(Mutex::new(placement)), workers: workers.into(), loads }
    }

    /// Sends a command to the worker of its participant. Never blocks.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::MediaUnavailable`] if the worker's queue is full, with the time to wait, or if
    /// the worker has ended.
    pub fn send(&self, command: MediaCommand) -> Result<(), Refusal> {
        // Held until the command is queued, so that a room's commands arrive in the order of the
        // calls.
        let mut placement = self.placement.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Route { worker, cascade_peers }) = placement.route(&command, &self.loads) else {
            return Ok(());
        };
        let room = command.room().clone();
        let command = WorkerCommand::Room(command);
        let outcome = self.workers.get(worker).map_or(Ok(()), |worker| worker.send(command));
        for (worker, others) in cascade_peers {
            if let Some(worker) = self.workers.get(worker) {
                // A worker that has ended has no part of any room.
                let _ = worker.send(WorkerCommand::SetCascadePeers(room.clone(), others));
            }
        }
        outcome
    }

    /// Checks whether another participant may join a room, or a room may be created (`None`).
    /// Participants that have joined are not affected.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::ServerFull`] with the time to wait: the worker for the room's next participant
    /// is overloaded, or, if no worker has the room yet, all of them are.
    pub fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal> {
        let placement = self.placement.lock().unwrap_or_else(PoisonError::into_inner);
        let known = room.filter(|room| placement.has(room));
        let worker = known.map(|room| placement.choose(room, &self.loads));
        drop(placement);
        self.loads.admit(worker)
    }

    /// Has all workers stop.
    pub(crate) fn stop(&self) {
        for worker in self.workers.iter() {
            // A worker that has ended already needs no command.
            let _ = worker.send(WorkerCommand::Stop);
        }
    }
}
