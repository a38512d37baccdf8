//! A worker thread: reads, feeds the worker, sends.

use std::io;
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::time::{ClockId, clock_gettime};
use sfu_core::{Counters, MediaEvent, Worker};

use crate::admission::Loads;
use crate::cascade::{CascadeReceiver, CascadeSenders};
use crate::handle::{CommandReceiver, CommandSender, WorkerCommand, command_queue};
use crate::metrics::Metrics;
use crate::pin::Processor;
use crate::socket::BatchSocket;
use crate::tcp::{FIRST_STREAM, Streams};

const SOCKET: Token = Token(0);
const COMMANDS: Token = Token(1);
/// Time between two updates of the metrics.
const METRICS_INTERVAL: Duration = Duration::from_millis(500);
/// Time between two samples of the links.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// Delivers a report to its room without blocking.
pub(crate) type DeliverReport = Arc<dyn Fn(MediaEvent) + Send + Sync>;

/// The sockets of a worker, and what they are polled with.
pub(crate) struct Sockets {
    poll: Poll,
    socket: BatchSocket,
    streams: Option<Streams>,
}

impl Sockets {
    pub(crate) fn new(poll: Poll, socket: BatchSocket, streams: Option<Streams>) -> Self {
        Self { poll, socket, streams }
    }
}

/// A worker thread and everything that it owns.
pub(crate) struct WorkerThread {
    number: u16,
    name: String,
    loads: Loads,
    /// The queues from and to other workers, if there are several.
    cascade: Option<(CascadeReceiver, CascadeSenders)>,
    /// The processor to run on, if the thread is pinned.
    processor: Option<Processor>,
    worker: Worker,
    sockets: Sockets,
    commands: CommandReceiver,
    deliver: DeliverReport,
    metrics: Metrics,
    published: Counters,
    publish_at: Instant,
    sample_at: Instant,
    /// The thread's processor time when the metrics were last updated.
    processor_time: Duration,
}

impl WorkerThread {
    /// Prepares a thread. Returns it with the sender of its commands.
    pub(crate) fn new(
        (number, loads): (u16, Loads),
        worker: Worker,
        sockets: Sockets,
        processor: Option<Processor>,
        deliver: DeliverReport,
        metrics: Metrics,
    ) -> io::Result<(Self, CommandSender)> {
        let registry = sockets.poll.registry();
        let descriptor = sockets.socket.as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), SOCKET, Interest::READABLE)?;
        let (sender, commands) = command_queue(Arc::new(Waker::new(registry, COMMANDS)?));
        let thread = Self {
            number,
            name: number.to_string(),
            loads,
            cascade: None,
            processor,
            worker,
            sockets,
            commands,
            deliver,
            metrics,
            published: Counters::default(),
            publish_at: Instant::now(),
            sample_at: Instant::now(),
            processor_time: Duration::ZERO,
        };
        Ok((thread, sender))
    }

    /// Connects the thread to the other workers.
    pub(crate) fn set_cascade(&mut self, receiver: CascadeReceiver, senders: CascadeSenders) {
        self.cascade = Some((receiver, senders));
    }

    /// Runs until it is told to stop.
    pub(crate) fn run(mut self) {
        let mut ready = Events::with_capacity(128);
        // The poll reports readiness once: after that there may be more until a read comes up short.
        let mut readable = true;
        // There may be more from other workers.
        let mut more_cascaded = false;
        if let Some(processor) = &self.processor
            && let Err(error) = processor.pin_current_thread()
        {
            tracing::warn!(worker = self.name, %error, "the worker is not pinned");
        }
        loop {
            // TCP streams have their turn while datagrams keep coming.
            if !readable || self.sockets.streams.is_some() {
                let now = Instant::now();
                let more = readable
                    || more_cascaded
                    || self.sockets.streams.as_ref().is_some_and(Streams::has_more);
                let timeout = if more { Duration::ZERO } else { self.timeout(now) };
                if let Err(error) = self.sockets.poll.poll(&mut ready, Some(timeout))
                    && error.kind() != io::ErrorKind::Interrupted
                {
                    tracing::error!(worker = self.name, %error, "polling the sockets failed");
                    return;
                }
                readable |= ready.iter().any(|event| event.token() == SOCKET);
                self.poll_streams(&ready);
            }
            if self.execute_commands() {
                break;
            }
            more_cascaded = self.receive_cascaded();
            readable = self.process_batch(readable);
            self.send_cascaded();
            self.deliver_reports();
            self.update_metrics();
        }
        self.worker.close(Instant::now());
        self.sockets.socket.send_all(&mut self.worker, self.sockets.streams.as_mut());
        self.deliver_reports();
        self.metrics.publish(&self.worker, &self.name, &self.published);
    }

    /// Reads a batch if there is one, does what is due, and sends everything. Returns whether there
    /// may be more to read.
    fn process_batch(&mut self, readable: bool) -> bool {
        let began = Instant::now();
        let Sockets { socket, streams, .. } = &mut self.sockets;
        let mut more = false;
        let mut received = 0;
        if readable {
            match socket.receive(&mut self.worker) {
                Ok(batch) => {
                    (received, more) = (batch.datagrams, batch.more);
                    if received > 0 {
                        self.metrics.observe_receive_wait(batch.waited);
                    }
                }
                // For instance a report that a client's port is closed, which affects no one else.
                Err(error) => {
                    tracing::debug!(worker = self.name, %error, "reading failed");
                    more = true;
                }
            }
        }
        received += streams.as_mut().map_or(0, |streams| streams.receive(&mut self.worker));
        if received == 0
            && let Some(due) = self.worker.poll_timeout()
            && due <= began
        {
            self.metrics.observe_timer_lag(began.saturating_duration_since(due));
        }
        self.worker.handle_timeout(Instant::now());
        // Other workers can send at the same time.
        self.send_cascaded();
        let Sockets { socket, streams, .. } = &mut self.sockets;
        let sent = socket.send_all(&mut self.worker, streams.as_mut());
        self.metrics.observe_batch(received, &sent, began.elapsed());
        more
    }

    /// Processes the messages of other workers. Returns whether there may be more.
    fn receive_cascaded(&mut self) -> bool {
        self.cascade.as_ref().is_some_and(|(receiver, _)| receiver.receive(&mut self.worker))
    }

    fn send_cascaded(&mut self) {
        if let Some((_, senders)) = &mut self.cascade {
            let dropped = senders.send_all(&mut self.worker);
            self.metrics.count_cascade_dropped(&self.name, dropped);
        }
    }

    fn poll_streams(&mut self, ready: &Events) {
        let Some(streams) = &mut self.sockets.streams else { return };
        let now = Instant::now();
        for event in ready.iter().filter(|event| event.token().0 >= FIRST_STREAM - 1) {
            streams.handle_ready(now, event.token(), &mut self.worker);
        }
        streams.close_expired(now, &mut self.worker);
        self.metrics.count_unsent(streams.take_dropped());
    }

    fn timeout(&self, now: Instant) -> Duration {
        let due = self.worker.poll_timeout().map_or(self.publish_at, |at| at.min(self.publish_at));
        due.saturating_duration_since(now)
    }

    /// Executes the queued commands. Returns whether to stop.
    fn execute_commands(&mut self) -> bool {
        while let Some(command) = self.commands.try_recv() {
            let now = Instant::now();
            match command {
                WorkerCommand::Room(command) => self.worker.handle_command(now, command),
                WorkerCommand::SetCascadePeers(room, others) => {
                    self.worker.set_cascade_peers(now, &room, &others);
                }
                WorkerCommand::Stop => return true,
            }
        }
        false
    }

    fn deliver_reports(&mut self) {
        while let Some(event) = self.worker.poll_event() {
            (self.deliver)(event);
        }
    }

    fn update_metrics(&mut self) {
        let now = Instant::now();
        if now < self.publish_at {
            return;
        }
        let elapsed = METRICS_INTERVAL + (now - self.publish_at);
        let processor_time = processor_time();
        let used = processor_time.saturating_sub(self.processor_time);
        let load = (used.as_secs_f64() / elapsed.as_secs_f64()).clamp(0.0, 1.0);
        self.processor_time = processor_time;
        self.worker.handle_load(now, load);
        self.loads.record(usize::from(self.number), load as f32);
        self.publish_at = now + METRICS_INTERVAL;
        self.metrics.set_load(&self.name, load);
        self.metrics.publish(&self.worker, &self.name, &self.published);
        self.published = self.worker.counters().clone();
        if now >= self.sample_at {
            self.sample_at = now + SAMPLE_INTERVAL;
            self.metrics.sample(&self.worker, &self.name);
        }
    }
}

/// Returns the processor time of this thread. It is not the elapsed time: a thread that waits for a
/// processor may be late, which is measured elsewhere, but has capacity left.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
