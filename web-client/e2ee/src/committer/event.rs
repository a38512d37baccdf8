//! The inputs and outputs of a committer.

use signaling_protocol::{
    CommitVote, Handshake, HandshakeCount, LogEntry, LogPosition, MessageId, ParticipantId,
    RefusalCode, Submission,
};

use super::{MlsError, RejoinReason};

/// An input of a committer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The next entry of the delivery log. Entries that were read before are ignored.
    Entry(LogEntry),
    /// The service asks for a vote on a commit that is not in the log yet.
    CommitPending(Handshake),
    /// A pending commit was rejected and will not enter the log.
    CommitRejected(MessageId),
    /// The service refused a message: this submission, if it names one.
    Refused(RefusalCode, Option<MessageId>),
    /// The connection to the service is restored.
    Reconnected,
    /// A timer fired.
    Fired(Timer),
}

/// The timers of a committer. Starting a running timer restarts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// It is this participant's turn to create the group or to commit.
    Turn,
    /// The log has not decided on what was sent.
    Resend,
    /// No member has added this participant for a while.
    JoinDelay,
    /// The KeyPackage is about to expire.
    KeyPackageExpiry,
    /// This member's leaf keys are due for renewal by a commit with a path (RFC 9420
    /// section 16.6: post-compromise security).
    SelfUpdate,
}

/// An output of a committer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Upload the KeyPackage to the service.
    UploadKeyPackage,
    /// Submit a handshake to the service.
    Submit(Submission),
    /// Start a timer.
    StartTimer {
        /// The timer.
        timer: Timer,
        /// Its duration in milliseconds.
        after_ms: u64,
    },
    /// Stop a timer.
    StopTimer(Timer),
    /// Send a vote on a pending commit to the service.
    CommitVote {
        /// The pending commit.
        message_id: MessageId,
        /// `Ack` if this member can process it.
        vote: CommitVote,
    },
    /// The epoch with this handshake count may begin soon. Other members may send in it before this
    /// one has read that it began.
    EpochPending(HandshakeCount),
    /// The epoch with this handshake count began, and this participant is a member of it.
    EpochStarted(HandshakeCount),
    /// Tell the user about a problem. The committer goes on.
    Report(Report),
    /// The committer is at its end: wipe all keys and join as a new participant.
    Rejoin(RejoinReason),
}

/// A problem that the user should know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// A waiting participant cannot be added because of its KeyPackage.
    KeyPackageSkipped {
        /// The waiting participant.
        participant: ParticipantId,
        /// The reason why its KeyPackage is not valid.
        error: MlsError,
    },
    /// All members use another link than this participant.
    OtherLink,
    /// The room has members, and none has added this participant yet.
    StillWaiting,
    /// A commit cannot be processed.
    BadCommit {
        /// The committer.
        sender: ParticipantId,
        /// Why it cannot be processed.
        error: MlsError,
    },
    /// A Welcome cannot be processed.
    BadWelcome {
        /// The committer who sent it.
        sender: ParticipantId,
        /// Why it cannot be processed.
        error: MlsError,
    },
    /// The service refused this participant's handshake for good.
    SubmissionRefused(RefusalCode),
    /// The members rejected this participant's commit.
    CommitRejected,
    /// Entries of the log are missing.
    LogGap {
        /// The position that should have come next.
        expected: LogPosition,
        /// The position that came.
        found: LogPosition,
    },
    /// The log has an entry that contradicts the ones before it.
    InvalidEntry(LogPosition),
}
