//! The sending side of the newest epoch.

use signaling_protocol::Source;

use super::epoch::EpochKeys;
use super::error::ProtectError;
use crate::sframe::{Counter, SframeKey};

/// One past the last counter: far below what any suite allows, far above what a call needs.
const COUNTERS: Counter = 1 << 32;

/// The keys that this participant sends by, each with its counter. All encodings of a track share
/// one, so no counter comes twice. They are made for one epoch and are gone with it.
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
    /// Appends the protected frame to `out`; room for all of it is asked for at once.
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

    /// Pretends that all but `left` counters of a source are spent.
    #[cfg(test)]
    pub(super) fn spend_all_but(&mut self, left: Counter, epoch: &EpochKeys, context: Source) {
        self.key(epoch, context).next = COUNTERS - left;
    }
}
