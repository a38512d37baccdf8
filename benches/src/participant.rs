//! One headless participant: signalling and MLS in a task, its media on a media thread.

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

use crate::client::{ClientConfig, Depth, SOURCES, Sealing};
use crate::constraints::VideoConstraints;
use crate::media::{Media, MediaReport, Negotiation, NewClient, Order};
use crate::scenario::{Group, Payload};
use crate::signalling::Signalling;
use crate::{BenchError, unix_ms};

/// What a participant is to do.
#[derive(Clone)]
pub(crate) struct Role {
    pub(crate) url: String,
    pub(crate) room: RoomId,
    pub(crate) link: LinkSecret,
    pub(crate) payload: Payload,
    pub(crate) simulcast: bool,
    pub(crate) number: u32,
    pub(crate) seed: u64,
    pub(crate) group: Group,
    /// Somebody else's picture is to be seen.
    pub(crate) expects_video: bool,
    /// The numbers of those who publish.
    pub(crate) feeds: Arc<[u32]>,
    pub(crate) media: Media,
}

/// Where the whole run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Participants come in, or are there.
    Running,
    /// Everybody leaves.
    Over,
}

/// From the start of the join (token, socket) to each stage.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stages {
    pub(crate) joined: Option<Duration>,
    pub(crate) keyed: Option<Duration>,
    pub(crate) connected: Option<Duration>,
    pub(crate) first_frame: Option<Duration>,
    /// The server gave up the media connection while the participant was there.
    pub(crate) media_lost: bool,
}

impl Stages {
    fn complete(&self, role: &Role) -> bool {
        let keyed = role.payload == Payload::Opaque || self.keyed.is_some();
        keyed && self.connected.is_some() && (!role.expects_video || self.first_frame.is_some())
    }
}

/// Takes part until the run is over, or until its time to leave. Says once on `ready` that
/// everything that is to come comes.
pub(crate) async fn take_part(
    role: Role,
    mut phase: watch::Receiver<Phase>,
    ready: mpsc::Sender<()>,
    leave_after: Option<Duration>,
) -> Result<Stages, BenchError> {
    let start = Instant::now();
    let mut stages = Stages::default();
    let address = address(role.number);
    let (signalling, joined) = Signalling::join(&role.url, &role.room, Some(&address)).await?;
    stages.joined = Some(start.elapsed());
    let slots = fewer(joined.slots, role.group.slots);
    let constraints = VideoConstraints::new(role.group.heights.clone(), &joined);
    let mut talk = Talk { signalling, position: joined.log.position, keys: None, constraints };
    let (reports, mut media_reports) = mpsc::unbounded_channel();
    let (offer, offered) = oneshot::channel();
    let number = role.number;
    let tell = |order| role.media.tell(number, order);
    tell(Order::Add(Box::new(NewClient {
        config: ClientConfig {
            number,
            seed: role.seed ^ u64::from(number) << 20,
            publishes: role.group.shapes(),
            simulcast: role.simulcast,
            lines: SOURCES.to_vec(),
            slots,
            depth: match (role.payload, role.simulcast) {
                (Payload::Opaque, false) => Depth::Sampled,
                (Payload::Opaque, true) => Depth::Encodings,
                (Payload::EndToEnd | Payload::EndToEndClassic, _) => Depth::Frames,
            },
        },
        sealing: match role.payload {
            Payload::Opaque => Sealing::Opaque,
            Payload::EndToEnd | Payload::EndToEndClassic => {
                Sealing::EndToEnd(Box::new(MediaCryptor::new()))
            }
        },
        link: role.group.link.clone(),
        reports,
        negotiation: Negotiation::Offer(offer),
    })));
    let _leaving = Leaving { media: role.media.clone(), number };
    if role.payload != Payload::Opaque {
        let mut endpoint = endpoint(&role)?;
        endpoint.handle(ServerMessage::Room(RoomMessage::Joined(joined)), unix_ms());
        talk.keys = Some(endpoint);
        talk.drain(&role, &mut stages, start).await?;
    }
    let (sdp, tracks) = offered.await.map_err(|_| BenchError::Media("no offer".into()))?;
    talk.signalling.send(&ClientMessage::Offer { sdp }).await?;
    if !tracks.is_empty() {
        talk.signalling.send(&ClientMessage::SetTracks { tracks }).await?;
    }
    talk.constraint().await?;

    let mut heartbeat = interval(Duration::from_secs(limits::HEARTBEAT_SECONDS));
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let leaves = leave_after.map(|after| start + after);
    let mut announced = false;
    loop {
        if !announced && stages.complete(&role) {
            announced = true;
            // The run may have been given up; that ends this task below.
            let _ = ready.send(()).await;
        }
        let mls_due = talk.keys.as_ref().and_then(Endpoint::poll_timeout);
        tokio::select! {
            message = talk.signalling.receive() => {
                match message? {
                    ServerMessage::Media(MediaMessage::Answer { sdp }) => {
                        tell(Order::Answer { number, sdp });
                    }
                    ServerMessage::Media(MediaMessage::SubscribedQuality(wanted)) => {
                        tell(Order::Wanted { number, wanted });
                    }
                    ServerMessage::Media(MediaMessage::MediaLost { .. }) if announced => {
                        stages.media_lost = true;
                        return Ok(stages);
                    }
                    ServerMessage::Media(MediaMessage::MediaLost { refusal })
                    | ServerMessage::Control(ControlMessage::Closing { refusal }) => {
                        return Err(refusal.into());
                    }
                    ServerMessage::Media(MediaMessage::Downlink(_)) => {}
                    message @ (ServerMessage::Room(_)
                    | ServerMessage::Log(_)
                    | ServerMessage::Control(_)) => talk.hear(message),
                }
                talk.constraint().await?;
                talk.drain(&role, &mut stages, start).await?;
            }
            Some(report) = media_reports.recv() => match report {
                MediaReport::Connected => stages.connected = Some(start.elapsed()),
                MediaReport::FirstFrame => stages.first_frame = Some(start.elapsed()),
                MediaReport::Failed(error) => return Err(BenchError::Media(error.to_string())),
            },
            // An MLS endpoint has a heartbeat of its own.
            _ = heartbeat.tick(), if talk.keys.is_none() => {
                let position = talk.position;
                talk.signalling.send(&ClientMessage::Heartbeat { position }).await?;
            }
            () = sleep_ms_until(mls_due) => {
                if let Some(endpoint) = &mut talk.keys {
                    endpoint.handle_timeout(unix_ms());
                }
                talk.drain(&role, &mut stages, start).await?;
            }
            () = sleep_until(leaves.unwrap_or(start).into()), if leaves.is_some() => break,
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Over {
                    break;
                }
            }
        }
    }
    talk.signalling.send(&ClientMessage::Leave).await?;
    Ok(stages)
}

/// Limits go by address. A server that trusts this machine as a proxy counts each participant by
/// one of its own (of RFC 6598), as in life.
fn address(number: u32) -> String {
    let [_, high, middle, low] = number.to_be_bytes();
    format!("100.{}.{middle}.{low}", 64 + high)
}

fn fewer(allowed: ReceiveSlots, wanted: Option<ReceiveSlots>) -> ReceiveSlots {
    let wanted = wanted.unwrap_or(allowed);
    let (audio, video) = (allowed.audio.min(wanted.audio), allowed.video.min(wanted.video));
    ReceiveSlots { audio, video }
}

/// However a participant ends, its media ends with it.
pub(crate) struct Leaving {
    pub(crate) media: Media,
    pub(crate) number: u32,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.media.tell(self.number, Order::Remove { number: self.number });
    }
}

/// The conversation with the service, and what of it concerns keys.
struct Talk {
    signalling: Signalling,
    position: LogPosition,
    keys: Option<Endpoint>,
    constraints: VideoConstraints,
}

impl Talk {
    fn hear(&mut self, message: ServerMessage) {
        self.constraints.hear(&message);
        if let Some(endpoint) = &mut self.keys {
            endpoint.handle(message, unix_ms());
        } else if let ServerMessage::Room(RoomMessage::Delta {
            delta: Delta::Log { entry }, ..
        }) = message
        {
            self.position = entry.position;
        }
    }

    /// Says how it shows the pictures of others, if that has changed.
    async fn constraint(&mut self) -> Result<(), BenchError> {
        match self.constraints.poll() {
            Some(constraints) => {
                self.signalling.send(&ClientMessage::ReceiverVideoConstraints { constraints }).await
            }
            None => Ok(()),
        }
    }

    async fn drain(
        &mut self,
        role: &Role,
        stages: &mut Stages,
        start: Instant,
    ) -> Result<(), BenchError> {
        let Some(endpoint) = &mut self.keys else { return Ok(()) };
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Send(message) => self.signalling.send(&message).await?,
                Output::Keys(keys) => {
                    let number = role.number;
                    role.media.tell(number, Order::Keys { number, keys: Box::new(keys) });
                    stages.keyed.get_or_insert(start.elapsed());
                }
                Output::PendingKeys(_)
                | Output::Roster(_)
                | Output::Message(_)
                | Output::Unconfirmed(_)
                | Output::Sas(_)
                | Output::Trace(_) => {}
                Output::Problem(problem) => tracing::warn!(%problem.message, "problem"),
                Output::Rejoin(reason) => {
                    return Err(BenchError::EndToEnd(format!("must rejoin: {reason}")));
                }
            }
        }
        Ok(())
    }
}

fn endpoint(role: &Role) -> Result<Endpoint, BenchError> {
    let end_to_end = |error: &dyn std::fmt::Display| BenchError::EndToEnd(error.to_string());
    let seed: [u8; 32] = StdRng::seed_from_u64(rand::random()).random();
    let identity = SigningKey::from_bytes(&seed);
    let config = EndpointConfig {
        room: role.room.clone(),
        link: role.link.clone(),
        name: format!("headless {}", role.number),
        identity_public: identity.verifying_key().to_bytes(),
        suite: match role.payload {
            Payload::EndToEndClassic => e2ee::Suite::Classic,
            Payload::Opaque | Payload::EndToEnd => e2ee::Suite::PostQuantum,
        },
    };
    let (mut endpoint, request) =
        Endpoint::new(config, unix_ms()).map_err(|error| end_to_end(&error))?;
    endpoint
        .certify(identity.sign(request.as_bytes()).to_bytes())
        .map_err(|error| end_to_end(&error))?;
    Ok(endpoint)
}

async fn sleep_ms_until(due: Option<u64>) {
    match due {
        Some(due) => tokio::time::sleep(Duration::from_millis(due.saturating_sub(unix_ms()))).await,
        None => std::future::pending().await,
    }
}
