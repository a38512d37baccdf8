//! How the process is told to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// In which manner it is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// SIGTERM, from a service manager: in good order.
    Orderly,
    /// SIGINT, from somebody at the keyboard who waits for it.
    AtOnce,
}

/// The signals that end the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on the signals do not end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn told_to_end(&mut self) -> Manner {
        tokio::select! {
            _ = self.terminate.recv() => Manner::Orderly,
            _ = self.interrupt.recv() => Manner::AtOnce,
        }
    }
}
