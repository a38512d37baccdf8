//! The media of all participants: a few threads, each with its own clients and sockets.

mod link_emulator;
mod socket;
mod thread;

use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use e2ee::MediaKeys;
use hdrhistogram::Histogram;
use signaling_protocol::{ReceiveSlots, SubscribedQuality, Track};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

pub(crate) use link_emulator::{LinkConfig, LinkEmulator, LinkStep, LinkTrace};

use crate::BenchError;
use crate::client::{
    ClientConfig, ClientError, EncodingHistory, FrameProtection, Identity, Received, StreamStats,
};
use thread::MediaThread;

/// Added to a participant's number for its receiving connection, where a server needs two connections.
pub(crate) const RECEIVING_OFFSET: u32 = 1 << 20;

/// A report from a media thread to a participant.
#[derive(Debug)]
pub(crate) enum MediaReport {
    /// ICE and DTLS are connected.
    Connected,
    /// The first video frame is complete.
    FirstFrame,
    /// The connection failed.
    Failed(ClientError),
}

/// A client to create.
pub(crate) struct NewClient {
    pub(crate) config: ClientConfig,
    pub(crate) protection: FrameProtection,
    pub(crate) link: Option<LinkConfig>,
    pub(crate) reports: UnboundedSender<MediaReport>,
    pub(crate) negotiation: Negotiation,
}

/// The direction of the SDP negotiation, with a channel for the local description.
pub(crate) enum Negotiation {
    /// The client offers: returns its offer and the tracks to announce.
    Offer(oneshot::Sender<(String, Vec<Track>)>),
    /// The server offered: contains its offer, and returns the answer.
    Answer(String, oneshot::Sender<String>),
}

/// A command to a media thread.
pub(crate) enum ThreadCommand {
    Add(Box<NewClient>),
    Answer {
        number: u32,
        sdp: String,
    },
    SetKeys {
        number: u32,
        keys: Box<MediaKeys>,
    },
    SetSubscribedQuality {
        number: u32,
        quality: SubscribedQuality,
    },
    Remove {
        number: u32,
    },
    StartCounting,
    /// Returns the measurements since then, and stops counting.
    Collect(oneshot::Sender<ThreadReport>),
    Stop,
}

/// The measurements of one client.
#[derive(Debug)]
pub(crate) struct ClientReport {
    pub(crate) number: u32,
    pub(crate) slots: ReceiveSlots,
    /// Media packets that reached the client's link, without retransmissions and probes.
    pub(crate) media_packets: u64,
    /// Retransmissions and bandwidth probes.
    pub(crate) extra_packets: u64,
    pub(crate) received: Received,
    pub(crate) streams: Vec<StreamStats>,
    pub(crate) sent_packets: u64,
    /// Sent video payload bytes by encoding, the lowest first.
    pub(crate) sent_video_bytes: [u64; 3],
    /// Most bytes that end-to-end encryption added to an audio and a video frame.
    pub(crate) overhead_bytes: (usize, usize),
    pub(crate) trace: Option<LinkTrace>,
    /// Start of the trace and the measurement.
    pub(crate) since: Option<Instant>,
    /// The client was connected for the whole measurement.
    pub(crate) present_throughout: bool,
}

impl ClientReport {
    /// Returns the encoding history of each video stream.
    pub(crate) fn encoding_histories(&self) -> impl Iterator<Item = &EncodingHistory> {
        self.streams.iter().filter(|stream| !stream.audio).map(|stream| &stream.history)
    }
}

/// The measurements of one media thread.
#[derive(Debug)]
pub(crate) struct ThreadReport {
    pub(crate) clients: Vec<ClientReport>,
    /// How late timers were handled, in microseconds.
    pub(crate) timer_lag: Histogram<u64>,
    pub(crate) ports: Vec<u16>,
    pub(crate) unsent: u64,
    /// The server's media ports.
    pub(crate) server_ports: Vec<u16>,
    /// Time that the thread did not sleep.
    pub(crate) busy: Duration,
}

/// A handle to all media threads.
#[derive(Clone)]
pub(crate) struct Media {
    threads: Vec<Sender<ThreadCommand>>,
}

impl Media {
    /// Starts the threads.
    pub(crate) fn start(threads: usize, gro: bool) -> Result<Self, BenchError> {
        let identity =
            Identity::generate().map_err(|error| BenchError::Media(error.to_string()))?;
        let mut handles = Vec::new();
        for number in 0..threads.max(1) {
            let (commands, receiver) = mpsc::channel();
            let thread = MediaThread::new(receiver, identity.clone(), gro);
            std::thread::Builder::new()
                .name(format!("media-{number}"))
                .spawn(move || thread.run())?;
            handles.push(commands);
        }
        Ok(Self { threads: handles })
    }

    /// Sends a command to the thread of the client `number`.
    pub(crate) fn send(&self, number: u32, command: ThreadCommand) {
        // A thread that has ended is reported by `collect`.
        let _ = self.threads[number as usize % self.threads.len()].send(command);
    }

    /// Starts the measurement.
    pub(crate) fn start_counting(&self) {
        for thread in &self.threads {
            let _ = thread.send(ThreadCommand::StartCounting);
        }
    }

    /// Ends the measurement, and returns the reports of all threads.
    pub(crate) async fn collect(&self) -> Result<Vec<ThreadReport>, BenchError> {
        let mut all = Vec::new();
        for thread in &self.threads {
            let (reply, report) = oneshot::channel();
            let _ = thread.send(ThreadCommand::Collect(reply));
            all.push(report.await.map_err(|_| BenchError::Media("a thread has ended".into()))?);
        }
        Ok(all)
    }

    /// Stops all threads.
    pub(crate) fn stop(&self) {
        for thread in &self.threads {
            let _ = thread.send(ThreadCommand::Stop);
        }
    }
}

/// How long an idle thread sleeps. It does not wait on its sockets, because waking a receiver costs
/// the sender CPU time.
pub(crate) const TICK: Duration = Duration::from_micros(500);

/// Returns an instant after the end of any run.
pub(crate) fn far_future(now: Instant) -> Instant {
    now + Duration::from_secs(3_600)
}
