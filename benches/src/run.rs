//! A run: everybody gathers, figures count for a while, everybody goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2ee::link::LinkSecret;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::{RoomId, Source};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::media::{Harvest, Media};
use crate::participant::{Phase, Role, Stages};
use crate::progress::Progress;
use crate::readings::Reading;
use crate::report::Report;
use crate::scenario::{Group, Scenario};
use crate::server::{Kind, Server};
use crate::{BenchError, floor, janus, participant, signalling};

/// How long everybody may take to see somebody, once the last has come.
const GATHERING: Duration = Duration::from_secs(60);
/// Bandwidth estimates and caches settle before figures count.
const SETTLING: Duration = Duration::from_secs(3);
/// Bytes of the packet that the floor is measured with: a full video packet.
const FLOOR_BYTES: usize = 1_200;

/// How the bench itself works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Engine {
    /// Media threads.
    pub(crate) threads: usize,
    /// Whether the kernel may hand over together what was sent together.
    pub(crate) together: bool,
}

/// All that one run has found.
pub(crate) struct Findings {
    pub(crate) floor_us: f64,
    pub(crate) before: Reading,
    pub(crate) after: Reading,
    pub(crate) memory_before: Option<u64>,
    pub(crate) memory_after: Option<u64>,
    pub(crate) harvests: Vec<Harvest>,
    pub(crate) stages: Vec<Stages>,
}

pub(crate) async fn run(
    scenario: &Scenario,
    server: &Server,
    engine: Engine,
) -> Result<Report, BenchError> {
    let progress = Progress::begin(scenario);
    let floor_us = floor::sendto(FLOOR_BYTES)?;
    let media = Media::start(engine.threads, engine.together)?;
    let room = match server.kind {
        Kind::OrangeMeets => signalling::create_room(&server.url).await?,
        Kind::Janus => RoomId::from_bytes([0; 16]),
    };
    let mut crowd = Crowd::new(scenario, server, media.clone(), room);
    let memory_before = server.memory().await?;

    crowd.gather(&progress).await?;
    progress.stage("settling");
    crowd.wait(SETTLING, |_| {}).await?;
    let memory_after = server.memory().await?;

    let before = Reading::take(server).await?;
    media.start_counting();
    let seconds = Duration::from_secs(scenario.seconds);
    crowd.wait(seconds, |gone| progress.measured(gone, seconds)).await?;
    let harvests = media.collect().await?;
    let after = Reading::take(server).await?;

    progress.stage("leaving");
    let stages = crowd.dismiss().await?;
    media.stop();
    progress.end();
    let findings =
        Findings { floor_us, before, after, memory_before, memory_after, harvests, stages };
    Ok(Report::new(scenario, server.name, engine, &findings))
}

/// Everybody in the room.
struct Crowd<'a> {
    scenario: &'a Scenario,
    kind: Kind,
    feeds: Arc<[u32]>,
    url: String,
    room: RoomId,
    link: LinkSecret,
    media: Media,
    rng: StdRng,
    tasks: JoinSet<(Result<Stages, BenchError>, Group)>,
    phase: watch::Sender<Phase>,
    ready: (mpsc::Sender<()>, mpsc::Receiver<()>),
    next: u32,
    stages: Vec<Stages>,
}

impl<'a> Crowd<'a> {
    fn new(scenario: &'a Scenario, server: &Server, media: Media, room: RoomId) -> Self {
        Self {
            scenario,
            kind: server.kind,
            feeds: scenario.feeds().into(),
            url: server.url.clone(),
            room,
            link: LinkSecret::from_bytes(rand::random()),
            media,
            rng: StdRng::seed_from_u64(scenario.seed),
            tasks: JoinSet::new(),
            phase: watch::Sender::new(Phase::Running),
            ready: mpsc::channel(1 << 16),
            next: 0,
            stages: Vec::new(),
        }
    }

    /// Everybody comes, and has what is to be had.
    async fn gather(&mut self, progress: &Progress) -> Result<(), BenchError> {
        let start = Instant::now();
        let mut last = Duration::ZERO;
        for group in &self.scenario.participants {
            for number in 0..group.count {
                let after = group.join_per_second.map_or(0.0, |rate| f64::from(number) / rate);
                let after = Duration::from_secs_f64(after);
                last = last.max(after);
                self.send_in(group.clone(), after);
            }
        }
        let all = self.scenario.count();
        let mut there = 0;
        while there < all {
            let left = (last + GATHERING).saturating_sub(start.elapsed());
            tokio::select! {
                Some(()) = self.ready.1.recv() => {
                    there += 1;
                    progress.gathered(there, all);
                }
                Some(ended) = self.tasks.join_next() => self.ended(ended)?,
                () = tokio::time::sleep(left) => {
                    return Err(BenchError::Broken(format!(
                        "only {there} of {all} had keys, connection and picture within \
                         {GATHERING:?} after the last had come"
                    )));
                }
            }
        }
        Ok(())
    }

    fn send_in(&mut self, group: Group, after: Duration) {
        let number = self.next;
        self.next += 1;
        let cameras = self.scenario.publishers(Source::Camera);
        let own = u32::from(group.publishes.contains(&Source::Camera));
        let role = Role {
            url: self.url.clone(),
            room: self.room.clone(),
            link: self.link.clone(),
            payload: self.scenario.payload,
            simulcast: self.scenario.simulcast,
            number,
            seed: self.scenario.seed,
            expects_video: cameras > own,
            feeds: self.feeds.clone(),
            media: self.media.clone(),
            group: group.clone(),
        };
        // Not all at the same moment.
        let stay = group.stay_seconds.map(|mean| mean * self.rng.random_range(0.5..1.5));
        let stay = stay.map(Duration::from_secs_f64);
        let (phase, ready) = (self.phase.subscribe(), self.ready.0.clone());
        let kind = self.kind;
        self.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            let stages = match kind {
                Kind::OrangeMeets => participant::take_part(role, phase, ready, stay).await,
                Kind::Janus => janus::take_part(role, phase, ready, stay).await,
            };
            (stages, group)
        });
    }

    /// Somebody has gone: another comes, where people come and go.
    fn ended(
        &mut self,
        ended: Result<(Result<Stages, BenchError>, Group), tokio::task::JoinError>,
    ) -> Result<(), BenchError> {
        let (stages, group) =
            ended.map_err(|error| BenchError::Broken(format!("a participant's task: {error}")))?;
        self.stages.push(stages?);
        if group.stay_seconds.is_some() && *self.phase.borrow() == Phase::Running {
            self.send_in(group, Duration::ZERO);
        }
        Ok(())
    }

    /// Lets time pass, and people come and go.
    async fn wait(
        &mut self,
        time: Duration,
        mut tick: impl FnMut(Duration),
    ) -> Result<(), BenchError> {
        let start = Instant::now();
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                Some(ended) = self.tasks.join_next() => self.ended(ended)?,
                Some(()) = self.ready.1.recv() => {}
                _ = ticks.tick() => tick(start.elapsed()),
            }
        }
    }

    async fn dismiss(mut self) -> Result<Vec<Stages>, BenchError> {
        self.phase.send_replace(Phase::Over);
        while let Some(ended) = self.tasks.join_next().await {
            self.ended(ended)?;
        }
        Ok(self.stages)
    }
}
