//! Between worker threads: what the cores tell each other of rooms that span workers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mio::Waker;
use sfu_core::{Relay, RelayControl, RelayPacket, Worker, WorkerId};
use signaling_protocol::RoomId;

/// Packets that may wait for a worker: some 30 ms of what one can send.
const PACKETS: usize = 4_096;
/// From here on only sound is let in.
const PICTURES: usize = PACKETS * 3 / 4;
/// Packets that a worker takes at once, before it turns to its socket again.
const TURN: usize = 512;

/// How things are in rooms, by room and by who says so. What is newer replaces what was not read
/// yet, so there is never more of it than rooms and participants.
type Controls = BTreeMap<(RoomId, WorkerId), RelayControl>;

/// What the other workers reach a worker by.
#[derive(Debug, Clone)]
pub(crate) struct Outlet<P = RelayPacket> {
    packets: SyncSender<P>,
    shared: Arc<Shared>,
    waker: Arc<Waker>,
}

/// What a worker has from the others.
#[derive(Debug)]
pub(crate) struct Inlet<P = RelayPacket> {
    packets: Receiver<P>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    controls: Mutex<Controls>,
    /// Packets that wait.
    waiting: AtomicUsize,
    /// The worker is awake, or about to be, and will look here.
    rung: AtomicBool,
}

/// A worker's two ends.
pub(crate) fn pair<P>(waker: Arc<Waker>) -> (Outlet<P>, Inlet<P>) {
    let (sender, receiver) = sync_channel(PACKETS);
    let shared = Arc::new(Shared::default());
    let outlet = Outlet { packets: sender, shared: shared.clone(), waker };
    (outlet, Inlet { packets: receiver, shared })
}

impl Outlet {
    /// Puts something down. False if it found no room, as only packets may.
    fn put(&self, from: WorkerId, relay: Relay) -> bool {
        match relay {
            Relay::Control(room, control) => {
                // Held for as long as a few moves take, and seldom: packets go another way.
                let mut controls = self.shared.controls();
                controls.entry((room, from)).or_default().merge(control);
                true
            }
            Relay::Packet(packet) => {
                let is_audio = packet.is_audio();
                self.put_packet(packet, is_audio)
            }
        }
    }
}

impl<P> Outlet<P> {
    fn put_packet(&self, packet: P, is_audio: bool) -> bool {
        let bound = if is_audio { PACKETS } else { PICTURES };
        if self.shared.waiting.load(Ordering::Relaxed) >= bound {
            return false;
        }
        // Before it is there, so that what is taken is never more than was counted.
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        let put = self.packets.try_send(packet).is_ok();
        if !put {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        put
    }

    /// Wakes the worker, unless it is awake. One that has ended needs no waking.
    fn ring(&self) {
        if !self.shared.rung.swap(true, Ordering::AcqRel) {
            let _ = self.waker.wake();
        }
    }
}

impl Inlet {
    /// Hands a worker what has come for it. Whether there may be more.
    pub(crate) fn receive(&self, worker: &mut Worker) -> bool {
        // From here on whoever puts something down rings again.
        if !self.shared.rung.swap(false, Ordering::AcqRel) {
            return false;
        }
        let now = Instant::now();
        let controls = std::mem::take(&mut *self.shared.controls());
        for ((room, from), control) in controls {
            worker.handle_relay_control(now, from, &room, control);
        }
        for _ in 0..TURN {
            let Some(packet) = self.take() else { return false };
            worker.handle_relay_packet(now, packet);
        }
        self.shared.rung.store(true, Ordering::Release);
        true
    }
}

impl<P> Inlet<P> {
    fn take(&self) -> Option<P> {
        let packet = self.packets.try_recv().ok()?;
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(packet)
    }
}

impl Shared {
    fn controls(&self) -> std::sync::MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What did not find room in other workers' queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) audio: u64,
    pub(crate) video: u64,
}

/// A worker's way to the others.
#[derive(Debug)]
pub(crate) struct Outlets {
    own: WorkerId,
    /// By number; the own one is never used.
    all: Arc<[Outlet]>,
    /// Those to wake after this batch.
    touched: Vec<usize>,
}

impl Outlets {
    pub(crate) fn new(own: u16, all: Arc<[Outlet]>) -> Self {
        Self { own: WorkerId(own), all, touched: Vec::new() }
    }

    /// Hands on everything that a worker has for others, and wakes each of them once.
    pub(crate) fn send_all(&mut self, worker: &mut Worker) -> Dropped {
        let mut dropped = Dropped::default();
        let now = Instant::now();
        while let Some((to, relay)) = worker.poll_relay(now) {
            let to = usize::from(to.0);
            let Some(outlet) = self.all.get(to) else { continue };
            let is_audio = matches!(&relay, Relay::Packet(packet) if packet.is_audio());
            if !outlet.put(self.own, relay) {
                *(if is_audio { &mut dropped.audio } else { &mut dropped.video }) += 1;
            }
            if !self.touched.contains(&to) {
                self.touched.push(to);
            }
        }
        for to in self.touched.drain(..) {
            if let Some(outlet) = self.all.get(to) {
                outlet.ring();
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

    fn pair() -> (Poll, Outlet<usize>, Inlet<usize>) {
        let poll = Poll::new().unwrap();
        let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
        let (outlet, inlet) = super::pair(waker);
        (poll, outlet, inlet)
    }

    #[test]
    fn a_full_queue_leaves_out_pictures_before_sound_and_nobody_waits() {
        let (_poll, outlet, inlet) = pair();
        let pictures = (0..PACKETS).filter(|n| outlet.put_packet(*n, false)).count();
        assert_eq!(pictures, PICTURES);
        let voices = (0..PACKETS).filter(|n| outlet.put_packet(*n, true)).count();
        assert_eq!(voices, PACKETS - PICTURES);
        assert_eq!(std::iter::from_fn(|| inlet.take()).count(), PACKETS);
        assert!(outlet.put_packet(0, false), "there is room again");
    }

    #[test]
    fn a_worker_is_woken_once_until_it_has_looked() {
        let (mut poll, outlet, inlet) = pair();
        let mut events = Events::with_capacity(8);
        let mut woken = |poll: &mut Poll| {
            poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            events.iter().count()
        };
        outlet.ring();
        outlet.ring();
        assert_eq!(woken(&mut poll), 1);
        outlet.ring();
        assert_eq!(woken(&mut poll), 0, "it has not looked yet");
        inlet.shared.rung.store(false, Ordering::Release);
        outlet.ring();
        assert_eq!(woken(&mut poll), 1);
    }
}
