//! Datagrams in flight: 10 ms from here to there, and seeded loss on chosen ways.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

const LATENCY: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub(crate) at: Instant,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) contents: Vec<u8>,
}

pub(crate) struct Network {
    rng: ChaCha8Rng,
    flying: VecDeque<Datagram>,
    /// The share of media packets that is lost on the way to an address, 0 to 1.
    loss: HashMap<SocketAddr, f64>,
    /// The same of what comes from an address.
    loss_from: HashMap<SocketAddr, f64>,
    /// Addresses that nothing reaches or leaves.
    cut: Vec<SocketAddr>,
    /// Every datagram that was sent, lost ones included.
    pub(crate) log: Option<Vec<Datagram>>,
}

impl Network {
    pub(crate) fn new(rng: ChaCha8Rng) -> Self {
        Self {
            rng,
            flying: VecDeque::new(),
            loss: HashMap::new(),
            loss_from: HashMap::new(),
            cut: Vec::new(),
            log: None,
        }
    }

    pub(crate) fn lose(&mut self, towards: SocketAddr, share: f64) {
        self.loss.insert(towards, share);
    }

    /// Loses media and reports to and from an address.
    pub(crate) fn lose_on(&mut self, address: SocketAddr, share: f64) {
        self.loss.insert(address, share);
        self.loss_from.insert(address, share);
    }

    pub(crate) fn cut(&mut self, address: SocketAddr) {
        self.cut.push(address);
    }

    pub(crate) fn mend(&mut self, address: SocketAddr) {
        self.cut.retain(|a| *a != address);
    }

    pub(crate) fn send(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: Vec<u8>,
    ) {
        let datagram = Datagram { at: now + LATENCY, source, destination, contents };
        if let Some(log) = &mut self.log {
            log.push(datagram.clone());
        }
        let media = datagram.contents.first().is_some_and(|byte| (128..192).contains(byte));
        let ways = [self.loss.get(&destination), self.loss_from.get(&source)];
        let mut shares = ways.into_iter().flatten().copied().filter(|share| *share > 0.0);
        let lost = media && shares.any(|share| self.rng.random_bool(share));
        if !lost && !self.cut.contains(&source) && !self.cut.contains(&destination) {
            self.flying.push_back(datagram);
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.flying.front().map(|datagram| datagram.at)
    }

    pub(crate) fn pop(&mut self, now: Instant) -> Option<Datagram> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop_front()
    }
}
