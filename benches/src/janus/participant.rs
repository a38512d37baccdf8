//! One headless participant of a VideoRoom: a connection to send on, and one to receive on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use signaling_protocol::ReceiveSlots;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{interval, sleep_until};

use super::ROOM;
use super::conversation::Conversation;
use crate::BenchError;
use crate::client::{ClientConfig, Depth, Sealing};
use crate::media::{MediaReport, Negotiation, NewClient, Order, RECEIVING};
use crate::participant::{Leaving, Phase, Role, Stages};

/// Between two looks whether all publishers are there.
const LOOK: Duration = Duration::from_millis(50);
/// Janus ends sessions that are silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

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
    let mut janus = Conversation::open(&role.url).await?;
    let (reports, mut media_reports) = mpsc::unbounded_channel();
    let handle = janus.attach().await?;
    stages.joined = Some(start.elapsed());
    let _sending = Leaving { media: role.media.clone(), number: role.number };
    let _receiving = Leaving { media: role.media.clone(), number: role.number + RECEIVING };
    if !role.group.publishes.is_empty() {
        publish(&role, &mut janus, handle, reports.clone()).await?;
    }
    let mut awaited = u32::from(!role.group.publishes.is_empty());
    let feeds: Vec<u32> = role.feeds.iter().copied().filter(|feed| *feed != role.number).collect();
    if !feeds.is_empty() {
        subscribe(&role, &mut janus, handle, &feeds, reports.clone()).await?;
        awaited += 1;
    }

    let mut keep_alive = interval(KEEP_ALIVE);
    let leaves = leave_after.map(|after| start + after);
    let mut announced = false;
    loop {
        if !announced
            && stages.connected.is_some()
            && (feeds.is_empty() || stages.first_frame.is_some() || !role.expects_video)
        {
            announced = true;
            // The run may have been given up; that ends this task below.
            let _ = ready.send(()).await;
        }
        tokio::select! {
            message = janus.receive() => {
                message?;
            }
            Some(report) = media_reports.recv() => match report {
                MediaReport::Connected => {
                    awaited = awaited.saturating_sub(1);
                    if awaited == 0 {
                        stages.connected = Some(start.elapsed());
                    }
                }
                MediaReport::FirstFrame => stages.first_frame = Some(start.elapsed()),
                MediaReport::Failed(error) => return Err(BenchError::Media(error.to_string())),
            },
            _ = keep_alive.tick() => janus.keep_alive().await?,
            () = sleep_until(leaves.unwrap_or(start).into()), if leaves.is_some() => return Ok(stages),
            changed = phase.changed() => {
                if changed.is_err() || *phase.borrow() == Phase::Over {
                    return Ok(stages);
                }
            }
        }
    }
}

fn config(role: &Role, number: u32) -> ClientConfig {
    ClientConfig {
        number,
        seed: role.seed ^ u64::from(number) << 20,
        publishes: Vec::new(),
        simulcast: false,
        lines: Vec::new(),
        slots: ReceiveSlots { audio: 0, video: 0 },
        depth: Depth::Sampled,
    }
}

async fn publish(
    role: &Role,
    janus: &mut Conversation,
    handle: u64,
    reports: mpsc::UnboundedSender<MediaReport>,
) -> Result<(), BenchError> {
    let (offer, offered) = oneshot::channel();
    let publishes = role.group.shapes();
    let lines = publishes.iter().map(|shape| shape.source).collect();
    let number = role.number;
    role.media.tell(
        number,
        Order::Add(Box::new(NewClient {
            config: ClientConfig { publishes, lines, ..config(role, number) },
            sealing: Sealing::Opaque,
            link: None,
            reports,
            negotiation: Negotiation::Offer(offer),
        })),
    );
    let (sdp, _) = offered.await.map_err(|_| BenchError::Media("no offer".into()))?;
    let body = json!({
        "request": "joinandconfigure", "room": ROOM, "ptype": "publisher", "id": feed(number),
    });
    let told = janus.negotiate(handle, body, Some(("offer", &sdp))).await?;
    let sdp = told.sdp.ok_or_else(|| BenchError::Server("janus gave no answer".into()))?;
    role.media.tell(number, Order::Answer { number, sdp });
    Ok(())
}

/// Once all others publish, subscribes to all at once.
async fn subscribe(
    role: &Role,
    janus: &mut Conversation,
    handle: u64,
    feeds: &[u32],
    reports: mpsc::UnboundedSender<MediaReport>,
) -> Result<(), BenchError> {
    let list = json!({ "request": "listparticipants", "room": ROOM });
    loop {
        let told = janus.ask(handle, list.clone()).await?;
        let there = told["participants"].as_array().map_or(0, |all| {
            let publishes = |one: &&Value| {
                let wanted = feeds.iter().any(|number| one["id"] == json!(feed(*number)));
                wanted && one["publisher"] == json!(true)
            };
            all.iter().filter(publishes).count()
        });
        if there == feeds.len() {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let receiver = janus.attach().await?;
    let streams: Vec<Value> = feeds.iter().map(|n| json!({ "feed": feed(*n) })).collect();
    let body = json!({
        "request": "join", "room": ROOM, "ptype": "subscriber", "streams": streams,
    });
    let told = janus.negotiate(receiver, body, None).await?;
    let offer = told.sdp.ok_or_else(|| {
        BenchError::Server(format!("janus offers nothing: {}", told.data["videoroom"]))
    })?;
    let number = role.number + RECEIVING;
    let (answer, answered) = oneshot::channel();
    role.media.tell(
        number,
        Order::Add(Box::new(NewClient {
            config: config(role, number),
            sealing: Sealing::Opaque,
            link: role.group.link.clone(),
            reports,
            negotiation: Negotiation::Answer(offer, answer),
        })),
    );
    let answer = answered.await.map_err(|_| BenchError::Media("no answer".into()))?;
    let body = json!({ "request": "start" });
    janus.negotiate(receiver, body, Some(("answer", &answer))).await.map(drop)
}

/// Janus' own number of a publisher.
fn feed(number: u32) -> u32 {
    number + 1
}
