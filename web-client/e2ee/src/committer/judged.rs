//! Another member's commit that is not in the log yet, and what was said of it.

use signaling_protocol::{Handshake, Verdict};

/// At most one is kept, until the log decides: what comes again is answered as before, for MLS
/// opens a message only once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Judged {
    pub(super) handshake: Handshake,
    pub(super) verdict: Verdict,
}

impl Judged {
    /// Whether MLS keeps it aside.
    pub(super) fn is_staged(&self) -> bool {
        self.verdict == Verdict::Ack
    }
}
