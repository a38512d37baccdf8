//! A room's ties to its parts on other workers.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::cascade::messages::{
    Branch, Condition, Encodings, Offered, RelayControl, Wants, WorkerId,
};
use crate::policy::slot_allocation::TrackId;
use crate::room::Room;
use crate::room::participants::Participants;
use crate::room::published_track::Published;

/// The other workers that have participants of a room.
#[derive(Debug, Default)]
pub(crate) struct Span {
    pub(crate) peers: Vec<Peer>,
    /// Something may have changed that they are to be told.
    pub(crate) stale: bool,
}

/// Another worker with participants of the room.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: WorkerId,
    /// What it wants of the tracks that are published here.
    pub(crate) wants: Vec<Wants>,
    /// Encodings of its tracks that need a key frame.
    pub(crate) key_frames: BTreeSet<(TrackId, usize)>,
    /// It is to be asked for everything.
    asks: bool,
    /// What it was last told.
    told_tracks: Option<Vec<Offered>>,
    told_wants: Option<Vec<Wants>>,
}

impl Peer {
    pub(crate) fn new(id: WorkerId) -> Self {
        Self {
            id,
            wants: Vec::new(),
            key_frames: BTreeSet::new(),
            asks: true,
            told_tracks: None,
            told_wants: None,
        }
    }

    /// It knows nothing of what it was told.
    pub(crate) fn forget_told(&mut self) {
        (self.told_tracks, self.told_wants) = (None, None);
    }

    /// What is new to it, given how things are.
    fn news(&mut self, tracks: &[Offered], wants: Vec<Wants>) -> RelayControl {
        let mut news = RelayControl {
            asks: std::mem::take(&mut self.asks),
            key_frames: std::mem::take(&mut self.key_frames),
            ..RelayControl::default()
        };
        if self.told_tracks.as_deref() != Some(tracks) {
            self.told_tracks = Some(tracks.to_vec());
            news.tracks = Some(tracks.to_vec());
        }
        if self.told_wants.as_ref() != Some(&wants) {
            self.told_wants = Some(wants.clone());
            news.wants = Some(wants);
        }
        news
    }
}

impl Room {
    pub(crate) fn peer_mut(&mut self, id: WorkerId) -> Option<&mut Peer> {
        self.span.as_mut()?.peers.iter_mut().find(|peer| peer.id == id)
    }

    /// What each other worker is to be told.
    pub(crate) fn news(
        &mut self,
        now: Instant,
        participants: &Participants,
    ) -> Vec<(WorkerId, RelayControl)> {
        let Some(mut span) = self.span.take() else { return Vec::new() };
        span.stale = false;
        let tracks = self.published_here(now, participants);
        let told = span.peers.iter_mut().map(|peer| {
            let wants = self.wanted_of(peer.id, participants);
            (peer.id, peer.news(&tracks, wants))
        });
        let told = told.filter(|(_, control)| !control.is_empty()).collect();
        self.span = Some(span);
        told
    }

    fn published_here(&self, now: Instant, participants: &Participants) -> Vec<Offered> {
        let local = self.members.values().filter_map(|key| participants.get(*key));
        local
            .filter(|participant| participant.home.is_none())
            .flat_map(|participant| {
                let id = participant.id;
                participant.tracks.iter().map(move |track| offered(now, id, track))
            })
            .collect()
    }

    fn wanted_of(&self, home: WorkerId, participants: &Participants) -> Vec<Wants> {
        let mut wanted = Vec::new();
        for &seat in self.members.values() {
            let Some(guest) = participants.get(seat).filter(|p| p.home == Some(home)) else {
                continue;
            };
            for track in &guest.tracks {
                let id = TrackId { participant: guest.id, source: track.source };
                let (mut chosen, mut taken) = (Encodings::default(), Encodings::default());
                for forward in &track.forwards {
                    forward.chosen.into_iter().for_each(|encoding| chosen.insert(encoding));
                    let sent = [forward.current, forward.next];
                    sent.into_iter().flatten().for_each(|encoding| taken.insert(encoding));
                }
                if !chosen.is_empty() || !taken.is_empty() {
                    wanted.push(Wants { track: id, seat, chosen, taken });
                }
            }
        }
        wanted
    }

    /// Writes down at every track that is published here which other workers want it.
    pub(crate) fn connect_branches(&self, participants: &mut Participants) {
        for key in self.members.values() {
            let Some(publisher) = participants.get_mut(*key).filter(|p| p.home.is_none()) else {
                continue;
            };
            let participant = publisher.id;
            for track in &mut publisher.tracks {
                let id = TrackId { participant, source: track.source };
                track.branches.clear();
                let peers = self.span.iter().flat_map(|span| &span.peers);
                track.branches.extend(peers.filter_map(|peer| {
                    let wants = peer.wants.iter().find(|wants| wants.track == id)?;
                    Some(Branch { to: peer.id, wants: *wants })
                }));
            }
        }
    }
}

fn offered(
    now: Instant,
    participant: signaling_protocol::ParticipantId,
    track: &Published,
) -> Offered {
    let condition = |e: &crate::room::encoding::Encoding| Condition {
        active: e.is_active(now),
        rate: e.meter.rate(),
    };
    Offered {
        track: TrackId { participant, source: track.source },
        muted_since: track.muted_since,
        activity: track.activity(),
        encodings: track.encodings.iter().map(condition).collect(),
    }
}
