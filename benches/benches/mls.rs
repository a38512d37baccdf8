//! Benchmarks adding and removing a member by group size, in milliseconds and bytes, with the real
//! endpoints and delivery log, and no network. A commit is pending until the first other member has
//! voted for it.
//!
//! Prints a table; `cargo bench -p orange-bench --bench mls -- <file>` also writes it as JSON.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use e2ee::Suite;
use e2ee::endpoint::{Endpoint, EndpointConfig, Output};
use e2ee::link::LinkSecret;
use ed25519_dalek::{Signer as _, SigningKey};
use mls_delivery::{Accepted, Decision, Finality, Log, Opened, Prepared, Submitted};
use serde_json::json;
use signaling_protocol::{
    ClientMessage, CommitVote, Delta, Joined, LogMessage, Opaque, ParticipantId, ReceiveSlots,
    Refusal, RoomId, RoomMessage, RoomSnapshot, Secret, Seq, ServerMessage, Step, Submission,
    VERSION,
};

/// Group sizes before the measured member is added.
const MEMBERS: [u32; 3] = [2, 10, 50];
/// How often a member is added and removed.
const ROUNDS: usize = 30;

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let mut results = Vec::new();
    let mut out = std::io::stdout();
    for (suite, name) in [(Suite::PostQuantum, "post-quantum"), (Suite::Classic, "classic")] {
        for members in MEMBERS {
            let mut group = Group::of(suite, members);
            let mut seen = Measurements::default();
            // The first round warms up caches and brings the tree into its steady state.
            group.round(&mut Measurements::default());
            for _ in 0..ROUNDS {
                group.round(&mut seen);
            }
            for (what, unit, mut values) in seen.into_rows() {
                values.sort_by(f64::total_cmp);
                let [min, median, max] =
                    [0, values.len() / 2, values.len() - 1].map(|at| values[at]);
                let digits = if unit == "B" { 0 } else { 2 };
                // Fails if the reader has closed the pipe.
                let _ = writeln!(
                    out,
                    "{name:<13}{members:>3} members  {what:<30}{min:>9.digits$} /{median:>9.digits$} /{max:>9.digits$} {unit}"
                );
                results.push(json!({
                    "suite": name, "members": members, "what": what, "unit": unit,
                    "min": min, "median": median, "max": max,
                }));
            }
        }
    }
    if let Some(file) = file {
        let json = serde_json::to_vec_pretty(&results).expect("plain JSON");
        std::fs::write(file, json).expect("the file can be written");
    }
}

/// The measurements of all rounds, by name.
#[derive(Default)]
struct Measurements {
    times: BTreeMap<&'static str, Vec<Duration>>,
    bytes: BTreeMap<&'static str, Vec<usize>>,
}

impl Measurements {
    fn time<T>(&mut self, what: &'static str, work: impl FnOnce() -> T) -> (T, Duration) {
        let start = Instant::now();
        let done = work();
        let took = start.elapsed();
        self.record_time(what, took);
        (done, took)
    }

    fn record_time(&mut self, what: &'static str, took: Duration) {
        self.times.entry(what).or_default().push(took);
    }

    fn record_size(&mut self, what: &'static str, message: &Opaque) {
        self.bytes.entry(what).or_default().push(message.0.len());
    }

    fn into_rows(self) -> impl Iterator<Item = (&'static str, &'static str, Vec<f64>)> {
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        let times = self.times.into_iter();
        let times = times.map(move |(what, all)| (what, "ms", all.into_iter().map(ms).collect()));
        let bytes = self.bytes.into_iter();
        times.chain(bytes.map(|(what, all)| (what, "B", all.iter().map(|&b| b as f64).collect())))
    }
}

/// A group of which two members run: the committer and a follower. The other members only exist in the
/// log and the tree.
struct Group {
    suite: Suite,
    log: Log,
    finality: Finality,
    now_ms: u64,
    next: u32,
    committer: Member,
    follower: Member,
}

struct Member {
    participant: ParticipantId,
    endpoint: Endpoint,
}

impl Group {
    fn of(suite: Suite, members: u32) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
        let now_ms = u64::try_from(now.as_millis()).expect("milliseconds fit");
        let mut log = Log::default();
        let (mut committer, upload) = Member::new(suite, ParticipantId(1), &log, now_ms);
        let announced = accept(&mut log, |log| log.join(committer.participant, upload, None));
        let create =
            committer.expect_submission(delta_for(&announced, committer.participant), now_ms);
        let created = append(&mut log, committer.participant, create);
        committer.handle(delta_for(&created, committer.participant), now_ms);
        let (follower, upload) = Member::new(suite, ParticipantId(2), &log, now_ms);
        let finality = Finality::default();
        let mut group = Self { suite, log, finality, now_ms, next: 3, committer, follower };
        // With no other member there is no vote.
        let announced = accept(&mut group.log, |log| log.join(ParticipantId(2), upload, None));
        let commit =
            group.committer.expect_submission(delta_for(&announced, ParticipantId(1)), now_ms);
        let added = append(&mut group.log, ParticipantId(1), commit);
        group.committer.handle(delta_for(&added, ParticipantId(1)), now_ms);
        group.follower.handle(delta_for(&announced, ParticipantId(2)), now_ms);
        group.follower.handle(delta_for(&added, ParticipantId(2)), now_ms);
        for _ in 2..members {
            let participant = ParticipantId(group.next);
            group.next += 1;
            let (_, upload) = Member::new(suite, participant, &group.log, now_ms);
            group.add_passive_member(participant.0, upload);
        }
        assert_eq!(group.log.present_members().count(), members as usize, "all are members");
        group
    }

    /// Adds a member that only exists by its KeyPackage.
    fn add_passive_member(&mut self, participant: u32, upload: Opaque) {
        let (now_ms, one, two) =
            (self.now_ms, self.committer.participant, self.follower.participant);
        let announced =
            accept(&mut self.log, |log| log.join(ParticipantId(participant), upload, None));
        self.follower.handle(delta_for(&announced, two), now_ms);
        let commit = self.committer.expect_submission(delta_for(&announced, one), now_ms);
        let question = self.open(&commit);
        let answer = self.follower.expect_answer(question, now_ms);
        let added = self.finalise(answer);
        self.committer.handle(delta_for(&added, one), now_ms);
        self.follower.handle(delta_for(&added, two), now_ms);
    }

    /// Makes a submission pending; returns the request for the follower's vote.
    fn open(&mut self, submission: &Submission) -> ServerMessage {
        let (one, two) = (self.committer.participant, self.follower.participant);
        let fits = self.log.submit(one, submission.clone());
        assert!(matches!(fits, Ok(Submitted::New(_))), "every submission of this bench is new");
        let opened = self.finality.open(&self.log, one, submission.clone(), |_| true, self.now_ms);
        assert!(matches!(opened, Ok(Opened::CommitPending(_))), "a vote is pending");
        let handshake = self.finality.vote_request(two).expect("a request for the follower");
        ServerMessage::Log(LogMessage::CommitPending { handshake })
    }

    /// Applies the follower's vote, which makes the commit final.
    fn finalise(&mut self, answer: ClientMessage) -> Accepted {
        let ClientMessage::CommitVote { message_id, vote } = answer else { unreachable!() };
        assert_eq!(vote, CommitVote::Ack, "the follower accepts the commit");
        let two = self.follower.participant;
        match self.finality.record_vote(two, &message_id, vote, self.now_ms) {
            Some(Decision::Final { sender, submission }) => {
                append(&mut self.log, sender, submission)
            }
            Some(Decision::CommitRejected(_)) | None => panic!("the first ack decides"),
        }
    }

    /// Adds and removes a member, and measures both.
    fn round(&mut self, measurements: &mut Measurements) {
        let (now_ms, one, two) =
            (self.now_ms, self.committer.participant, self.follower.participant);
        let participant = ParticipantId(self.next);
        self.next += 1;
        let ((mut newcomer, upload), _) = measurements
            .time("KeyPackage: create", || Member::new(self.suite, participant, &self.log, now_ms));
        measurements.record_size("KeyPackage", &upload);

        let announced = accept(&mut self.log, |log| log.join(participant, upload, None));
        newcomer.handle(delta_for(&announced, participant), now_ms);
        self.follower.handle(delta_for(&announced, two), now_ms);
        let entry = delta_for(&announced, one);
        let (commit, build) =
            measurements.time("join: build", || self.committer.expect_submission(entry, now_ms));
        if let Step::Commit { commit, welcome: Some(welcome) } = &commit.step {
            measurements.record_size("join: commit", commit);
            measurements.record_size("join: Welcome", welcome);
        }
        let question = self.open(&commit);
        let (answer, vote_time) =
            measurements.time("join: vote", || self.follower.expect_answer(question, now_ms));
        let added = self.finalise(answer);
        let [own, others, new] = [one, two, participant].map(|each| delta_for(&added, each));
        let ((), merge) = measurements.time("join: merge", || self.committer.handle(own, now_ms));
        let ((), follow) =
            measurements.time("join: follow", || self.follower.handle(others, now_ms));
        let (epoch, welcome) =
            measurements.time("join: process Welcome", || newcomer.expect_keys(new, now_ms));
        assert_eq!(epoch, self.log.handshakes().0, "the new member has the epoch");
        // Members process the commit in parallel on their own machines.
        measurements.record_time("join", build + vote_time + merge.max(follow).max(welcome));

        let gone = accept(&mut self.log, |log| Ok(log.depart(participant).expect("it was there")));
        self.follower.handle(delta_for(&gone, two), now_ms);
        let entry = delta_for(&gone, one);
        let (commit, build) =
            measurements.time("remove: build", || self.committer.expect_submission(entry, now_ms));
        if let Step::Commit { commit, .. } = &commit.step {
            measurements.record_size("remove: commit", commit);
        }
        let question = self.open(&commit);
        let (answer, vote_time) =
            measurements.time("remove: vote", || self.follower.expect_answer(question, now_ms));
        let removed = self.finalise(answer);
        let [own, others] = [one, two].map(|each| delta_for(&removed, each));
        let ((), merge) = measurements.time("remove: merge", || self.committer.handle(own, now_ms));
        let (epoch, follow) =
            measurements.time("remove: follow", || self.follower.expect_keys(others, now_ms));
        assert_eq!(epoch, self.log.handshakes().0, "the follower has the epoch");
        measurements.record_time("remove", build + vote_time + merge.max(follow));
    }
}

impl Member {
    /// Creates a member with a certificate; returns its KeyPackage as well.
    fn new(suite: Suite, participant: ParticipantId, log: &Log, now_ms: u64) -> (Self, Opaque) {
        let identity = SigningKey::from_bytes(&rand::random());
        let config = EndpointConfig {
            room: RoomId::from_bytes([42; 16]),
            link: LinkSecret::from_bytes([7; 32]),
            name: format!("member {participant}"),
            identity_public: identity.verifying_key().to_bytes(),
            suite,
        };
        let (mut endpoint, request) = Endpoint::new(config, now_ms).expect("an endpoint");
        endpoint.certify(identity.sign(request.as_bytes()).to_bytes()).expect("a certificate");
        let mut member = Self { participant, endpoint };
        let joined = ServerMessage::Room(RoomMessage::Joined(Joined {
            version: VERSION,
            participant,
            resume_token: Secret(String::new()),
            seq: Seq(0),
            room: RoomSnapshot::default(),
            log: log.snapshot(),
            slots: ReceiveSlots { audio: 0, video: 0 },
        }));
        member.endpoint.handle(joined, now_ms);
        let upload = member.sent().find_map(|message| match message {
            ClientMessage::UploadKeyPackage { key_package } => Some(key_package),
            ClientMessage::Hello(_)
            | ClientMessage::Offer { .. }
            | ClientMessage::SetTracks { .. }
            | ClientMessage::ReceiverVideoConstraints { .. }
            | ClientMessage::Submit(_)
            | ClientMessage::CommitVote { .. }
            | ClientMessage::SendMessage { .. }
            | ClientMessage::Heartbeat { .. }
            | ClientMessage::Knock { .. }
            | ClientMessage::Moderate(_)
            | ClientMessage::PageHide
            | ClientMessage::Leave => None,
        });
        (member, upload.expect("a new member uploads its KeyPackage"))
    }

    fn handle(&mut self, message: ServerMessage, now_ms: u64) {
        self.endpoint.handle(message, now_ms);
        self.sent().for_each(drop);
    }

    fn expect_submission(&mut self, message: ServerMessage, now_ms: u64) -> Submission {
        self.endpoint.handle(message, now_ms);
        let submission = self.sent().find_map(|message| {
            if let ClientMessage::Submit(submission) = message { Some(submission) } else { None }
        });
        submission.expect("this member commits")
    }

    /// Returns the vote that answers a pending commit.
    fn expect_answer(&mut self, question: ServerMessage, now_ms: u64) -> ClientMessage {
        self.endpoint.handle(question, now_ms);
        let answer =
            self.sent().find(|message| matches!(message, ClientMessage::CommitVote { .. }));
        answer.expect("a member votes at once")
    }

    /// Returns the epoch that the message starts.
    fn expect_keys(&mut self, message: ServerMessage, now_ms: u64) -> u64 {
        self.endpoint.handle(message, now_ms);
        let outputs = std::iter::from_fn(|| self.endpoint.poll_output());
        let epochs = outputs.filter_map(|output| {
            if let Output::Keys(keys) = output { Some(keys.epoch) } else { None }
        });
        epochs.last().expect("there are keys")
    }

    /// Returns the messages to send, and drops all other outputs.
    fn sent(&mut self) -> impl Iterator<Item = ClientMessage> {
        std::iter::from_fn(|| self.endpoint.poll_output()).filter_map(|output| match output {
            Output::Send(message) => Some(message),
            Output::Problem(problem) => panic!("MLS problem: {problem}"),
            Output::Rejoin(reason) => panic!("it must rejoin: {reason}"),
            Output::Keys(_)
            | Output::PendingKeys(_)
            | Output::Roster(_)
            | Output::Message(_)
            | Output::Unconfirmed(_)
            | Output::Sas(_)
            | Output::Trace(_) => None,
        })
    }
}

/// Applies a prepared entry to the log.
fn accept(log: &mut Log, decide: impl FnOnce(&Log) -> Result<Prepared, Refusal>) -> Accepted {
    let prepared = decide(log).expect("accepted by the log");
    log.apply(prepared).clone()
}

fn append(log: &mut Log, sender: ParticipantId, submission: Submission) -> Accepted {
    accept(log, |log| match log.submit(sender, submission)? {
        Submitted::New(prepared) => Ok(prepared),
        Submitted::Known(_) => unreachable!("every submission of this bench is new"),
    })
}

/// Returns the log entry as the server sends it to a participant.
fn delta_for(accepted: &Accepted, participant: ParticipantId) -> ServerMessage {
    let delta = Delta::Log { entry: accepted.for_participant(participant) };
    ServerMessage::Room(RoomMessage::Delta { seq: Seq(0), delta })
}
