//! The participant that an incoming datagram belongs to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::transport_kind::Transport;
use crate::ids::ParticipantKey;
use crate::limits::ADDRESSES;

/// Time for which an address belongs to a participant that no longer proves it. Clients send a
/// check every few seconds.
const ADDRESS_HOLD: Duration = Duration::from_secs(10);

/// The transport and source address of a client. The same address on another transport is another
/// path.
pub(crate) type NetworkPath = (Transport, SocketAddr);

/// The source addresses and ICE user fragments of all connections.
///
/// An address is learned from a STUN request that passes the integrity check; from then on it
/// identifies the participant for everything but STUN. A STUN request names its connection by the
/// user fragment.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    owners: HashMap<NetworkPath, Owner>,
    ufrags: HashMap<String, ParticipantKey>,
    connections: HashMap<ParticipantKey, Connection>,
}

#[derive(Debug)]
struct Owner {
    key: ParticipantKey,
    proved_at: Instant,
}

#[derive(Debug, Default)]
struct Connection {
    ufrag: Option<String>,
    paths: Vec<NetworkPath>,
}

impl Demux {
    /// Returns the participant that owns an address.
    pub(crate) fn by_address(&self, path: NetworkPath) -> Option<ParticipantKey> {
        self.owners.get(&path).map(|owner| owner.key)
    }

    /// Returns the participant with a local user fragment.
    pub(crate) fn by_ufrag(&self, ufrag: &str) -> Option<ParticipantKey> {
        self.ufrags.get(ufrag).copied()
    }

    /// Returns whether the address belongs to another participant that has proved it recently. A
    /// STUN request with a forged source address must not redirect another participant's packets.
    pub(crate) fn is_taken(&self, now: Instant, path: NetworkPath, key: ParticipantKey) -> bool {
        self.owners.get(&path).is_some_and(|owner| {
            owner.key != key && now.saturating_duration_since(owner.proved_at) < ADDRESS_HOLD
        })
    }

    /// Records that the participant has proved to own an address.
    pub(crate) fn learn(&mut self, now: Instant, path: NetworkPath, key: ParticipantKey) {
        let before = self.owners.insert(path, Owner { key, proved_at: now });
        if before.as_ref().is_some_and(|owner| owner.key == key) {
            return;
        }
        if let Some(before) = before.and_then(|owner| self.connections.get_mut(&owner.key)) {
            before.paths.retain(|other| *other != path);
        }
        let connection = self.connections.entry(key).or_default();
        connection.paths.push(path);
        if connection.paths.len() > ADDRESSES {
            let oldest = connection
                .paths
                .iter()
                .enumerate()
                .min_by_key(|(_, path)| self.owners.get(*path).map(|owner| owner.proved_at))
                .map(|(i, _)| i);
            if let Some(oldest) = oldest {
                self.owners.remove(&connection.paths.swap_remove(oldest));
            }
        }
    }

    /// Forgets an address, such as that of a closed TCP connection.
    pub(crate) fn unlearn(&mut self, path: NetworkPath) {
        let Some(owner) = self.owners.remove(&path) else { return };
        if let Some(connection) = self.connections.get_mut(&owner.key) {
            connection.paths.retain(|other| *other != path);
        }
    }

    /// Sets the user fragment of a connection; an ICE restart replaces it.
    pub(crate) fn set_ufrag(&mut self, key: ParticipantKey, ufrag: String) {
        let connection = self.connections.entry(key).or_default();
        if let Some(before) = connection.ufrag.replace(ufrag.clone()) {
            self.ufrags.remove(&before);
        }
        self.ufrags.insert(ufrag, key);
    }

    /// Removes a connection.
    pub(crate) fn remove(&mut self, key: ParticipantKey) {
        let Some(connection) = self.connections.remove(&key) else { return };
        if let Some(ufrag) = connection.ufrag {
            self.ufrags.remove(&ufrag);
        }
        for path in connection.paths {
            self.owners.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> NetworkPath {
        (Transport::Udp, SocketAddr::from(([192, 0, 2, 1], port)))
    }

    #[test]
    fn an_address_in_use_is_not_taken_over() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let (alice, mallory) = (ParticipantKey::new(0, 0), ParticipantKey::new(1, 0));
        let mut demux = Demux::default();
        demux.learn(start, address(1), alice);
        assert!(demux.is_taken(start + ADDRESS_HOLD / 2, address(1), mallory));
        assert!(!demux.is_taken(start + ADDRESS_HOLD / 2, address(1), alice));
        assert!(!demux.is_taken(start + ADDRESS_HOLD, address(1), mallory), "not proved recently");

        demux.learn(start + ADDRESS_HOLD, address(1), mallory);
        demux.remove(alice);
        assert_eq!(demux.by_address(address(1)), Some(mallory));
    }

    #[test]
    fn the_same_address_on_another_transport_is_distinct_and_a_closed_one_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let alice = ParticipantKey::new(0, 0);
        let mut demux = Demux::default();
        let (udp, tcp) = (address(1), (Transport::Tcp, address(1).1));
        demux.learn(start, tcp, alice);
        assert_eq!((demux.by_address(udp), demux.by_address(tcp)), (None, Some(alice)));
        demux.unlearn(tcp);
        demux.unlearn(tcp);
        assert_eq!(demux.by_address(tcp), None);
        assert!(demux.connections[&alice].paths.is_empty());
    }

    #[test]
    fn the_addresses_of_a_participant_are_bounded_and_removed_with_it() {
        #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
        let start = Instant::now();
        let alice = ParticipantKey::new(0, 0);
        let mut demux = Demux::default();
        demux.set_ufrag(alice, "old".into());
        demux.set_ufrag(alice, "new".into());
        assert_eq!((demux.by_ufrag("old"), demux.by_ufrag("new")), (None, Some(alice)));
        for port in 0..100 {
            demux.learn(start + Duration::from_millis(u64::from(port)), address(port), alice);
        }
        assert_eq!(demux.owners.len(), ADDRESSES);
        assert_eq!(demux.by_address(address(99)), Some(alice));
        demux.remove(alice);
        assert!(demux.owners.is_empty() && demux.ufrags.is_empty() && demux.connections.is_empty());
    }
}
