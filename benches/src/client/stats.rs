//! The counters of a client during the measurement.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use signaling_protocol::Source;

use super::encoding_history::EncodingHistory;
use super::rtp::Extender;
use crate::frame_stamp::{self, FrameStamp};

/// The highest latency that is distinguished, in microseconds.
const MAX_LATENCY_US: u64 = 60_000_000;
/// Video is frozen if a frame takes three times as long as usual, and at least this much longer (W3C
/// webrtc-stats, `freezeCount`).
const FREEZE: Duration = Duration::from_millis(150);
/// Without a packet for this long, the slot counts as empty.
const EMPTY_AFTER: Duration = Duration::from_secs(5);

/// Counters of everything that one client received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// Packets on SSRCs that were not announced.
    pub(crate) unknown_ssrc: u64,
    pub(crate) duplicates: u64,
    /// Packets or frames that did not authenticate.
    pub(crate) unauthentic: u64,
    pub(crate) nacks: u64,
    pub(crate) plis: u64,
    pub(crate) first_frame: Option<Instant>,
    /// Latencies from sender to receiver in microseconds.
    pub(crate) latency: Histogram<u32>,
    /// The highest frame number of each track, by sender and source.
    pub(crate) tracks: HashMap<(u32, Source), u64>,
    /// Complete frames that were decrypted end to end.
    pub(crate) video_frames: u64,
    pub(crate) audio_frames: u64,
    /// Frames missing before a later one.
    pub(crate) frames_lost: u64,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            packets: 0,
            bytes: 0,
            unknown_ssrc: 0,
            duplicates: 0,
            unauthentic: 0,
            nacks: 0,
            plis: 0,
            first_frame: None,
            latency: Histogram::new_with_bounds(1, MAX_LATENCY_US, 2).expect("bounds that fit"),
            tracks: HashMap::new(),
            video_frames: 0,
            audio_frames: 0,
            frames_lost: 0,
        }
    }
}

impl Received {
    /// Resets the counters at the start of the measurement.
    pub(crate) fn restart(&mut self) {
        let first_frame = self.first_frame;
        *self = Self { first_frame, ..Self::default() };
    }

    /// Records the stamp of a sampled packet.
    pub(crate) fn record(&mut self, now: Instant, stamp: &FrameStamp) {
        self.tracks.insert((stamp.sender, stamp.source), stamp.number);
        self.record_latency(now, stamp);
    }

    /// Records the stamp of a complete frame.
    pub(crate) fn record_frame(&mut self, now: Instant, stamp: &FrameStamp) {
        let track = (stamp.sender, stamp.source);
        let last = self.tracks.get(&track).copied();
        let highest = last.map_or(stamp.number, |last| last.max(stamp.number));
        self.tracks.insert(track, highest);
        match last {
            // The later frame had counted it as lost.
            Some(last) if stamp.number < last => {
                self.frames_lost = self.frames_lost.saturating_sub(1);
            }
            Some(last) => self.frames_lost += (stamp.number - last).saturating_sub(1),
            None => {}
        }
        if stamp.source.is_audio() {
            self.audio_frames += 1;
        } else {
            self.video_frames += 1;
        }
        self.record_latency(now, stamp);
    }

    fn record_latency(&mut self, now: Instant, stamp: &FrameStamp) {
        // Higher latencies are counted as the highest one.
        self.latency
            .saturating_record(frame_stamp::micros(now).saturating_sub(stamp.sent_us).max(1));
    }
}

/// The counters of one SSRC.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamStats {
    pub(crate) audio: bool,
    /// Without duplicates, including retransmissions.
    pub(crate) packets: u64,
    /// Not received in time.
    pub(crate) lost: u64,
    /// Lost directly after another lost packet. Redundancy in the following packet (Opus FEC, RFC
    /// 2198) can replace only the other ones.
    pub(crate) consecutive_losses: u64,
    /// Received by retransmission.
    pub(crate) recovered: u64,
    /// Received after a later packet.
    pub(crate) reordered: u64,
    pub(crate) history: EncodingHistory,
    pub(crate) frames: u64,
    /// Total duration of freezes.
    pub(crate) frozen: Duration,
    pub(crate) freezes: u64,
    /// Lost before the measurement.
    pub(crate) total_lost: u64,
    pub(crate) resend: Extender,
    last_frame: Option<Instant>,
    last_packet: Option<Instant>,
    /// The slot was empty at some time since the last frame.
    emptied: bool,
    /// Moving average of the time between frames, in seconds.
    interval: Option<f64>,
}

impl StreamStats {
    pub(crate) fn new(audio: bool) -> Self {
        Self { audio, ..Self::default() }
    }

    /// Returns counters for the measurement, which keep the state of the stream.
    pub(crate) fn restart(&self) -> Self {
        Self {
            audio: self.audio,
            total_lost: self.total_lost + self.lost,
            resend: self.resend,
            last_frame: self.last_frame,
            last_packet: self.last_packet,
            emptied: self.emptied,
            interval: self.interval,
            history: self.history.restart(),
            ..Self::default()
        }
    }

    /// Records a packet that is no duplicate.
    pub(crate) fn record_packet(&mut self, now: Instant) {
        self.packets += 1;
        let last = self.last_packet.replace(now);
        self.emptied |= last.is_some_and(|last| now - last > EMPTY_AFTER);
    }

    /// Records a complete frame.
    pub(crate) fn record_frame(&mut self, now: Instant) {
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

    /// Returns the counters up to now, including a freeze that has not ended.
    pub(crate) fn up_to(&self, now: Instant) -> Self {
        let mut stats = self.clone();
        let is_active =
            self.last_packet.is_some_and(|last| now - last < EMPTY_AFTER) && !self.emptied;
        if let Some(gap) = self.last_frame.map(|last| now - last)
            && is_active
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
    fn frozen_video_counts_as_a_freeze_and_an_empty_slot_does_not() {
        let start = Instant::now();
        let mut stats = StreamStats::default();
        let mut at = start;
        let mut wait = |stats: &mut StreamStats, ms, packets: bool| {
            for _ in 0..ms {
                at += Duration::from_millis(1);
                if packets {
                    stats.record_packet(at);
                }
            }
            at
        };
        for _ in 0..30 {
            let at = wait(&mut stats, 33, true);
            stats.record_frame(at);
        }
        let at = wait(&mut stats, 150, true);
        stats.record_frame(at);
        assert_eq!(stats.freezes, 0, "a short delay is no freeze");
        // Packets arrive, but no complete frame.
        let at = wait(&mut stats, 9_000, true);
        assert_eq!(stats.up_to(at).freezes, 1, "an ongoing freeze");
        stats.record_frame(at);
        assert_eq!((stats.freezes, stats.frozen), (1, Duration::from_secs(9)));
        wait(&mut stats, 9_000, false);
        let at = wait(&mut stats, 10, true);
        assert_eq!(stats.up_to(at).freezes, 1, "the slot was empty");
        stats.record_frame(at);
        assert_eq!(stats.freezes, 1);
        let again = stats.restart();
        assert_eq!((again.frames, again.freezes), (0, 0));
    }
}
