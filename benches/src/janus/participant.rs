//! A headless participant of a VideoRoom, with one connection for sending and one for receiving.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signaling_protocol::ReceiveSlots;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{interval, sleep_until};

use super::ROOM;
use super::session::JanusSession;
use crate::BenchError;
use crate::client::{ClientConfig, Depth, FrameProtection};
use crate::media::{MediaReport, Negotiation, NewClient, RECEIVING_OFFSET, ThreadCommand};
use crate::participant::{JoinTimings, ParticipantConfig, Phase, RemoveOnDrop};

/// The interval of checking if all publishers have joined.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// The interval of keepalives: Janus ends sessions that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

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
    let mut janus = JanusSession::open(&config.url).await?;
    let (reports, mut media_reports) = mpsc::unbounded_channel();
    let handle = janus.attach().await?;
    timings.joined = Some(start.elapsed());
    let _sending = RemoveOnDrop { media: config.media.clone(), number: config.number };
    let _receiving =
        RemoveOnDrop { media: config.media.clone(), number: config.number + RECEIVING_OFFSET };
    if !config.group.publishes.is_empty() {
        publish(&config, &mut janus, handle, reports.clone()).await?;
    }
    let mut pending_connections = u32::from(!config.group.publishes.is_empty());
    let publishers: Vec<u32> =
        config.publishers.iter().copied().filter(|number| *number != config.number).collect();
    if !publishers.is_empty() {
        subscribe(&config, &mut janus, handle, &publishers, reports.clone()).await?;
        pending_connections += 1;
    }

    let mut keep_alive = interval(KEEP_ALIVE);
    let leave_at = leave_after.map(|after| start + after);
    let mut ready_sent = false;
    loop {
        if !ready_sent
            && timings.connected.is_some()
            && (publishers.is_empty() || timings.first_frame.is_some() || !config.expects_video)
        {
            ready_sent = true;
            // If the run was cancelled, the receiver is gone; this task then ends below.
            let _ = ready.send(()).await;
        }
        tokio::select! {
            message = janus.receive() => {
                message?;
            }
            Some(report) = media_reports.recv() => match report {
                MediaReport::Connected => {
                    pending_connections = pending_connections.saturating_sub(1);
                    if pending_connections == 0 {
                        timings.connected = Some(start.elapsed());
                    }
                }
                MediaReport::FirstFrame => timings.first_frame = Some(start.elapsed()),
                MediaReport::Failed(error) => return Err(BenchError::Media(error.to_string())),
            },
            _ = keep_alive.tick() => janus.keep_alive().await?,
            () = sleep_until(leave_at.unwrap_or(start).into()), if leave_at.is_some() => return Ok(timings),
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Ended {
                    return Ok(timings);
                }
            }
        }
    }
}

fn client_config(config: &ParticipantConfig, number: u32) -> ClientConfig {
    ClientConfig {
        number,
        seed: config.seed ^ u64::from(number) << 20,
        publishes: Vec::new(),
        simulcast: false,
        sources: Vec::new(),
        slots: ReceiveSlots { audio: 0, video: 0 },
        depth: Depth::Sampled,
    }
}

async fn publish(
    config: &ParticipantConfig,
    janus: &mut JanusSession,
    handle: u64,
    reports: mpsc::UnboundedSender<MediaReport>,
) -> Result<(), BenchError> {
    let (offer, offered) = oneshot::channel();
    let publishes = config.group.track_configs();
    let sources = publishes.iter().map(|shape| shape.source).collect();
    let number = config.number;
    config.media.send(
        number,
        ThreadCommand::Add(Box::new(NewClient {
            config: ClientConfig { publishes, sources, ..client_config(config, number) },
            protection: FrameProtection::Opaque,
            link: None,
            reports,
            negotiation: Negotiation::Offer(offer),
        })),
    );
    let (sdp, _) = offered.await.map_err(|_| BenchError::Media("no offer".into()))?;
    let body = json!({
        "request": "joinandconfigure", "room": ROOM, "ptype": "publisher", "id": feed(number),
    });
    let event = janus.negotiate(handle, body, Some(("offer", &sdp))).await?;
    let sdp = event.sdp.ok_or_else(|| BenchError::Server("janus gave no answer".into()))?;
    config.media.send(number, ThreadCommand::Answer { number, sdp });
    Ok(())
}

/// Waits until all other publishers have joined, and subscribes to all of them at once.
async fn subscribe(
    config: &ParticipantConfig,
    janus: &mut JanusSession,
    handle: u64,
    publishers: &[u32],
    reports: mpsc::UnboundedSender<MediaReport>,
) -> Result<(), BenchError> {
    let list = json!({ "request": "listparticipants", "room": ROOM });
    loop {
        let reply = janus.request_plugin(handle, list.clone()).await?;
        let present = reply["participants"].as_array().map_or(0, |all| {
            let publishes = |participant: &&Value| {
                let expected =
                    publishers.iter().any(|number| participant["id"] == json!(feed(*number)));
                expected && participant["publisher"] == json!(true)
            };
            all.iter().filter(publishes).count()
        });
        if present == publishers.len() {
            break;
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
    let receiver = janus.attach().await?;
    let streams: Vec<Value> = publishers.iter().map(|n| json!({ "feed": feed(*n) })).collect();
    let body = json!({
        "request": "join", "room": ROOM, "ptype": "subscriber", "streams": streams,
    });
    let event = janus.negotiate(receiver, body, None).await?;
    let offer = event.sdp.ok_or_else(|| {
        BenchError::Server(format!("janus offers nothing: {}", event.data["videoroom"]))
    })?;
    let number = config.number + RECEIVING_OFFSET;
    let (answer, answered) = oneshot::channel();
    config.media.send(
        number,
        ThreadCommand::Add(Box::new(NewClient {
            config: client_config(config, number),
            protection: FrameProtection::Opaque,
            link: config.group.link.clone(),
            reports,
            negotiation: Negotiation::Answer(offer, answer),
        })),
    );
    let answer = answered.await.map_err(|_| BenchError::Media("no answer".into()))?;
    let body = json!({ "request": "start" });
    janus.negotiate(receiver, body, Some(("answer", &answer))).await.map(drop)
}

/// Returns the feed id of a publisher, which Janus requires to be positive.
fn feed(number: u32) -> u32 {
    number + 1
}
