//! A track that a participant publishes.

use std::time::{Duration, Instant};

use signaling_protocol::{ParticipantId, Source, Track};
use str0m::media::{Mid, Pt, Rid};

use super::activity::Activity;
use super::encoding::{Encoding, nearest_active_encoding};
use super::requested_encodings::RequestedEncodings;
use super::subscription::Subscription;
use crate::cascade::{CascadeTarget, RemoteSubscription, RemoteTrack};
use crate::ids::{ParticipantKey, TrackId};
use crate::peer_connection::PayloadTypes;
use crate::policy::ShedDecision;
use crate::rtp::{BitsPerSecond, ForwardedCodec, LayerPosition, SvcLayers};

/// A track that is announced and negotiated, or published on another worker.
#[derive(Debug)]
pub(crate) struct PublishedTrack {
    mid: Mid,
    source: Source,
    muted_since: Option<Instant>,
    payload_types: PayloadTypes,
    /// The lowest first; at least one.
    encodings: Vec<Encoding>,
    /// The layers of the encoding, if there is only one and it has layers.
    layers: SvcLayers,
    subscriptions: Vec<Subscription>,
    /// The other workers that subscribe to the track.
    cascade_targets: Vec<CascadeTarget>,
    requested: RequestedEncodings,
    activity: Activity,
}

impl PublishedTrack {
    /// Creates a track as announced, with the encodings that its m-line names.
    pub(crate) fn new(
        now: Instant,
        track: &Track,
        payload_types: PayloadTypes,
        rids: &[Rid],
    ) -> Self {
        let mut encodings: Vec<Encoding> =
            rids.iter().map(|rid| Encoding::new(now, Some(*rid))).collect();
        if encodings.is_empty() {
            encodings.push(Encoding::new(now, None));
        }
        let muted_since = track.muted.then_some(now);
        let mid = track.mid.as_str().into();
        Self::with_encodings(now, (mid, track.source), muted_since, payload_types, encodings)
    }

    /// Creates a track that is published on another worker.
    pub(crate) fn remote(now: Instant, track: &RemoteTrack) -> Self {
        let encodings = track.encodings().iter().map(|_| Encoding::new(now, None)).collect();
        // Its m-line is on the other worker.
        let line = ("".into(), track.id().source);
        Self::with_encodings(now, line, None, PayloadTypes::default(), encodings)
    }

    fn with_encodings(
        now: Instant,
        (mid, source): (Mid, Source),
        muted_since: Option<Instant>,
        payload_types: PayloadTypes,
        encodings: Vec<Encoding>,
    ) -> Self {
        Self {
            mid,
            source,
            muted_since,
            payload_types,
            requested: RequestedEncodings::new(encodings.len()),
            encodings,
            layers: SvcLayers::default(),
            subscriptions: Vec::new(),
            cascade_targets: Vec::new(),
            activity: Activity::new(now),
        }
    }

    /// Returns whether this is the track that another worker describes.
    pub(crate) fn is_remote(&self, track: &RemoteTrack) -> bool {
        self.source == track.id().source && self.encodings.len() == track.encodings().len()
    }

    /// Updates a remote track. Returns whether it was muted or unmuted.
    pub(crate) fn update_remote(&mut self, track: &RemoteTrack) -> bool {
        self.activity.set_average(track.activity());
        for (encoding, state) in self.encodings.iter_mut().zip(track.encodings()) {
            encoding.set_remote_state(*state);
        }
        std::mem::replace(&mut self.muted_since, track.muted_since()) != track.muted_since()
    }

    /// Updates a track that is announced and negotiated again.
    pub(crate) fn update(&mut self, now: Instant, muted: bool, payload_types: PayloadTypes) {
        self.measure_activity(now);
        self.muted_since = muted.then(|| self.muted_since.unwrap_or(now));
        self.payload_types = payload_types;
    }

    /// Returns whether the track was announced for this m-line and source with these encodings.
    pub(crate) fn matches(&self, mid: Mid, source: Source, rids: &[Rid]) -> bool {
        let own_rids = self.encodings.iter().filter_map(Encoding::rid);
        self.mid == mid && self.source == source && own_rids.eq(rids.iter().copied())
    }

    /// Returns the m-line.
    pub(crate) fn mid(&self) -> Mid {
        self.mid
    }

    /// Returns the source.
    pub(crate) fn source(&self) -> Source {
        self.source
    }

    /// Returns the time since the track was muted.
    pub(crate) fn muted_for(&self, now: Instant) -> Option<Duration> {
        self.muted_since.map(|since| now.saturating_duration_since(since))
    }

    /// Returns the codec of a payload type.
    pub(crate) fn codec(&self, pt: Pt) -> Option<ForwardedCodec> {
        self.payload_types.codec(pt)
    }

    /// Returns the index of the encoding with this name.
    pub(crate) fn encoding_index(&self, rid: Option<Rid>) -> Option<usize> {
        self.encodings.iter().position(|encoding| encoding.rid() == rid)
    }

    /// Returns whether the track has one encoding.
    pub(crate) fn has_single_encoding(&self) -> bool {
        self.encodings.len() == 1
    }

    /// Counts a packet of an encoding.
    pub(crate) fn count(&mut self, now: Instant, encoding: usize, bytes: usize) {
        self.activity.count(bytes);
        if let Some(encoding) = self.encodings.get_mut(encoding) {
            encoding.count(now, bytes);
        }
    }

    /// Counts a packet of a layer.
    pub(crate) fn count_layer(&mut self, now: Instant, position: &LayerPosition, bytes: usize) {
        self.layers.count(now, position, bytes);
    }

    /// Updates the average of the activity.
    pub(crate) fn measure_activity(&mut self, now: Instant) {
        self.activity.measure(now, self.muted_since.is_some());
    }

    /// Returns the activity in payload bytes per second; zero if the track is muted.
    pub(crate) fn activity(&self) -> u64 {
        if self.muted_since.is_some() { 0 } else { self.activity.average() }
    }

    /// Decides about a packet of an encoding, given whether the worker sheds video at present.
    /// Subscriptions to an encoding that is shed begin it anew.
    pub(crate) fn decide(
        &mut self,
        now: Instant,
        index: usize,
        worker_sheds: bool,
    ) -> ShedDecision {
        if self.source.is_audio() {
            return ShedDecision::Forward;
        }
        let Some(encoding) = self.encodings.get_mut(index) else { return ShedDecision::Forward };
        let decision = encoding.decide(now, worker_sheds);
        if decision == ShedDecision::Shed {
            self.subscriptions.iter_mut().for_each(|subscription| subscription.restart(index));
        }
        decision
    }

    /// Returns the subscriptions, for forwarding, and the layers.
    pub(crate) fn forwarding(&mut self) -> (&mut [Subscription], &SvcLayers) {
        (&mut self.subscriptions, &self.layers)
    }

    /// Replaces the subscriptions. One that existed before keeps its state.
    pub(crate) fn set_subscriptions(&mut self, mut subscriptions: Vec<Subscription>) {
        for subscription in &mut subscriptions {
            if let Some(same) = self.subscriptions.iter().find(|s| s.is_same_slot(subscription)) {
                *subscription = *same;
            }
        }
        self.subscriptions = subscriptions;
    }

    fn subscription(&self, subscriber: ParticipantKey, slot: usize) -> Option<&Subscription> {
        self.subscriptions.iter().find(|s| s.subscriber() == subscriber && s.slot() == slot)
    }

    /// Returns the encodings that a slot needs: the one that is being sent, and the next one.
    pub(crate) fn needed_encodings(
        &self,
        subscriber: ParticipantKey,
        slot: usize,
    ) -> impl Iterator<Item = usize> + use<> {
        self.subscription(subscriber, slot).map(Subscription::needed).into_iter().flatten()
    }

    /// Returns the other workers that subscribe to the track.
    pub(crate) fn cascade_targets(&self) -> &[CascadeTarget] {
        &self.cascade_targets
    }

    /// Replaces the other workers that subscribe to the track.
    pub(crate) fn set_cascade_targets(&mut self, targets: impl Iterator<Item = CascadeTarget>) {
        self.cascade_targets.clear();
        self.cascade_targets.extend(targets);
    }

    /// Returns the description of the track for other workers.
    pub(crate) fn description(&self, now: Instant, participant: ParticipantId) -> RemoteTrack {
        let id = TrackId { participant, source: self.source };
        let encodings = self.encodings.iter().map(|encoding| encoding.state(now)).collect();
        RemoteTrack::new(id, self.muted_since, self.activity.average(), encodings)
    }

    /// Returns this worker's subscriptions to a remote track, whose packets go to `key`; `None` if
    /// there are none.
    pub(crate) fn remote_subscription(
        &self,
        participant: ParticipantId,
        key: ParticipantKey,
    ) -> Option<RemoteSubscription> {
        let id = TrackId { participant, source: self.source };
        let wanted = self.subscriptions.iter().filter_map(Subscription::chosen);
        let forwarded = self.subscriptions.iter().flat_map(Subscription::needed);
        let subscription = RemoteSubscription::new(id, key, wanted, forwarded);
        (!subscription.is_empty()).then_some(subscription)
    }

    /// Returns the flags of the encodings to request of the publisher, if it has to be told.
    pub(crate) fn take_requested_encodings(&mut self, now: Instant) -> Option<Vec<bool>> {
        if self.source.is_audio() {
            return None;
        }
        let here = self.subscriptions.iter().filter_map(Subscription::chosen);
        let elsewhere = self.cascade_targets.iter().flat_map(CascadeTarget::wanted);
        self.requested.update(now, here.chain(elsewhere))
    }

    /// Returns the bitrates between which a subscription can choose, the lowest first: those of the
    /// steps of its layers (`true`), or of its encodings.
    pub(crate) fn bitrates(&self) -> (Vec<BitsPerSecond>, bool) {
        let steps = if self.has_single_encoding() { self.layers.bitrates() } else { None };
        if let Some(steps) = steps {
            return (steps, true);
        }
        let from_top = (0..self.encodings.len()).rev();
        let encodings = self.encodings.iter().zip(from_top).map(|(e, above)| e.bitrate(above));
        (encodings.collect(), false)
    }

    /// Returns the one of `count` encodings, or of the steps of one, that a slot is sent.
    pub(crate) fn sent_to(
        &self,
        subscriber: ParticipantKey,
        slot: usize,
        count: usize,
    ) -> Option<usize> {
        let subscription = self.subscription(subscriber, slot)?;
        let encoding = subscription.current().or(subscription.chosen())?;
        let has_steps = self.encodings.len() < count;
        Some(if has_steps { subscription.current_step(count) } else { encoding })
    }

    /// Sets the encoding that a slot is sent, and the highest step of its layers. Returns the
    /// encoding that needs a key frame for that, if it is not being sent yet.
    pub(crate) fn set_target(
        &mut self,
        now: Instant,
        subscriber: ParticipantKey,
        slot: usize,
        chosen: Option<usize>,
        step: Option<usize>,
    ) -> Option<usize> {
        let nearest = chosen.map(|target| nearest_active_encoding(now, &self.encodings, target));
        let mut subscriptions = self.subscriptions.iter_mut();
        let subscription =
            subscriptions.find(|s| s.subscriber() == subscriber && s.slot() == slot)?;
        let is_new = subscription.set_target(chosen, nearest);
        let adds_layers = subscription.set_layers(step.unwrap_or(usize::MAX));
        let current = subscription.current();
        if adds_layers && self.layers.needs_key_frame_to_add() && current.is_some() {
            return nearest;
        }
        let awaited = nearest.filter(|next| current != Some(*next))?;
        // Request it once, and again while the encoding is sent but cannot be used. One that is not
        // sent yet begins with a key frame by itself.
        let is_active = self.encodings.get(awaited).is_some_and(|e| e.is_active(now));
        (is_new || is_active).then_some(awaited)
    }

    /// Requests a key frame of an encoding, unless it would be shed. Returns whether it did.
    pub(crate) fn request_key_frame(&mut self, now: Instant, encoding: usize) -> bool {
        self.encodings.get_mut(encoding).is_some_and(|e| e.request_key_frame(now))
    }

    /// Returns the encodings, for sending due key frame requests.
    pub(crate) fn encodings_mut(&mut self) -> &mut [Encoding] {
        &mut self.encodings
    }

    /// Returns when the next key frame request is due.
    pub(crate) fn key_frames_due(&self, now: Instant) -> Option<Instant> {
        self.encodings.iter().filter_map(|encoding| encoding.key_frame_due(now)).min()
    }
}
