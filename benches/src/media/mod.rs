//! The media side of all participants: a few threads, each with clients and sockets of its own.

mod link;
mod socket;
mod thread;

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use e2ee::MediaKeys;
use hdrhistogram::Histogram;
use signaling_protocol::{ReceiveSlots, SubscribedQuality, Track};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

pub(crate) use link::{Emulator, Link, LinkStep, LinkTrace};

use crate::BenchError;
use crate::client::{ClientConfig, ClientError, Identity, Received, Sealing, Shown, StreamStats};
use thread::MediaThread;

/// Where a server wants two connections of a participant, the one that only receives has the
/// participant's number and this.
pub(crate) const RECEIVING: u32 = 1 << 20;

/// What a participant hears of its media.
#[derive(Debug)]
pub(crate) enum MediaReport {
    /// ICE and DTLS are up.
    Connected,
    /// The first picture is whole.
    FirstFrame,
    Failed(ClientError),
}

/// A client to make.
pub(crate) struct NewClient {
    pub(crate) config: ClientConfig,
    pub(crate) sealing: Sealing,
    pub(crate) link: Option<Link>,
    pub(crate) reports: UnboundedSender<MediaReport>,
    pub(crate) negotiation: Negotiation,
}

/// Who begins, and where what is to be sent goes.
pub(crate) enum Negotiation {
    /// We do: the offer, and the tracks to announce.
    Offer(oneshot::Sender<(String, Vec<Track>)>),
    /// The server has: its offer, and our answer.
    Answer(String, oneshot::Sender<String>),
}

/// What the threads are told.
pub(crate) enum Order {
    Add(Box<NewClient>),
    Answer {
        number: u32,
        sdp: String,
    },
    Keys {
        number: u32,
        keys: Box<MediaKeys>,
    },
    Wanted {
        number: u32,
        wanted: SubscribedQuality,
    },
    Remove {
        number: u32,
    },
    StartCounting,
    /// All figures since then; nothing counts any more.
    Collect(oneshot::Sender<Harvest>),
    Stop,
}

/// The figures of one client.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) number: u32,
    pub(crate) slots: ReceiveSlots,
    /// Media packets that reached the client's link, and on top of them resent ones and probes.
    pub(crate) arrived: u64,
    pub(crate) extra: u64,
    pub(crate) received: Received,
    pub(crate) streams: Vec<StreamStats>,
    pub(crate) sent_packets: u64,
    /// Payload bytes of pictures by encoding, the smallest first.
    pub(crate) sent_pictures: [u64; 3],
    pub(crate) bytes_added: (usize, usize),
    pub(crate) trace: Option<LinkTrace>,
    /// When the trace, and figures, began.
    pub(crate) since: Option<Instant>,
    /// It was there from the first to the last counted moment.
    pub(crate) whole: bool,
}

impl Figures {
    /// What came in its slots for pictures.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Shown> {
        self.streams.iter().filter(|stream| !stream.audio).map(|stream| &stream.shown)
    }
}

/// The figures of one thread.
#[derive(Debug)]
pub(crate) struct Harvest {
    pub(crate) figures: Vec<Figures>,
    /// How late timers were served, in microseconds.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) ports: Vec<u16>,
    pub(crate) unsent: u64,
    /// Where the server's media is.
    pub(crate) server_ports: Vec<u16>,
    pub(crate) busy: Duration,
}

/// Handles of the media threads.
#[derive(Clone)]
pub(crate) struct Media {
    threads: Vec<Sender<Order>>,
}

impl Media {
    pub(crate) fn start(threads: usize, together: bool) -> Result<Self, BenchError> {
        let identity =
            Identity::generate().map_err(|error| BenchError::Media(error.to_string()))?;
        let mut handles = Vec::new();
        for number in 0..threads.max(1) {
            let (orders, taken) = mpsc::channel();
            let thread = MediaThread::new(taken, identity.clone(), together);
            std::thread::Builder::new()
                .name(format!("media-{number}"))
                .spawn(move || thread.run())?;
            handles.push(orders);
        }
        Ok(Self { threads: handles })
    }

    /// Tells the thread of this client something.
    pub(crate) fn tell(&self, number: u32, order: Order) {
        // A thread that has ended says so when figures are collected.
        let _ = self.threads[number as usize % self.threads.len()].send(order);
    }

    pub(crate) fn start_counting(&self) {
        for thread in &self.threads {
            let _ = thread.send(Order::StartCounting);
        }
    }

    pub(crate) async fn collect(&self) -> Result<Vec<Harvest>, BenchError> {
        let mut all = Vec::new();
        for thread in &self.threads {
            let (reply, harvest) = oneshot::channel();
            let _ = thread.send(Order::Collect(reply));
            all.push(harvest.await.map_err(|_| BenchError::Media("a thread has ended".into()))?);
        }
        Ok(all)
    }

    pub(crate) fn stop(&self) {
        for thread in &self.threads {
            let _ = thread.send(Order::Stop);
        }
    }
}

/// How long a thread sleeps when there is nothing to do: what comes meanwhile waits. It does not
/// wait for sockets, since being woken costs whoever sends.
pub(crate) const TICK: Duration = Duration::from_micros(500);

/// A moment that never comes within a run.
pub(crate) fn far(now: Instant) -> Instant {
    now + Duration::from_secs(3_600)
}
