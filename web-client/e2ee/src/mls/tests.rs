//! Insiders that break the rules. All of them are members and have the link.

use std::collections::BTreeSet;

use openmls::prelude::{
    BasicCredential, CommitBuilder, Extensions, Initial, LeafNodeIndex, LeafNodeParameters,
    PreSharedKeyProposal, ProcessMessageError, Proposal, StageCommitError,
};
use openmls::schedule::PreSharedKeyId;
use signaling_protocol::{HandshakeCount, JoinedParticipant, MessageId, Step};

use super::settings::{lifetime, link_psk};
use super::*;
use crate::committer::{Claims, Mls};
use crate::credential::CredentialError;
use crate::link::LinkSecret;
use crate::suite::Suite;

fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the library looks at lifetimes by this clock")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

fn participant(identity: u8, link: u8) -> OpenMls {
    use ed25519_dalek::{Signer as _, SigningKey};
    let room = signaling_protocol::RoomId::from_bytes([1; 16]);
    let keys = RoomKeys::new(room, Suite::Classic, &LinkSecret::from_bytes([link; 32]));
    let identity = SigningKey::from_bytes(&[identity; 32]);
    let public = identity.verifying_key().to_bytes();
    let uncertified = Uncertified::new(keys, "Ada".to_owned(), public, now_ms()).unwrap();
    let signature = identity.sign(uncertified.request().as_bytes()).to_bytes();
    let certified = uncertified.certify(&signature).unwrap();
    uncertified.finish(certified)
}

fn ids(ids: &[u32]) -> BTreeSet<ParticipantId> {
    ids.iter().copied().map(ParticipantId).collect()
}

fn joined(participant: ParticipantId, key_package: &Opaque) -> JoinedParticipant {
    JoinedParticipant { participant, key_package: key_package.clone(), replaces: None }
}

fn claims(count: u64, roster: &BTreeSet<ParticipantId>) -> Claims<'_> {
    Claims { count: HandshakeCount(count), sender: ParticipantId(1), roster }
}

/// Three who know each other's KeyPackages; the first two are members, after two handshakes.
fn three_participants() -> [OpenMls; 3] {
    let mut all = [participant(1, 9), participant(2, 9), participant(3, 9)];
    let packages: Vec<_> = all.iter().map(|one| one.key_package().clone()).collect();
    for one in &mut all {
        for (participant, package) in (1..).map(ParticipantId).zip(&packages) {
            one.add_key_package(&joined(participant, package));
        }
    }
    all[0].create_group(HandshakeCount(1), now_ms()).unwrap();
    all[0].merge_pending(HandshakeCount(1)).unwrap();
    let draft = all[0].create_commit(&ids(&[2]), &ids(&[])).unwrap();
    all[0].merge_pending(HandshakeCount(2)).unwrap();
    let Step::Commit { welcome: Some(welcome), .. } = draft.step else { panic!("one is added") };
    all[1].join_by_welcome(&welcome, &claims(2, &ids(&[1, 2]))).unwrap();
    assert_eq!(all[0].media_keys(HandshakeCount(2)).unwrap().audio_base_key, {
        all[1].media_keys(HandshakeCount(2)).unwrap().audio_base_key.clone()
    });
    all
}

/// A commit by the first one that goes around [`Mls::create_commit`]; with the Welcome, if any.
fn forge(
    insider: &mut OpenMls,
    contents: impl FnOnce(CommitBuilder<'_, Initial>) -> CommitBuilder<'_, Initial>,
) -> (Opaque, Option<Opaque>) {
    let OpenMls { provider, signer, group, .. } = insider;
    let bundle = contents(group.as_mut().unwrap().commit_builder())
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), signer, |_| true)
        .unwrap()
        .stage_commit(provider)
        .unwrap();
    let (commit, welcome, _) = bundle.into_messages();
    let bytes = |message: &MlsMessageOut| Opaque(message.to_bytes().unwrap());
    (bytes(&commit), welcome.as_ref().map(bytes))
}

fn psk(insider: &OpenMls) -> Proposal {
    let suite = insider.room.suite.ciphersuite();
    let psk = PreSharedKeyId::new(suite, insider.provider.rand(), link_psk(&insider.room.id));
    Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk.unwrap())))
}

#[test]
fn an_honest_commit_is_processed() {
    let [mut one, mut two, _] = three_participants();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { commit, .. } = draft.step else { panic!("a commit") };
    assert_eq!(two.process_commit(&commit, &claims(3, &ids(&[1, 2, 3]))), Ok(()));
}

#[test]
fn an_add_without_the_links_psk_is_refused_by_members_and_by_the_one_added() {
    let [mut one, mut two, mut three] = three_participants();
    let ghost = one.key_packages.verified(ParticipantId(3), one.provider.crypto()).unwrap();
    let (commit, welcome) = forge(&mut one, |commit| commit.propose_adds([ghost]));
    let roster = ids(&[1, 2, 3]);
    assert_eq!(two.process_commit(&commit, &claims(3, &roster)), Err(MlsError::NoLinkPsk));
    assert_eq!(
        three.join_by_welcome(&welcome.unwrap(), &claims(3, &roster)),
        Err(MlsError::NoLinkPsk)
    );
    let epoch = two.group.as_ref().unwrap().epoch().as_u64();
    assert_eq!(epoch, 1, "the state is what it was");
}

/// An external commit (RFC 9420 section 12.4.3.2), with a GroupInfo that an insider has leaked.
fn external_commit(insider: &OpenMls) -> Opaque {
    let crypto = insider.provider.crypto();
    let group = insider.group.as_ref().unwrap();
    let told = group.export_group_info(crypto, &insider.signer, true).unwrap();
    let MlsMessageBodyIn::GroupInfo(group_info) = message(&bytes(&told).unwrap().0).unwrap() else {
        panic!("a GroupInfo")
    };
    let ghost = participant(6, 9);
    let (_, bundle) = MlsGroup::external_commit_builder()
        .skip_lifetime_validation()
        .build_group(&ghost.provider, group_info, ghost.credential.clone())
        .unwrap()
        .load_psks(ghost.provider.storage())
        .unwrap()
        .build(ghost.provider.rand(), ghost.provider.crypto(), &ghost.signer, |_| true)
        .unwrap()
        .finalize(&ghost.provider)
        .unwrap();
    bytes(bundle.commit()).unwrap()
}

#[test]
fn attack_04_an_external_commit_is_refused_by_the_service_and_nacked_by_members() {
    let [one, mut two, _] = three_participants();
    let commit = external_commit(&one);
    let submission = signaling_protocol::Submission {
        message_id: MessageId("x".repeat(22)),
        expected: HandshakeCount(2),
        roster: ids(&[1, 2, 4]).into_iter().collect(),
        step: Step::Commit { commit: commit.clone(), welcome: None },
    };
    let created = HandshakeCount(1);
    let refused = mls_delivery::inspect::submission(&one.room.id, created, &submission);
    assert_eq!(refused.unwrap_err().code, signaling_protocol::RefusalCode::BadMessage);
    // A service that lets it through all the same.
    let before = two.epoch_authenticator().map(<[u8]>::to_vec);
    for (sender, roster) in [(1, ids(&[1, 2])), (4, ids(&[1, 2, 4])), (4, ids(&[1, 4]))] {
        let claims = Claims { sender: ParticipantId(sender), ..claims(3, &roster) };
        assert_eq!(two.stage_commit(&commit, &claims), Err(MlsError::Malformed));
    }
    assert_eq!(two.epoch_authenticator().map(<[u8]>::to_vec), before);
}

#[test]
fn attack_05_a_commit_with_a_bad_confirmation_tag_is_nacked_and_the_others_go_on() {
    let [mut one, mut two, mut three] = three_participants();
    // Everything else about it is right: it is of this epoch, sealed and signed by a member. The
    // insider has mixed another secret into the epoch that it makes, under the link's name.
    let suite = one.room.suite.ciphersuite();
    let psk = PreSharedKeyId::new(suite, one.provider.rand(), link_psk(&one.room.id)).unwrap();
    psk.store(&one.provider, &[0; 32]).unwrap();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    one.clear_pending();
    let Step::Commit { commit, .. } = draft.step else { panic!("a commit") };
    let roster = ids(&[1, 2, 3]);
    assert_eq!(two.stage_commit(&commit, &claims(3, &roster)), Err(MlsError::Rejected));

    // The same bytes, to those whose library says why.
    let [mut again, mut member, _] = three_participants();
    psk.store(&again.provider, &[0; 32]).unwrap();
    let draft = again.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { commit, .. } = draft.step else { panic!("a commit") };
    let MlsMessageBodyIn::PrivateMessage(message) = message(&commit.0).unwrap() else {
        panic!("a PrivateMessage")
    };
    let group = member.group.as_mut().unwrap();
    let why = group.process_message(&member.provider, message).unwrap_err();
    let mismatch = StageCommitError::ConfirmationTagMismatch;
    assert!(matches!(why, ProcessMessageError::InvalidCommit(error) if error == mismatch));

    let draft = two.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { welcome: Some(welcome), .. } = draft.step else { panic!("an add") };
    two.merge_pending(HandshakeCount(3)).unwrap();
    let by_the_second = Claims { sender: ParticipantId(2), ..claims(3, &roster) };
    three.join_by_welcome(&welcome, &by_the_second).unwrap();
    let keys = |of: &OpenMls| of.media_keys(HandshakeCount(3)).unwrap().audio_base_key.clone();
    assert_eq!(keys(&two), keys(&three));
}

#[test]
fn a_psk_without_an_add_is_refused() {
    let [mut one, mut two, _] = three_participants();
    let psk = psk(&one);
    let (commit, _) = forge(&mut one, |commit| commit.add_proposal(psk));
    assert_eq!(two.process_commit(&commit, &claims(3, &ids(&[1, 2]))), Err(MlsError::Forbidden));
}

#[test]
fn a_roster_or_a_sender_that_is_not_the_trees_is_refused() {
    let [mut one, mut two, mut three] = three_participants();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { commit, welcome: Some(welcome) } = draft.step else { panic!("an add") };
    let roster = ids(&[1, 2, 3]);
    let lie = ids(&[1, 2]);
    assert_eq!(two.process_commit(&commit, &claims(3, &lie)), Err(MlsError::WrongRoster));
    let impostor = Claims { sender: ParticipantId(2), ..claims(3, &roster) };
    assert_eq!(three.join_by_welcome(&welcome, &impostor), Err(MlsError::WrongSender));
}

#[test]
fn a_commit_in_the_name_of_another_member_is_refused() {
    let [mut one, mut two, _] = three_participants();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { commit, .. } = draft.step else { panic!("a commit") };
    let roster = ids(&[1, 2, 3]);
    let impostor = Claims { sender: ParticipantId(3), ..claims(3, &roster) };
    assert_eq!(two.process_commit(&commit, &impostor), Err(MlsError::WrongSender));
}

#[test]
fn a_welcome_with_another_handshake_count_is_refused() {
    let [mut one, _, mut three] = three_participants();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { welcome: Some(welcome), .. } = draft.step else { panic!("an add") };
    assert_eq!(
        three.join_by_welcome(&welcome, &claims(4, &ids(&[1, 2, 3]))),
        Err(MlsError::WrongGroup)
    );
}

#[test]
fn a_commit_that_changes_the_groups_extensions_is_refused() {
    let [mut one, mut two, _] = three_participants();
    let (commit, _) = forge(&mut one, |commit| {
        commit.propose_group_context_extensions(Extensions::empty()).unwrap()
    });
    assert_eq!(two.process_commit(&commit, &claims(3, &ids(&[1, 2]))), Err(MlsError::Forbidden));
}

#[test]
fn a_path_that_changes_the_committers_credential_is_refused() {
    let [mut one, mut two, _] = three_participants();
    let other = CredentialWithKey {
        credential: BasicCredential::new(b"another person".to_vec()).into(),
        signature_key: one.signer.public().to_vec().into(),
    };
    let parameters = LeafNodeParameters::builder().with_credential_with_key(other).build();
    let (commit, _) = forge(&mut one, |commit| commit.leaf_node_parameters(parameters));
    assert_eq!(two.process_commit(&commit, &claims(3, &ids(&[1, 2]))), Err(MlsError::Forbidden));
}

#[test]
fn a_removal_renews_the_committers_keys_and_locks_the_removed_member_out() {
    let [mut one, mut two, mut three] = three_participants();
    let draft = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    let Step::Commit { commit, welcome: Some(welcome) } = draft.step else { panic!("an add") };
    let all = ids(&[1, 2, 3]);
    one.merge_pending(HandshakeCount(3)).unwrap();
    two.process_commit(&commit, &claims(3, &all)).unwrap();
    three.join_by_welcome(&welcome, &claims(3, &all)).unwrap();
    let leaf = |of: &OpenMls| {
        let group = of.group.as_ref().unwrap();
        group.member_at(LeafNodeIndex::new(0)).unwrap().encryption_key
    };
    let before = leaf(&two);
    let draft = one.create_commit(&ids(&[]), &ids(&[3])).unwrap();
    let Step::Commit { commit, welcome } = draft.step else { panic!("a commit") };
    assert!(welcome.is_none());
    two.process_commit(&commit, &claims(4, &ids(&[1, 2]))).unwrap();
    assert_ne!(leaf(&two), before, "a commit that removes has a path");
    assert!(three.process_commit(&commit, &claims(4, &ids(&[1, 2]))).is_err());
}

#[test]
fn a_key_package_of_another_link_is_refused() {
    let [mut one, ..] = three_participants();
    let stranger = participant(4, 8);
    one.add_key_package(&joined(ParticipantId(4), stranger.key_package()));
    let error = MlsError::Credential(CredentialError::OtherLink);
    assert_eq!(one.check_key_package(ParticipantId(4), now_ms()), Err(error));
    assert_eq!(one.check_key_package(ParticipantId(3), now_ms()), Ok(()));
    assert_eq!(one.check_key_package(ParticipantId(5), now_ms()), Err(MlsError::Unknown));
}

#[test]
fn a_key_package_is_accepted_for_an_hour_and_a_long_lived_one_never() {
    let [one, ..] = three_participants();
    let later = now_ms() + 3_600_000;
    let error = MlsError::Credential(CredentialError::NotValidNow);
    assert_eq!(one.check_key_package(ParticipantId(3), later), Err(error));
    let now = now_ms() / 1_000;
    let ten_years = openmls::prelude::Lifetime::init(now - 10, now + 10 * 365 * 86_400);
    assert_eq!(settings::check_lifetime(&ten_years, now_ms()), Err(MlsError::Lifetime));
    assert_eq!(settings::check_lifetime(&lifetime(now_ms()), now_ms()), Ok(()));
}

#[test]
fn no_bytes_make_the_parsers_panic() {
    let [mut one, ..] = three_participants();
    let whole = one.create_commit(&ids(&[3]), &ids(&[])).unwrap();
    one.clear_pending();
    let Step::Commit { commit, welcome: Some(welcome) } = whole.step else { panic!("an add") };
    let roster = ids(&[1, 2, 3]);
    for good in [commit, welcome, one.key_package().clone()] {
        for cut in 0..good.0.len().min(400) {
            let [_, mut two, mut three] = [(); 3].map(|()| participant(5, 9));
            let bytes = Opaque(good.0[..cut].to_vec());
            two.add_key_package(&joined(ParticipantId(7), &bytes));
            assert!(two.check_key_package(ParticipantId(7), now_ms()).is_err());
            assert!(two.process_commit(&bytes, &claims(3, &roster)).is_err());
            assert!(three.join_by_welcome(&bytes, &claims(3, &roster)).is_err());
        }
    }
}

#[test]
fn an_empty_commit_renews_the_committers_keys() {
    let [mut one, mut two, _] = three_participants();
    let before = one.group.as_ref().unwrap().own_leaf_node().unwrap().encryption_key().clone();
    let draft = one.create_commit(&ids(&[]), &ids(&[])).unwrap();
    let Step::Commit { commit, welcome: None } = draft.step else { panic!("an empty commit") };
    two.process_commit(&commit, &claims(3, &ids(&[1, 2]))).unwrap();
    one.merge_pending(HandshakeCount(3)).unwrap();
    let after = one.group.as_ref().unwrap().own_leaf_node().unwrap().encryption_key().clone();
    assert_ne!(after, before);
    let keys = |of: &OpenMls| of.media_keys(HandshakeCount(3)).unwrap().audio_base_key.clone();
    assert_eq!(keys(&one), keys(&two));
}
