//! The layers of a VP9 stream: what of it can be left out, and where one can be added again.
//!
//! They stand in the payload descriptor (RFC 9628 section 4.2), which packetizers put before the
//! encrypted frame. Of a stream with several spatial layers the ladder's steps are those; of one
//! with temporal layers alone, these: fewer pictures a second.

use std::time::Instant;

use crate::peer_connection::codec::Forwarded;
use crate::policy::bitrate_allocation::Rate;
use crate::rtp::bitrate_meter::Meter;

/// Layers that are told apart; what lies above counts as the last of them.
const MOST: usize = 4;

/// Where a packet stands among the layers of its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    spatial: u8,
    temporal: u8,
    /// The first packet of its frame (B).
    begins: bool,
    /// The last one (E).
    ends: bool,
    /// Of a picture that needs no earlier one (not P).
    key: bool,
    /// From this temporal layer on, all may be added that lie below or are this (U).
    switching_up: bool,
}

impl Position {
    /// That of a packet, if its stream has layers.
    pub(crate) fn of(codec: Forwarded, payload: &[u8]) -> Option<Self> {
        const I: u8 = 0x80;
        const P: u8 = 0x40;
        const L: u8 = 0x20;
        const B: u8 = 0x08;
        const E: u8 = 0x04;
        let (Forwarded::Vp9, [flags, rest @ ..]) = (codec, payload) else { return None };
        let set = |flag: u8| flags & flag != 0;
        let picture_id = match rest.first() {
            _ if !set(I) => 0,
            Some(first) if first & 0x80 != 0 => 2,
            _ => 1,
        };
        let indices = *rest.get(picture_id).filter(|_| set(L))?;
        Some(Self {
            spatial: indices >> 1 & 0b111,
            temporal: indices >> 5,
            begins: set(B),
            ends: set(E),
            key: !set(P),
            switching_up: indices & 0x10 != 0,
        })
    }

    /// Whether a picture begins with it.
    fn begins_picture(&self) -> bool {
        self.begins && self.spatial == 0
    }
}

/// The layers of a track as they have been seen.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// The steps are spatial layers.
    spatial: bool,
    /// Of each step alone.
    meters: Vec<Meter>,
}

impl Layers {
    /// A packet came in.
    pub(crate) fn count(&mut self, now: Instant, position: &Position, bytes: usize) {
        if position.spatial > 0 && !self.spatial {
            *self = Self { spatial: true, meters: Vec::new() };
        }
        let step = self.step(position);
        while self.meters.len() <= step {
            self.meters.push(Meter::new(now));
        }
        self.meters[step].add(now, bytes);
    }

    /// On which step a packet stands.
    fn step(&self, position: &Position) -> usize {
        let layer = if self.spatial { position.spatial } else { position.temporal };
        usize::from(layer).min(MOST - 1)
    }

    /// What each step costs with all below it, the lowest first; nothing unless there are several
    /// and all are known.
    pub(crate) fn rates(&self) -> Option<Vec<Rate>> {
        let alone: Option<Vec<Rate>> = self.meters.iter().map(Meter::rate).collect();
        let alone = alone.filter(|rates| rates.len() > 1)?;
        let sums = alone.iter().scan(0, |sum, rate| {
            *sum += rate;
            Some(*sum)
        });
        Some(sums.collect())
    }

    /// Whether a step can be added with a key frame only.
    pub(crate) fn rise_by_key_frames(&self) -> bool {
        self.spatial
    }
}

/// Up to which step a subscription is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UpTo {
    /// What was chosen. The stream follows where it can.
    pub(crate) chosen: usize,
    current: usize,
}

impl UpTo {
    /// All there is.
    pub(crate) const ALL: Self = Self { chosen: usize::MAX, current: usize::MAX };

    /// The step that is being sent, of `count`.
    pub(crate) fn current(&self, count: usize) -> usize {
        self.current.min(count.saturating_sub(1))
    }

    /// Whether a packet goes to the subscription. Steps are left out from a picture on, and added
    /// from where the decoder can follow.
    pub(crate) fn takes(&mut self, layers: &Layers, position: &Position) -> bool {
        let step = layers.step(position);
        if position.begins_picture() && (self.chosen < self.current || position.key) {
            self.current = self.chosen;
        } else if !layers.spatial
            && position.begins_picture()
            && position.switching_up
            && step == self.current.saturating_add(1)
            && step <= self.chosen
        {
            self.current = step;
        }
        step <= self.current
    }

    /// Whether a picture ends with this packet for the subscription, which is not sent what may come
    /// after it (the marker bit, RFC 9628 section 4.1).
    pub(crate) fn ends(&self, layers: &Layers, position: &Position) -> bool {
        layers.spatial && position.ends && layers.step(position) == self.current
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A packet of a picture: one frame in one packet for each layer.
    fn packet(spatial: u8, temporal: u8, key: bool, switching_up: bool) -> Position {
        let flags = 0x80 | u8::from(!key) << 6 | 0x20 | 0x08 | 0x04;
        let indices = temporal << 5 | u8::from(switching_up) << 4 | spatial << 1;
        Position::of(Forwarded::Vp9, &[flags, 0x81, 0x02, indices, 0, 9, 9]).unwrap()
    }

    fn seen(positions: &[Position]) -> Layers {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let now = Instant::now();
        let mut layers = Layers::default();
        for n in 0..200 {
            for position in positions {
                layers.count(now + Duration::from_millis(n * 20), position, 250);
            }
        }
        layers
    }

    #[test]
    fn the_place_is_read_from_the_descriptor_whatever_its_picture_id() {
        let of = |payload: &[u8]| Position::of(Forwarded::Vp9, payload);
        let place = |payload: &[u8]| of(payload).map(|p| (p.spatial, p.temporal));
        assert_eq!(place(&[0xa8, 0x05, 0x42]), Some((1, 2)));
        assert_eq!(place(&[0xa8, 0x80, 0x05, 0x42]), Some((1, 2)));
        assert_eq!(place(&[0x28, 0x42]), Some((1, 2)));
        assert_eq!(place(&[0x88, 0x05, 0x42]), None, "no layers");
        assert_eq!(of(&[0xa8, 0x80, 0x05]), None, "cut off");
        assert_eq!(of(&[0xa8]), None);
        assert_eq!(of(&[]), None);
        assert_eq!(Position::of(Forwarded::Vp8, &[0xa8, 0x05, 0x42]), None);
        let first = of(&[0xac, 0x05, 0x10]).unwrap();
        assert!(first.begins && first.ends && first.key && first.switching_up);
        let later = of(&[0xe0, 0x05, 0x00]).unwrap();
        assert!(!later.begins && !later.ends && !later.key && !later.switching_up);
    }

    #[test]
    fn each_step_costs_what_lies_below_it_too() {
        let (base, middle) = (packet(0, 0, false, false), packet(0, 1, false, true));
        assert_eq!(seen(&[base]).rates(), None, "nothing can be left out");
        let rates = seen(&[base, middle]).rates().unwrap();
        assert!((95_000..105_000).contains(&rates[0]), "{rates:?}");
        assert!((190_000..210_000).contains(&rates[1]), "{rates:?}");
        let spatial = seen(&[base, middle, packet(1, 0, false, false)]);
        assert_eq!(spatial.rates().unwrap().len(), 2, "the steps are spatial now");
        assert!(spatial.rise_by_key_frames());
        let far_too_many = seen(&[packet(7, 0, false, false)]);
        assert_eq!(far_too_many.meters.len(), MOST);
    }

    #[test]
    fn fewer_pictures_from_the_next_one_on_and_more_where_the_decoder_can_follow() {
        let layers = seen(&[0, 1, 2].map(|t| packet(0, t, false, true)));
        let mut up_to = UpTo::ALL;
        let takes = |up_to: &mut UpTo, t, up| up_to.takes(&layers, &packet(0, t, false, up));
        assert!(takes(&mut up_to, 2, false));
        up_to.chosen = 0;
        assert!(!takes(&mut up_to, 2, true) && !takes(&mut up_to, 1, true));
        assert!(takes(&mut up_to, 0, false));
        up_to.chosen = 2;
        assert!(!takes(&mut up_to, 2, true), "one after the other");
        assert!(!takes(&mut up_to, 1, false), "it may need one that was left out");
        assert!(takes(&mut up_to, 1, true) && !takes(&mut up_to, 2, false));
        assert!(takes(&mut up_to, 2, true) && takes(&mut up_to, 1, false));
        up_to.chosen = 1;
        assert!(takes(&mut up_to, 0, false));
        up_to.chosen = 2;
        assert!(up_to.takes(&layers, &packet(0, 0, true, false)), "a key frame");
        assert!(takes(&mut up_to, 2, false), "with which all may be added");
    }

    #[test]
    fn larger_pictures_wait_for_a_key_frame_and_smaller_ones_end_where_they_do() {
        let layers = seen(&[0, 1, 2].map(|s| packet(s, 0, false, false)));
        let delta = [0, 1, 2].map(|s| packet(s, 0, false, true));
        let key = [0, 1, 2].map(|s| packet(s, 0, true, true));
        let picture = |up_to: &mut UpTo, of: &[Position; 3]| {
            let took = of.map(|position| (up_to.takes(&layers, &position), position));
            took.map(|(takes, position)| takes.then(|| up_to.ends(&layers, &position)))
        };
        let mut up_to = UpTo::ALL;
        assert_eq!(picture(&mut up_to, &delta), [Some(false); 3], "it ends by itself");
        up_to.chosen = 1;
        assert!(up_to.takes(&layers, &delta[2]), "the picture has begun");
        assert_eq!(picture(&mut up_to, &delta), [Some(false), Some(true), None]);
        up_to.chosen = 2;
        assert_eq!(picture(&mut up_to, &delta), [Some(false), Some(true), None]);
        assert_eq!(picture(&mut up_to, &key), [Some(false), Some(false), Some(true)]);
        assert_eq!(up_to.current(3), 2);
    }
}
