//! The output of connections: datagrams and events.

use str0m::Event;

use crate::transport::TransmitQueue;

/// The output of connections: datagrams and events.
#[derive(Debug, Default)]
pub(crate) struct PumpOutput {
    transmits: TransmitQueue,
    events: Vec<Event>,
}

impl PumpOutput {
    /// Returns the datagrams.
    pub(crate) fn transmits(&mut self) -> &mut TransmitQueue {
        &mut self.transmits
    }

    /// Adds an event.
    pub(crate) fn push_event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Takes the events; [`PumpOutput::reuse`] gives their memory back.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Keeps the memory of events that have been handled.
    pub(crate) fn reuse(&mut self, mut events: Vec<Event>) {
        events.clear();
        self.events = events;
    }

    /// Discards the events.
    pub(crate) fn discard_events(&mut self) {
        self.events.clear();
    }
}
