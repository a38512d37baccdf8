//! The KIDs of SFrame with MLS: context, leaf and epoch (RFC 9605 section 5.2).

use signaling_protocol::Source;

use crate::sframe::KeyId;

/// The number of leaves that a KID can name.
pub const LEAVES: u32 = 1 << LEAF_BITS;

const EPOCH_BITS: u32 = 4;
const LEAF_BITS: u32 = 9;

/// The parts of a KID: `(context << 13) | (leaf << 4) | (epoch & 15)`.
///
/// The context is the number of the source. Context 4 is reserved for data and refused here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaKeyId {
    /// The sender's track.
    pub context: Source,
    /// The sender's leaf index in the ratchet tree, below [`LEAVES`].
    pub leaf: u32,
    /// The low four bits of the epoch.
    pub epoch_bits: u8,
}

impl MediaKeyId {
    /// Returns the KID of a track in an epoch.
    #[must_use]
    pub fn new(context: Source, leaf: u32, epoch: u64) -> Self {
        Self { context, leaf, epoch_bits: epoch_bits(epoch) }
    }

    /// Returns the KID as a number, as in an SFrame header.
    #[must_use]
    pub fn pack(self) -> KeyId {
        context_id(self.context) << (LEAF_BITS + EPOCH_BITS)
            | u64::from(self.leaf) << EPOCH_BITS
            | u64::from(self.epoch_bits)
    }

    /// Returns the parts of a KID, or `None` if its context is unknown.
    #[must_use]
    pub fn unpack(key_id: KeyId) -> Option<Self> {
        let context = source(key_id >> (LEAF_BITS + EPOCH_BITS))?;
        let leaf = u32::try_from(key_id >> EPOCH_BITS & u64::from(LEAVES - 1)).ok()?;
        Some(Self { context, leaf, epoch_bits: epoch_bits(key_id) })
    }
}

/// Returns the low four bits of an epoch, which are part of its KIDs.
pub(super) fn epoch_bits(epoch: u64) -> u8 {
    (epoch & ((1 << EPOCH_BITS) - 1)) as u8
}

fn context_id(source: Source) -> u64 {
    match source {
        Source::Microphone => 0,
        Source::Camera => 1,
        Source::Screen => 2,
        Source::ScreenAudio => 3,
    }
}

fn source(context_id: u64) -> Option<Source> {
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio]
        .into_iter()
        .find(|&source| self::context_id(source) == context_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kid_has_context_leaf_and_epoch() {
        let key_id = MediaKeyId::new(Source::Screen, 511, 0x25);
        assert_eq!(key_id.pack(), 2 << 13 | 511 << 4 | 5);
        assert_eq!(MediaKeyId::unpack(key_id.pack()), Some(key_id));
    }

    #[test]
    fn the_microphone_of_the_first_sixteen_leaves_has_a_kid_of_one_byte() {
        assert!(MediaKeyId::new(Source::Microphone, 15, u64::MAX).pack() < 256);
    }

    #[test]
    fn unknown_contexts_are_refused() {
        for context in [4, 5, 1 << 20, u64::MAX >> 13] {
            assert_eq!(MediaKeyId::unpack(context << 13), None);
        }
    }
}
