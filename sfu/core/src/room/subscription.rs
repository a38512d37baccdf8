//! The subscription of one receive slot to a track.

use crate::ids::ParticipantKey;
use crate::rtp::{LayerPosition, LayerSelection, SvcLayers};

/// The subscription of one receive slot of one subscriber to a track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    subscriber: ParticipantKey,
    slot: usize,
    /// The encoding that is being sent. `None` until one begins.
    current: Option<usize>,
    /// The encoding that replaces it with its next key frame: of those that the publisher sends, the
    /// nearest one to `chosen`.
    next: Option<usize>,
    /// The encoding for the size on the subscriber's screen and its link.
    chosen: Option<usize>,
    /// The layers of the encoding, if it has any.
    layers: LayerSelection,
}

impl Subscription {
    /// Creates a subscription that begins with encoding `next`, if any.
    pub(crate) fn new(subscriber: ParticipantKey, slot: usize, next: Option<usize>) -> Self {
        Self { subscriber, slot, current: None, next, chosen: next, layers: LayerSelection::ALL }
    }

    /// Returns the participant that receives the track.
    pub(crate) fn subscriber(&self) -> ParticipantKey {
        self.subscriber
    }

    /// Returns the index of the receive slot.
    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    /// Returns whether both are of the same slot.
    pub(crate) fn is_same_slot(&self, other: &Self) -> bool {
        self.subscriber == other.subscriber && self.slot == other.slot
    }

    /// Returns the encoding that was chosen.
    pub(crate) fn chosen(&self) -> Option<usize> {
        self.chosen
    }

    /// Returns the encoding that is being sent.
    pub(crate) fn current(&self) -> Option<usize> {
        self.current
    }

    /// Returns the encodings that need to arrive: the one that is being sent, and the next one.
    pub(crate) fn needed(&self) -> impl Iterator<Item = usize> + use<> {
        [self.current, self.next].into_iter().flatten()
    }

    /// Returns whether a packet of this encoding is forwarded; an encoding that is not being sent may
    /// begin with it if `may_begin`.
    pub(crate) fn accepts(&self, encoding: usize, may_begin: bool) -> bool {
        self.current == Some(encoding) || may_begin && self.next == Some(encoding)
    }

    /// Continues with this encoding. Returns whether another one was sent before.
    pub(crate) fn begin(&mut self, encoding: usize) -> bool {
        self.current.replace(encoding) != Some(encoding)
    }

    /// Returns whether a packet is in the selected layers.
    pub(crate) fn includes(&mut self, layers: &SvcLayers, position: &LayerPosition) -> bool {
        self.layers.includes(layers, position)
    }

    /// Returns whether a picture ends with this packet, because the layers after it are left out.
    pub(crate) fn ends_picture(&self, layers: &SvcLayers, position: &LayerPosition) -> bool {
        self.layers.ends_picture(layers, position)
    }

    /// Begins anew with this encoding if it is the current one, so that its sequence numbers have no
    /// gap.
    pub(crate) fn restart(&mut self, encoding: usize) {
        if self.current == Some(encoding) {
            self.current = None;
            self.next = self.next.or(Some(encoding));
        }
    }

    /// Sets the chosen encoding and the one to send for it. Returns whether the latter has changed.
    pub(crate) fn set_target(&mut self, chosen: Option<usize>, next: Option<usize>) -> bool {
        let is_new = self.next != next;
        (self.chosen, self.next) = (chosen, next);
        if next.is_none() {
            self.current = None;
        }
        is_new
    }

    /// Selects the layers up to a step. Returns whether that adds any.
    pub(crate) fn set_layers(&mut self, step: usize) -> bool {
        self.layers.set_target(step)
    }

    /// Returns the highest step of the layers that is being sent, of `count`.
    pub(crate) fn current_step(&self, count: usize) -> usize {
        self.layers.current(count)
    }
}
