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
use sfu_core::{Counters, Worker};
use signaling_protocol::media::MediaEvent;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::handle::Order;
use crate::metrics::Metrics;
use crate::socket::BatchSocket;

const SOCKET: Token = Token(0);
const ORDERS: Token = Token(1);
/// How often the metrics are brought up to date.
const PUBLISH: Duration = Duration::from_millis(500);
/// When reports are offered again after the channel was full.
const RETRY: Duration = Duration::from_millis(10);
/// Reports that may wait for the channel.
const REPORTS: usize = 8_192;

/// Everything that a worker thread owns.
pub(crate) struct Shard {
    name: String,
    worker: Worker,
    socket: BatchSocket,
    poll: Poll,
    orders: Receiver<Order>,
    waiting: Arc<AtomicUsize>,
    events: mpsc::Sender<MediaEvent>,
    reports: VecDeque<MediaEvent>,
    metrics: Metrics,
    published: Counters,
    publish_at: Instant,
}

impl Shard {
    /// Prepares a thread's work, and the bell that wakes it.
    pub(crate) fn new(
        name: String,
        worker: Worker,
        socket: BatchSocket,
        (orders, waiting): (Receiver<Order>, Arc<AtomicUsize>),
        events: mpsc::Sender<MediaEvent>,
        metrics: Metrics,
    ) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        let descriptor = socket.as_raw_fd();
        poll.registry().register(&mut SourceFd(&descriptor), SOCKET, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), ORDERS)?;
        let shard = Self {
            name,
            worker,
            socket,
            poll,
            orders,
            waiting,
            events,
            reports: VecDeque::new(),
            metrics,
            published: Counters::default(),
            publish_at: Instant::now(),
        };
        Ok((shard, waker))
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self) {
        let mut woken = Events::with_capacity(8);
        // Readiness is told once: after that, until a reading comes up short, there may be more.
        let mut readable = true;
        loop {
            if !readable {
                let timeout = self.timeout(Instant::now());
                if let Err(error) = self.poll.poll(&mut woken, Some(timeout))
                    && error.kind() != io::ErrorKind::Interrupted
                {
                    tracing::error!(worker = self.name, %error, "waiting for packets failed");
                    return;
                }
                readable = woken.iter().any(|event| event.token() == SOCKET);
            }
            if self.take_orders() {
                break;
            }
            readable = self.work(readable);
            self.report();
            self.publish();
        }
        self.worker.close(Instant::now());
        self.socket.send_all(&mut self.worker);
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
                Ok(batch) => (received, more) = (batch.datagrams, batch.more),
                // Such as a report that a client's port is closed, which concerns nobody else.
                Err(error) => {
                    tracing::debug!(worker = self.name, %error, "reading failed");
                    more = true;
                }
            }
        } else if let Some(due) = self.worker.poll_timeout() {
            let late = began.saturating_duration_since(due);
            if due <= began {
                self.metrics.lag.observe(late.as_secs_f64());
            }
        }
        self.worker.handle_timeout(Instant::now());
        let sent = self.socket.send_all(&mut self.worker);
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
            self.publish_at = now + PUBLISH;
            self.metrics.publish(&self.worker, &self.name, &self.published);
            self.published = self.worker.counters().clone();
        }
    }
}
