//! Application messages between members, and the detection of a forked log.

mod support;

use e2ee::Suite;
use e2ee::endpoint::Message;
use e2ee::messages::{Content, ContentError};
use signaling_protocol::{ClientMessage, Opaque, ParticipantId, RoomId};

use support::person::{EndpointNode, Person, real_now_ms};
use support::{Client, Meeting};

const NAMES: [&str; 5] = ["Ada", "Bela", "Chi", "Dora", "Emil"];

fn arrive(meeting: &mut Meeting<EndpointNode>, name: &str) -> usize {
    let endpoint_node = Person::new(name, Suite::Classic).new_node(meeting.now_ms);
    meeting.join(endpoint_node)
}

fn call(people: usize) -> Meeting<EndpointNode> {
    let mut meeting = Meeting::new(RoomId::from_bytes([42; 16]), real_now_ms(), 0);
    for name in &NAMES[..people] {
        arrive(&mut meeting, name);
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    meeting
}

fn chat(text: &str) -> Content {
    Content::Chat { text: text.into() }
}

fn say(meeting: &mut Meeting<EndpointNode>, client: usize, content: Content) {
    meeting
        .with_node(client, |node, now_ms| node.endpoint.send_message(content, now_ms))
        .expect("it can be said");
}

/// The application message in this, if it is one.
fn sent(message: &ClientMessage) -> Option<Opaque> {
    let ClientMessage::SendMessage { message } = message else { return None };
    Some(message.clone())
}

fn texts(client: &Client<EndpointNode>) -> Vec<(String, String)> {
    let text = |Message { name, content, .. }: &Message| match content {
        Content::Chat { text } => (name.clone(), text.clone()),
        Content::Reaction { emoji } => (name.clone(), emoji.clone()),
        Content::Hand { raised } => (name.clone(), format!("hand {raised}")),
    };
    client.node.messages.iter().map(text).collect()
}

#[test]
fn all_members_read_the_same_messages_in_the_same_order_with_their_authors() {
    let mut meeting = call(3);
    for round in 0..3 {
        for client in 0..3 {
            say(&mut meeting, client, chat(&format!("{round}")));
        }
    }
    say(&mut meeting, 1, Content::Reaction { emoji: "🎉".into() });
    meeting.run(1_000);
    let read = texts(&meeting.clients[0]);
    assert_eq!(read.len(), 10);
    for client in &meeting.clients {
        assert_eq!(texts(client), read);
        let own = client.node.messages.iter().filter(|message| message.own);
        assert!(own.clone().count() >= 3);
        assert!(own.clone().all(|message| message.participant == client.participant));
    }
    let of_ada: Vec<_> = read.iter().filter(|(name, _)| name == "Ada").collect();
    assert_eq!(of_ada.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn a_message_during_an_epoch_change_is_protected_again_and_read_once() {
    let mut meeting = call(3);
    // A participant joins while all members send, so that messages meet the commit.
    arrive(&mut meeting, "Dora");
    for client in 0..3 {
        say(&mut meeting, client, chat("hello"));
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    for client in 0..3 {
        let mut read = texts(&meeting.clients[client]);
        read.sort();
        let all = NAMES[..3].iter().map(|name| ((*name).to_owned(), "hello".to_owned()));
        assert_eq!(read, all.collect::<Vec<_>>());
    }
}

#[test]
fn a_message_lost_with_a_socket_is_resent() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("hello"));
    meeting.disconnect(0);
    meeting.run(1_000);
    meeting.reconnect(0);
    meeting.run(8_000);
    for client in &meeting.clients {
        assert_eq!(texts(client), [("Ada".to_owned(), "hello".to_owned())]);
    }
}

#[test]
fn a_new_member_reads_no_earlier_message_but_sees_raised_hands() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("between us"));
    say(&mut meeting, 0, Content::Hand { raised: true });
    meeting.run(1_000);
    arrive(&mut meeting, "Chi");
    meeting.run(8_000);
    let read = &meeting.clients[2].node.messages;
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].name.as_str(), &read[0].content), ("Ada", &Content::Hand { raised: true }));
}

#[test]
fn a_removed_member_can_neither_read_nor_send() {
    let mut meeting = call(3);
    meeting.depart(2);
    meeting.run(5_000);
    say(&mut meeting, 0, chat("they are gone"));
    meeting.run(1_000);
    assert!(meeting.clients[2].node.messages.is_empty());
    let refused =
        meeting.with_node(2, |node, now_ms| node.endpoint.send_message(chat("hello?"), now_ms));
    assert_eq!(refused, Err(ContentError::NotInCall));
}

#[test]
fn a_replayed_or_altered_message_is_not_read() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("hello"));
    let sent = meeting.clients[0].outbox.iter().find_map(sent).expect("it is on its way");
    meeting.run(100);
    let ada = meeting.clients[0].participant;
    meeting.broadcast(ada, &sent);
    for at in (0..sent.0.len()).step_by(7) {
        let mut altered = sent.clone();
        altered.0[at] ^= 1;
        meeting.broadcast(ada, &altered);
    }
    // And in the name of another member.
    let bela = meeting.clients[1].participant;
    meeting.broadcast(bela, &sent);
    meeting.run(1_000);
    assert_eq!(texts(&meeting.clients[1]).len(), 1);
    say(&mut meeting, 0, chat("still here"));
    meeting.run(1_000);
    assert_eq!(texts(&meeting.clients[1]).len(), 2);
}

#[test]
fn all_members_of_an_honest_call_are_confirmed_except_a_frozen_one() {
    let mut meeting = call(3);
    meeting.run(60_000);
    assert!(meeting.clients.iter().all(|client| client.node.unconfirmed.is_empty()));
    meeting.clients[1].frozen = true;
    meeting.run(9_000);
    assert!(meeting.clients[0].node.unconfirmed.is_empty(), "two heartbeats may be late");
    meeting.run(7_000);
    assert_eq!(meeting.clients[0].node.unconfirmed, [meeting.clients[1].participant]);
    meeting.clients[1].frozen = false;
    meeting.run(6_500);
    assert!(meeting.clients[0].node.unconfirmed.is_empty());
}

#[test]
fn members_behind_a_forked_log_are_unconfirmed_within_fifteen_seconds_and_stay_so() {
    let mut meeting = call(4);
    let mut other = meeting.fork(2);
    // Both halves add a participant, so that both have five members in the same epoch.
    for half in [&mut meeting, &mut other] {
        arrive(half, "Emil");
    }
    let mut ms = 0;
    while ms < 20_000 {
        // The server carries every message to the other half as well.
        for (from, to) in [(0, 1), (1, 0)] {
            let halves = [&mut meeting, &mut other];
            let spoken: Vec<_> = halves[from]
                .clients
                .iter()
                .flat_map(|client| {
                    client.outbox.iter().map(move |message| (client.participant, message))
                })
                .filter_map(|(sender, message)| Some((sender, sent(message)?)))
                .collect();
            let [one, two] = halves;
            let to = if to == 0 { one } else { two };
            for (sender, message) in spoken {
                to.broadcast(sender, &message);
            }
        }
        for half in [&mut meeting, &mut other] {
            half.advance(100);
            for client in 0..half.clients.len() {
                while half.deliver(client) {}
            }
        }
        // What was said is carried over above before it is served here.
        if ms % 200 == 100 {
            for half in [&mut meeting, &mut other] {
                for client in 0..half.clients.len() {
                    while half.serve(client) {}
                }
            }
        }
        ms += 100;
    }
    assert_eq!(meeting.clients[0].last_epoch().unwrap().members.len(), 5);
    assert_eq!(other.clients[0].last_epoch().unwrap().members.len(), 5);
    let missing = |client: &Client<EndpointNode>| client.node.unconfirmed.clone();
    let ids = |ids: [u32; 2]| ids.map(ParticipantId).to_vec();
    for client in &meeting.clients[..2] {
        assert_eq!(missing(client), ids([3, 4]));
    }
    for client in &other.clients[..2] {
        assert_eq!(missing(client), ids([1, 2]));
    }
}
