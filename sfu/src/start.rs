//! Starting and stopping the SFU.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use mio::Poll;
use prometheus::Registry;
use sfu_core::{Certificate, CertificateUnavailable, MediaEvent, Worker, WorkerConfig};

use crate::addresses::Addresses;
use crate::admission::Loads;
use crate::cascade::{CascadeReceiver, CascadeSender, CascadeSenders, cascade_queue};
use crate::config::{MediaTcp, SfuConfig};
use crate::handle::{CommandSender, SfuHandle};
use crate::metrics::Metrics;
use crate::pin::{self, PinError};
use crate::placement::Placement;
use crate::socket::BatchSocket;
use crate::tcp::Streams;
use crate::worker_thread::{DeliverReport, Sockets, WorkerThread};

/// The reason for which the SFU did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An advertised address cannot be used by any client.
    #[error("{0} cannot be advertised for media; name an address that clients can send to")]
    Advertised(IpAddr),
    /// The machine's addresses cannot be read.
    #[error("the addresses of this machine cannot be read: {0}; advertise one explicitly")]
    Discovery(#[source] io::Error),
    /// A UDP port cannot be used.
    #[error("UDP port {port} cannot be used for media: {source}; choose another media port")]
    Port {
        /// The port; 0 for any.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
    /// A TCP port cannot be used.
    #[error(
        "TCP port {port} cannot be used for media: {source}; choose another media port, or disable media over TCP"
    )]
    TcpPort {
        /// The port; 0 for any.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
    /// The ports of the workers do not fit below 65,536.
    #[error("{workers} media workers do not fit above port {base}; choose a lower media port")]
    Ports {
        /// The number of workers.
        workers: u16,
        /// The port of the first one.
        base: u16,
    },
    /// The workers cannot be pinned.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// No DTLS certificate could be generated.
    #[error(transparent)]
    Certificate(#[from] CertificateUnavailable),
    /// The metrics are registered already.
    #[error("the media metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The system does not provide a thread, or a way to poll the sockets.
    #[error("the media threads cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// A running SFU. It stops when [`Sfu::stop`] is called, or when it is dropped.
#[derive(Debug)]
pub struct Sfu {
    handle: SfuHandle,
    threads: Vec<JoinHandle<()>>,
    ports: Vec<u16>,
    tcp_ports: Vec<u16>,
}

impl Sfu {
    /// Starts the worker threads. They call `deliver` with every report, which must not block: a room
    /// that is slow to read must not delay the media of others. Metrics are registered with `registry`.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing is left running.
    pub fn start(
        config: SfuConfig,
        deliver: impl Fn(MediaEvent) + Send + Sync + 'static,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let is_unusable = |ip: &&IpAddr| ip.is_unspecified() || ip.is_multicast();
        if let Some(ip) = config.advertised.iter().find(is_unusable) {
            return Err(StartError::Advertised(*ip));
        }
        let addresses = Addresses::discover(&config.advertised).map_err(StartError::Discovery)?;
        let deliver: DeliverReport = Arc::new(deliver);
        let certificate = Certificate::generate()?;
        let metrics = Metrics::register(registry)?;
        let workers = config.workers.max(1);
        let loads = Loads::new(usize::from(workers), config.load_limit);
        let mut processors =
            if config.pin { pin::processors(workers)? } else { Vec::new() }.into_iter();
        let base = config.udp_port_base;
        if base > 0 && base.checked_add(workers - 1).is_none() {
            return Err(StartError::Ports { workers, base });
        }

        // All sockets first: a port in use is the most likely failure, and nothing runs yet.
        let mut worker_threads = Vec::new();
        let mut senders = Vec::new();
        let mut ports = Vec::new();
        let mut tcp_ports = Vec::new();
        for number in 0..workers {
            let port = if base == 0 { 0 } else { base + number };
            let poll = Poll::new().map_err(StartError::Thread)?;
            let (socket, streams) = open_sockets(&addresses, port, config.tcp, &poll)?;
            ports.push(socket.port());
            let tcp_port = streams.as_ref().map(Streams::port);
            tcp_ports.extend(tcp_port);
            let worker = Worker::new(WorkerConfig {
                candidates: match config.tcp {
                    MediaTcp::Off | MediaTcp::On => socket.candidates(),
                    MediaTcp::Only => Vec::new(),
                },
                tcp_candidates: tcp_port.map(|port| socket.candidates_on(port)).unwrap_or_default(),
                certificate: certificate.clone(),
                limits: config.limits,
                estimate_bandwidth: config.estimate_bandwidth,
            });
            let (worker_thread, sender) = WorkerThread::new(
                (number, loads.clone()),
                worker,
                Sockets::new(poll, socket, streams),
                processors.next(),
                deliver.clone(),
                metrics.clone(),
            )
            .map_err(StartError::Thread)?;
            senders.push(sender);
            worker_threads.push(worker_thread);
        }
        connect_workers(&mut worker_threads, &senders);
        let placement = Placement::new(usize::from(workers), config.spread_at);
        let handle = SfuHandle::new(placement, senders, loads);
        let mut sfu = Self { handle, threads: Vec::new(), ports, tcp_ports };
        for (number, worker_thread) in worker_threads.into_iter().enumerate() {
            let thread = thread::Builder::new()
                .name(format!("sfu-{number}"))
                .spawn(move || worker_thread.run())
                .map_err(StartError::Thread)?;
            sfu.threads.push(thread);
        }
        Ok(sfu)
    }

    /// Returns a handle to send commands with.
    #[must_use]
    pub fn handle(&self) -> SfuHandle {
        self.handle.clone()
    }

    /// Returns the workers' UDP ports.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Returns the workers' TCP ports; none if there is no media over TCP.
    #[must_use]
    pub fn tcp_ports(&self) -> &[u16] {
        &self.tcp_ports
    }

    /// Closes all connections and waits for the threads to end, which takes milliseconds.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.handle.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker panicked");
            }
        }
    }
}

/// Opens the sockets of a worker.
fn open_sockets(
    addresses: &Addresses,
    port: u16,
    tcp: MediaTcp,
    poll: &Poll,
) -> Result<(BatchSocket, Option<Streams>), StartError> {
    let socket =
        BatchSocket::bind(addresses, port).map_err(|source| StartError::Port { port, source })?;
    let streams = match tcp {
        MediaTcp::Off => None,
        MediaTcp::On | MediaTcp::Only => {
            let registry = poll.registry().try_clone().map_err(StartError::Thread)?;
            let streams = socket.listen(port, registry);
            let port = socket.port();
            Some(streams.map_err(|source| StartError::TcpPort { port, source })?)
        }
    };
    Ok((socket, streams))
}

/// Connects several workers with each other.
fn connect_workers(worker_threads: &mut [WorkerThread], commands: &[CommandSender]) {
    if worker_threads.len() < 2 {
        return;
    }
    let queues = commands.iter().map(|sender| cascade_queue(sender.waker()));
    let (senders, receivers): (Vec<CascadeSender>, Vec<CascadeReceiver>) = queues.unzip();
    let senders: Arc<[CascadeSender]> = senders.into();
    for ((number, worker_thread), receiver) in (0..).zip(worker_threads).zip(receivers) {
        worker_thread.set_cascade(receiver, CascadeSenders::new(number, senders.clone()));
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.end();
    }
}
