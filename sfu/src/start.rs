//! Starting and stopping.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, mpsc as sync_mpsc};
use std::thread::{self, JoinHandle};

use mio::Poll;
use prometheus::Registry;
use sfu_core::MediaEvent;
use sfu_core::{Certificate, CertificateUnavailable, Worker, WorkerConfig};
use tokio::sync::mpsc;

use crate::addresses::Addresses;
use crate::admission::Loads;
use crate::cascade::{self, Inlet, Outlet, Outlets};
use crate::config::{MediaTcp, SfuConfig};
use crate::handle::{Mailbox, Order, SfuHandle};
use crate::metrics::Metrics;
use crate::pin::{self, PinError};
use crate::placement::Placement;
use crate::socket::BatchSocket;
use crate::tcp::Streams;
use crate::worker_thread::{Neighbours, Shard};

/// Why the SFU did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An advertised address that no client could use.
    #[error("{0} cannot be advertised for media; name an address that clients can send to")]
    Advertised(IpAddr),
    /// The machine's addresses are not to be had.
    #[error("the addresses of this machine cannot be read: {0}; advertise one explicitly")]
    Discovery(#[source] io::Error),
    /// A UDP port cannot be used.
    #[error("UDP port {port} cannot be used for media: {source}; choose another media port")]
    Port {
        /// The port; 0 stands for any.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// A TCP port cannot be used.
    #[error(
        "TCP port {port} cannot be used for media: {source}; choose another media port, or do without media over TCP"
    )]
    TcpPort {
        /// The port; 0 stands for any.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The ports of the workers do not fit below 65,536.
    #[error("{workers} media workers do not fit above port {base}; choose a lower media port")]
    Ports {
        /// How many workers.
        workers: u16,
        /// The first one's port.
        base: u16,
    },
    /// The workers cannot be pinned.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateUnavailable),
    /// The metrics are registered already.
    #[error("the media metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// No thread, or nothing to wait with.
    #[error("the system gave no thread for media: {0}")]
    Thread(#[source] io::Error),
}

/// A running SFU. It stops when told to, or when dropped.
#[derive(Debug)]
pub struct Sfu {
    handle: SfuHandle,
    threads: Vec<JoinHandle<()>>,
    ports: Vec<u16>,
    tcp_ports: Vec<u16>,
}

impl Sfu {
    /// Starts the worker threads. Reports about participants go to `events`, metrics to
    /// `registry`.
    ///
    /// # Errors
    ///
    /// See [`StartError`]; nothing is left running.
    pub fn start(
        config: SfuConfig,
        events: mpsc::Sender<MediaEvent>,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        let unusable = |ip: &&IpAddr| ip.is_unspecified() || ip.is_multicast();
        if let Some(ip) = config.advertised.iter().find(unusable) {
            return Err(StartError::Advertised(*ip));
        }
        let addresses = Addresses::discover(&config.advertised).map_err(StartError::Discovery)?;
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

        // All sockets first: a port in use is the likeliest failure, and nothing runs yet.
        let mut shards = Vec::new();
        let mut mailboxes = Vec::new();
        let mut ports = Vec::new();
        let mut tcp_ports = Vec::new();
        for number in 0..workers {
            let port = if base == 0 { 0 } else { base + number };
            let socket = BatchSocket::bind(&addresses, port)
                .map_err(|source| StartError::Port { port, source })?;
            ports.push(socket.port());
            let poll = Poll::new().map_err(StartError::Thread)?;
            let streams =
                match config.tcp {
                    MediaTcp::Off => None,
                    MediaTcp::On | MediaTcp::Only => {
                        let registry = poll.registry().try_clone().map_err(StartError::Thread)?;
                        Some(socket.listen(port, registry).map_err(|source| {
                            StartError::TcpPort { port: socket.port(), source }
                        })?)
                    }
                };
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
            let (sender, orders) = sync_mpsc::channel();
            let waiting = Arc::new(AtomicUsize::new(0));
            let (shard, waker) = Shard::new(
                (number, loads.clone()),
                worker,
                (poll, socket, streams),
                (orders, waiting.clone()),
                events.clone(),
                metrics.clone(),
            )
            .map_err(StartError::Thread)?;
            mailboxes.push(Mailbox { orders: sender, waiting, waker: Arc::new(waker) });
            shards.push(shard);
        }
        introduce(&mut shards, &mailboxes);
        for shard in &mut shards {
            shard.processor = processors.next();
        }
        let mut sfu = Self {
            handle: SfuHandle {
                placement: Arc::new(Mutex::new(Placement::new(
                    usize::from(workers),
                    config.spread_at,
                ))),
                mailboxes: mailboxes.into(),
                loads,
            },
            threads: Vec::new(),
            ports,
            tcp_ports,
        };
        for (number, shard) in shards.into_iter().enumerate() {
            let thread = thread::Builder::new()
                .name(format!("sfu-{number}"))
                .spawn(move || shard.run())
                .map_err(StartError::Thread)?;
            sfu.threads.push(thread);
        }
        Ok(sfu)
    }

    /// Where to send commands.
    #[must_use]
    pub fn handle(&self) -> SfuHandle {
        self.handle.clone()
    }

    /// The workers' UDP ports.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The workers' TCP ports; none if media does not go over TCP.
    #[must_use]
    pub fn tcp_ports(&self) -> &[u16] {
        &self.tcp_ports
    }

    /// Says goodbye to all participants and waits for the threads to end, which takes
    /// milliseconds.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        for mailbox in self.handle.mailboxes.iter() {
            // One that has ended by itself needs no telling.
            let _ = mailbox.put(Order::Stop);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media worker had panicked");
            }
        }
    }
}

/// Gives each of several workers its ways to the others.
fn introduce(shards: &mut [Shard], mailboxes: &[Mailbox]) {
    if shards.len() < 2 {
        return;
    }
    let pairs = mailboxes.iter().map(|mailbox| cascade::pair(mailbox.waker.clone()));
    let (outlets, inlets): (Vec<Outlet>, Vec<Inlet>) = pairs.unzip();
    let outlets: Arc<[Outlet]> = outlets.into();
    for ((number, shard), inlet) in (0..).zip(shards).zip(inlets) {
        let outlets = Outlets::new(number, outlets.clone());
        shard.neighbours = Some(Neighbours { inlet, outlets });
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.end();
    }
}
