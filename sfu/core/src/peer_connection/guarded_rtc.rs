//! A str0m `Rtc` whose panics are contained.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::{Input, Output, PacerReason, Reason, Rtc, RtcError};

use super::pump_output::PumpOutput;

/// How far a pump works ahead of the time. str0m releases one packet per timeout, and the next one a
/// microsecond later; everything due within this time is sent at once.
const AHEAD: Duration = Duration::from_millis(1);
/// Maximum iterations of one pump, in case that the timeouts do not advance.
const MAX_ITERATIONS: usize = 4_096;

/// The reason for which a connection has ended. No other connection is affected.
#[derive(Debug)]
pub(crate) enum Fault {
    /// str0m panicked.
    Panicked,
    /// The connection failed, for instance because the certificate is not that of the offer.
    Failed(RtcError),
}

/// A str0m `Rtc`. str0m may panic on a broken assumption of its own; that ends this connection,
/// which is never called again, so no half-changed state is ever seen.
pub(super) struct GuardedRtc {
    rtc: Rtc,
    has_panicked: bool,
}

impl GuardedRtc {
    /// Wraps an `Rtc`.
    pub(super) fn new(rtc: Rtc) -> Self {
        Self { rtc, has_panicked: false }
    }

    /// Returns the `Rtc` for reading.
    pub(super) fn get(&self) -> &Rtc {
        &self.rtc
    }

    /// Returns the `Rtc` for calls that do no more than read or set a field.
    pub(super) fn get_mut(&mut self) -> &mut Rtc {
        &mut self.rtc
    }

    /// Returns whether the connection is of any use still.
    pub(super) fn is_alive(&self) -> bool {
        !self.has_panicked && self.rtc.is_alive()
    }

    /// Calls str0m and contains its panics.
    pub(super) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Rtc) -> Result<T, RtcError>,
    ) -> Result<T, Fault> {
        if self.has_panicked {
            return Err(Fault::Panicked);
        }
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| call(&mut self.rtc))) else {
            self.has_panicked = true;
            return Err(Fault::Panicked);
        };
        result.map_err(Fault::Failed)
    }

    /// Feeds an input and drains the output. Returns when to pump next, and whether that may be some
    /// milliseconds later.
    pub(super) fn pump(
        &mut self,
        now: Instant,
        input: Input<'_>,
        output: &mut PumpOutput,
    ) -> Result<(Instant, bool), Fault> {
        self.call(|rtc| {
            rtc.handle_input(input)?;
            for _ in 0..MAX_ITERATIONS {
                let timeout = drain(rtc, output)?;
                if timeout > now + AHEAD {
                    let reason = rtc.last_timeout_reason();
                    return Ok((timeout, !rtc.is_probing() && is_deferrable(reason)));
                }
                rtc.handle_input(Input::Timeout(timeout.max(now)))?;
            }
            drain(rtc, output)?;
            Ok((now + AHEAD, false))
        })
    }

    /// Closes the connection with RTCP BYE and a DTLS alert.
    pub(super) fn close(&mut self, now: Instant, output: &mut PumpOutput) {
        // A connection that fails while it is closed has ended all the same.
        let _ = self.call(|rtc| {
            rtc.close()?;
            drain(rtc, output)?;
            rtc.handle_input(Input::Timeout(now))?;
            drain(rtc, output)
        });
    }
}

/// Returns whether work of this kind may be done some milliseconds later: reports, estimates and
/// checks, but not paced packets and packets that have to be stamped before they can be sent.
fn is_deferrable(reason: Reason) -> bool {
    if let Reason::Pacer(reason) = reason {
        return reason == PacerReason::Handle;
    }
    reason != Reason::SendStream
}

fn drain(rtc: &mut Rtc, output: &mut PumpOutput) -> Result<Instant, RtcError> {
    loop {
        match rtc.poll_output()? {
            Output::Timeout(timeout) => return Ok(timeout),
            Output::Transmit(transmit) => {
                let queue = output.transmits();
                queue.buffer().extend_from_slice(&transmit.contents);
                queue.commit(transmit.proto.into(), transmit.source, transmit.destination);
            }
            Output::Event(event) => output.push_event(event),
        }
    }
}
