//! One run of a scenario: all participants join, the measurement runs, all leave.

use std::sync::Arc;
use std::time::{Duration, Instant};

use e2ee::link::LinkSecret;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use signaling_protocol::{RoomId, Source};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::media::{Media, ThreadReport};
use crate::participant::{JoinTimings, ParticipantConfig, Phase};
use crate::progress::Progress;
use crate::report::Report;
use crate::resource_usage::ResourceUsage;
use crate::scenario::{Group, Scenario};
use crate::server::{Kind, Server};
use crate::{BenchError, janus, participant, sendto_baseline, signalling};

/// How long after the last join all participants may take to get keys, connection and video.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);
/// The wait before the measurement, in which bandwidth estimates and caches settle.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// Bytes of the `sendto` baseline: a full video packet.
const SENDTO_BYTES: usize = 1_200;

/// Options of the bench itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BenchOptions {
    /// Number of media threads.
    pub(crate) threads: usize,
    /// Enables UDP GRO on the bench's sockets.
    pub(crate) gro: bool,
}

/// Everything measured in one run.
pub(crate) struct RunMeasurements {
    pub(crate) sendto_us: f64,
    pub(crate) before: ResourceUsage,
    pub(crate) after: ResourceUsage,
    pub(crate) memory_before: Option<u64>,
    pub(crate) memory_after: Option<u64>,
    pub(crate) thread_reports: Vec<ThreadReport>,
    pub(crate) timings: Vec<JoinTimings>,
}

/// Runs a scenario against a server.
///
/// # Errors
/// A participant failed, or not all of them were complete within [`JOIN_TIMEOUT`].
pub(crate) async fn run(
    scenario: &Scenario,
    server: &Server,
    options: BenchOptions,
) -> Result<Report, BenchError> {
    let progress = Progress::new(scenario);
    let sendto_us = sendto_baseline::measure_sendto(SENDTO_BYTES)?;
    let media = Media::start(options.threads, options.gro)?;
    let room = match server.kind {
        Kind::OrangeMeets => signalling::create_room(&server.url).await?,
        Kind::Janus => RoomId::from_bytes([0; 16]),
    };
    let mut participants = Participants::new(scenario, server, media.clone(), room);
    let memory_before = server.memory().await?;

    participants.join_all(&progress).await?;
    progress.stage("settling");
    participants.run_for(SETTLE_TIME, |_| {}).await?;
    let memory_after = server.memory().await?;

    let before = ResourceUsage::sample(server).await?;
    media.start_counting();
    let seconds = Duration::from_secs(scenario.seconds);
    participants.run_for(seconds, |elapsed| progress.measuring(elapsed, seconds)).await?;
    let thread_reports = media.collect().await?;
    let after = ResourceUsage::sample(server).await?;

    progress.stage("leaving");
    let timings = participants.leave_all().await?;
    media.stop();
    progress.finish();
    let measurements = RunMeasurements {
        sendto_us,
        before,
        after,
        memory_before,
        memory_after,
        thread_reports,
        timings,
    };
    Ok(Report::new(scenario, server.name, options, &measurements))
}

/// All participants of a run.
struct Participants<'a> {
    scenario: &'a Scenario,
    kind: Kind,
    publishers: Arc<[u32]>,
    url: String,
    room: RoomId,
    link_secret: LinkSecret,
    media: Media,
    rng: StdRng,
    tasks: JoinSet<(Result<JoinTimings, BenchError>, Group)>,
    phase: watch::Sender<Phase>,
    ready: (mpsc::Sender<()>, mpsc::Receiver<()>),
    next: u32,
    timings: Vec<JoinTimings>,
}

impl<'a> Participants<'a> {
    fn new(scenario: &'a Scenario, server: &Server, media: Media, room: RoomId) -> Self {
        Self {
            scenario,
            kind: server.kind,
            publishers: scenario.lasting_publishers().into(),
            url: server.url.clone(),
            room,
            link_secret: LinkSecret::from_bytes(rand::random()),
            media,
            rng: StdRng::seed_from_u64(scenario.seed),
            tasks: JoinSet::new(),
            phase: watch::Sender::new(Phase::Running),
            ready: mpsc::channel(1 << 16),
            next: 0,
            timings: Vec::new(),
        }
    }

    /// Starts all participants, and waits until each has keys, connection and video.
    async fn join_all(&mut self, progress: &Progress) -> Result<(), BenchError> {
        let start = Instant::now();
        let mut last = Duration::ZERO;
        for group in &self.scenario.participants {
            for number in 0..group.count {
                let after = group.join_per_second.map_or(0.0, |rate| f64::from(number) / rate);
                let after = Duration::from_secs_f64(after);
                last = last.max(after);
                self.spawn(group.clone(), after);
            }
        }
        let all = self.scenario.count();
        let mut complete = 0;
        while complete < all {
            let left = (last + JOIN_TIMEOUT).saturating_sub(start.elapsed());
            tokio::select! {
                Some(()) = self.ready.1.recv() => {
                    complete += 1;
                    progress.joined(complete, all);
                }
                Some(ended) = self.tasks.join_next() => self.handle_departure(ended)?,
                () = tokio::time::sleep(left) => {
                    return Err(BenchError::Failed(format!(
                        "only {complete} of {all} participants had keys, connection and video \
                         {JOIN_TIMEOUT:?} after the last join"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Starts a participant of `group`, which joins after `after`.
    fn spawn(&mut self, group: Group, after: Duration) {
        let number = self.next;
        self.next += 1;
        let cameras = self.scenario.publishers(Source::Camera);
        let own = u32::from(group.publishes.contains(&Source::Camera));
        let config = ParticipantConfig {
            url: self.url.clone(),
            room: self.room.clone(),
            link_secret: self.link_secret.clone(),
            payload: self.scenario.payload,
            simulcast: self.scenario.simulcast,
            number,
            seed: self.scenario.seed,
            expects_video: cameras > own,
            publishers: self.publishers.clone(),
            media: self.media.clone(),
            group: group.clone(),
        };
        // Spreads the departures.
        let stay = group.stay_seconds.map(|mean| mean * self.rng.random_range(0.5..1.5));
        let stay = stay.map(Duration::from_secs_f64);
        let (phase, ready) = (self.phase.subscribe(), self.ready.0.clone());
        let kind = self.kind;
        self.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            let timings = match kind {
                Kind::OrangeMeets => participant::run_participant(config, phase, ready, stay).await,
                Kind::Janus => janus::run_participant(config, phase, ready, stay).await,
            };
            (timings, group)
        });
    }

    /// Records the timings of a participant that has left, and replaces it if its group does so.
    fn handle_departure(
        &mut self,
        ended: Result<(Result<JoinTimings, BenchError>, Group), tokio::task::JoinError>,
    ) -> Result<(), BenchError> {
        let (timings, group) = ended.map_err(|error| {
            BenchError::Failed(format!("the task of a participant failed: {error}"))
        })?;
        self.timings.push(timings?);
        if group.stay_seconds.is_some() && *self.phase.borrow() == Phase::Running {
            self.spawn(group, Duration::ZERO);
        }
        Ok(())
    }

    /// Runs for `time`, replacing participants that leave; calls `tick` with the elapsed time.
    async fn run_for(
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
                Some(ended) = self.tasks.join_next() => self.handle_departure(ended)?,
                Some(()) = self.ready.1.recv() => {}
                _ = ticks.tick() => tick(start.elapsed()),
            }
        }
    }

    /// Ends all participants; returns the timings of every one there was.
    async fn leave_all(mut self) -> Result<Vec<JoinTimings>, BenchError> {
        self.phase.send_replace(Phase::Ended);
        while let Some(ended) = self.tasks.join_next().await {
            self.handle_departure(ended)?;
        }
        Ok(self.timings)
    }
}
