//! One room, so many participants, so many seconds.

use std::time::{Duration, Instant};

use e2ee::link::LinkSecret;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::BenchError;
use crate::participant::{Phase, Role, Seen, take_part};
use crate::probe::Clock;
use crate::report::Report;
use crate::server::{Server, cpu_of, overflowed_datagrams};
use crate::{floor, signalling};

/// How long everybody may take to see everybody.
const GATHERING: Duration = Duration::from_secs(60);
/// Bytes of the packet that the floor is measured with: a full video packet.
const FLOOR_BYTES: usize = 1200;

/// What to measure.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Scenario {
    pub(crate) publishers: u16,
    pub(crate) viewers: u16,
    pub(crate) seconds: u64,
    pub(crate) video_kbps: u32,
    pub(crate) classic: bool,
}

/// Readings of the server at one moment.
struct Reading {
    at: Instant,
    server_cpu: Option<Duration>,
    bench_cpu: Duration,
    forwarded: f64,
    overflowed: Option<u64>,
}

impl Reading {
    async fn take(server: &Server) -> Result<Self, BenchError> {
        Ok(Self {
            at: Instant::now(),
            server_cpu: server.cpu()?,
            bench_cpu: cpu_of(std::process::id())?,
            forwarded: server.metric("orange_sfu_forwarded_packets_total", &[]).await?,
            overflowed: overflowed_datagrams(),
        })
    }
}

/// Gathers everybody, measures, and lets everybody go.
pub(crate) async fn run(scenario: &Scenario, server: &Server) -> Result<Report, BenchError> {
    let floor = floor::sendto(FLOOR_BYTES)?;
    let room = signalling::create_room(&server.url).await?;
    let link = LinkSecret::from_bytes(rand::random());
    let clock = Clock::start();
    let (phase, watching) = watch::channel(Phase::Gathering);
    let (ready, mut readiness) = mpsc::channel(usize::from(u16::MAX));
    let mut tasks = JoinSet::new();
    let memory_before = server.memory()?;
    let all = scenario.publishers + scenario.viewers;
    for number in 0..all {
        let publishes = number < scenario.publishers;
        let role = Role {
            url: server.url.clone(),
            room: room.clone(),
            link: link.clone(),
            classic: scenario.classic,
            name: format!("headless {number}"),
            publishes,
            video_kbps: scenario.video_kbps,
            expects: usize::from(scenario.publishers - u16::from(publishes)),
            clock,
        };
        tasks.spawn(take_part(role, watching.clone(), ready.clone()));
    }
    drop(ready);

    let gathered = tokio::time::timeout(GATHERING, async {
        for _ in 0..all {
            tokio::select! {
                one = readiness.recv() => { one.ok_or(BenchError::Closed)?; }
                Some(ended) = tasks.join_next() => { ended_early(ended)?; }
            }
        }
        Ok::<(), BenchError>(())
    });
    gathered.await.map_err(|_| {
        BenchError::Broken(format!("not everybody saw everybody within {GATHERING:?}"))
    })??;

    // Bandwidth estimates and caches settle before figures count.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = Reading::take(server).await?;
    phase.send_replace(Phase::Measuring);
    tokio::time::sleep(Duration::from_secs(scenario.seconds)).await;
    let after = Reading::take(server).await?;
    let memory = server.memory()?;
    phase.send_replace(Phase::Over);

    let mut seen = Vec::with_capacity(usize::from(all));
    while let Some(ended) = tasks.join_next().await {
        seen.push(ended_early(ended)?);
    }
    let wall = after.at - before.at;
    let forwarded = after.forwarded - before.forwarded;
    let server_cpu = match (before.server_cpu, after.server_cpu) {
        (Some(before), Some(after)) => Some(after - before),
        (None, _) | (_, None) => None,
    };
    let memory = match (memory_before, memory) {
        (Some(before), Some(after)) => Some(after.saturating_sub(before) / u64::from(all.max(1))),
        (None, _) | (_, None) => None,
    };
    let bench_cpu = after.bench_cpu - before.bench_cpu;
    let overflowed = match (before.overflowed, after.overflowed) {
        (Some(before), Some(after)) => Some(after.saturating_sub(before)),
        (None, _) | (_, None) => None,
    };
    Ok(Report::new(
        scenario, floor, wall, forwarded, server_cpu, bench_cpu, memory, overflowed, &seen,
    ))
}

fn ended_early(
    ended: Result<Result<Seen, BenchError>, tokio::task::JoinError>,
) -> Result<Seen, BenchError> {
    ended.map_err(|error| BenchError::Broken(format!("a participant's task: {error}")))?
}
