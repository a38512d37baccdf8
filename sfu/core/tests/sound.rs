//! Sound on lines that lose packets, either way: it is asked for again, and comes in time.

mod support;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signaling_protocol::Source;
use str0m::format::Codec;
use support::{FEW, Meeting};

const VOICE: &[Source] = &[Source::Microphone];
/// The longest delay that a browser's jitter buffer bridges; audio that comes later is concealed.
const IN_TIME: Duration = Duration::from_millis(250);
/// Packets of sound in one run: forty seconds.
const PACKETS: u32 = 2_000;
/// The share that is lost, and the percentage that is to come in time.
const LINES: [(f64, f64); 3] = [(0.10, 99.0), (0.20, 97.0), (0.30, 90.0)];

/// A speaker and two who listen. One of the three is on a line that loses this share.
struct Talk {
    m: Meeting,
    begin: Instant,
}

impl Talk {
    fn with(seed: u64, unlucky: usize, share: f64) -> Self {
        let mut m = Meeting::new(seed);
        (0..3).for_each(|_| {
            m.join(FEW, VOICE);
        });
        let say = |m: &mut Meeting, number: u32| {
            let mut payload = number.to_be_bytes().to_vec();
            payload.resize(80, 0x5a);
            m.clients[0].send(m.now, Source::Microphone, Codec::Opus, &payload);
        };
        m.talk(Duration::from_secs(1), |m, round| say(m, PACKETS + round));
        let address = m.clients[unlucky].address;
        m.network.lose_on(address, share);
        m.network.log = Some(Vec::new());
        let begin = m.now;
        m.talk(Duration::from_millis(20) * PACKETS, say);
        m.network.lose_on(address, 0.0);
        m.talk(Duration::from_secs(1), |m, round| say(m, PACKETS + 100 + round));
        Self { m, begin }
    }

    /// The percentage of the sound that a listener had in time.
    fn heard(&self, listener: usize) -> f64 {
        let numbers: HashSet<u32> = self.m.clients[listener]
            .received
            .iter()
            .filter_map(|packet| {
                let number = packet.payload.first_chunk().copied().map(u32::from_be_bytes)?;
                let said = self.begin + Duration::from_millis(20) * number;
                (number < PACKETS && packet.at <= said + IN_TIME).then_some(number)
            })
            .collect();
        numbers.len() as f64 * 100.0 / f64::from(PACKETS)
    }

    /// Media packets on their way to an address, lost ones included, by SSRC and sequence number.
    fn sent(&self, to: SocketAddr) -> HashMap<[u8; 6], Vec<&[u8]>> {
        let mut sent: HashMap<[u8; 6], Vec<&[u8]>> = HashMap::new();
        let log = self.m.network.log.iter().flatten();
        for datagram in log.filter(|datagram| datagram.destination == to) {
            let [128..192, 0..192 | 224.., high, low, _, _, _, _, a, b, c, d, ..] =
                datagram.contents[..]
            else {
                continue;
            };
            sent.entry([a, b, c, d, high, low]).or_default().push(&datagram.contents);
        }
        sent
    }
}

#[test]
fn on_a_lossy_downlink_audio_arrives_in_time_and_no_other_participant_is_affected() {
    for (seed, (share, percent)) in (100..).zip(LINES) {
        let talk = Talk::with(seed, 1, share);
        let heard = talk.heard(1);
        assert!(heard >= percent, "{heard} % with {share} lost");
        assert_eq!(talk.heard(2), 100.0);
        let counters = talk.m.worker.counters();
        assert!(counters.nacks_received > 0, "it was asked for");
        assert_eq!(counters.nacks_sent, 0, "the speaker is not asked");
        let others = talk.sent(talk.m.clients[2].address);
        assert!(
            others.values().all(|copies| copies.len() == 1),
            "sent to who asked, and only then"
        );
    }
}

#[test]
fn on_a_lossy_uplink_audio_arrives_in_time() {
    for (seed, (share, percent)) in (200..).zip(LINES) {
        let talk = Talk::with(seed, 0, share);
        for listener in [1, 2] {
            let heard = talk.heard(listener);
            assert!(heard >= percent, "{listener} heard {heard} % with {share} lost");
        }
        let counters = talk.m.worker.counters();
        assert!(counters.nacks_sent > 0, "it was asked for");
        let said = u64::from(PACKETS) + 100;
        assert!(counters.forwarded.packets <= 2 * said, "what comes twice goes on once");
    }
}

/// It has its SRTP index once more: by AES-GCM another header under it would be a nonce used twice.
#[test]
fn a_retransmission_is_identical_bit_for_bit() {
    for (unlucky, to_server) in [(1, false), (0, true)] {
        let talk = Talk::with(300, unlucky, 0.20);
        let to = if to_server { talk.m.server } else { talk.m.clients[unlucky].address };
        let sent = talk.sent(to);
        let again: Vec<_> = sent.values().filter(|copies| copies.len() > 1).collect();
        assert!(again.len() > 100, "{}", again.len());
        assert!(again.iter().all(|copies| copies.iter().all(|copy| *copy == copies[0])));
    }
}
