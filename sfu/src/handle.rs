//! How rooms reach the workers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;
use sfu_core::MediaCommand;
use sfu_core::WorkerId;
use signaling_protocol::{Refusal, RefusalCode, RoomId};

use crate::admission::Loads;
use crate::placement::{Placement, Route};

/// Commands that may wait for a worker.
const QUEUE: usize = 1_024;

/// What a worker thread is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Something for the rooms.
    Command(MediaCommand),
    /// These other workers have participants of a room.
    Peers(RoomId, Vec<WorkerId>),
    /// Say goodbye and end.
    Stop,
}

/// A worker's queue and its bell.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    pub(crate) orders: Sender<Order>,
    pub(crate) waiting: Arc<AtomicUsize>,
    pub(crate) waker: Arc<Waker>,
}

impl Mailbox {
    pub(crate) fn put(&self, order: Order) -> Result<(), Refusal> {
        // Departures are let in always: there is at most one per participant, and a lost one
        // would leave its connection behind.
        // So are the changes of a room's span, at most one per arrival and departure.
        let departs = matches!(
            order,
            Order::Command(MediaCommand::Remove { .. }) | Order::Peers(..) | Order::Stop
        );
        if !departs && self.waiting.load(Ordering::Relaxed) >= QUEUE {
            let sentence = "the media server is busy; try again in a moment";
            let refusal = Refusal::new(RefusalCode::MediaUnavailable, sentence);
            return Err(refusal.with_retry_after(1));
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.orders.send(order).map_err(|_| gone())?;
        self.waker.wake().map_err(|_| gone())
    }
}

fn gone() -> Refusal {
    Refusal::new(RefusalCode::MediaUnavailable, "the media server does not run; try again later")
        .with_retry_after(10)
}

/// Sends commands to the SFU, from anywhere. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SfuHandle {
    pub(crate) placement: Arc<Mutex<Placement>>,
    pub(crate) mailboxes: Arc<[Mailbox]>,
    pub(crate) loads: Loads,
}

impl SfuHandle {
    /// Hands a command to the worker that serves its participant. Never waits.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::MediaUnavailable`] if the worker has too many commands waiting, with the
    /// time to wait, or if it has ended.
    pub fn send(&self, command: MediaCommand) -> Result<(), Refusal> {
        // Held over the hand-over, so that a room's commands arrive in the order of the calls.
        let mut placement = self.placement.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Route { worker, span }) = placement.route(&command, &self.loads) else {
            return Ok(());
        };
        let room = command.room().clone();
        let outcome = self.mailboxes.get(worker).map_or(Ok(()), |m| m.put(Order::Command(command)));
        for (worker, others) in span {
            if let Some(mailbox) = self.mailboxes.get(worker) {
                // One that has ended has no part in any room.
                let _ = mailbox.put(Order::Peers(room.clone(), others));
            }
        }
        outcome
    }

    /// Whether somebody else may come to a room, or a room be begun (`None`). Those who are inside
    /// are not asked about: what they send is taken always.
    ///
    /// # Errors
    ///
    /// [`RefusalCode::ServerFull`] with the time to wait: the worker to which the room's next
    /// participant would go has too much to do, or, if no worker has the room yet, all of them have.
    pub fn admits(&self, room: Option<&RoomId>) -> Result<(), Refusal> {
        let placement = self.placement.lock().unwrap_or_else(PoisonError::into_inner);
        let known = room.filter(|room| placement.has(room));
        let worker = known.map(|room| placement.choose(room, &self.loads));
        drop(placement);
        self.loads.admit(worker)
    }
}
