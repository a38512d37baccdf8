//! One headless participant: signalling, MLS, SFrame and WebRTC in one task.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use e2ee::endpoint::{Endpoint, EndpointConfig, Output};
use e2ee::link::LinkSecret;
use e2ee::media::{Codec, MediaCryptor};
use ed25519_dalek::{Signer as _, SigningKey};
use hdrhistogram::Histogram;
use signaling_protocol::{ClientMessage, RoomId, ServerMessage, Source};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::BenchError;
use crate::media::{Media, MediaOutput};
use crate::probe::Clock;
use crate::signalling::Signalling;

/// Audio frames a second (20 ms of Opus each).
const AUDIO_FPS: u32 = 50;
/// Bytes of an audio frame: 32 kbit/s.
const AUDIO_BYTES: usize = 80;
/// Video frames a second.
const VIDEO_FPS: u32 = 30;

/// What a participant is to do.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) url: String,
    pub(crate) room: RoomId,
    pub(crate) link: LinkSecret,
    pub(crate) classic: bool,
    pub(crate) name: String,
    /// Sends audio and video.
    pub(crate) publishes: bool,
    pub(crate) video_kbps: u32,
    /// How many other participants publish: all of them must be seen.
    pub(crate) expects: usize,
    pub(crate) clock: Clock,
}

/// Where the whole run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Participants come in.
    Gathering,
    /// Figures count.
    Measuring,
    /// Everybody leaves.
    Over,
}

/// What a participant has seen.
pub(crate) struct Seen {
    /// From the start of the join to each stage.
    pub(crate) joined: Option<Duration>,
    pub(crate) keyed: Option<Duration>,
    pub(crate) connected: Option<Duration>,
    pub(crate) first_frame: Option<Duration>,
    /// Ways of the video frames, in microseconds, sender's protect to receiver's unprotect.
    pub(crate) way: Histogram<u64>,
    /// Opened frames.
    pub(crate) video_frames: u64,
    pub(crate) audio_frames: u64,
    /// Frames of either kind that others came after.
    pub(crate) lost: u64,
    /// Frames that did not authenticate.
    pub(crate) refused_frames: u64,
    /// Other participants' tracks of which no frame came.
    pub(crate) silent_tracks: usize,
    pub(crate) bytes_added_audio: Option<usize>,
    pub(crate) bytes_added_video: Option<usize>,
}

impl Seen {
    fn new() -> Result<Self, BenchError> {
        let way = Histogram::new_with_bounds(1, 60_000_000, 3)
            .map_err(|error| BenchError::Broken(error.to_string()))?;
        Ok(Self {
            joined: None,
            keyed: None,
            connected: None,
            first_frame: None,
            way,
            video_frames: 0,
            audio_frames: 0,
            lost: 0,
            refused_frames: 0,
            silent_tracks: 0,
            bytes_added_audio: None,
            bytes_added_video: None,
        })
    }
}

/// Takes part until the run is over. Says once on `ready` that every publisher is seen.
pub(crate) async fn take_part(
    role: Role,
    mut phase: watch::Receiver<Phase>,
    ready: tokio::sync::mpsc::Sender<()>,
) -> Result<Seen, BenchError> {
    let start = Instant::now();
    let mut seen = Seen::new()?;
    let (mut signalling, joined) = Signalling::join(&role.url, &role.room).await?;
    seen.joined = Some(start.elapsed());
    let (mut media, offer) = Media::offer(joined.slots).await?;
    let mut crypto = Crypto::new(&role)?;
    crypto.endpoint.handle(ServerMessage::Joined(joined), unix_ms());
    crypto.drain(&mut signalling).await?;
    signalling.send(&ClientMessage::Offer { sdp: offer }).await?;
    if role.publishes {
        signalling.send(&ClientMessage::SetTracks { tracks: media.tracks() }).await?;
    }

    let mut audio = interval(Duration::from_secs(1) / AUDIO_FPS);
    let mut video = interval(Duration::from_secs(1) / VIDEO_FPS);
    audio.set_missed_tick_behavior(MissedTickBehavior::Skip);
    video.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut sender = Sender::new(&role);
    let mut receiver = Receiver::new(&role);
    let mut outputs = Vec::new();
    let mut connected = false;
    let mut announced = false;
    loop {
        let rtc_due = media.drain(&mut outputs)?;
        for output in outputs.drain(..) {
            match output {
                MediaOutput::Connected => {
                    connected = true;
                    seen.connected = Some(start.elapsed());
                }
                MediaOutput::Packet { .. } => {}
                MediaOutput::KeyFrameWanted => sender.key_frame_due = true,
                MediaOutput::Frame { audio, data } => {
                    let measuring = *phase.borrow() == Phase::Measuring;
                    receiver.take(&mut crypto.cryptor, audio, &data, measuring, &mut seen);
                    if seen.first_frame.is_none() && receiver.videos() > 0 {
                        seen.first_frame = Some(start.elapsed());
                    }
                }
            }
        }
        if crypto.keyed && seen.keyed.is_none() {
            seen.keyed = Some(start.elapsed());
        }
        if !announced && connected && crypto.keyed && receiver.videos() >= role.expects {
            announced = true;
            // The run may have been given up; that ends this task below.
            let _ = ready.send(()).await;
        }
        let mls_due = crypto.endpoint.poll_timeout();
        let sends = connected && crypto.keyed && role.publishes;
        tokio::select! {
            message = signalling.receive() => {
                match message? {
                    ServerMessage::Answer { sdp } => media.answer(&sdp)?,
                    ServerMessage::Closing { refusal } | ServerMessage::MediaLost { refusal } => {
                        return Err(refusal.into());
                    }
                    message @ (ServerMessage::Joined(_)
                    | ServerMessage::Resumed { .. }
                    | ServerMessage::Snapshot(_)
                    | ServerMessage::Delta { .. }
                    | ServerMessage::Tentative { .. }
                    | ServerMessage::Dropped { .. }
                    | ServerMessage::HeartbeatEcho
                    | ServerMessage::Waiting
                    | ServerMessage::Visitors { .. }
                    | ServerMessage::AskedToMute { .. }
                    | ServerMessage::Refused { .. }) => crypto.endpoint.handle(message, unix_ms()),
                }
                crypto.drain(&mut signalling).await?;
            }
            ready = media.readable() => {
                ready?;
                media.read(&mut outputs)?;
            }
            () = sleep_until(rtc_due.into()) => media.tick()?,
            () = sleep_ms_until(mls_due) => {
                crypto.endpoint.handle_timeout(unix_ms());
                crypto.drain(&mut signalling).await?;
            }
            _ = audio.tick(), if sends => sender.audio(&mut crypto.cryptor, &mut media, &mut seen)?,
            _ = video.tick(), if sends => sender.video(&mut crypto.cryptor, &mut media, &mut seen)?,
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Over {
                    signalling.send(&ClientMessage::Leave).await?;
                    seen.silent_tracks = (2 * role.expects).saturating_sub(receiver.measured.len());
                    return Ok(seen);
                }
            }
        }
    }
}

/// The keys of one participant, MLS side and frame side.
struct Crypto {
    endpoint: Endpoint,
    cryptor: MediaCryptor,
    keyed: bool,
}

impl Crypto {
    fn new(role: &Role) -> Result<Self, BenchError> {
        let end_to_end = |error: &dyn std::fmt::Display| BenchError::EndToEnd(error.to_string());
        let seed = rand::random::<[u8; 32]>();
        let identity = SigningKey::from_bytes(&seed);
        let config = EndpointConfig {
            room: role.room.clone(),
            link: role.link.clone(),
            name: role.name.clone(),
            identity_public: identity.verifying_key().to_bytes(),
            suite: if role.classic { e2ee::Suite::Classic } else { e2ee::Suite::PostQuantum },
        };
        let (mut endpoint, request) =
            Endpoint::new(config, unix_ms()).map_err(|error| end_to_end(&error))?;
        endpoint
            .certify(identity.sign(request.as_bytes()).to_bytes())
            .map_err(|error| end_to_end(&error))?;
        Ok(Self { endpoint, cryptor: MediaCryptor::new(), keyed: false })
    }

    async fn drain(&mut self, signalling: &mut Signalling) -> Result<(), BenchError> {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send(message) => signalling.send(&message).await?,
                Output::Keys(keys) => {
                    self.cryptor
                        .install(&keys, unix_ms())
                        .map_err(|error| BenchError::EndToEnd(error.to_string()))?;
                    self.keyed = true;
                }
                Output::ComingKeys(_)
                | Output::Roster(_)
                | Output::Message(_)
                | Output::Unconfirmed(_)
                | Output::Comparison(_) => {}
                Output::Problem(problem) => tracing::warn!(%problem.message, "problem"),
                Output::Rejoin(reason) => {
                    return Err(BenchError::EndToEnd(format!("must rejoin: {reason}")));
                }
            }
        }
        Ok(())
    }
}

/// Makes test frames.
struct Sender {
    clock: Clock,
    video_bytes: usize,
    audio_number: u64,
    video_number: u64,
    key_frame_due: bool,
}

impl Sender {
    fn new(role: &Role) -> Self {
        let video_bytes = (role.video_kbps as usize * 1000 / 8) / VIDEO_FPS as usize;
        let clock = role.clock;
        Self { clock, video_bytes, audio_number: 0, video_number: 0, key_frame_due: true }
    }

    fn audio(
        &mut self,
        cryptor: &mut MediaCryptor,
        media: &mut Media,
        seen: &mut Seen,
    ) -> Result<(), BenchError> {
        let frame = self.clock.frame(self.audio_number, AUDIO_BYTES);
        self.audio_number += 1;
        let protected = cryptor
            .protect(Source::Microphone, Codec::Opus, false, &frame)
            .map_err(|error| BenchError::EndToEnd(error.to_string()))?;
        seen.bytes_added_audio = seen.bytes_added_audio.max(Some(protected.len() - frame.len()));
        media.write(Source::Microphone, protected)
    }

    fn video(
        &mut self,
        cryptor: &mut MediaCryptor,
        media: &mut Media,
        seen: &mut Seen,
    ) -> Result<(), BenchError> {
        let key = std::mem::take(&mut self.key_frame_due);
        let bytes = if key { self.video_bytes * 4 } else { self.video_bytes };
        let frame = self.clock.frame(self.video_number, bytes);
        self.video_number += 1;
        let protected = cryptor
            .protect(Source::Camera, Codec::Vp8, key, &frame)
            .map_err(|error| BenchError::EndToEnd(error.to_string()))?;
        seen.bytes_added_video = seen.bytes_added_video.max(Some(protected.len() - frame.len()));
        media.write(Source::Camera, protected)
    }
}

/// Opens what comes and keeps count.
struct Receiver {
    clock: Clock,
    /// The highest frame number of each track.
    last: HashMap<Heard, u64>,
    /// The tracks that were heard while figures counted.
    measured: HashSet<Heard>,
}

/// A track, by the sender's leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Heard {
    leaf: u32,
    audio: bool,
}

impl Receiver {
    fn new(role: &Role) -> Self {
        Self { clock: role.clock, last: HashMap::new(), measured: HashSet::new() }
    }

    /// How many others' video has been seen.
    fn videos(&self) -> usize {
        self.last.keys().filter(|track| !track.audio).count()
    }

    fn take(
        &mut self,
        cryptor: &mut MediaCryptor,
        audio: bool,
        data: &[u8],
        measuring: bool,
        seen: &mut Seen,
    ) {
        let codec = if audio { Codec::Opus } else { Codec::Vp8 };
        let Ok(opened) = cryptor.unprotect(codec, data, unix_ms()) else {
            seen.refused_frames += u64::from(measuring);
            return;
        };
        let Some((way, number)) = self.clock.read(&opened.frame) else { return };
        let track = Heard { leaf: opened.leaf, audio };
        let last = self.last.get(&track).copied();
        self.last.insert(track, last.map_or(number, |last| last.max(number)));
        if !measuring {
            return;
        }
        self.measured.insert(track);
        seen.lost = match last {
            // It was taken for lost when a later one overtook it.
            Some(last) if number < last => seen.lost.saturating_sub(1),
            Some(last) => seen.lost + number.saturating_sub(last + 1),
            None => seen.lost,
        };
        if audio {
            seen.audio_frames += 1;
        } else {
            seen.video_frames += 1;
            // Longer ways than the histogram holds are counted at its end.
            seen.way.saturating_record(u64::try_from(way.as_micros()).unwrap_or(u64::MAX));
        }
    }
}

fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

async fn sleep_ms_until(due: Option<u64>) {
    match due {
        Some(due) => tokio::time::sleep(Duration::from_millis(due.saturating_sub(unix_ms()))).await,
        None => std::future::pending().await,
    }
}
