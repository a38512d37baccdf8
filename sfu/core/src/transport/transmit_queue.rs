//! Datagrams that wait to be sent, back to back, so that a train of them leaves in one system call.

use std::net::SocketAddr;

use crate::transport::Transport;

/// The kernel takes no more bytes in one call (the length field of UDP over IPv4, less headers).
const TRAIN_BYTES: usize = 65_000;
/// Nor more datagrams (`UDP_MAX_SEGMENTS` of older kernels).
const TRAIN_DATAGRAMS: usize = 64;

/// Datagrams of one size to one address; the last one may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Train<'a> {
    /// What carries them.
    pub transport: Transport,
    /// It is no loss to speak of: on a way that is too narrow, pictures are left out before anything
    /// else. Told of what goes over TCP, one datagram at a time; false of UDP.
    pub yields: bool,
    /// The local candidate that they leave from.
    pub source: SocketAddr,
    /// Where they go.
    pub destination: SocketAddr,
    /// All of them, one after the other.
    pub contents: &'a [u8],
    /// The size of each but the last, in bytes; more than zero.
    pub segment: usize,
}

impl<'a> Train<'a> {
    /// One after the other.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.contents.chunks(self.segment)
    }
}

/// What waits to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    /// The end of what has been put on a train.
    committed: usize,
    trains: Vec<Coupled>,
    /// Trains that have left.
    gone: usize,
}

#[derive(Debug)]
struct Coupled {
    transport: Transport,
    source: SocketAddr,
    destination: SocketAddr,
    begin: usize,
    end: usize,
    segment: usize,
    datagrams: usize,
}

impl Coupled {
    /// Whether a datagram of this length may follow: none can follow a shorter one.
    fn takes(&self, source: SocketAddr, destination: SocketAddr, length: usize) -> bool {
        self.transport == Transport::Udp
            && self.source == source
            && self.destination == destination
            && length <= self.segment
            && self.end - self.begin == self.segment * self.datagrams
            && self.datagrams < TRAIN_DATAGRAMS
            && self.end - self.begin + length <= TRAIN_BYTES
    }
}

impl Outbox {
    /// Where to append a datagram; [`Outbox::commit`] then says where it goes.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was appended since the last call is a datagram from `source` to `destination`. It joins
    /// the last train if it can.
    pub(crate) fn commit(
        &mut self,
        transport: Transport,
        source: SocketAddr,
        destination: SocketAddr,
    ) {
        let (begin, end) = (self.committed, self.bytes.len());
        let length = end - begin;
        if length == 0 {
            return;
        }
        self.committed = end;
        match self.trains.get_mut(self.gone..).and_then(|waiting| waiting.last_mut()) {
            Some(last)
                if last.transport == transport && last.takes(source, destination, length) =>
            {
                last.end = end;
                last.datagrams += 1;
            }
            _ => self.trains.push(Coupled {
                transport,
                source,
                destination,
                begin,
                end,
                segment: length,
                datagrams: 1,
            }),
        }
    }

    /// Takes back what was appended since the last [`Outbox::commit`].
    pub(crate) fn discard(&mut self) {
        self.bytes.truncate(self.committed);
    }

    /// Whether every train has left.
    pub(crate) fn is_empty(&self) -> bool {
        self.gone == self.trains.len()
    }

    /// Makes room once every train has left; the memory is kept.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.trains.clear();
        (self.committed, self.gone) = (0, 0);
    }

    /// The next train to leave.
    pub(crate) fn pop(&mut self) -> Option<Train<'_>> {
        let train = self.trains.get(self.gone)?;
        self.gone += 1;
        Some(Train {
            transport: train.transport,
            yields: false,
            source: train.source,
            destination: train.destination,
            contents: &self.bytes[train.begin..train.end],
            segment: train.segment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    /// Sends datagrams of these lengths to these ports, and gives the lengths by train.
    fn trains(datagrams: &[(u16, usize)]) -> Vec<(u16, Vec<usize>)> {
        let mut outbox = Outbox::default();
        for (port, length) in datagrams {
            outbox.buffer().extend(std::iter::repeat_n(7, *length));
            outbox.commit(Transport::Udp, address(1), address(*port));
        }
        let mut trains = Vec::new();
        while let Some(train) = outbox.pop() {
            let lengths = train.datagrams().map(<[u8]>::len).collect();
            trains.push((train.destination.port(), lengths));
        }
        assert!(outbox.is_empty());
        trains
    }

    #[test]
    fn equal_datagrams_leave_together_and_a_shorter_one_ends_the_train() {
        let sent = trains(&[(5, 100), (5, 100), (5, 40), (5, 40), (5, 100)]);
        assert_eq!(sent, [(5, vec![100, 100, 40]), (5, vec![40]), (5, vec![100])]);
    }

    #[test]
    fn another_address_has_its_own_train() {
        let sent = trains(&[(5, 100), (6, 100), (5, 100)]);
        assert_eq!(sent, [(5, vec![100]), (6, vec![100]), (5, vec![100])]);
    }

    #[test]
    fn no_train_is_longer_than_the_kernel_takes() {
        let sent = trains(&[(5, 10); 65]);
        assert_eq!(sent.iter().map(|(_, train)| train.len()).collect::<Vec<_>>(), [64, 1]);
        let sent = trains(&[(5, 1_300); 60]);
        assert_eq!(sent.iter().map(|(_, train)| train.len()).collect::<Vec<_>>(), [50, 10]);
    }

    #[test]
    fn what_was_begun_and_given_up_is_not_sent() {
        let mut outbox = Outbox::default();
        outbox.buffer().extend_from_slice(b"half a packet");
        outbox.discard();
        outbox.commit(Transport::Udp, address(1), address(2));
        assert!(outbox.is_empty());
        outbox.buffer().extend_from_slice(b"whole");
        outbox.commit(Transport::Udp, address(1), address(2));
        let train = outbox.pop().unwrap();
        assert_eq!((train.contents, train.segment), (&b"whole"[..], 5));
        // A train that has left takes nobody along any more.
        outbox.buffer().extend_from_slice(b"later");
        outbox.commit(Transport::Udp, address(1), address(2));
        assert_eq!(outbox.pop().unwrap().contents, b"later");
        outbox.clear();
        assert!(outbox.is_empty() && outbox.pop().is_none());
    }
}
