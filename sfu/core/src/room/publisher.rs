//! A participant as a publisher: its tracks.

use std::time::Instant;

use signaling_protocol::limits::TRACKS;
use signaling_protocol::{Source, Track};
use str0m::media::{MediaKind, Mid};
use str0m::rtp::RtpPacket;

use super::published_track::PublishedTrack;
use crate::cascade::RemoteTrack;
use crate::peer_connection::PeerConnection;
use crate::rtp::SenderClock;

/// A participant as a publisher: its tracks.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    /// The tracks as announced, possibly before their m-lines are negotiated.
    announced: Vec<Track>,
    /// The tracks that are announced and negotiated.
    tracks: Vec<PublishedTrack>,
    clock: SenderClock,
}

impl Publisher {
    /// Replaces the announced tracks. At most one per source is kept.
    pub(crate) fn announce(
        &mut self,
        now: Instant,
        tracks: Vec<Track>,
        connection: Option<&PeerConnection>,
    ) {
        self.announced.clear();
        for track in tracks {
            let is_known =
                self.announced.iter().any(|t| t.source == track.source || t.mid == track.mid);
            if !is_known && self.announced.len() < TRACKS {
                self.announced.push(track);
            }
        }
        self.resolve_tracks(now, connection);
    }

    /// Brings the published tracks in line with what is announced and negotiated.
    pub(crate) fn resolve_tracks(&mut self, now: Instant, connection: Option<&PeerConnection>) {
        let mut before = std::mem::take(&mut self.tracks);
        let Some(connection) = connection else { return };
        for track in &self.announced {
            let mid: Mid = track.mid.as_str().into();
            let Some(payload_types) = connection.receive_line(mid, media_kind(track.source)) else {
                continue;
            };
            let rids = connection.encodings(mid);
            let known = before.iter().position(|t| t.matches(mid, track.source, rids));
            let published = match known.map(|i| before.swap_remove(i)) {
                Some(mut published) => {
                    published.update(now, track.muted, payload_types);
                    published
                }
                None => PublishedTrack::new(now, track, payload_types, rids),
            };
            self.tracks.push(published);
        }
    }

    /// Replaces the tracks of a remote participant. Returns whether there are other tracks than
    /// before, or one was muted or unmuted.
    pub(crate) fn set_remote_tracks(&mut self, now: Instant, remote: &[&RemoteTrack]) -> bool {
        let mut before = std::mem::take(&mut self.tracks);
        let mut changed = false;
        for remote in remote {
            let known = before.iter().position(|track| track.is_remote(remote));
            let mut track = match known.map(|i| before.swap_remove(i)) {
                Some(track) => track,
                None => {
                    changed = true;
                    PublishedTrack::remote(now, remote)
                }
            };
            changed |= track.update_remote(remote);
            self.tracks.push(track);
        }
        changed || !before.is_empty()
    }

    /// Returns the capture time of a packet, on this machine's clock.
    pub(crate) fn captured_at(&mut self, packet: &RtpPacket) -> Instant {
        self.clock.captured_at(packet)
    }

    /// Returns the published tracks.
    pub(crate) fn tracks(&self) -> &[PublishedTrack] {
        &self.tracks
    }

    /// Returns the published tracks.
    pub(crate) fn tracks_mut(&mut self) -> &mut [PublishedTrack] {
        &mut self.tracks
    }

    /// Returns the track of a source.
    pub(crate) fn track(&self, source: Source) -> Option<&PublishedTrack> {
        self.tracks.iter().find(|track| track.source() == source)
    }

    /// Returns the track of a source.
    pub(crate) fn track_mut(&mut self, source: Source) -> Option<&mut PublishedTrack> {
        self.tracks.iter_mut().find(|track| track.source() == source)
    }

    /// Returns the track on an m-line.
    pub(crate) fn track_by_mid_mut(&mut self, mid: Mid) -> Option<&mut PublishedTrack> {
        self.tracks.iter_mut().find(|track| track.mid() == mid)
    }

    /// Returns the activity of the participant in bytes of audio per second. Where silence is sent
    /// with fewer or smaller packets, end-to-end encrypted audio still shows it.
    pub(crate) fn activity(&self) -> u64 {
        self.track(Source::Microphone).map_or(0, PublishedTrack::activity)
    }

    /// Returns when the next key frame request is due.
    pub(crate) fn key_frames_due(&self, now: Instant) -> Option<Instant> {
        self.tracks.iter().filter_map(|track| track.key_frames_due(now)).min()
    }
}

/// Returns the kind of media of a source.
pub(crate) fn media_kind(source: Source) -> MediaKind {
    if source.is_audio() { MediaKind::Audio } else { MediaKind::Video }
}
