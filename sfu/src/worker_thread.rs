//! A worker thread: reads, lets the core decide, sends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::time::{ClockId, clock_gettime};
use sfu_core::MediaEvent;
use sfu_core::{Counters, Worker};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::admission::Loads;
use crate::cascade::{Inlet, Outlets};
use crate::handle::Order;
use crate::metrics::Metrics;
use crate::pin::Processor;
use crate::socket::BatchSocket;
use crate::tcp::Streams;

const SOCKET: Token = Token(0);
const ORDERS: Token = Token(1);
/// The first stream's; the listener's is the one before.
pub(crate) const FIRST_STREAM: usize = 3;
/// How often the metrics are brought up to date.
const PUBLISH: Duration = Duration::from_millis(500);
/// How often everybody's link is looked at.
const SAMPLE: Duration = Duration::from_secs(5);
/// When reports are offered again after the channel was full.
const RETRY: Duration = Duration::from_millis(10);
/// Reports that may wait for the channel.
const REPORTS: usize = 8_192;

/// A worker's ends of the ways between workers, if there are several.
pub(crate) struct Neighbours {
    pub(crate) inlet: Inlet,
    pub(crate) outlets: Outlets,
}

/// Everything that a worker thread owns.
pub(crate) struct Shard {
    number: u16,
    name: String,
    loads: Loads,
    pub(crate) neighbours: Option<Neighbours>,
    /// Where it is to run, if that is not left to the system.
    pub(crate) processor: Option<Processor>,
    worker: Worker,
    socket: BatchSocket,
    streams: Option<Streams>,
    poll: Poll,
    orders: Receiver<Order>,
    waiting: Arc<AtomicUsize>,
    events: mpsc::Sender<MediaEvent>,
    reports: VecDeque<MediaEvent>,
    metrics: Metrics,
    published: Counters,
    publish_at: Instant,
    sample_at: Instant,
    /// The thread's processor time when the metrics were brought up to date.
    worked: Duration,
}

impl Shard {
    /// Prepares a thread's work, and the bell that wakes it.
    pub(crate) fn new(
        (number, loads): (u16, Loads),
        worker: Worker,
        (poll, socket, streams): (Poll, BatchSocket, Option<Streams>),
        (orders, waiting): (Receiver<Order>, Arc<AtomicUsize>),
        events: mpsc::Sender<MediaEvent>,
        metrics: Metrics,
    ) -> io::Result<(Self, Waker)> {
        let descriptor = socket.as_raw_fd();
        poll.registry().register(&mut SourceFd(&descriptor), SOCKET, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), ORDERS)?;
        let shard = Self {
            number,
            name: number.to_string(),
            loads,
            neighbours: None,
            processor: None,
            worker,
            socket,
            streams,
            poll,
            orders,
            waiting,
            events,
            reports: VecDeque::new(),
            metrics,
            published: Counters::default(),
            publish_at: Instant::now(),
            sample_at: Instant::now(),
            worked: Duration::ZERO,
        };
        Ok((shard, waker))
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self) {
        let mut woken = Events::with_capacity(128);
        // Readiness is told once: after that, until a reading comes up short, there may be more.
        let mut readable = true;
        // There may be more from other workers.
        let mut relayed = false;
        if let Some(processor) = &self.processor
            && let Err(error) = processor.keep_to()
        {
            tracing::warn!(worker = self.name, %error, "the worker is not pinned");
        }
        loop {
            // Streams have their turn while datagrams keep coming.
            if !readable || self.streams.is_some() {
                let began = Instant::now();
                let more =
                    readable || relayed || self.streams.as_ref().is_some_and(Streams::has_more);
                let timeout = if more { Duration::ZERO } else { self.timeout(began) };
                if let Err(error) = self.poll.poll(&mut woken, Some(timeout))
                    && error.kind() != io::ErrorKind::Interrupted
                {
                    tracing::error!(worker = self.name, %error, "waiting for packets failed");
                    return;
                }
                readable |= woken.iter().any(|event| event.token() == SOCKET);
                self.hear_streams(&woken);
            }
            if self.take_orders() {
                break;
            }
            relayed = self.hear_neighbours();
            readable = self.work(readable);
            self.tell_neighbours();
            self.report();
            self.publish();
        }
        self.worker.close(Instant::now());
        self.socket.send_all(&mut self.worker, self.streams.as_mut());
        self.report();
        self.metrics.publish(&self.worker, &self.name, &self.published);
    }

    /// Reads a batch if there is one, does what is due, sends what there is. Whether there may be
    /// more to read.
    fn work(&mut self, readable: bool) -> bool {
        let began = Instant::now();
        let mut more = false;
        let mut received = 0;
        if readable {
            match self.socket.receive(&mut self.worker) {
                Ok(batch) => {
                    (received, more) = (batch.datagrams, batch.more);
                    if received > 0 {
                        self.metrics.waited.observe(batch.waited.as_secs_f64());
                    }
                }
                // Such as a report that a client's port is closed, which concerns nobody else.
                Err(error) => {
                    tracing::debug!(worker = self.name, %error, "reading failed");
                    more = true;
                }
            }
        }
        let streamed = self.streams.as_mut().map_or(0, |streams| streams.receive(&mut self.worker));
        received += streamed;
        if received == 0
            && let Some(due) = self.worker.poll_timeout()
        {
            let late = began.saturating_duration_since(due);
            if due <= began {
                self.metrics.lag.observe(late.as_secs_f64());
            }
        }
        self.worker.handle_timeout(Instant::now());
        // Other workers can send at the same time.
        self.tell_neighbours();
        let sent = self.socket.send_all(&mut self.worker, self.streams.as_mut());
        if sent.failed > 0 {
            self.metrics.unsent.inc_by(sent.failed as u64);
        }
        if received > 0 {
            self.metrics.received_at_once.observe(received as f64);
            if sent.datagrams > 0 {
                self.metrics.forward.observe(began.elapsed().as_secs_f64());
            }
        }
        if sent.calls > 0 {
            self.metrics.sent_at_once.observe(sent.datagrams as f64 / sent.calls as f64);
        }
        more
    }

    /// Takes what other workers have sent. Whether there may be more.
    fn hear_neighbours(&mut self) -> bool {
        self.neighbours.as_ref().is_some_and(|n| n.inlet.receive(&mut self.worker))
    }

    fn tell_neighbours(&mut self) {
        if let Some(neighbours) = &mut self.neighbours {
            let dropped = neighbours.outlets.send_all(&mut self.worker);
            self.metrics.drop_relayed(&self.name, dropped);
        }
    }

    fn hear_streams(&mut self, woken: &Events) {
        let Some(streams) = &mut self.streams else { return };
        let now = Instant::now();
        for event in woken.iter().filter(|event| event.token().0 >= FIRST_STREAM - 1) {
            streams.woken(now, event.token(), &mut self.worker);
        }
        streams.sweep(now, &mut self.worker);
        let dropped = std::mem::take(&mut streams.dropped);
        if dropped > 0 {
            self.metrics.unsent.inc_by(dropped);
        }
    }

    fn timeout(&self, now: Instant) -> Duration {
        let retry = (!self.reports.is_empty()).then(|| now + RETRY);
        let due = [self.worker.poll_timeout(), retry].into_iter().flatten().min();
        let due = due.map_or(self.publish_at, |at| at.min(self.publish_at));
        due.saturating_duration_since(now)
    }

    /// Whether it is time to stop.
    fn take_orders(&mut self) -> bool {
        while let Ok(order) = self.orders.try_recv() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match order {
                Order::Command(command) => self.worker.handle_command(Instant::now(), command),
                Order::Peers(room, others) => {
                    self.worker.set_peers(Instant::now(), &room, &others);
                }
                Order::Stop => return true,
            }
        }
        false
    }

    fn report(&mut self) {
        while let Some(event) = self.worker.poll_event() {
            if self.reports.len() >= REPORTS {
                self.reports.pop_front();
                self.metrics.reports_lost.inc();
            }
            self.reports.push_back(event);
        }
        while let Some(event) = self.reports.pop_front() {
            match self.events.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(event)) => {
                    self.reports.push_front(event);
                    return;
                }
            }
        }
    }

    fn publish(&mut self) {
        let now = Instant::now();
        if now >= self.publish_at {
            let time = PUBLISH + (now - self.publish_at);
            let worked = processor_time();
            let share = worked.saturating_sub(self.worked).as_secs_f64() / time.as_secs_f64();
            let load = share.clamp(0.0, 1.0);
            self.worked = worked;
            self.metrics.load.with_label_values(&[&self.name]).set(load);
            self.worker.handle_load(now, load);
            self.loads.tell(usize::from(self.number), load as f32);
            self.publish_at = now + PUBLISH;
            self.metrics.publish(&self.worker, &self.name, &self.published);
            self.published = self.worker.counters().clone();
            if now >= self.sample_at {
                self.sample_at = now + SAMPLE;
                self.metrics.sample(&self.worker, &self.name);
            }
        }
    }
}

/// How long this thread has run. Not what has passed: a thread that waits for a processor is late
/// perhaps, which is looked at apart, but it would have time for more.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
