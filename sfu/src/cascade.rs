//! The queues between worker threads, for rooms that span several workers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mio::Waker;
use sfu_core::{CascadeControl, CascadeMessage, CascadePacket, Worker, WorkerId};
use signaling_protocol::RoomId;

/// Maximum number of packets that wait for a worker: some 30 ms of what one can send.
const MAX_PACKETS: usize = 4_096;
/// Number of waiting packets from which on only audio is accepted.
const MAX_VIDEO_PACKETS: usize = MAX_PACKETS * 3 / 4;
/// Maximum number of packets that a worker processes before it returns to its socket.
const PACKETS_PER_TURN: usize = 512;

/// The changes in rooms, by room and sender. Later ones are merged into those that have not been read
/// yet, so their size is bounded by that of the rooms.
type Controls = BTreeMap<(RoomId, WorkerId), CascadeControl>;

/// The end of a worker's queue that the other workers send to.
#[derive(Debug, Clone)]
pub(crate) struct CascadeSender<P = CascadePacket> {
    packets: SyncSender<P>,
    shared: Arc<Shared>,
    waker: Arc<Waker>,
}

/// The end of a worker's queue that the worker receives from.
#[derive(Debug)]
pub(crate) struct CascadeReceiver<P = CascadePacket> {
    packets: Receiver<P>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    controls: Mutex<Controls>,
    /// Number of packets in the queue.
    queued: AtomicUsize,
    /// The worker is awake, or about to be, and will read the queue.
    is_notified: AtomicBool,
}

/// Creates the queue of a worker, which `waker` wakes.
pub(crate) fn cascade_queue<P>(waker: Arc<Waker>) -> (CascadeSender<P>, CascadeReceiver<P>) {
    let (sender, receiver) = sync_channel(MAX_PACKETS);
    let shared = Arc::new(Shared::default());
    let sender = CascadeSender { packets: sender, shared: shared.clone(), waker };
    (sender, CascadeReceiver { packets: receiver, shared })
}

impl CascadeSender {
    /// Queues a message. Returns `false` if the queue is full, as it can be for packets only.
    fn send(&self, from: WorkerId, message: CascadeMessage) -> bool {
        match message {
            CascadeMessage::Control(room, control) => {
                // Locked rarely, for as long as a few moves take; packets use another queue.
                let mut controls = self.shared.controls();
                controls.entry((room, from)).or_default().merge(control);
                true
            }
            CascadeMessage::Packet(packet) => {
                let is_audio = packet.is_audio();
                self.send_packet(packet, is_audio)
            }
        }
    }
}

impl<P> CascadeSender<P> {
    fn send_packet(&self, packet: P, is_audio: bool) -> bool {
        let bound = if is_audio { MAX_PACKETS } else { MAX_VIDEO_PACKETS };
        if self.shared.queued.load(Ordering::Relaxed) >= bound {
            return false;
        }
        // Counted before it is queued, so that no more packets are taken than were counted.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        let is_sent = self.packets.try_send(packet).is_ok();
        if !is_sent {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
        }
        is_sent
    }

    /// Wakes the worker, unless it is awake.
    fn notify(&self) {
        if !self.shared.is_notified.swap(true, Ordering::AcqRel) {
            // A worker that has ended needs no waking.
            let _ = self.waker.wake();
        }
    }
}

impl CascadeReceiver {
    /// Feeds a worker with the queued messages. Returns whether there may be more.
    pub(crate) fn receive(&self, worker: &mut Worker) -> bool {
        // From here on, a sender notifies again.
        if !self.shared.is_notified.swap(false, Ordering::AcqRel) {
            return false;
        }
        let now = Instant::now();
        let controls = std::mem::take(&mut *self.shared.controls());
        for ((room, from), control) in controls {
            worker.handle_cascade_control(now, from, &room, control);
        }
        for _ in 0..PACKETS_PER_TURN {
            let Some(packet) = self.try_recv() else { return false };
            worker.handle_cascade_packet(now, &packet);
        }
        self.shared.is_notified.store(true, Ordering::Release);
        true
    }
}

impl<P> CascadeReceiver<P> {
    fn try_recv(&self) -> Option<P> {
        let packet = self.packets.try_recv().ok()?;
        self.shared.queued.fetch_sub(1, Ordering::Relaxed);
        Some(packet)
    }
}

impl Shared {
    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The numbers of packets that did not fit into other workers' queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CascadeDropped {
    pub(crate) audio: u64,
    pub(crate) video: u64,
}

/// The senders to all workers, as one of them uses them.
#[derive(Debug)]
pub(crate) struct CascadeSenders {
    own: WorkerId,
    /// By number; the worker's own one is never used.
    all: Arc<[CascadeSender]>,
    /// The workers to notify after this batch.
    to_notify: Vec<usize>,
}

impl CascadeSenders {
    pub(crate) fn new(own: u16, all: Arc<[CascadeSender]>) -> Self {
        Self { own: WorkerId(own), all, to_notify: Vec::new() }
    }

    /// Sends all messages of a worker, and notifies each receiver once.
    pub(crate) fn send_all(&mut self, worker: &mut Worker) -> CascadeDropped {
        let mut dropped = CascadeDropped::default();
        let now = Instant::now();
        while let Some((to, message)) = worker.poll_cascade(now) {
            let to = usize::from(to.0);
            let Some(sender) = self.all.get(to) else { continue };
            let is_audio = matches!(&message, CascadeMessage::Packet(packet) if packet.is_audio());
            if !sender.send(self.own, message) {
                *(if is_audio { &mut dropped.audio } else { &mut dropped.video }) += 1;
            }
            if !self.to_notify.contains(&to) {
                self.to_notify.push(to);
            }
        }
        for to in self.to_notify.drain(..) {
            if let Some(sender) = self.all.get(to) {
                sender.notify();
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    fn queue() -> (Poll, CascadeSender<usize>, CascadeReceiver<usize>) {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (sender, receiver) = cascade_queue(waker);
        (poll, sender, receiver)
    }

    #[test]
    fn a_full_queue_drops_video_before_audio_and_never_blocks() {
        let (_poll, sender, receiver) = queue();
        let video = (0..MAX_PACKETS).filter(|n| sender.send_packet(*n, false)).count();
        assert_eq!(video, MAX_VIDEO_PACKETS);
        let audio = (0..MAX_PACKETS).filter(|n| sender.send_packet(*n, true)).count();
        assert_eq!(audio, MAX_PACKETS - MAX_VIDEO_PACKETS);
        assert_eq!(std::iter::from_fn(|| receiver.try_recv()).count(), MAX_PACKETS);
        assert!(sender.send_packet(0, false), "there is room again");
    }

    #[test]
    fn a_worker_is_woken_once_until_it_has_read_the_queue() {
        let (mut poll, sender, receiver) = queue();
        let mut events = Events::with_capacity(8);
        let mut woken = |poll: &mut Poll| {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            events.iter().count()
        };
        sender.notify();
        sender.notify();
        assert_eq!(woken(&mut poll), 1);
        sender.notify();
        assert_eq!(woken(&mut poll), 0, "it has not read the queue yet");
        receiver.shared.is_notified.store(false, Ordering::Release);
        sender.notify();
        assert_eq!(woken(&mut poll), 1);
    }
}
