//! The signals that end the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShutdownMode {
    /// SIGTERM, as a service manager sends it: drain first.
    Graceful,
    /// SIGINT, as from a terminal: end now.
    Immediate,
}

/// Receives SIGTERM and SIGINT.
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    /// Starts to receive both signals, which no longer end the process by themselves.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn wait(&mut self) -> ShutdownMode {
        tokio::select! {
            _ = self.terminate.recv() => ShutdownMode::Graceful,
            _ = self.interrupt.recv() => ShutdownMode::Immediate,
        }
    }
}
