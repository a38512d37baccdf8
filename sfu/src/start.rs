//! Starting and stopping.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, mpsc as sync_mpsc};
use std::thread::{self, JoinHandle};

use prometheus::Registry;
use sfu_core::{Certificate, CertificateUnavailable, Worker, WorkerConfig};
use signaling_protocol::media::MediaEvent;
use tokio::sync::mpsc;

use crate::addresses::Addresses;
use crate::config::SfuConfig;
use crate::handle::{Mailbox, Order, SfuHandle};
use crate::metrics::Metrics;
use crate::placement::Placement;
use crate::shard::Shard;
use crate::socket::BatchSocket;

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
    /// The ports of the workers do not fit below 65,536.
    #[error("{workers} media workers do not fit above port {base}; choose a lower media port")]
    Ports {
        /// How many workers.
        workers: u16,
        /// The first one's port.
        base: u16,
    },
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
        let base = config.udp_port_base;
        if base > 0 && base.checked_add(workers - 1).is_none() {
            return Err(StartError::Ports { workers, base });
        }

        // All sockets first: a port in use is the likeliest failure, and nothing runs yet.
        let mut shards = Vec::new();
        let mut mailboxes = Vec::new();
        let mut ports = Vec::new();
        for number in 0..workers {
            let port = if base == 0 { 0 } else { base + number };
            let socket = BatchSocket::bind(&addresses, port)
                .map_err(|source| StartError::Port { port, source })?;
            ports.push(socket.port());
            let worker = Worker::new(WorkerConfig {
                candidates: socket.candidates(),
                certificate: certificate.clone(),
                limits: config.limits,
                estimate_bandwidth: config.estimate_bandwidth,
            });
            let (sender, orders) = sync_mpsc::channel();
            let waiting = Arc::new(AtomicUsize::new(0));
            let (shard, waker) = Shard::new(
                number.to_string(),
                worker,
                socket,
                (orders, waiting.clone()),
                events.clone(),
                metrics.clone(),
            )
            .map_err(StartError::Thread)?;
            mailboxes.push(Mailbox { orders: sender, waiting, waker: Arc::new(waker) });
            shards.push(shard);
        }
        let mut sfu = Self {
            handle: SfuHandle {
                placement: Arc::new(Mutex::new(Placement::new(usize::from(workers)))),
                mailboxes: mailboxes.into(),
            },
            threads: Vec::new(),
            ports,
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

impl Drop for Sfu {
    fn drop(&mut self) {
        self.end();
    }
}
