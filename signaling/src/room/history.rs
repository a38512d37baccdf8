//! The newest deltas of a room, for participants who return.

use std::collections::VecDeque;

use mls_delivery::Log;
use signaling_protocol::{Delta, LogPosition, ParticipantId, Seq};

/// Deltas that are kept.
const KEPT: usize = 1024;
/// Bytes of application messages that are kept.
const KEPT_BYTES: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct History {
    seq: Seq,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
}

#[derive(Debug)]
enum Kept {
    Plain(Delta),
    /// The log keeps the entry itself.
    Log(LogPosition),
}

impl Kept {
    /// Returns the size of its payload, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Plain(Delta::Message { message, .. }) => message.0.len(),
            Self::Plain(
                Delta::ParticipantJoined(_)
                | Delta::ParticipantLeft { .. }
                | Delta::TracksChanged(_)
                | Delta::ConnectionChanged { .. }
                | Delta::RulesChanged(_)
                | Delta::Log { .. },
            )
            | Self::Log(_) => 0,
        }
    }
}

impl History {
    /// The newest delta's number.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// Numbers a delta and keeps it.
    pub(super) fn push(&mut self, delta: Delta) -> Seq {
        self.keep(Kept::Plain(delta))
    }

    /// Numbers the delta of a log entry.
    pub(super) fn push_log(&mut self, position: LogPosition) -> Seq {
        self.keep(Kept::Log(position))
    }

    /// The deltas after a number, as one participant gets them. `None` if some are gone, or if
    /// the client's number and log position do not belong together.
    pub(super) fn after(
        &self,
        seq: Seq,
        position: LogPosition,
        participant: ParticipantId,
        log: &Log,
    ) -> Option<Vec<(Seq, Delta)>> {
        if position > log.position() {
            return None;
        }
        let missed = usize::try_from(self.seq.0.checked_sub(seq.0)?).ok()?;
        let skipped = self.kept.len().checked_sub(missed)?;
        let mut position = position;
        let mut deltas = Vec::with_capacity(missed);
        for (seq, kept) in (seq.0 + 1..).zip(self.kept.iter().skip(skipped)) {
            let delta = match kept {
                Kept::Plain(delta) => delta.clone(),
                Kept::Log(at) => {
                    if *at != position.next() {
                        return None;
                    }
                    position = *at;
                    Delta::Log { entry: log.at(*at)?.for_participant(participant) }
                }
            };
            deltas.push((Seq(seq), delta));
        }
        (position == log.position()).then_some(deltas)
    }

    fn keep(&mut self, kept: Kept) -> Seq {
        self.seq = self.seq.next();
        self.kept_bytes += kept.bytes();
        self.kept.push_back(kept);
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.bytes();
        }
        self.seq
    }
}
