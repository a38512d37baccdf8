use std::collections::VecDeque;

use super::*;

/// The members of one epoch, and a server that delivers every message to all of them in one order.
struct Call {
    members: Vec<Sas>,
    states: Vec<Option<LeafSasState>>,
    queue: VecDeque<(u32, SasMessage)>,
    nonces: u8,
}

impl Call {
    fn of(count: u32, authenticator: &[u8]) -> Self {
        let all: BTreeSet<_> = (0..count).collect();
        let member = |leaf| {
            let mut member = Sas::default();
            assert_eq!(member.start_epoch(leaf, all.clone(), authenticator.to_vec()), None);
            member
        };
        Self {
            members: all.iter().copied().map(member).collect(),
            states: vec![None; all.len()],
            queue: VecDeque::new(),
            nonces: 0,
        }
    }

    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        [self.nonces; 16]
    }

    fn start(&mut self, leaf: u32, now_ms: u64) {
        let nonce = self.nonce();
        let step = self.members[leaf as usize].start(nonce, now_ms);
        self.queue.extend(step.map(|step| (leaf, step)));
    }

    /// Delivers the next message to all members. Returns `false` if there is none.
    fn deliver(&mut self, now_ms: u64) -> bool {
        let Some((sender, step)) = self.queue.pop_front() else { return false };
        for leaf in 0..self.members.len() as u32 {
            let nonce = self.nonce();
            let member = &mut self.members[leaf as usize];
            let (state, answer) = member.handle(sender, &step);
            let commitment = member.answer(|| Some(nonce), now_ms);
            self.queue.extend(answer.into_iter().chain(commitment).map(|step| (leaf, step)));
            if state.is_some() {
                self.states[leaf as usize] = state;
            }
        }
        true
    }

    fn deliver_all(&mut self, now_ms: u64) {
        for _ in 0..1_000 {
            if !self.deliver(now_ms) {
                return;
            }
        }
        panic!("messages go round in circles");
    }

    fn emoji(&self) -> Vec<[u8; EMOJI_COUNT]> {
        let emoji = |state: &Option<LeafSasState>| match state {
            Some(LeafSasState::Emoji(emoji)) => *emoji,
            other => panic!("no emoji: {other:?}"),
        };
        self.states.iter().map(emoji).collect()
    }
}

#[test]
fn all_members_see_the_same_emoji_and_other_ones_in_the_next_round() {
    let mut call = Call::of(4, b"epoch");
    call.start(2, 0);
    call.deliver_all(0);
    let first = call.emoji();
    assert!(first.iter().all(|emoji| *emoji == first[0] && emoji.iter().all(|&one| one < 64)));
    call.start(0, 5_000);
    call.deliver_all(5_000);
    assert_ne!(call.emoji()[0], first[0]);
}

#[test]
fn members_that_start_at_once_are_in_one_round() {
    let mut call = Call::of(3, b"epoch");
    for leaf in 0..3 {
        call.start(leaf, 0);
    }
    assert_eq!(call.queue.len(), 3);
    call.deliver_all(0);
    assert_eq!(call.emoji(), vec![call.emoji()[0]; 3]);
}

#[test]
fn no_member_reveals_its_nonce_before_all_have_committed() {
    let mut call = Call::of(3, b"epoch");
    call.start(0, 0);
    call.deliver(0);
    call.queue.retain(|(leaf, _)| *leaf != 2);
    call.deliver_all(0);
    assert_eq!(call.states[0], Some(LeafSasState::Waiting(BTreeSet::from([2]))));
    assert!(call.queue.is_empty());
}

#[test]
fn a_member_that_restarts_the_round_restarts_it_for_all() {
    let mut call = Call::of(3, b"epoch");
    call.start(0, 0);
    call.deliver(0);
    call.queue.retain(|(leaf, _)| *leaf != 2);
    call.deliver_all(0);
    call.start(0, 5_000);
    // The commitment of the late member is still under way: it counts in the new round.
    call.deliver_all(5_000);
    let nonce = call.nonce();
    let late = call.members[2].own.map(|own| own.nonce).unwrap_or(nonce);
    let commitment = SasMessage::Commit(call.members[2].commitment(2, &late));
    call.queue.push_back((2, commitment));
    call.deliver_all(5_000);
    assert_eq!(call.emoji(), vec![call.emoji()[0]; 3]);
}

#[test]
fn the_emoji_of_two_epochs_with_an_attacker_in_the_middle_differ() {
    let emoji = |authenticator: &[u8]| {
        let mut call = Call::of(2, authenticator);
        call.start(0, 0);
        call.deliver_all(0);
        call.emoji()[0]
    };
    assert_ne!(emoji(b"with the one in the middle"), emoji(b"on the other side"));
}

#[test]
fn a_nonce_that_was_not_committed_to_ends_the_round() {
    let mut call = Call::of(2, b"epoch");
    call.start(0, 0);
    call.deliver(0);
    call.deliver(0);
    // Both have committed; the second one reveals a nonce that it has chosen later.
    call.queue.retain(|(leaf, _)| *leaf == 0);
    call.queue.push_back((1, reveal(&[99; 16])));
    call.deliver_all(0);
    assert_eq!(call.states, vec![Some(LeafSasState::CommitmentMismatch(1)); 2]);
    call.start(1, 5_000);
    call.deliver_all(5_000);
    assert_eq!(call.emoji(), vec![call.emoji()[0]; 2]);
}

#[test]
fn a_new_epoch_interrupts_the_round() {
    let mut call = Call::of(2, b"epoch");
    call.start(0, 0);
    call.deliver(0);
    let members = BTreeSet::from([0, 1, 2]);
    for member in &mut call.members {
        let state = member.start_epoch(member.own_leaf, members.clone(), b"next".to_vec());
        assert_eq!(state, Some(LeafSasState::Interrupted));
        assert_eq!(member.start_epoch(0, members.clone(), b"next".to_vec()), None);
    }
}

#[test]
fn a_member_that_restarts_the_round_at_once_is_answered_at_intervals() {
    let mut call = Call::of(2, b"epoch");
    let mut answers = 0;
    for now_ms in (0..10_000).step_by(100) {
        let step = SasMessage::Commit(format!("{now_ms}"));
        let (_, reveal) = call.members[0].handle(1, &step);
        let commitment = call.members[0].answer(|| Some([1; 16]), now_ms);
        if let Some(step) = commitment {
            answers += 1;
            call.members[0].handle(0, &step);
        }
        drop(reveal);
    }
    assert_eq!(answers, 10_000 / COMMIT_INTERVAL_MS);
}

#[test]
fn a_message_of_a_non_member_is_ignored() {
    let mut call = Call::of(2, b"epoch");
    let commit = SasMessage::Commit("x".into());
    assert_eq!(call.members[0].handle(7, &commit), (None, None));
    assert_eq!(call.members[0].next_timeout(), None);
}
