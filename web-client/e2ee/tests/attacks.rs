//! Attacks on the agreement by insiders and by the server, on real endpoints and the real log.
//! `README.md` lists all attacks with their tests.

mod support;

use e2ee::Suite;
use e2ee::endpoint::{ProblemCode, RejoinReason};
use e2ee::media::{Codec, MediaCryptor};
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    Ciphersuite, CredentialWithKey, KeyPackage, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    SignatureScheme,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use signaling_protocol::{
    ClientMessage, HandshakeCount, MessageId, Opaque, RefusalCode, RoomId, Source, Step, Submission,
};

use support::Meeting;
use support::person::{EndpointNode, Person, real_now_ms};

const NAMES: [&str; 4] = ["Ada Lovelace", "Bela Bartok", "Chien-Shiung Wu", "Dorothy Hodgkin"];

fn call(people: usize) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in &NAMES[..people] {
        arrive(&mut meeting, name);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn arrive(meeting: &mut Meeting<EndpointNode>, name: &str) -> usize {
    let endpoint_node = Person::new(name, Suite::Classic).new_node(meeting.now_ms);
    meeting.join(endpoint_node)
}

/// Adds a participant, up to the first member's commit, which is under way to the service.
fn joins_and_is_committed(meeting: &mut Meeting<EndpointNode>, name: &str) -> (usize, Submission) {
    let newcomer = arrive(meeting, name);
    meeting.deliver(newcomer);
    meeting.serve(newcomer);
    while meeting.deliver(0) {}
    let outbox = std::mem::take(&mut meeting.clients[0].outbox).into_iter();
    let mut submissions = outbox.filter_map(|message| {
        if let ClientMessage::Submit(submission) = message { Some(submission) } else { None }
    });
    (newcomer, submissions.next().expect("the first member commits at once"))
}

fn parts(submission: &mut Submission) -> (&mut Opaque, &mut Opaque) {
    match &mut submission.step {
        Step::Commit { commit, welcome: Some(welcome) } => (commit, welcome),
        Step::Commit { welcome: None, .. } | Step::Create => panic!("it adds a participant"),
    }
}

#[test]
fn attack_02_stale_future_and_duplicate_commits_change_nothing() {
    let mut meeting = call(3);
    let (sender, newest) = meeting.submissions.last().unwrap().clone();
    let current = meeting.log.handshakes();
    for expected in [current.0 - 2, current.0 + 1, u64::MAX] {
        let message_id = MessageId(format!("{expected:022}"));
        let expected = HandshakeCount(expected);
        let other = Submission { expected, message_id, ..newest.clone() };
        let refusal = meeting.log.submit(sender, other).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::StaleHandshake);
        assert_eq!(refusal.current, Some(current));
    }
    let before = meeting.handshakes();
    meeting.clients[0].outbox.push_back(ClientMessage::Submit(newest));
    meeting.run(5_000);
    assert_eq!(meeting.handshakes(), before);
    meeting.assert_one_call();
}

#[test]
fn attack_03_of_two_commits_at_once_one_is_final_and_the_other_author_goes_on() {
    let mut meeting = call(3);
    let before = meeting.handshakes();
    let (newcomer, first) = joins_and_is_committed(&mut meeting, NAMES[3]);
    // The second member hears nothing of it for so long that it commits as well.
    while meeting.deliver(1) {}
    meeting.advance(1_600);
    assert!(meeting.clients[1].outbox.iter().any(|one| matches!(one, ClientMessage::Submit(_))));
    meeting.clients[0].outbox.push_front(ClientMessage::Submit(first));
    meeting.run(5_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
    assert_eq!(meeting.handshakes(), before + 1);
    meeting.assert_one_call();
}

#[test]
fn attack_05_a_commit_that_no_member_can_process_is_rejected_and_the_others_go_on() {
    for at in [40, 90, 200, usize::MAX] {
        let mut meeting = call(3);
        let (newcomer, mut poisoned) = joins_and_is_committed(&mut meeting, NAMES[3]);
        let commit = &mut parts(&mut poisoned).0.0;
        let at = at.min(commit.len() - 1);
        commit[at] ^= 1;
        // What the service can read of it stays as it is.
        meeting.checks_headers = false;
        meeting.clients[0].outbox.push_back(ClientMessage::Submit(poisoned));
        meeting.run(4_000);
        assert_eq!(meeting.rejected.len(), 1, "byte {at}");
        assert!(meeting.clients[1].has_problem(ProblemCode::BadCommit));
        assert!(
            meeting.clients.iter().all(|client| client.rejoin.is_none()),
            "no member has to rejoin"
        );
        assert!(meeting.clients[newcomer].last_epoch().is_some(), "another member lets them in");
        meeting.assert_one_call();
    }
}

#[test]
fn attack_05_repeated_bad_commits_of_an_insider_block_no_one() {
    let mut meeting = call(3);
    for name in ["Emmy Noether", "Fe del Mundo", "Grace Hopper"] {
        let newcomer = arrive(&mut meeting, name);
        meeting.deliver(newcomer);
        meeting.serve(newcomer);
        let began = meeting.now_ms;
        while meeting.clients[newcomer].last_epoch().is_none() {
            assert!(meeting.now_ms < began + 6_000, "{name} waits for too long");
            // Whatever the first member submits is spoilt, and it submits without a pause.
            for message in &mut meeting.clients[0].outbox {
                if let ClientMessage::Submit(submission) = message
                    && let Step::Commit { commit, .. } = &mut submission.step
                {
                    let last = commit.0.len() - 1;
                    commit.0[last] ^= 1;
                }
            }
            for client in 0..meeting.clients.len() {
                meeting.serve(client);
            }
            for client in 0..meeting.clients.len() {
                meeting.deliver(client);
            }
            meeting.advance(50);
        }
    }
    assert!(!meeting.rejected.is_empty());
    assert!(meeting.clients[1..].iter().all(|client| client.rejoin.is_none()));
}

#[test]
fn attack_05_a_bad_welcome_only_makes_its_recipient_join_again() {
    let mut meeting = call(2);
    let (newcomer, mut spoilt) = joins_and_is_committed(&mut meeting, NAMES[3]);
    let welcome = &mut parts(&mut spoilt).1.0;
    let last = welcome.len() - 1;
    welcome[last] ^= 1;
    meeting.clients[0].outbox.push_back(ClientMessage::Submit(spoilt));
    meeting.run(2_000);
    assert_eq!(meeting.clients[newcomer].rejoin, Some(RejoinReason::CannotProcess));
    meeting.depart(newcomer);
    let again = arrive(&mut meeting, NAMES[3]);
    meeting.run(5_000);
    assert!(meeting.clients[again].last_epoch().is_some());
    meeting.assert_one_call();
}

#[test]
fn attack_07_a_stolen_credential_with_another_key_is_never_added() {
    let mut meeting = call(2);
    let packages: Vec<_> = meeting.log.snapshot().joined;
    let MlsMessageBodyIn::KeyPackage(stolen) =
        MlsMessageIn::tls_deserialize_exact(&packages[0].key_package.0).unwrap().extract()
    else {
        panic!("a KeyPackage");
    };
    // Ada's credential, as every client gets it from the service, with the thief's own key.
    let provider = OpenMlsRustCrypto::default();
    let signer = SignatureKeyPair::new(SignatureScheme::ED25519).expect("a key");
    let credential = CredentialWithKey {
        credential: stolen.unverified_credential().credential,
        signature_key: signer.to_public_vec().into(),
    };
    let forged = KeyPackage::builder()
        .build(
            Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            &provider,
            &signer,
            credential,
        )
        .expect("a KeyPackage");
    let forged = MlsMessageOut::from(forged.into_key_package()).to_bytes().expect("bytes");
    let before = meeting.handshakes();
    let thief = arrive(&mut meeting, "Eve");
    meeting.deliver(thief);
    let key_package = Opaque(forged);
    meeting.clients[thief].outbox = [ClientMessage::UploadKeyPackage { key_package }].into();
    meeting.run(8_000);
    assert_eq!(meeting.handshakes(), before);
    assert!(meeting.clients[thief].epochs.is_empty());
    for member in 0..2 {
        let problem = meeting.clients[member].problems.last().expect("it is reported");
        assert_eq!(problem.code, ProblemCode::BadKeyPackage);
        assert!(problem.message.contains("its certificate belongs to another leaf"), "{problem}");
    }
}

#[test]
fn attack_09_a_committer_killed_between_submit_and_final_delays_a_join_by_less_than_six_seconds() {
    let mut meeting = call(3);
    let (newcomer, commit) = joins_and_is_committed(&mut meeting, NAMES[3]);
    meeting.clients[0].outbox.push_back(ClientMessage::Submit(commit));
    while meeting.serve(0) {}
    meeting.disconnect(0);
    meeting.clients[0].frozen = true;
    meeting.run(6_000);
    assert!(meeting.clients[newcomer].last_epoch().is_some());
}

#[test]
fn attack_10_forty_nine_joins_at_once_take_three_commits_and_all_members_decrypt() {
    let mut meeting = call(1);
    for number in 1..50 {
        arrive(&mut meeting, &format!("guest {number}"));
    }
    for client in 1..50 {
        meeting.deliver(client);
        meeting.serve(client);
        meeting.advance(2);
    }
    let before = meeting.handshakes();
    meeting.run(10_000);
    meeting.assert_one_call();
    assert!(meeting.handshakes() - before <= 3, "{} commits", meeting.handshakes() - before);
    let mut cryptors: Vec<_> = meeting
        .clients
        .iter()
        .map(|client| {
            let mut cryptor = MediaCryptor::new();
            cryptor.install(client.node.keys.last().unwrap(), meeting.now_ms).unwrap();
            cryptor
        })
        .collect();
    for sender in [0, 1, 32, 33, 49] {
        let voice = cryptors[sender].protect(Source::Microphone, Codec::Opus, false, b"la");
        let voice = voice.unwrap();
        let leaf = meeting.clients[sender].node.keys.last().unwrap().own_leaf;
        for (_, other) in cryptors.iter_mut().enumerate().filter(|(one, _)| *one != sender) {
            let opened = other.unprotect(Codec::Opus, &voice, meeting.now_ms).unwrap();
            assert_eq!(opened.leaf, leaf);
        }
    }
}

#[test]
fn attack_12_entries_out_of_order_end_the_client_and_repeated_ones_are_ignored() {
    let mut meeting = call(3);
    for name in ["Emmy Noether", "Fe del Mundo"] {
        let newcomer = arrive(&mut meeting, name);
        meeting.deliver(newcomer);
        meeting.serve(newcomer);
    }
    // The second member gets each entry twice, the third one gets two of them swapped.
    let twice =
        meeting.clients[1].inbox.iter().flat_map(|one| [one.clone(), one.clone()]).collect();
    meeting.clients[1].inbox = twice;
    meeting.clients[2].inbox.swap(0, 1);
    let before = meeting.clients[2].last_epoch().cloned();
    meeting.deliver(1);
    meeting.deliver(2);
    assert_eq!(meeting.clients[2].rejoin, Some(RejoinReason::LogGap));
    assert_eq!(meeting.clients[2].last_epoch().cloned(), before);
    meeting.depart(2);
    meeting.run(5_000);
    assert_eq!(meeting.clients[1].rejoin, None);
    meeting.assert_one_call();
}

#[test]
fn attack_12_a_replayed_welcome_opens_nothing() {
    let mut meeting = call(2);
    let (newcomer, mut commit) = joins_and_is_committed(&mut meeting, NAMES[2]);
    let welcome = parts(&mut commit).1.clone();
    meeting.clients[0].outbox.push_back(ClientMessage::Submit(commit));
    meeting.run(2_000);
    meeting.crash(newcomer);
    meeting.run(2_000);
    let (back, mut commit) = joins_and_is_committed(&mut meeting, NAMES[2]);
    *parts(&mut commit).1 = welcome;
    meeting.clients[0].outbox.push_back(ClientMessage::Submit(commit));
    meeting.run(2_000);
    assert!(meeting.clients[back].epochs.is_empty());
    assert!(meeting.clients[back].has_problem(ProblemCode::BadWelcome));
}

#[test]
fn attack_19_no_message_to_the_service_contains_a_name_an_identity_key_or_the_link() {
    let mut meeting = call(3);
    meeting.crash(1);
    meeting.run(5_000);
    let mut told: Vec<u8> = serde_json::to_vec(&meeting.history).unwrap();
    for entry in &meeting.history {
        if let signaling_protocol::LogEvent::Joined(joined) = &entry.event {
            told.extend_from_slice(&joined.key_package.0);
        }
    }
    for (_, submission) in &meeting.submissions {
        if let Step::Commit { commit, welcome } = &submission.step {
            told.extend_from_slice(&commit.0);
            told.extend_from_slice(&welcome.clone().unwrap_or_default().0);
        }
    }
    let shows = |secret: &[u8]| told.windows(secret.len()).any(|window| window == secret);
    assert!(shows(meeting.id.as_str().as_bytes()), "the search finds what is there");
    for name in &NAMES[..3] {
        let identity =
            ed25519_dalek::SigningKey::from_bytes(&Person::new(name, Suite::Classic).identity);
        assert!(!shows(name.as_bytes()), "{name}");
        assert!(!shows(identity.verifying_key().as_bytes()), "the identity key of {name}");
    }
    assert!(!shows(&[7; 32]), "the link's secret");
}

#[test]
fn every_test_that_the_list_of_attacks_names_exists() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let list = std::fs::read_to_string(format!("{root}README.md")).unwrap();
    let rows: Vec<_> = list.lines().filter(|line| line.starts_with('|')).collect();
    let attacks = rows.iter().filter_map(|row| {
        let (number, rest) = row.strip_prefix("| ")?.split_once(" |")?;
        number.parse::<usize>().ok().map(|number| (number, rest))
    });
    let mut numbers = Vec::new();
    for (number, row) in attacks {
        numbers.push(number);
        let tests = row.rsplit(" | ").next().unwrap();
        let mut source = String::new();
        for name in tests.split('`').skip(1).step_by(2) {
            if name.contains('/') {
                source = std::fs::read_to_string(format!("{root}{name}")).expect(name);
            } else {
                let found = [format!("fn {name}("), format!("it('{name}'")];
                assert!(found.iter().any(|one| source.contains(one)), "attack {number}: {name}");
            }
        }
    }
    assert_eq!(numbers, (1..=19).collect::<Vec<_>>());
}
