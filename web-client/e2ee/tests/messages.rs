//! What members say to each other, and how they notice that they are kept apart.

mod support;

use e2ee::Suite;
use e2ee::endpoint::Message;
use e2ee::messages::{Content, ContentError};
use signaling_protocol::{ClientMessage, Opaque, ParticipantId, RoomId};

use support::person::{Person, Visitor, real_now_ms};
use support::{Meeting, Seat};

const NAMES: [&str; 5] = ["Ada", "Bela", "Chi", "Dora", "Emil"];

fn arrive(meeting: &mut Meeting<Visitor>, name: &str) -> usize {
    let visitor = Person::new(name, Suite::Classic).arrives(meeting.now_ms);
    meeting.join(visitor)
}

fn call(people: usize) -> Meeting<Visitor> {
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

fn say(meeting: &mut Meeting<Visitor>, seat: usize, content: Content) {
    meeting
        .act(seat, |node, now_ms| node.endpoint.send_message(content, now_ms))
        .expect("it can be said");
}

/// The application message in this, if it is one.
fn sent(message: &ClientMessage) -> Option<Opaque> {
    let ClientMessage::SendMessage { message } = message else { return None };
    Some(message.clone())
}

fn texts(seat: &Seat<Visitor>) -> Vec<(String, String)> {
    let text = |Message { name, content, .. }: &Message| match content {
        Content::Chat { text } => (name.clone(), text.clone()),
        Content::Reaction { emoji } => (name.clone(), emoji.clone()),
        Content::Hand { raised } => (name.clone(), format!("hand {raised}")),
    };
    seat.node.messages.iter().map(text).collect()
}

#[test]
fn everybody_reads_the_same_in_the_same_order_and_sees_who_wrote_it() {
    let mut meeting = call(3);
    for round in 0..3 {
        for seat in 0..3 {
            say(&mut meeting, seat, chat(&format!("{round}")));
        }
    }
    say(&mut meeting, 1, Content::Reaction { emoji: "🎉".into() });
    meeting.run(1_000);
    let read = texts(&meeting.seats[0]);
    assert_eq!(read.len(), 10);
    for seat in &meeting.seats {
        assert_eq!(texts(seat), read);
        let own = seat.node.messages.iter().filter(|message| message.own);
        assert!(own.clone().count() >= 3);
        assert!(own.clone().all(|message| message.participant == seat.participant));
    }
    let of_ada: Vec<_> = read.iter().filter(|(name, _)| name == "Ada").collect();
    assert_eq!(of_ada.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[test]
fn what_is_said_during_a_change_of_epoch_is_protected_anew_and_read_once() {
    let mut meeting = call(3);
    // Somebody joins while everybody talks, so that messages meet the commit.
    arrive(&mut meeting, "Dora");
    for seat in 0..3 {
        say(&mut meeting, seat, chat("hello"));
    }
    meeting.run(8_000);
    meeting.assert_one_call();
    for seat in 0..3 {
        let mut read = texts(&meeting.seats[seat]);
        read.sort();
        let all = NAMES[..3].iter().map(|name| ((*name).to_owned(), "hello".to_owned()));
        assert_eq!(read, all.collect::<Vec<_>>());
    }
}

#[test]
fn a_message_lost_with_a_socket_is_sent_again() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("hello"));
    meeting.disconnect(0);
    meeting.run(1_000);
    meeting.reconnect(0);
    meeting.run(8_000);
    for seat in &meeting.seats {
        assert_eq!(texts(seat), [("Ada".to_owned(), "hello".to_owned())]);
    }
}

#[test]
fn who_comes_later_reads_nothing_of_before_but_sees_who_has_a_hand_up() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("between us"));
    say(&mut meeting, 0, Content::Hand { raised: true });
    meeting.run(1_000);
    arrive(&mut meeting, "Chi");
    meeting.run(8_000);
    let read = &meeting.seats[2].node.messages;
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].name.as_str(), &read[0].content), ("Ada", &Content::Hand { raised: true }));
}

#[test]
fn a_removed_member_reads_nothing_more_and_cannot_speak() {
    let mut meeting = call(3);
    meeting.depart(2);
    meeting.run(5_000);
    say(&mut meeting, 0, chat("they are gone"));
    meeting.run(1_000);
    assert!(meeting.seats[2].node.messages.is_empty());
    let refused = meeting.act(2, |node, now_ms| node.endpoint.send_message(chat("hello?"), now_ms));
    assert_eq!(refused, Err(ContentError::NotInCall));
}

#[test]
fn a_replayed_or_altered_message_is_not_read() {
    let mut meeting = call(2);
    say(&mut meeting, 0, chat("hello"));
    let sent = meeting.seats[0].outbox.iter().find_map(sent).expect("it is on its way");
    meeting.run(100);
    let ada = meeting.seats[0].participant;
    meeting.relay(ada, &sent);
    for at in (0..sent.0.len()).step_by(7) {
        let mut altered = sent.clone();
        altered.0[at] ^= 1;
        meeting.relay(ada, &altered);
    }
    // And in somebody else's name.
    let bela = meeting.seats[1].participant;
    meeting.relay(bela, &sent);
    meeting.run(1_000);
    assert_eq!(texts(&meeting.seats[1]).len(), 1);
    say(&mut meeting, 0, chat("still here"));
    meeting.run(1_000);
    assert_eq!(texts(&meeting.seats[1]).len(), 2);
}

#[test]
fn in_an_honest_call_everybody_is_confirmed_and_a_frozen_member_is_not_for_long() {
    let mut meeting = call(3);
    meeting.run(60_000);
    assert!(meeting.seats.iter().all(|seat| seat.node.unconfirmed.is_empty()));
    meeting.seats[1].frozen = true;
    meeting.run(9_000);
    assert!(meeting.seats[0].node.unconfirmed.is_empty(), "two heartbeats may be late");
    meeting.run(7_000);
    assert_eq!(meeting.seats[0].node.unconfirmed, [meeting.seats[1].participant]);
    meeting.seats[1].frozen = false;
    meeting.run(6_500);
    assert!(meeting.seats[0].node.unconfirmed.is_empty());
}

#[test]
fn a_forked_log_cannot_be_confirmed_within_fifteen_seconds_by_anybody_and_never_heals() {
    let mut meeting = call(4);
    let mut other = meeting.fork(2);
    // Both halves take somebody in, so that both show five people in the same epoch.
    for half in [&mut meeting, &mut other] {
        arrive(half, "Emil");
    }
    let mut ms = 0;
    while ms < 20_000 {
        // The server carries every message to the other half as well.
        for (from, to) in [(0, 1), (1, 0)] {
            let halves = [&mut meeting, &mut other];
            let spoken: Vec<_> = halves[from]
                .seats
                .iter()
                .flat_map(|seat| seat.outbox.iter().map(move |message| (seat.participant, message)))
                .filter_map(|(sender, message)| Some((sender, sent(message)?)))
                .collect();
            let [one, two] = halves;
            let to = if to == 0 { one } else { two };
            for (sender, message) in spoken {
                to.relay(sender, &message);
            }
        }
        for half in [&mut meeting, &mut other] {
            half.pass(100);
            for seat in 0..half.seats.len() {
                while half.deliver(seat) {}
            }
        }
        // What was said is carried over above before it is served here.
        if ms % 200 == 100 {
            for half in [&mut meeting, &mut other] {
                for seat in 0..half.seats.len() {
                    while half.serve(seat) {}
                }
            }
        }
        ms += 100;
    }
    assert_eq!(meeting.seats[0].last_epoch().unwrap().members.len(), 5);
    assert_eq!(other.seats[0].last_epoch().unwrap().members.len(), 5);
    let missing = |seat: &Seat<Visitor>| seat.node.unconfirmed.clone();
    let ids = |ids: [u32; 2]| ids.map(ParticipantId).to_vec();
    for seat in &meeting.seats[..2] {
        assert_eq!(missing(seat), ids([3, 4]));
    }
    for seat in &other.seats[..2] {
        assert_eq!(missing(seat), ids([1, 2]));
    }
}
