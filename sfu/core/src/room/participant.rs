//! A participant: what it publishes, and the slots in which it receives.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use signaling_protocol::limits::{RECEIVER_VIDEO_CONSTRAINTS, TRACKS};
use signaling_protocol::{ParticipantId, ReceiverVideoConstraint, RoomId, Source, Track};
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{Ssrc, Vp8Patch};

use crate::cascade::messages::{Offered, WorkerId};
use crate::metrics::PacketKind;
use crate::peer_connection::Connection;
use crate::peer_connection::codec::PayloadTypes;
use crate::policy::downlink::Link;
use crate::policy::slot_allocation::{Held, TrackId};
use crate::room::published_track::Published;
use crate::rtp::payload_descriptor::Pictures;
use crate::rtp::rewriter::{Rewriter, Rewritten};
use crate::rtp::sender_clock::Wallclock;

/// One participant of one room.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) room: RoomId,
    pub(crate) id: ParticipantId,
    /// The worker that has its connection, of a guest; everybody else's is this one.
    pub(crate) home: Option<WorkerId>,
    pub(crate) connection: Option<Connection>,
    /// As announced; it may come before the m-lines do.
    announced: Vec<Track>,
    /// Announced and negotiated.
    pub(crate) tracks: Vec<Published>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) wallclock: Wallclock,
    /// How it shows the video of others; `None` until it says so.
    constraints: Option<HashMap<TrackId, ReceiverVideoConstraint>>,
    pub(crate) link: Link,
    /// Packets to send it, in order.
    pub(crate) outgoing: Vec<Outgoing>,
    /// It is in the worker's list of those who wait to be worked on.
    pub(crate) waits: bool,
    /// Its connection has to be pumped then.
    pub(crate) stale: bool,
}

/// A packet on its way to a subscriber, its payload shared with all the others.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) ssrc: Ssrc,
    pub(crate) pt: Pt,
    pub(crate) numbers: Rewritten,
    pub(crate) wallclock: Instant,
    pub(crate) marker: bool,
    pub(crate) patch: Option<Vp8Patch>,
    /// Bytes of padding.
    pub(crate) fill: u8,
    pub(crate) payload: Arc<[u8]>,
}

/// An m-line on which media is sent to the participant.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) ssrc: Ssrc,
    pub(crate) payload_types: PayloadTypes,
    pub(crate) rewriter: Rewriter,
    pub(crate) pictures: Pictures,
    pub(crate) held: Option<Held>,
}

impl Slot {
    /// What comes next is of another source or encoding.
    pub(crate) fn switch(&mut self) {
        self.rewriter.switch();
        self.pictures.switch();
    }
}

impl Participant {
    pub(crate) fn new(now: Instant, room: RoomId, id: ParticipantId) -> Self {
        Self {
            room,
            id,
            home: None,
            connection: None,
            announced: Vec::new(),
            tracks: Vec::new(),
            slots: Vec::new(),
            wallclock: Wallclock::default(),
            constraints: None,
            link: Link::new(now),
            outgoing: Vec::new(),
            waits: false,
            stale: false,
        }
    }

    /// One whose connection another worker has.
    pub(crate) fn guest(now: Instant, room: RoomId, id: ParticipantId, home: WorkerId) -> Self {
        Self { home: Some(home), ..Self::new(now, room, id) }
    }

    /// Everything that a guest publishes. Whether there are other tracks than before, or others are
    /// muted.
    pub(crate) fn offer(&mut self, now: Instant, offered: &[&Offered]) -> bool {
        let mut before = std::mem::take(&mut self.tracks);
        let mut changed = false;
        for offered in offered {
            let known = before.iter().position(|track| track.is_offered_by(offered));
            let mut track = match known.map(|i| before.swap_remove(i)) {
                Some(track) => track,
                None => {
                    changed = true;
                    Published::of_guest(now, offered)
                }
            };
            changed |= track.take_offered(offered);
            self.tracks.push(track);
        }
        changed || !before.is_empty()
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
            let rids = connection.encodings(mid);
            let known = before
                .iter()
                .position(|t| t.mid == mid && t.source == track.source && t.has_encodings(rids));
            let published = match known.map(|i| before.swap_remove(i)) {
                Some(mut published) => {
                    published.set_muted(now, track.muted);
                    published.payload_types = payload_types;
                    published
                }
                None => Published::new(now, track, payload_types, rids),
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
                    pictures: Pictures::default(),
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

    /// How it shows the video of others, from now on.
    pub(crate) fn wish_for(&mut self, constraints: Vec<ReceiverVideoConstraint>) {
        let constraints =
            constraints.into_iter().take(RECEIVER_VIDEO_CONSTRAINTS).map(|constraint| {
                let ReceiverVideoConstraint { participant, source, .. } = constraint;
                (TrackId { participant, source }, constraint)
            });
        self.constraints = Some(constraints.collect());
    }

    /// What it wants of a video track. `None`: it has not said anything about this one. Until it has
    /// said anything at all, it wants everything.
    pub(crate) fn constraint(&self, track: TrackId) -> Option<ReceiverVideoConstraint> {
        let TrackId { participant, source } = track;
        match &self.constraints {
            Some(constraints) => constraints.get(&track).copied(),
            None => Some(ReceiverVideoConstraint {
                participant,
                source,
                height: u16::MAX,
                pinned: false,
            }),
        }
    }

    pub(crate) fn track(&self, source: Source) -> Option<&Published> {
        self.tracks.iter().find(|t| t.source == source)
    }

    pub(crate) fn track_mut(&mut self, source: Source) -> Option<&mut Published> {
        self.tracks.iter_mut().find(|t| t.source == source)
    }

    pub(crate) fn track_by_mid(&mut self, mid: Mid) -> Option<&mut Published> {
        self.tracks.iter_mut().find(|t| t.mid == mid)
    }

    /// Whether a datagram on its way to the participant is of a picture, resent or padding: RTP, and
    /// not of a slot for sound.
    pub(crate) fn can_do_without(&self, datagram: &[u8]) -> bool {
        let (PacketKind::Rtp, Some(ssrc)) = (PacketKind::of(datagram), datagram.get(8..12)) else {
            return false;
        };
        let is_sound =
            |slot: &Slot| slot.kind == MediaKind::Audio && slot.ssrc.to_be_bytes() == ssrc;
        !self.slots.iter().any(is_sound)
    }

    /// When it is to be asked for a key frame.
    pub(crate) fn key_frames_due(&self, now: Instant) -> Option<Instant> {
        let encodings = self.tracks.iter().flat_map(|t| &t.encodings);
        encodings.filter_map(|e| e.key_frames.poll_timeout(now)).min()
    }
}

pub(crate) fn kind_of(source: Source) -> MediaKind {
    if source.is_audio() { MediaKind::Audio } else { MediaKind::Video }
}
