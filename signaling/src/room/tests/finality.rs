//! Members judge a commit before the log has it.

use mls_delivery::{REJECTION_BACKOFF_MS, VOTE_TIMEOUT_MS};
use signaling_protocol::LogMessage;

use super::*;

/// Two members who answer when they are told to, and one who waits with its KeyPackage.
fn judges() -> (World, Client, Client, Client) {
    let (mut world, a, b) = World::with_two_members();
    let c = world.join_with_key_package();
    for client in [&a, &b, &c] {
        world.heard(client.socket);
    }
    world.members_ack = false;
    (world, a, b, c)
}

impl World {
    fn judge(&mut self, client: &Client, message_id: &MessageId, vote: CommitVote) {
        let message_id = message_id.clone();
        self.tell(client, ClientMessage::CommitVote { message_id, vote });
    }

    /// The one question that a socket was asked, and nothing else.
    fn question(&mut self, socket: SocketId) -> MessageId {
        let heard = self.heard(socket);
        let [ServerMessage::Log(LogMessage::CommitPending { handshake })] = heard.as_slice() else {
            panic!("not one question: {heard:?}")
        };
        assert!(
            matches!(&handshake.step, Step::Commit { welcome: None, .. }),
            "a Welcome goes out with what is final"
        );
        handshake.message_id.clone()
    }

    /// A commit of the first one that adds the third, and its id.
    fn add(&mut self, by: &Client, judge: &Client, added: &Client) -> MessageId {
        let roster = self.room.log.snapshot().roster;
        self.commit(by, &[roster.as_slice(), &[added.participant]].concat());
        self.question(judge.socket)
    }
}

#[test]
fn a_commit_is_nobodys_before_a_member_has_acked_it_and_everybodys_after() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let id = world.add(&a, &b, &c);
    assert_eq!(world.handshakes(), before);
    assert_eq!(world.heard(c.socket), [], "no Welcome before it is final");
    world.judge(&b, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
    for (client, welcomed) in [(&a, false), (&b, false), (&c, true)] {
        let entries = world.log_entries(client.socket);
        assert_eq!(entries.iter().map(is_commit).collect::<Vec<_>>(), [Some(welcomed)]);
    }
}

#[test]
fn neither_the_committer_nor_one_who_is_no_member_can_ack() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let id = world.add(&a, &b, &c);
    world.judge(&a, &id, CommitVote::Ack);
    world.judge(&c, &id, CommitVote::Ack);
    world.judge(&b, &MessageId("another".to_owned()), CommitVote::Ack);
    assert_eq!(world.handshakes(), before);
    world.judge(&b, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn what_all_members_nack_is_dropped_and_its_committer_steps_back() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let id = world.add(&a, &b, &c);
    world.judge(&b, &id, CommitVote::Nack);
    let dropped = ServerMessage::Log(LogMessage::CommitRejected { message_id: id });
    for member in [&a, &b] {
        assert_eq!(world.heard(member.socket), std::slice::from_ref(&dropped));
    }
    let roster = [a.participant, b.participant, c.participant];
    world.commit(&a, &roster);
    let refusal = world.refusal(a.socket);
    assert_eq!(refusal.code, RefusalCode::HandshakeUndecided);
    assert!(refusal.message_id.is_some());
    assert_eq!(world.heard(b.socket), [], "nobody is asked by one who steps back");
    // Another one does the work.
    world.commit(&b, &roster);
    let id = world.question(a.socket);
    world.judge(&a, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
    for _ in 0..6 {
        world.wait(REJECTION_BACKOFF_MS / 6);
        for client in [&a, &b, &c] {
            world.heartbeat(client, world.position());
            world.heard(client.socket);
        }
    }
    world.commit(&a, &roster);
    world.question(b.socket);
}

#[test]
fn what_nobody_answers_is_final_after_two_and_a_half_seconds() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    world.add(&a, &b, &c);
    world.wait(VOTE_TIMEOUT_MS - 1);
    assert_eq!(world.handshakes(), before);
    world.wait(1);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn one_nack_without_an_ack_drops_it_when_the_time_is_over() {
    let (mut world, a, b, c) = judges();
    world.members_ack = true;
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    world.members_ack = false;
    for client in [&a, &b, &c] {
        world.heard(client.socket);
    }
    let before = world.handshakes();
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    let id = world.question(b.socket);
    world.judge(&b, &id, CommitVote::Nack);
    assert_eq!(world.question(c.socket), id);
    world.wait(VOTE_TIMEOUT_MS);
    assert_eq!(
        world.heard(c.socket),
        [ServerMessage::Log(LogMessage::CommitRejected { message_id: id })]
    );
    assert_eq!(world.handshakes(), before);
}

#[test]
fn one_ack_among_nacks_is_enough() {
    let (mut world, a, b, c) = judges();
    world.members_ack = true;
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    world.members_ack = false;
    let before = world.handshakes();
    world.heard(b.socket);
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    let id = world.question(b.socket);
    world.judge(&b, &id, CommitVote::Nack);
    world.judge(&c, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn who_comes_back_is_asked_again() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let id = world.add(&a, &b, &c);
    let (seq, position) = (world.room.history.seq(), world.position());
    let back = world.resume(&b, seq, position);
    let heard = world.heard(back);
    let asked = heard.iter().any(
        |one| matches!(one, ServerMessage::Log(LogMessage::CommitPending { handshake }) if handshake.message_id == id),
    );
    assert!(asked, "{heard:?}");
    world.judge(&Client { socket: back, ..b }, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn the_second_of_two_commits_waits_until_the_first_is_decided() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let first = world.add(&a, &b, &c);
    world.commit(&b, &[a.participant, b.participant, c.participant]);
    assert_eq!(world.refusal(b.socket).code, RefusalCode::HandshakeUndecided);
    world.judge(&b, &first, CommitVote::Ack);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn a_commit_whose_sender_leaves_before_it_is_final_is_dropped() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    let id = world.add(&a, &b, &c);
    world.tell(&a, ClientMessage::Leave);
    let heard = world.heard(b.socket);
    assert_eq!(
        heard.last(),
        Some(&ServerMessage::Log(LogMessage::CommitRejected { message_id: id.clone() }))
    );
    world.judge(&b, &id, CommitVote::Ack);
    assert_eq!(world.handshakes(), before);
}

#[test]
fn a_commit_whose_only_judge_leaves_is_final() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    world.add(&a, &b, &c);
    world.tell(&b, ClientMessage::Leave);
    assert_eq!(world.handshakes(), before.next());
}

#[test]
fn who_has_no_connection_is_not_asked_and_holds_up_nobody() {
    let (mut world, a, b, c) = judges();
    let before = world.handshakes();
    world.break_socket(&b);
    world.commit(&a, &[a.participant, b.participant, c.participant]);
    assert_eq!(world.handshakes(), before.next(), "there is nobody else to be asked");
}
