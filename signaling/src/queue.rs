//! The messages that wait to be written to one socket, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use prometheus::IntGauge;
use signaling_protocol::{Refusal, RefusalCode, RoomMessage, ServerMessage};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A message on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) text: Utf8Bytes,
    pub(crate) class: DeliveryClass,
}

/// The treatment of a message when its reader is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeliveryClass {
    /// May be dropped: a later snapshot replaces it.
    Replaceable,
    /// Replaces every delta before it.
    Snapshot,
    /// Must be delivered: no other message contains it.
    Required,
}

impl DeliveryClass {
    /// Returns the class of a message.
    pub(crate) fn of(message: &ServerMessage) -> Self {
        match message {
            // After a snapshot the whole lobby is sent again, and a vote on a pending commit is
            // requested again.
            ServerMessage::Room(
                RoomMessage::Delta { .. } | RoomMessage::LobbyParticipants { .. },
            )
            | ServerMessage::Log(_) => Self::Replaceable,
            ServerMessage::Room(RoomMessage::Snapshot(_)) => Self::Snapshot,
            ServerMessage::Room(
                RoomMessage::Joined(_)
                | RoomMessage::Resumed { .. }
                | RoomMessage::Waiting
                | RoomMessage::AskedToMute { .. },
            )
            | ServerMessage::Media(_)
            | ServerMessage::Control(_) => Self::Required,
        }
    }
}

/// The next step of the socket's writer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Write(Utf8Bytes),
    /// Say goodbye with this; without words if there are none.
    Close(Option<Refusal>),
}

/// The reader is too slow: replaceable messages were dropped, and a snapshot is due. Returned to
/// the room once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lagging;

/// The queue between a room and one socket's writer.
#[derive(Debug)]
pub(crate) struct SendQueue {
    limit: usize,
    state: Mutex<State>,
    news: Notify,
    closing: CancellationToken,
    /// The bytes in all queues of the process.
    total: IntGauge,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Outgoing>,
    bytes: usize,
    lag: Lag,
    closing: Option<Option<Refusal>>,
}

/// Deltas were dropped and no snapshot has followed yet. Further deltas would only leave the client
/// with a gap.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Lag {
    #[default]
    None,
    /// The room does not know.
    Untold,
    /// The room knows; its snapshot is on its way.
    Told,
}

impl SendQueue {
    /// A queue of so many bytes, or of one larger message.
    pub(crate) fn new(limit: usize, total: IntGauge) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            news: Notify::new(),
            closing: CancellationToken::new(),
            total,
        }
    }

    /// Queues a message of the room.
    pub(crate) fn push(&self, message: Outgoing) -> Result<(), Lagging> {
        let mut state = self.state();
        self.add(&mut state, message);
        let told = state.lag == Lag::Untold && state.closing.is_none();
        if told {
            state.lag = Lag::Told;
        }
        drop(state);
        self.news.notify_one();
        if told { Err(Lagging) } else { Ok(()) }
    }

    /// Queues a message of the socket's own reader. If that makes the queue overflow, the room
    /// hears of it with its own next message.
    pub(crate) fn push_aside(&self, message: Outgoing) {
        self.add(&mut self.state(), message);
        self.news.notify_one();
    }

    /// Lets the writer close the socket, after what must still be said.
    pub(crate) fn close(&self, refusal: Refusal) {
        self.close_with(&mut self.state(), Some(refusal));
        self.news.notify_one();
    }

    /// Lets the writer close the socket: the client has said goodbye itself.
    pub(crate) fn finish(&self) {
        self.close_with(&mut self.state(), None);
        self.news.notify_one();
    }

    /// Waits until the socket is to be closed.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
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

    fn add(&self, state: &mut State, message: Outgoing) {
        if state.closing.is_some() {
            return;
        }
        match message.class {
            DeliveryClass::Replaceable if state.lag != Lag::None => return,
            DeliveryClass::Snapshot => state.lag = Lag::None,
            DeliveryClass::Replaceable | DeliveryClass::Required => {}
        }
        if !self.has_room_for(state, &message) {
            self.drop_replaceable(state);
            match message.class {
                DeliveryClass::Replaceable => {
                    state.lag = Lag::Untold;
                    return;
                }
                DeliveryClass::Required => state.lag = Lag::Untold,
                DeliveryClass::Snapshot => {}
            }
            if !self.has_room_for(state, &message) {
                return self.close_with(state, Some(too_slow()));
            }
        }
        self.count(state, message.text.len(), 0);
        state.waiting.push_back(message);
    }

    fn has_room_for(&self, state: &State, message: &Outgoing) -> bool {
        state.waiting.is_empty() || state.bytes + message.text.len() <= self.limit
    }

    fn drop_replaceable(&self, state: &mut State) {
        state.waiting.retain(|one| one.class == DeliveryClass::Required);
        let left = state.waiting.iter().map(|one| one.text.len()).sum();
        self.count(state, left, state.bytes);
    }

    fn close_with(&self, state: &mut State, refusal: Option<Refusal>) {
        self.drop_replaceable(state);
        state.closing.get_or_insert(refusal);
        self.closing.cancel();
    }

    fn take(&self) -> Option<Next> {
        let mut state = self.state();
        match state.waiting.pop_front() {
            Some(message) => {
                self.count(&mut state, 0, message.text.len());
                Some(Next::Write(message.text))
            }
            None => state.closing.clone().map(Next::Close),
        }
    }

    fn count(&self, state: &mut State, more: usize, less: usize) {
        state.bytes = state.bytes + more - less;
        self.total.add(gauge(more) - gauge(less));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway; and if it did, the queue would still be a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        let left = self.state().bytes;
        self.total.sub(gauge(left));
    }
}

fn gauge(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn too_slow() -> Refusal {
    Refusal::new(
        RefusalCode::TooSlow,
        "Your connection is too slow for this meeting's messages; join it again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(limit: usize) -> SendQueue {
        SendQueue::new(limit, IntGauge::new("bytes", "bytes").expect("a gauge"))
    }

    fn message(bytes: usize, class: DeliveryClass) -> Outgoing {
        Outgoing { text: "x".repeat(bytes).into(), class }
    }

    fn lengths(queue: &SendQueue) -> Vec<usize> {
        let mut lengths = Vec::new();
        while let Some(Next::Write(text)) = queue.take() {
            lengths.push(text.len());
        }
        lengths
    }

    #[test]
    fn a_full_queue_gives_up_what_a_snapshot_replaces_and_says_so_once() {
        let queue = queue(100);
        queue.push(message(40, DeliveryClass::Replaceable)).expect("room");
        queue.push(message(41, DeliveryClass::Required)).expect("room");
        assert_eq!(queue.push(message(42, DeliveryClass::Replaceable)), Err(Lagging));
        assert_eq!(queue.push(message(43, DeliveryClass::Replaceable)), Ok(()), "told once");
        assert_eq!(lengths(&queue), [41]);
    }

    #[test]
    fn no_delta_passes_between_a_gap_and_its_snapshot() {
        let queue = queue(100);
        queue.push(message(90, DeliveryClass::Replaceable)).expect("room");
        assert_eq!(queue.push(message(20, DeliveryClass::Replaceable)), Err(Lagging));
        queue.push(message(1, DeliveryClass::Replaceable)).expect("dropped");
        queue.push(message(2, DeliveryClass::Snapshot)).expect("room");
        queue.push(message(3, DeliveryClass::Replaceable)).expect("room");
        assert_eq!(lengths(&queue), [2, 3]);
    }

    #[test]
    fn the_room_hears_of_an_overflow_that_it_did_not_cause() {
        let queue = queue(100);
        queue.push(message(90, DeliveryClass::Replaceable)).expect("room");
        queue.push_aside(message(20, DeliveryClass::Required));
        assert_eq!(queue.push(message(1, DeliveryClass::Required)), Err(Lagging));
        assert_eq!(lengths(&queue), [20, 1]);
    }

    #[test]
    fn a_queue_full_of_what_must_be_said_is_closed() {
        let queue = queue(100);
        queue.push_aside(message(60, DeliveryClass::Required));
        queue.push_aside(message(60, DeliveryClass::Required));
        assert_eq!(lengths(&queue), [60]);
        assert_eq!(queue.take(), Some(Next::Close(Some(too_slow()))));
    }

    #[test]
    fn one_message_over_the_limit_still_goes_when_nothing_waits() {
        let queue = queue(10);
        queue.push(message(50, DeliveryClass::Snapshot)).expect("nothing waits");
        assert_eq!(lengths(&queue), [50]);
    }

    #[test]
    fn closing_comes_after_what_must_be_said_and_with_the_first_reason() {
        let queue = queue(100);
        queue.push(message(1, DeliveryClass::Replaceable)).expect("room");
        queue.push(message(2, DeliveryClass::Required)).expect("room");
        queue.close(too_slow());
        queue.finish();
        queue.push(message(3, DeliveryClass::Required)).expect("ignored");
        assert_eq!(lengths(&queue), [2]);
        assert_eq!(queue.take(), Some(Next::Close(Some(too_slow()))));
    }

    #[test]
    fn the_total_of_bytes_is_right_whatever_happens() {
        let total = IntGauge::new("bytes", "bytes").expect("a gauge");
        let queue = SendQueue::new(100, total.clone());
        queue.push_aside(message(60, DeliveryClass::Replaceable));
        queue.push_aside(message(30, DeliveryClass::Required));
        assert_eq!(total.get(), 90);
        queue.push_aside(message(40, DeliveryClass::Replaceable));
        assert_eq!(total.get(), 30);
        queue.push_aside(message(7, DeliveryClass::Snapshot));
        drop(queue);
        assert_eq!(total.get(), 0);
    }
}
