//! The sending side of the newest epoch.

use signaling_protocol::Source;

use super::epoch::EpochKeys;
use super::error::ProtectError;
use crate::sframe::{Counter, SframeKey};

/// The number of counters of a key: far below the limit of each cipher suite (RFC 9605
/// section 9.3), far above what a call needs.
const COUNTERS: Counter = 1 << 32;

/// The keys that this participant sends with in one epoch, each with its next counter. All encodings
/// of a track share one, so no counter is used twice.
#[derive(Debug, Default)]
pub(super) struct Sender {
    keys: Vec<(Source, SendKey)>,
}

#[derive(Debug)]
struct SendKey {
    key: SframeKey,
    next: Counter,
}

impl Sender {
    /// Appends `metadata` and the protected frame to `out`, with one allocation.
    ///
    /// # Errors
    /// [`ProtectError::CounterExhausted`]
    pub(super) fn protect(
        &mut self,
        epoch: &EpochKeys,
        context: Source,
        metadata: &[u8],
        frame: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ProtectError> {
        let SendKey { key, next } = self.key(epoch, context);
        let counter = *next;
        if counter >= COUNTERS {
            return Err(ProtectError::CounterExhausted { context });
        }
        *next += 1;
        out.reserve_exact(metadata.len() + frame.len() + key.max_overhead());
        out.extend_from_slice(metadata);
        key.protect(counter, metadata, frame, out);
        Ok(())
    }

    fn key(&mut self, epoch: &EpochKeys, context: Source) -> &mut SendKey {
        let known = self.keys.iter().position(|&(of, _)| of == context);
        let at = known.unwrap_or_else(|| {
            self.keys.push((context, SendKey { key: epoch.own_key(context), next: 0 }));
            self.keys.len() - 1
        });
        &mut self.keys[at].1
    }

    /// Marks all but `left` counters of a source as used.
    #[cfg(test)]
    pub(super) fn spend_all_but(&mut self, left: Counter, epoch: &EpochKeys, context: Source) {
        self.key(epoch, context).next = COUNTERS - left;
    }
}
