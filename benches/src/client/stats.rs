//! What a client counts while figures count.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use signaling_protocol::Source;

use super::rtp::Extender;
use super::shown::Shown;
use crate::probe::{self, Probe};

/// The longest way that is told apart, in microseconds.
const LONGEST_WAY: u64 = 60_000_000;
/// Pictures stand still if the next one takes three times as long as usual, and at least this much
/// longer (W3C webrtc-stats, `freezeCount`).
const FREEZE: Duration = Duration::from_millis(150);
/// If no packet came for so long, nothing was to be shown: the slot was empty.
const EMPTY: Duration = Duration::from_secs(5);

/// Of everything that came to one client.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// On SSRCs that nobody has announced.
    pub(crate) unknown: u64,
    pub(crate) duplicates: u64,
    /// Packets or frames that did not authenticate.
    pub(crate) refused: u64,
    pub(crate) nacks: u64,
    pub(crate) plis: u64,
    pub(crate) first_frame: Option<Instant>,
    /// Ways from sender to receiver, in microseconds.
    pub(crate) way: Histogram<u32>,
    /// The highest number of each track, by sender and source.
    pub(crate) heard: HashMap<(u32, Source), u64>,
    /// Whole frames that were opened end to end.
    pub(crate) video_frames: u64,
    pub(crate) audio_frames: u64,
    /// Frames that later ones came after.
    pub(crate) frames_lost: u64,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            packets: 0,
            bytes: 0,
            unknown: 0,
            duplicates: 0,
            refused: 0,
            nacks: 0,
            plis: 0,
            first_frame: None,
            way: Histogram::new_with_bounds(1, LONGEST_WAY, 2).expect("bounds that fit"),
            heard: HashMap::new(),
            video_frames: 0,
            audio_frames: 0,
            frames_lost: 0,
        }
    }
}

impl Received {
    /// Figures count from here.
    pub(crate) fn restart(&mut self) {
        let first_frame = self.first_frame;
        *self = Self { first_frame, ..Self::default() };
    }

    /// A probe of a sampled packet.
    pub(crate) fn saw(&mut self, now: Instant, probe: &Probe) {
        self.heard.insert((probe.sender, probe.source), probe.number);
        self.time(now, probe);
    }

    /// A probe of a whole frame.
    pub(crate) fn saw_frame(&mut self, now: Instant, probe: &Probe) {
        let track = (probe.sender, probe.source);
        let last = self.heard.get(&track).copied();
        let highest = last.map_or(probe.number, |last| last.max(probe.number));
        self.heard.insert(track, highest);
        match last {
            // It was taken for lost when a later one overtook it.
            Some(last) if probe.number < last => {
                self.frames_lost = self.frames_lost.saturating_sub(1);
            }
            Some(last) => self.frames_lost += (probe.number - last).saturating_sub(1),
            None => {}
        }
        if probe.source.is_audio() {
            self.audio_frames += 1;
        } else {
            self.video_frames += 1;
        }
        self.time(now, probe);
    }

    fn time(&mut self, now: Instant, probe: &Probe) {
        // Longer ways than the histogram holds are counted at its end.
        self.way.saturating_record(probe::micros(now).saturating_sub(probe.sent_us).max(1));
    }
}

/// Of one SSRC.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamStats {
    pub(crate) audio: bool,
    /// Each once, resent ones included.
    pub(crate) packets: u64,
    /// Given up.
    pub(crate) lost: u64,
    /// Given up, and the next one too. What a packet of sound brings along of the one before (Opus
    /// FEC, RFC 2198) makes up for the others.
    pub(crate) lost_in_a_row: u64,
    /// Came when they were asked for again.
    pub(crate) recovered: u64,
    /// Came after a later one.
    pub(crate) late: u64,
    pub(crate) shown: Shown,
    pub(crate) frames: u64,
    /// How long pictures stood still.
    pub(crate) frozen: Duration,
    pub(crate) freezes: u64,
    /// Lost before figures counted.
    pub(crate) total_lost: u64,
    pub(crate) resend: Extender,
    last_frame: Option<Instant>,
    last_packet: Option<Instant>,
    /// The slot was empty since the last frame.
    emptied: bool,
    /// Average time between frames.
    interval: Option<f64>,
}

impl StreamStats {
    pub(crate) fn new(audio: bool) -> Self {
        Self { audio, ..Self::default() }
    }

    pub(crate) fn restart(&self) -> Self {
        Self {
            audio: self.audio,
            total_lost: self.total_lost + self.lost,
            resend: self.resend,
            last_frame: self.last_frame,
            last_packet: self.last_packet,
            emptied: self.emptied,
            interval: self.interval,
            shown: self.shown.restart(),
            ..Self::default()
        }
    }

    /// A packet, each once.
    pub(crate) fn packet(&mut self, now: Instant) {
        self.packets += 1;
        let last = self.last_packet.replace(now);
        self.emptied |= last.is_some_and(|last| now - last > EMPTY);
    }

    /// A whole frame.
    pub(crate) fn frame(&mut self, now: Instant) {
        self.frames += 1;
        let emptied = std::mem::take(&mut self.emptied);
        let Some(gap) = self.last_frame.replace(now).map(|last| now - last) else { return };
        if emptied {
            return;
        }
        if self.is_freeze(gap) {
            self.freezes += 1;
            self.frozen += gap;
        } else {
            let seconds = gap.as_secs_f64();
            self.interval = Some(self.interval.map_or(seconds, |all| all * 0.9 + seconds * 0.1));
        }
    }

    /// The figures until now: a picture may stand still just then.
    pub(crate) fn until(&self, now: Instant) -> Self {
        let mut stats = self.clone();
        let lives = self.last_packet.is_some_and(|last| now - last < EMPTY) && !self.emptied;
        if let Some(gap) = self.last_frame.map(|last| now - last)
            && lives
            && self.is_freeze(gap)
        {
            stats.freezes += 1;
            stats.frozen += gap;
        }
        stats
    }

    fn is_freeze(&self, gap: Duration) -> bool {
        let Some(interval) = self.interval.map(Duration::from_secs_f64) else { return false };
        !self.audio && gap > (interval * 3).max(interval + FREEZE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_stands_still_counts_and_an_empty_slot_does_not() {
        let start = Instant::now();
        let mut stats = StreamStats::default();
        let mut at = start;
        let mut wait = |stats: &mut StreamStats, ms, packets: bool| {
            for _ in 0..ms {
                at += Duration::from_millis(1);
                if packets {
                    stats.packet(at);
                }
            }
            at
        };
        for _ in 0..30 {
            let at = wait(&mut stats, 33, true);
            stats.frame(at);
        }
        let at = wait(&mut stats, 150, true);
        stats.frame(at);
        assert_eq!(stats.freezes, 0, "a hiccup");
        // Packets come, but nothing whole.
        let at = wait(&mut stats, 9_000, true);
        assert_eq!(stats.until(at).freezes, 1, "it stands still just now");
        stats.frame(at);
        assert_eq!((stats.freezes, stats.frozen), (1, Duration::from_secs(9)));
        wait(&mut stats, 9_000, false);
        let at = wait(&mut stats, 10, true);
        assert_eq!(stats.until(at).freezes, 1, "nobody was to be seen");
        stats.frame(at);
        assert_eq!(stats.freezes, 1);
        let again = stats.restart();
        assert_eq!((again.frames, again.freezes), (0, 0));
    }
}
