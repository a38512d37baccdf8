//! Which participant a datagram is for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::limits::ADDRESSES;
use crate::room::participants::Key;
use crate::transport::Transport;

/// How long an address stays with a participant that no longer proves it. Clients check every few
/// seconds.
const HELD: Duration = Duration::from_secs(10);

/// Where a client is heard from. The same address over the other transport is another one.
pub(crate) type Path = (Transport, SocketAddr);

/// Source addresses and ICE user fragments of all connections.
///
/// An address is learned from a STUN request whose integrity check passed; from then on it decides
/// for everything but STUN. STUN requests name their connection by its user fragment.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<Path, Owner>,
    ufrags: HashMap<String, Key>,
    known: HashMap<Key, Known>,
}

#[derive(Debug)]
struct Owner {
    key: Key,
    proved: Instant,
}

#[derive(Debug, Default)]
struct Known {
    ufrag: Option<String>,
    addresses: Vec<Path>,
}

impl Demux {
    /// Whose address this is.
    pub(crate) fn by_address(&self, address: Path) -> Option<Key> {
        self.addresses.get(&address).map(|owner| owner.key)
    }

    /// Whose local user fragment this is.
    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<Key> {
        self.ufrags.get(ufrag).copied()
    }

    /// Whether the address belongs to another participant that has proved it lately: a STUN
    /// request with a forged source address must not take somebody's packets away.
    pub(crate) fn is_taken(&self, now: Instant, address: Path, by_other_than: Key) -> bool {
        self.addresses.get(&address).is_some_and(|owner| {
            owner.key != by_other_than && now.saturating_duration_since(owner.proved) < HELD
        })
    }

    /// The participant has proved that this address is its own.
    pub(crate) fn learn(&mut self, now: Instant, address: Path, key: Key) {
        let before = self.addresses.insert(address, Owner { key, proved: now });
        if before.as_ref().is_some_and(|owner| owner.key == key) {
            return;
        }
        if let Some(known) = before.and_then(|owner| self.known.get_mut(&owner.key)) {
            known.addresses.retain(|a| *a != address);
        }
        let known = self.known.entry(key).or_default();
        known.addresses.push(address);
        if known.addresses.len() > ADDRESSES {
            let stalest = known
                .addresses
                .iter()
                .enumerate()
                .min_by_key(|(_, a)| self.addresses.get(*a).map(|owner| owner.proved))
                .map(|(i, _)| i);
            if let Some(stalest) = stalest {
                self.addresses.remove(&known.addresses.swap_remove(stalest));
            }
        }
    }

    /// The address leads nowhere any more: its stream has ended.
    pub(crate) fn unlearn(&mut self, address: Path) {
        let Some(owner) = self.addresses.remove(&address) else { return };
        if let Some(known) = self.known.get_mut(&owner.key) {
            known.addresses.retain(|a| *a != address);
        }
    }

    /// The connection's user fragment, which an ICE restart replaces.
    pub(crate) fn set_ufrag(&mut self, key: Key, ufrag: String) {
        let known = self.known.entry(key).or_default();
        if let Some(before) = known.ufrag.replace(ufrag.clone()) {
            self.ufrags.remove(&before);
        }
        self.ufrags.insert(ufrag, key);
    }

    /// The connection is gone.
    pub(crate) fn forget(&mut self, key: Key) {
        let Some(known) = self.known.remove(&key) else { return };
        if let Some(ufrag) = known.ufrag {
            self.ufrags.remove(&ufrag);
        }
        for address in known.addresses {
            self.addresses.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Path {
        (Transport::Udp, SocketAddr::from(([192, 0, 2, 1], port)))
    }

    #[test]
    fn an_address_that_is_in_use_is_not_taken_over() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let (alice, mallory) = (Key::for_test(0), Key::for_test(1));
        let mut demux = Demux::default();
        demux.learn(start, address(1), alice);
        assert!(demux.is_taken(start + HELD / 2, address(1), mallory));
        assert!(!demux.is_taken(start + HELD / 2, address(1), alice));
        assert!(!demux.is_taken(start + HELD, address(1), mallory), "given up long ago");

        demux.learn(start + HELD, address(1), mallory);
        demux.forget(alice);
        assert_eq!(demux.by_address(address(1)), Some(mallory));
    }

    #[test]
    fn the_same_address_over_another_transport_is_another_and_a_closed_one_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let alice = Key::for_test(0);
        let mut demux = Demux::default();
        let (udp, tcp) = (address(1), (Transport::Tcp, address(1).1));
        demux.learn(start, tcp, alice);
        assert_eq!((demux.by_address(udp), demux.by_address(tcp)), (None, Some(alice)));
        demux.unlearn(tcp);
        demux.unlearn(tcp);
        assert_eq!(demux.by_address(tcp), None);
        assert!(demux.known[&alice].addresses.is_empty());
    }

    #[test]
    fn a_participant_has_few_addresses_and_takes_them_along_when_it_goes() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let alice = Key::for_test(0);
        let mut demux = Demux::default();
        demux.set_ufrag(alice, "old".into());
        demux.set_ufrag(alice, "new".into());
        assert_eq!((demux.by_ufrag("old"), demux.by_ufrag("new")), (None, Some(alice)));
        for port in 0..100 {
            demux.learn(start + Duration::from_millis(u64::from(port)), address(port), alice);
        }
        assert_eq!(demux.addresses.len(), ADDRESSES);
        assert_eq!(demux.by_address(address(99)), Some(alice));
        demux.forget(alice);
        assert!(demux.addresses.is_empty() && demux.ufrags.is_empty() && demux.known.is_empty());
    }
}
