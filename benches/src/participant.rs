//! A headless participant: signalling and MLS in a task, media on a media thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2ee::endpoint::{Endpoint, EndpointConfig, Output};
use e2ee::link::LinkSecret;
use e2ee::media::MediaCryptor;
use ed25519_dalek::{Signer as _, SigningKey};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::{
    ClientMessage, ControlMessage, Delta, LogPosition, MediaMessage, ReceiveSlots, RoomId,
    RoomMessage, ServerMessage, limits,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use crate::client::{ClientConfig, Depth, FrameProtection, SOURCES};
use crate::media::{Media, MediaReport, Negotiation, NewClient, ThreadCommand};
use crate::scenario::{Group, Payload};
use crate::signalling::Signalling;
use crate::video_constraints::VideoConstraints;
use crate::{BenchError, unix_ms};

/// The configuration of one participant.
#[derive(Clone)]
pub(crate) struct ParticipantConfig {
    pub(crate) url: String,
    pub(crate) room: RoomId,
    pub(crate) link_secret: LinkSecret,
    pub(crate) payload: Payload,
    pub(crate) simulcast: bool,
    pub(crate) number: u32,
    pub(crate) seed: u64,
    pub(crate) group: Group,
    /// Another participant sends video.
    pub(crate) expects_video: bool,
    /// The numbers of the participants that publish for the whole run.
    pub(crate) publishers: Arc<[u32]>,
    pub(crate) media: Media,
}

/// The phase of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Participants join or take part.
    Running,
    /// All participants leave.
    Ended,
}

/// The time from the start of the join (the token request) to each stage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct JoinTimings {
    pub(crate) joined: Option<Duration>,
    pub(crate) first_keys: Option<Duration>,
    pub(crate) connected: Option<Duration>,
    pub(crate) first_frame: Option<Duration>,
    /// The server ended the media connection during the run.
    pub(crate) media_lost: bool,
}

impl JoinTimings {
    /// Returns `true` if every stage that the configuration expects is reached.
    fn is_complete(&self, config: &ParticipantConfig) -> bool {
        let first_keys = config.payload == Payload::Opaque || self.first_keys.is_some();
        first_keys
            && self.connected.is_some()
            && (!config.expects_video || self.first_frame.is_some())
    }
}

/// Joins, and takes part until the run ends or `leave_after` has passed. Sends once on `ready` when
/// all join timings are complete.
pub(crate) async fn run_participant(
    config: ParticipantConfig,
    mut phase: watch::Receiver<Phase>,
    ready: mpsc::Sender<()>,
    leave_after: Option<Duration>,
) -> Result<JoinTimings, BenchError> {
    let start = Instant::now();
    let mut timings = JoinTimings::default();
    let address = address(config.number);
    let (signalling, joined) = Signalling::join(&config.url, &config.room, Some(&address)).await?;
    timings.joined = Some(start.elapsed());
    let slots = at_most(joined.slots, config.group.slots);
    let constraints = VideoConstraints::new(config.group.video_heights.clone(), &joined);
    let mut session =
        Session { signalling, position: joined.log.position, endpoint: None, constraints };
    let (reports, mut media_reports) = mpsc::unbounded_channel();
    let (offer, offered) = oneshot::channel();
    let number = config.number;
    let send_command = |command| config.media.send(number, command);
    send_command(ThreadCommand::Add(Box::new(NewClient {
        config: ClientConfig {
            number,
            seed: config.seed ^ u64::from(number) << 20,
            publishes: config.group.track_configs(),
            simulcast: config.simulcast,
            sources: SOURCES.to_vec(),
            slots,
            depth: match (config.payload, config.simulcast) {
                (Payload::Opaque, false) => Depth::Sampled,
                (Payload::Opaque, true) => Depth::Encodings,
                (Payload::EndToEnd | Payload::EndToEndClassic, _) => Depth::Frames,
            },
        },
        protection: match config.payload {
            Payload::Opaque => FrameProtection::Opaque,
            Payload::EndToEnd | Payload::EndToEndClassic => {
                FrameProtection::EndToEnd(Box::new(MediaCryptor::new()))
            }
        },
        link: config.group.link.clone(),
        reports,
        negotiation: Negotiation::Offer(offer),
    })));
    let _remove_on_drop = RemoveOnDrop { media: config.media.clone(), number };
    if config.payload != Payload::Opaque {
        let mut endpoint = new_endpoint(&config)?;
        endpoint.handle(ServerMessage::Room(RoomMessage::Joined(joined)), unix_ms());
        session.endpoint = Some(endpoint);
        session.drain_endpoint(&config, &mut timings, start).await?;
    }
    let (sdp, tracks) = offered.await.map_err(|_| BenchError::Media("no offer".into()))?;
    session.signalling.send(&ClientMessage::Offer { sdp }).await?;
    if !tracks.is_empty() {
        session.signalling.send(&ClientMessage::SetTracks { tracks }).await?;
    }
    session.send_constraints().await?;

    let mut heartbeat = interval(Duration::from_secs(limits::HEARTBEAT_SECONDS));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let leave_at = leave_after.map(|after| start + after);
    let mut ready_sent = false;
    loop {
        if !ready_sent && timings.is_complete(&config) {
            ready_sent = true;
            // If the run was cancelled, the receiver is gone; this task then ends below.
            let _ = ready.send(()).await;
        }
        let mls_due = session.endpoint.as_ref().and_then(Endpoint::poll_timeout);
        tokio::select! {
            message = session.signalling.receive() => {
                match message? {
                    ServerMessage::Media(MediaMessage::Answer { sdp }) => {
                        send_command(ThreadCommand::Answer { number, sdp });
                    }
                    ServerMessage::Media(MediaMessage::SubscribedQuality(quality)) => {
                        send_command(ThreadCommand::SetSubscribedQuality { number, quality });
                    }
                    ServerMessage::Media(MediaMessage::MediaLost { .. }) if ready_sent => {
                        timings.media_lost = true;
                        return Ok(timings);
                    }
                    ServerMessage::Media(MediaMessage::MediaLost { refusal })
                    | ServerMessage::Control(ControlMessage::Closing { refusal }) => {
                        return Err(refusal.into());
                    }
                    ServerMessage::Media(MediaMessage::Downlink(_)) => {}
                    message @ (ServerMessage::Room(_)
                    | ServerMessage::Log(_)
                    | ServerMessage::Control(_)) => session.handle_message(message),
                }
                session.send_constraints().await?;
                session.drain_endpoint(&config, &mut timings, start).await?;
            }
            Some(report) = media_reports.recv() => match report {
                MediaReport::Connected => timings.connected = Some(start.elapsed()),
                MediaReport::FirstFrame => timings.first_frame = Some(start.elapsed()),
                MediaReport::Failed(error) => return Err(BenchError::Media(error.to_string())),
            },
            // With end-to-end encryption, the MLS endpoint sends heartbeats.
            _ = heartbeat.tick(), if session.endpoint.is_none() => {
                let position = session.position;
                session.signalling.send(&ClientMessage::Heartbeat { position }).await?;
            }
            () = sleep_until_unix_ms(mls_due) => {
                if let Some(endpoint) = &mut session.endpoint {
                    endpoint.handle_timeout(unix_ms());
                }
                session.drain_endpoint(&config, &mut timings, start).await?;
            }
            () = sleep_until(leave_at.unwrap_or(start).into()), if leave_at.is_some() => break,
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Ended {
                    break;
                }
            }
        }
    }
    session.signalling.send(&ClientMessage::Leave).await?;
    Ok(timings)
}

/// Returns an address from the shared range of RFC 6598 for each participant. A server that trusts
/// this machine as a proxy then applies its rate limits per participant.
fn address(number: u32) -> String {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("100.{}.{middle}.{low}", 64 + high)
}

fn at_most(allowed: ReceiveSlots, limit: Option<ReceiveSlots>) -> ReceiveSlots {
    let limit = limit.unwrap_or(allowed);
    let (audio, video) = (allowed.audio.min(limit.audio), allowed.video.min(limit.video));
    ReceiveSlots { audio, video }
}

/// Removes a participant's media client when the participant ends, also by an error.
pub(crate) struct RemoveOnDrop {
    pub(crate) media: Media,
    pub(crate) number: u32,
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        self.media.send(self.number, ThreadCommand::Remove { number: self.number });
    }
}

/// The signalling session, with the MLS endpoint and the video constraints that it drives.
struct Session {
    signalling: Signalling,
    position: LogPosition,
    /// `None` with opaque payload.
    endpoint: Option<Endpoint>,
    constraints: VideoConstraints,
}

impl Session {
    fn handle_message(&mut self, message: ServerMessage) {
        if let ServerMessage::Room(message) = &message {
            self.constraints.handle_message(message);
        }
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.handle(message, unix_ms());
        } else if let ServerMessage::Room(RoomMessage::Delta {
            delta: Delta::Log { entry }, ..
        }) = message
        {
            self.position = entry.position;
        }
    }

    /// Sends the video constraints if they have changed.
    async fn send_constraints(&mut self) -> Result<(), BenchError> {
        match self.constraints.poll() {
            Some(constraints) => {
                self.signalling.send(&ClientMessage::ReceiverVideoConstraints { constraints }).await
            }
            None => Ok(()),
        }
    }

    /// Executes the outputs of the MLS endpoint.
    async fn drain_endpoint(
        &mut self,
        config: &ParticipantConfig,
        timings: &mut JoinTimings,
        start: Instant,
    ) -> Result<(), BenchError> {
        let Some(endpoint) = &mut self.endpoint else { return Ok(()) };
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Send(message) => self.signalling.send(&message).await?,
                Output::Keys(keys) => {
                    let number = config.number;
                    config
                        .media
                        .send(number, ThreadCommand::SetKeys { number, keys: Box::new(keys) });
                    timings.first_keys.get_or_insert(start.elapsed());
                }
                Output::PendingKeys(_)
                | Output::Roster(_)
                | Output::Message(_)
                | Output::Unconfirmed(_)
                | Output::Sas(_)
                | Output::Trace(_) => {}
                Output::Problem(problem) => tracing::warn!(%problem.message, "MLS problem"),
                Output::Rejoin(reason) => {
                    return Err(BenchError::EndToEnd(format!("must rejoin: {reason}")));
                }
            }
        }
        Ok(())
    }
}

fn new_endpoint(config: &ParticipantConfig) -> Result<Endpoint, BenchError> {
    let end_to_end = |error: &dyn std::fmt::Display| BenchError::EndToEnd(error.to_string());
    let seed: [u8; 32] = StdRng::seed_from_u64(rand::random()).random();
    let identity = SigningKey::from_bytes(&seed);
    let endpoint_config = EndpointConfig {
        room: config.room.clone(),
        link: config.link_secret.clone(),
        name: format!("headless {}", config.number),
        identity_public: identity.verifying_key().to_bytes(),
        suite: match config.payload {
            Payload::EndToEndClassic => e2ee::Suite::Classic,
            Payload::Opaque | Payload::EndToEnd => e2ee::Suite::PostQuantum,
        },
    };
    let (mut endpoint, request) =
        Endpoint::new(endpoint_config, unix_ms()).map_err(|error| end_to_end(&error))?;
    endpoint
        .certify(identity.sign(request.as_bytes()).to_bytes())
        .map_err(|error| end_to_end(&error))?;
    Ok(endpoint)
}

async fn sleep_until_unix_ms(due: Option<u64>) {
    match due {
        Some(due) => tokio::time::sleep(Duration::from_millis(due.saturating_sub(unix_ms()))).await,
        None => std::future::pending().await,
    }
}
