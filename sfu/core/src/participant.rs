//! A participant: what it publishes, and the slots in which it receives.

use std::time::Instant;

use signaling_protocol::limits::TRACKS;
use signaling_protocol::{ParticipantId, RoomId, Source, Track};
use str0m::media::{MediaKind, Mid};
use str0m::rtp::Ssrc;

use crate::codec::PayloadTypes;
use crate::connection::Connection;
use crate::rewriter::Rewriter;
use crate::slots::Held;
use crate::track::Published;
use crate::wallclock::Wallclock;

/// One participant of one room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) room: RoomId,
    pub(crate) id: ParticipantId,
    pub(crate) connection: Option<Connection>,
    /// As announced; it may come before the m-lines do.
    announced: Vec<Track>,
    /// Announced and negotiated.
    pub(crate) tracks: Vec<Published>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) wallclock: Wallclock,
    /// Waits to be pumped.
    pub(crate) dirty: bool,
}

/// An m-line on which media is sent to the participant.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_types: PayloadTypes,
    pub(crate) rewriter: Rewriter,
    pub(crate) held: Option<Held>,
}

impl Participant {
    pub(crate) fn new(room: RoomId, id: ParticipantId) -> Self {
        Self {
            room,
            id,
            connection: None,
            announced: Vec::new(),
            tracks: Vec::new(),
            slots: Vec::new(),
            wallclock: Wallclock::default(),
            dirty: false,
        }
    }

    /// Everything that it publishes from now on. At most one track per source is kept.
    pub(crate) fn announce(&mut self, now: Instant, tracks: Vec<Track>) {
        self.announced.clear();
        for track in tracks {
            let known =
                self.announced.iter().any(|t| t.source == track.source || t.mid == track.mid);
            if !known && self.announced.len() < TRACKS {
                self.announced.push(track);
            }
        }
        self.resolve_tracks(now);
    }

    /// Brings the published tracks in line with what is announced and what is negotiated.
    pub(crate) fn resolve_tracks(&mut self, now: Instant) {
        let mut before = std::mem::take(&mut self.tracks);
        let Some(connection) = &self.connection else { return };
        for track in &self.announced {
            let mid: Mid = track.mid.as_str().into();
            let Some(payload_types) = connection.receives(mid, kind_of(track.source)) else {
                continue;
            };
            let known = before.iter().position(|t| t.mid == mid && t.source == track.source);
            let published = match known.map(|i| before.swap_remove(i)) {
                Some(mut published) => {
                    published.set_muted(now, track.muted);
                    published.payload_types = payload_types;
                    published
                }
                None => Published::new(now, track, payload_types),
            };
            self.tracks.push(published);
        }
    }

    /// Brings the slots in line with what is negotiated. A slot that stays, stays as it is.
    pub(crate) fn resolve_slots(&mut self) {
        let mut before = std::mem::take(&mut self.slots);
        let Some(connection) = &mut self.connection else { return };
        for line in connection.sending_lines() {
            match before.iter().position(|s| s.mid == line.mid && s.ssrc == line.ssrc) {
                Some(i) => self.slots.push(before.swap_remove(i)),
                None => self.slots.push(Slot {
                    mid: line.mid,
                    kind: line.kind,
                    ssrc: line.ssrc,
                    payload_types: line.payload_types,
                    rewriter: Rewriter::new(line.ssrc),
                    held: None,
                }),
            }
        }
    }

    /// How lively it is: bytes of its voice per second, which is what an end-to-end encrypted
    /// voice still tells where silence is sent thinner.
    pub(crate) fn activity(&self) -> u64 {
        let voice = self.tracks.iter().find(|t| t.source == Source::Microphone);
        voice.filter(|t| t.muted_since.is_none()).map_or(0, Published::activity)
    }

    pub(crate) fn track_by_mid(&mut self, mid: Mid) -> Option<&mut Published> {
        self.tracks.iter_mut().find(|t| t.mid == mid)
    }

    /// When it wants to be called next.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let connection = self.connection.as_ref()?;
        let key_frames = self.tracks.iter().filter_map(|t| t.key_frames.poll_timeout(now));
        key_frames.chain([connection.due()]).min()
    }
}

pub(crate) fn kind_of(source: Source) -> MediaKind {
    if source.is_audio() { MediaKind::Audio } else { MediaKind::Video }
}
