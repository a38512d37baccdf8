//! Media over epoch changes: two members receive each other while others join and leave, with
//! handshakes and frames in every order.

mod support;

use e2ee::Suite;
use e2ee::media::{Codec, InstallError, MediaCryptor, UnprotectError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signaling_protocol::{RoomId, Source};

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

const KINDS: [(Source, Codec); 2] =
    [(Source::Microphone, Codec::Opus), (Source::Camera, Codec::Vp8)];

/// A meeting of which the first two watch each other.
struct Watching {
    meeting: Meeting<EndpointNode>,
    suite: Suite,
    viewers: Vec<Viewer>,
    under_way: Vec<Frame>,
    rng: ChaCha8Rng,
    sealed: usize,
    opened: usize,
    /// How often a frame came before its key.
    waited: usize,
}

/// A media worker, as its endpoint sees it.
#[derive(Default)]
struct Viewer {
    cryptor: MediaCryptor,
    /// Epochs whose keys were taken.
    epochs: usize,
}

struct Frame {
    from: usize,
    to: usize,
    kind: (Source, Codec),
    protected: Vec<u8>,
}

impl Viewer {
    fn follow(&mut self, endpoint: &EndpointNode, now_ms: u64) {
        for keys in &endpoint.keys[self.epochs..] {
            self.cryptor.install(keys, now_ms).expect("keys of an epoch that has begun");
        }
        self.epochs = endpoint.keys.len();
        if let Some(pending) = &endpoint.pending_keys {
            let prepared = self.cryptor.prepare(pending);
            assert!(matches!(prepared, Ok(()) | Err(InstallError::NotNewer { .. })));
        }
    }
}

impl Watching {
    /// Ada, Bela and so many others.
    fn new(seed: u64, others: usize, suite: Suite) -> Self {
        let meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), seed);
        let mut watching = Self {
            meeting,
            suite,
            viewers: Vec::new(),
            under_way: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            sealed: 0,
            opened: 0,
            waited: 0,
        };
        for name in &["Ada", "Bela", "Dora", "Emil"][..2 + others] {
            watching.arrive(name);
        }
        watching.meeting.run(8_000);
        watching.meeting.assert_one_call();
        watching.follow();
        watching
    }

    fn arrive(&mut self, name: &str) -> usize {
        let endpoint_node = Person::new(name, self.suite).new_node(self.meeting.now_ms);
        self.viewers.push(Viewer::default());
        self.meeting.join(endpoint_node)
    }

    fn follow(&mut self) {
        let now_ms = self.meeting.now_ms;
        for (viewer, client) in self.viewers.iter_mut().zip(&self.meeting.clients) {
            viewer.follow(&client.node, now_ms);
        }
    }

    fn send(&mut self, from: usize, to: usize, kind: (Source, Codec)) {
        let sealed = self.viewers[from].cryptor.protect(kind.0, kind.1, false, b"frame");
        let protected = sealed.expect("a member can send");
        self.under_way.push(Frame { from, to, kind, protected });
        self.sealed += 1;
    }

    /// A frame has come.
    fn open(&mut self, frame: Frame) {
        let Frame { from, to, kind: (source, codec), protected } = &frame;
        let now_ms = self.meeting.now_ms;
        match self.viewers[*to].cryptor.unprotect(*codec, protected, now_ms) {
            Ok(opened) => {
                let leaf = self.meeting.clients[*from].node.keys.last().map(|keys| keys.own_leaf);
                assert_eq!((Some(opened.leaf), opened.context), (leaf, *source));
                self.opened += 1;
            }
            Err(UnprotectError::UnknownKey { .. }) => {
                self.waited += 1;
                self.under_way.push(frame);
            }
            Err(error) => panic!("a frame is lost: {error}"),
        }
    }

    /// One message gets on, both watchers send a frame of each kind, and some of what is under way
    /// arrives, in any order.
    fn step(&mut self) {
        let client = self.rng.random_range(0..self.meeting.clients.len());
        match self.rng.random_range(0..10) {
            0..5 => {
                self.meeting.deliver(client);
            }
            5..9 => {
                self.meeting.serve(client);
            }
            _ => self.meeting.advance(10),
        }
        self.follow();
        for kind in KINDS {
            self.send(0, 1, kind);
            self.send(1, 0, kind);
        }
        for _ in 0..self.under_way.len() {
            if self.rng.random_bool(0.5) {
                let at = self.rng.random_range(0..self.under_way.len());
                let frame = self.under_way.swap_remove(at);
                self.open(frame);
            }
        }
    }

    /// Goes on until both watchers are in an epoch with so many members.
    fn until_members(&mut self, members: usize) {
        let seen = |one: &Self, client: usize| {
            let node = &one.meeting.clients[client].node;
            node.keys.last().is_some_and(|keys| keys.members.len() == members)
        };
        for _ in 0..2_000 {
            if seen(self, 0) && seen(self, 1) {
                return;
            }
            self.step();
        }
        panic!("the watchers never come to {members} members");
    }

    /// A participant joins and leaves; then all frames in flight arrive.
    fn comes_and_goes(&mut self) {
        let before = self.meeting.present().count();
        let newcomer = self.arrive("Chi");
        self.until_members(before + 1);
        for _ in 0..20 {
            self.step();
        }
        self.meeting.depart(newcomer);
        self.until_members(before);
        for _ in 0..20 {
            self.step();
        }
        for frame in std::mem::take(&mut self.under_way) {
            self.open(frame);
        }
        assert_eq!((self.opened, self.under_way.len()), (self.sealed, 0), "every frame is seen");
    }
}

#[test]
fn two_members_lose_and_delay_no_frame_while_a_third_joins_and_leaves() {
    for (seeds, suite) in [(0..20, Suite::Classic), (20..23, Suite::PostQuantum)] {
        for seed in seeds {
            let mut watching = Watching::new(seed, 0, suite);
            watching.comes_and_goes();
            // Each of them has voted on the commit, and so has its keys, before it can be final.
            assert_eq!(watching.waited, 0, "seed {seed}");
        }
    }
}

#[test]
fn frames_may_wait_and_none_is_lost_where_another_member_acked_first() {
    let mut waited = 0;
    for seed in 0..20 {
        let mut watching = Watching::new(seed, 2, Suite::Classic);
        watching.comes_and_goes();
        waited += watching.waited;
    }
    assert!(waited > 0, "in some order a frame comes before its key");
}

#[test]
fn a_removed_leaf_is_erased_with_the_epoch_that_removes_it_and_not_five_seconds_later() {
    let mut watching = Watching::new(0, 1, Suite::Classic);
    let kind = KINDS[1];
    for _ in 0..3 {
        watching.send(2, 1, kind);
        watching.send(0, 1, kind);
    }
    let mut late = std::mem::take(&mut watching.under_way).into_iter();
    for frame in late.by_ref().take(2) {
        watching.open(frame);
    }
    watching.meeting.depart(2);
    watching.meeting.deliver_all();
    watching.follow();
    let leaf = watching.meeting.clients[2].node.keys.last().expect("it was in").own_leaf;
    for Frame { from, protected, .. } in late {
        let now_ms = watching.meeting.now_ms;
        let opened = watching.viewers[1].cryptor.unprotect(kind.1, &protected, now_ms);
        if from == 2 {
            assert_eq!(opened, Err(UnprotectError::NotAMember { leaf }));
        } else {
            assert!(opened.is_ok(), "of the same epoch, by one who stays: {opened:?}");
        }
    }
}
