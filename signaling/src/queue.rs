//! What waits to be written to one socket: bounded in bytes, and honest about a slow reader.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use signaling_protocol::Refusal;
use tokio::sync::Notify;

/// A message on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) text: Utf8Bytes,
    /// A snapshot later makes up for it.
    pub(crate) replaceable: bool,
}

/// What the socket's writer is to do next.
#[derive(Debug)]
pub(crate) enum Next {
    Write(Utf8Bytes),
    Close(Refusal),
}

/// The queue between a room and one socket's writer.
#[derive(Debug)]
pub(crate) struct SendQueue {
    limit: usize,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    closing: Option<Refusal>,
}

/// The reader is too slow: what could be replaced was dropped, and a snapshot is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lagging;

impl SendQueue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), news: Notify::new() }
    }

    /// Queues a message.
    pub(crate) fn push(&self, message: Outgoing) -> Result<(), Lagging> {
        let mut state = self.state();
        if state.closing.is_some() {
            return Ok(());
        }
        let mut lagging = Ok(());
        if state.bytes + message.text.len() > self.limit && !state.waiting.is_empty() {
            state.waiting.retain(|one| !one.replaceable);
            state.bytes = state.waiting.iter().map(|one| one.text.len()).sum();
            lagging = Err(Lagging);
            if message.replaceable {
                return lagging;
            }
        }
        state.bytes += message.text.len();
        state.waiting.push_back(message);
        drop(state);
        self.news.notify_one();
        lagging
    }

    /// Lets the writer close the socket, after what must still be said.
    pub(crate) fn close(&self, refusal: Refusal) {
        let mut state = self.state();
        state.waiting.retain(|one| !one.replaceable);
        state.closing.get_or_insert(refusal);
        drop(state);
        self.news.notify_one();
    }

    /// Whether the socket is to be closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.state().closing.is_some()
    }

    /// Waits for what to write next.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.news.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.state();
        if let Some(message) = state.waiting.pop_front() {
            state.bytes -= message.text.len();
            return Some(Next::Write(message.text));
        }
        state.bytes = 0;
        state.closing.clone().map(Next::Close)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway; and if it did, the queue would still be a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signaling_protocol::RefusalCode;

    fn message(bytes: usize, replaceable: bool) -> Outgoing {
        Outgoing { text: "x".repeat(bytes).into(), replaceable }
    }

    #[test]
    fn a_full_queue_gives_up_what_a_snapshot_replaces_and_says_so() {
        let queue = SendQueue::new(100);
        queue.push(message(40, true)).expect("room");
        queue.push(message(40, false)).expect("room");
        assert_eq!(queue.push(message(40, true)), Err(Lagging));
        assert!(matches!(queue.take(), Some(Next::Write(text)) if text.len() == 40));
        assert!(queue.take().is_none());
    }

    #[test]
    fn one_message_over_the_limit_still_goes_when_nothing_waits() {
        let queue = SendQueue::new(10);
        queue.push(message(50, true)).expect("nothing waits");
        assert!(matches!(queue.take(), Some(Next::Write(_))));
    }

    #[test]
    fn closing_comes_after_what_must_be_said() {
        let queue = SendQueue::new(100);
        queue.push(message(1, true)).expect("room");
        queue.push(message(2, false)).expect("room");
        queue.close(Refusal::new(RefusalCode::TooSlow, "too slow"));
        queue.push(message(3, false)).expect("ignored");
        assert!(matches!(queue.take(), Some(Next::Write(text)) if text.len() == 2));
        assert!(matches!(queue.take(), Some(Next::Close(_))));
    }
}
