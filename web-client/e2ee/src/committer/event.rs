//! What happens to a committer, and what it wants done.

use signaling_protocol::{
    CommitVote, Handshake, HandshakeCount, LogEntry, LogPosition, MessageId, ParticipantId,
    RefusalCode, Submission,
};

use super::{MlsError, RejoinReason};

/// What happens to a committer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The next entry of the log; entries that were read before are passed over.
    Entry(LogEntry),
    /// A commit that is not in the log yet is to be judged.
    CommitPending(Handshake),
    /// A commit that was to be judged will not come into the log.
    CommitRejected(MessageId),
    /// The service refused something: a submission, if it names one.
    Refused(RefusalCode, Option<MessageId>),
    /// The connection is there again.
    Reconnected,
    /// A timer has run out.
    Fired(Timer),
}

/// The timers of a committer. Setting one that runs already starts it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// It is this participant's turn to create or to commit.
    Turn,
    /// What was sent has not come back.
    Resend,
    /// Nobody has added this participant.
    Patience,
    /// The KeyPackage is about to be too old to be added.
    Expiry,
    /// The own keys are old: whoever has got hold of them could read until they are renewed.
    Renewal,
}

/// What a committer wants done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Hand in the KeyPackage.
    Upload,
    /// Hand in a handshake.
    Submit(Submission),
    /// Set a timer.
    Start {
        /// Which.
        timer: Timer,
        /// How long, in milliseconds.
        after_ms: u64,
    },
    /// Stop a timer.
    Stop(Timer),
    /// Say whether a commit can be followed.
    CommitVote {
        /// Which commit.
        message_id: MessageId,
        /// What to say.
        vote: CommitVote,
    },
    /// This epoch may begin soon: others may send in it before this participant has heard that it
    /// has.
    Coming(HandshakeCount),
    /// A new epoch has begun, and this participant is a member of it.
    Epoch(HandshakeCount),
    /// Something that people should know.
    Report(Report),
    /// This participant is at its end.
    Rejoin(RejoinReason),
}

/// What people should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Report {
    /// This participant waits and cannot be added.
    Skipped {
        /// Who.
        participant: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// The members of the room have another link than this participant.
    OtherLink,
    /// Members are there, and none adds this participant.
    StillWaiting,
    /// A commit in the log cannot be followed.
    BadCommit {
        /// Who made it.
        sender: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// A Welcome in the log cannot be used.
    BadWelcome {
        /// Who made it.
        sender: ParticipantId,
        /// Why.
        error: MlsError,
    },
    /// The service will not take this participant's handshake.
    SubmissionRefused(RefusalCode),
    /// No other member could follow this participant's commit.
    CommitDropped,
    /// An entry is missing before this one.
    Gap {
        /// The entry that should have come.
        expected: LogPosition,
        /// The entry that came.
        found: LogPosition,
    },
    /// An entry that a correct log cannot hold.
    ImpossibleEntry(LogPosition),
}
