//! The queue of outputs. It stays bounded however rarely it is drained.

use std::collections::VecDeque;

use signaling_protocol::ClientMessage;

use super::output::Output;
use crate::media_keys::MediaKeys;

/// The most queued problems. Later ones are dropped.
const MAX_PROBLEMS: usize = 64;
/// The most queued keys. The media cryptor keeps no more epochs.
const MAX_KEYS: usize = 4;

/// The most queued messages of members, and messages to send. The oldest are dropped.
const MAX_MESSAGES: usize = 256;

/// The most queued lines of a trace. The oldest are dropped, which makes the trace unusable.
const MAX_TRACE_LINES: usize = 1024;

/// Outputs in the order in which they were pushed.
#[derive(Debug, Default)]
pub(super) struct Outputs(VecDeque<Output>);

impl Outputs {
    pub(super) fn push(&mut self, mut output: Output) {
        match &mut output {
            Output::Send(ClientMessage::Heartbeat { .. }) => {
                self.keep_newest(0, |queued| {
                    matches!(queued, Output::Send(ClientMessage::Heartbeat { .. }))
                });
            }
            // A resent submission replaces the queued one.
            Output::Send(ClientMessage::Submit(_)) => {
                self.keep_newest(0, |queued| {
                    matches!(queued, Output::Send(ClientMessage::Submit(_)))
                });
            }
            Output::Send(ClientMessage::CommitVote { .. }) => {
                self.keep_newest(0, |queued| {
                    matches!(queued, Output::Send(ClientMessage::CommitVote { .. }))
                });
            }
            Output::Send(ClientMessage::SendMessage { .. }) => {
                self.keep_newest(MAX_MESSAGES - 1, |queued| {
                    matches!(queued, Output::Send(ClientMessage::SendMessage { .. }))
                });
            }
            Output::Send(_) => {
                if self.0.contains(&output) {
                    return;
                }
            }
            Output::Keys(keys) => self.make_room_for(keys),
            Output::PendingKeys(_) => {
                self.keep_newest(0, |queued| matches!(queued, Output::PendingKeys(_)));
            }
            Output::Roster(_) => self.keep_newest(0, |queued| matches!(queued, Output::Roster(_))),
            Output::Message(_) => {
                self.keep_newest(MAX_MESSAGES - 1, |queued| matches!(queued, Output::Message(_)));
            }
            Output::Unconfirmed(_) => {
                self.keep_newest(0, |queued| matches!(queued, Output::Unconfirmed(_)));
            }
            Output::Sas(_) => {
                self.keep_newest(0, |queued| matches!(queued, Output::Sas(_)));
            }
            Output::Problem(_) => {
                let problems = self.0.iter().filter(|queued| matches!(queued, Output::Problem(_)));
                if problems.count() >= MAX_PROBLEMS {
                    return;
                }
            }
            Output::Trace(_) => {
                self.keep_newest(MAX_TRACE_LINES - 1, |queued| matches!(queued, Output::Trace(_)));
            }
            Output::Rejoin(_) => {}
        }
        self.0.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }

    /// Removes what an endpoint at its end must not send or hand out.
    pub(super) fn wipe(&mut self) {
        self.0.retain(|queued| {
            matches!(queued, Output::Problem(_) | Output::Message(_) | Output::Trace(_))
        });
    }

    /// Drops the oldest queued keys to make room. The next keys take over the leaves to erase.
    fn make_room_for(&mut self, newest: &mut MediaKeys) {
        let queued = self.0.iter().filter(|queued| matches!(queued, Output::Keys(_))).count();
        for _ in MAX_KEYS..=queued {
            let oldest = self.0.iter().position(|queued| matches!(queued, Output::Keys(_)));
            let oldest = oldest.and_then(|oldest| self.0.remove(oldest));
            let Some(Output::Keys(oldest)) = oldest else { return };
            let next = self.0.iter_mut().find_map(Output::as_keys_mut);
            let removed = &mut next.unwrap_or(&mut *newest).removed;
            removed.extend_from_slice(&oldest.removed);
            removed.sort_unstable();
            removed.dedup();
        }
    }

    /// Drops the oldest outputs of a kind until so many are left.
    fn keep_newest(&mut self, count: usize, kind: impl Fn(&Output) -> bool) {
        let queued = self.0.iter().filter(|queued| kind(queued)).count();
        let mut excess = queued.saturating_sub(count);
        self.0.retain(|queued| {
            let drop = excess > 0 && kind(queued);
            excess -= usize::from(drop);
            !drop
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use signaling_protocol::LogPosition;

    use super::super::problem::{Problem, ProblemCode};
    use super::*;

    fn keys(epoch: u64) -> Output {
        Output::Keys(MediaKeys {
            epoch,
            own_leaf: 0,
            audio_base_key: vec![0; 48],
            video_base_key: vec![0; 16],
            members: vec![0],
            removed: vec![u32::try_from(epoch).unwrap()],
        })
    }

    #[test]
    fn an_undrained_queue_stays_bounded_and_keeps_the_newest_outputs() {
        let mut outputs = Outputs::default();
        for round in 0..1_000 {
            outputs.push(keys(round));
            let position = LogPosition(round);
            outputs.push(Output::Send(ClientMessage::Heartbeat { position }));
            outputs.push(Output::Problem(Problem::new(ProblemCode::BadLog, "…")));
        }
        let mut drained = Vec::new();
        while let Some(output) = outputs.pop() {
            drained.push(output);
        }
        assert_eq!(drained.len(), MAX_KEYS + 1 + MAX_PROBLEMS);
        let keys: Vec<_> =
            drained.iter_mut().filter_map(Output::as_keys_mut).map(|keys| keys.clone()).collect();
        assert_eq!(keys.iter().map(|keys| keys.epoch).collect::<Vec<_>>(), [996, 997, 998, 999]);
        let erased: BTreeSet<_> = keys.iter().flat_map(|keys| keys.removed.clone()).collect();
        assert_eq!(erased, (0..1_000).collect(), "no erasure gets lost with a dropped epoch");
        let position = LogPosition(999);
        assert!(drained.contains(&Output::Send(ClientMessage::Heartbeat { position })));
    }
}
