//! The layers of a VP9 stream: which of them can be left out, and where one can be added again.
//!
//! Packets name their layers in the payload descriptor (RFC 9628 section 4.2), which packetizers
//! put before the encrypted frame. The steps of a stream with several spatial layers are its
//! spatial layers. The steps of a stream with temporal layers alone are those: each one leaves out
//! pictures.

use std::time::Instant;

use super::bitrate_meter::{BitrateMeter, BitsPerSecond};
use super::codec::ForwardedCodec;

/// Number of layers that are told apart; higher ones count as the last of them.
const MAX_LAYERS: usize = 4;

/// The position of a packet among the layers of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerPosition {
    spatial: u8,
    temporal: u8,
    /// The first packet of its frame (B).
    begins_frame: bool,
    /// The last packet of its frame (E).
    ends_frame: bool,
    /// The picture does not depend on earlier ones (not P).
    is_key: bool,
    /// From this temporal layer on, layers up to this one may be added (U).
    switching_up: bool,
}

impl LayerPosition {
    /// Reads the position of a packet; `None` if its stream has no layers.
    pub(crate) fn of(codec: ForwardedCodec, payload: &[u8]) -> Option<Self> {
        const I: u8 = 0x80;
        const P: u8 = 0x40;
        const L: u8 = 0x20;
        const B: u8 = 0x08;
        const E: u8 = 0x04;
        let (ForwardedCodec::Vp9, [flags, rest @ ..]) = (codec, payload) else { return None };
        let is_set = |flag: u8| flags & flag != 0;
        let picture_id_len = match rest.first() {
            _ if !is_set(I) => 0,
            Some(first) if first & 0x80 != 0 => 2,
            _ => 1,
        };
        let indices = *rest.get(picture_id_len).filter(|_| is_set(L))?;
        Some(Self {
            spatial: indices >> 1 & 0b111,
            temporal: indices >> 5,
            begins_frame: is_set(B),
            ends_frame: is_set(E),
            is_key: !is_set(P),
            switching_up: indices & 0x10 != 0,
        })
    }

    fn begins_picture(&self) -> bool {
        self.begins_frame && self.spatial == 0
    }
}

/// The layers that have been seen in a stream.
#[derive(Debug, Default)]
pub(crate) struct SvcLayers {
    /// The steps are spatial layers, not temporal ones.
    is_spatial: bool,
    /// One meter per step, without the steps below it.
    meters: Vec<BitrateMeter>,
}

impl SvcLayers {
    /// Counts a packet.
    pub(crate) fn count(&mut self, now: Instant, position: &LayerPosition, bytes: usize) {
        if position.spatial > 0 && !self.is_spatial {
            *self = Self { is_spatial: true, meters: Vec::new() };
        }
        let step = self.step(position);
        while self.meters.len() <= step {
            self.meters.push(BitrateMeter::new(now));
        }
        self.meters[step].add(now, bytes);
    }

    /// Returns the step that a packet belongs to.
    fn step(&self, position: &LayerPosition) -> usize {
        let layer = if self.is_spatial { position.spatial } else { position.temporal };
        usize::from(layer).min(MAX_LAYERS - 1)
    }

    /// Returns the bitrate of each step with all steps below it, the lowest first. `None` unless
    /// there are several steps and all of them have been measured.
    pub(crate) fn bitrates(&self) -> Option<Vec<BitsPerSecond>> {
        let steps: Option<Vec<BitsPerSecond>> =
            self.meters.iter().map(BitrateMeter::bitrate).collect();
        let steps = steps.filter(|steps| steps.len() > 1)?;
        let sums = steps.iter().scan(0, |sum, bitrate| {
            *sum += bitrate;
            Some(*sum)
        });
        Some(sums.collect())
    }

    /// Returns whether a step can be added only with a key frame.
    pub(crate) fn needs_key_frame_to_add(&self) -> bool {
        self.is_spatial
    }
}

/// The steps of a stream that a subscription receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerSelection {
    /// The highest step that was selected; the stream follows where the decoder can.
    target: usize,
    current: usize,
}

impl LayerSelection {
    /// All steps.
    pub(crate) const ALL: Self = Self { target: usize::MAX, current: usize::MAX };

    /// Selects the steps up to `step`. Returns whether that adds any.
    pub(crate) fn set_target(&mut self, step: usize) -> bool {
        step > std::mem::replace(&mut self.target, step)
    }

    /// Returns the highest step that is being sent, of `count` steps.
    pub(crate) fn current(&self, count: usize) -> usize {
        self.current.min(count.saturating_sub(1))
    }

    /// Returns whether a packet is sent to the subscription. Steps are left out from the beginning
    /// of a picture, and added where the decoder can follow.
    pub(crate) fn includes(&mut self, layers: &SvcLayers, position: &LayerPosition) -> bool {
        let step = layers.step(position);
        if position.begins_picture() && (self.target < self.current || position.is_key) {
            self.current = self.target;
        } else if !layers.is_spatial
            && position.begins_picture()
            && position.switching_up
            && step == self.current.saturating_add(1)
            && step <= self.target
        {
            self.current = step;
        }
        step <= self.current
    }

    /// Returns whether a picture ends with this packet for the subscription, because the layers
    /// after it are left out (the marker bit, RFC 9628 section 4.1).
    pub(crate) fn ends_picture(&self, layers: &SvcLayers, position: &LayerPosition) -> bool {
        layers.is_spatial && position.ends_frame && layers.step(position) == self.current
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A packet of a picture: one frame in one packet for each layer.
    fn packet(spatial: u8, temporal: u8, key: bool, switching_up: bool) -> LayerPosition {
        let flags = 0x80 | u8::from(!key) << 6 | 0x20 | 0x08 | 0x04;
        let indices = temporal << 5 | u8::from(switching_up) << 4 | spatial << 1;
        LayerPosition::of(ForwardedCodec::Vp9, &[flags, 0x81, 0x02, indices, 0, 9, 9]).unwrap()
    }

    fn layers_of(positions: &[LayerPosition]) -> SvcLayers {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let mut layers = SvcLayers::default();
        for n in 0..200 {
            for position in positions {
                layers.count(now + Duration::from_millis(n * 20), position, 250);
            }
        }
        layers
    }

    #[test]
    fn the_position_is_read_whatever_the_length_of_the_picture_id() {
        let of = |payload: &[u8]| LayerPosition::of(ForwardedCodec::Vp9, payload);
        let layers = |payload: &[u8]| of(payload).map(|p| (p.spatial, p.temporal));
        assert_eq!(layers(&[0xa8, 0x05, 0x42]), Some((1, 2)));
        assert_eq!(layers(&[0xa8, 0x80, 0x05, 0x42]), Some((1, 2)));
        assert_eq!(layers(&[0x28, 0x42]), Some((1, 2)));
        assert_eq!(layers(&[0x88, 0x05, 0x42]), None, "no layers");
        assert_eq!(of(&[0xa8, 0x80, 0x05]), None, "truncated");
        assert_eq!(of(&[0xa8]), None);
        assert_eq!(of(&[]), None);
        assert_eq!(LayerPosition::of(ForwardedCodec::Vp8, &[0xa8, 0x05, 0x42]), None);
        let first = of(&[0xac, 0x05, 0x10]).unwrap();
        assert!(first.begins_frame && first.ends_frame && first.is_key && first.switching_up);
        let later = of(&[0xe0, 0x05, 0x00]).unwrap();
        assert!(!later.begins_frame && !later.ends_frame && !later.is_key && !later.switching_up);
    }

    #[test]
    fn the_bitrate_of_a_step_includes_the_steps_below_it() {
        let (base, middle) = (packet(0, 0, false, false), packet(0, 1, false, true));
        assert_eq!(layers_of(&[base]).bitrates(), None, "there is only one step");
        let bitrates = layers_of(&[base, middle]).bitrates().unwrap();
        assert!((95_000..105_000).contains(&bitrates[0]), "{bitrates:?}");
        assert!((190_000..210_000).contains(&bitrates[1]), "{bitrates:?}");
        let spatial = layers_of(&[base, middle, packet(1, 0, false, false)]);
        assert_eq!(spatial.bitrates().unwrap().len(), 2, "the steps are the spatial layers now");
        assert!(spatial.needs_key_frame_to_add());
        let far_too_many = layers_of(&[packet(7, 0, false, false)]);
        assert_eq!(far_too_many.meters.len(), MAX_LAYERS);
    }

    #[test]
    fn temporal_layers_are_left_out_at_the_next_picture_and_added_where_the_decoder_can_follow() {
        let layers = layers_of(&[0, 1, 2].map(|t| packet(0, t, false, true)));
        let mut selection = LayerSelection::ALL;
        let includes = |selection: &mut LayerSelection, t, up| {
            selection.includes(&layers, &packet(0, t, false, up))
        };
        assert!(includes(&mut selection, 2, false));
        selection.set_target(0);
        assert!(!includes(&mut selection, 2, true) && !includes(&mut selection, 1, true));
        assert!(includes(&mut selection, 0, false));
        selection.set_target(2);
        assert!(!includes(&mut selection, 2, true), "layers are added one by one");
        assert!(
            !includes(&mut selection, 1, false),
            "it may depend on a picture that was left out"
        );
        assert!(includes(&mut selection, 1, true) && !includes(&mut selection, 2, false));
        assert!(includes(&mut selection, 2, true) && includes(&mut selection, 1, false));
        selection.set_target(1);
        assert!(includes(&mut selection, 0, false));
        selection.set_target(2);
        assert!(selection.includes(&layers, &packet(0, 0, true, false)), "a key frame");
        assert!(includes(&mut selection, 2, false), "a key frame adds all layers");
    }

    #[test]
    fn spatial_layers_are_added_at_a_key_frame_and_the_marker_ends_the_highest_one_sent() {
        let layers = layers_of(&[0, 1, 2].map(|s| packet(s, 0, false, false)));
        let delta = [0, 1, 2].map(|s| packet(s, 0, false, true));
        let key = [0, 1, 2].map(|s| packet(s, 0, true, true));
        let picture = |selection: &mut LayerSelection, of: &[LayerPosition; 3]| {
            let sent = of.map(|position| (selection.includes(&layers, &position), position));
            sent.map(|(included, position)| {
                included.then(|| selection.ends_picture(&layers, &position))
            })
        };
        let mut selection = LayerSelection::ALL;
        assert_eq!(
            picture(&mut selection, &delta),
            [Some(false); 3],
            "the marker bit is set already"
        );
        selection.set_target(1);
        assert!(selection.includes(&layers, &delta[2]), "the picture has begun already");
        assert_eq!(picture(&mut selection, &delta), [Some(false), Some(true), None]);
        selection.set_target(2);
        assert_eq!(picture(&mut selection, &delta), [Some(false), Some(true), None]);
        assert_eq!(picture(&mut selection, &key), [Some(false), Some(false), Some(true)]);
        assert_eq!(selection.current(3), 2);
    }
}
