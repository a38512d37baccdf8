//! The datagrams that wait to be sent, back to back, so that a batch leaves in one system call.

use std::net::SocketAddr;

use super::transport_kind::Transport;

/// Maximum bytes of one system call (the length field of UDP over IPv4, less headers).
const BATCH_BYTES: usize = 65_000;
/// Maximum datagrams of one system call (`UDP_MAX_SEGMENTS` of older kernels).
const BATCH_DATAGRAMS: usize = 64;

/// Datagrams of one size to one address; the last one may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// The transport that carries the datagrams.
    pub transport: Transport,
    /// The datagram is dropped before others where the path is too narrow: video, retransmissions
    /// and padding. Set only for TCP, where each transmit is one datagram; `false` for UDP.
    pub is_droppable: bool,
    /// The local candidate to send from.
    pub source: SocketAddr,
    /// The address to send to.
    pub destination: SocketAddr,
    /// All datagrams, back to back.
    pub contents: &'a [u8],
    /// The size of each datagram but the last, in bytes; more than zero.
    pub segment: usize,
}

impl<'a> Transmit<'a> {
    /// Returns the datagrams in order.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.contents.chunks(self.segment)
    }
}

/// The datagrams that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct TransmitQueue {
    bytes: Vec<u8>,
    /// End of the bytes that belong to a batch.
    committed: usize,
    batches: Vec<GsoBatch>,
    /// Number of batches that have been sent.
    sent: usize,
}

#[derive(Debug)]
struct GsoBatch {
    transport: Transport,
    source: SocketAddr,
    destination: SocketAddr,
    begin: usize,
    end: usize,
    segment: usize,
    datagrams: usize,
}

impl GsoBatch {
    /// Returns whether a datagram of this length can be appended; none can follow a shorter one.
    fn accepts(&self, source: SocketAddr, destination: SocketAddr, length: usize) -> bool {
        self.transport == Transport::Udp
            && self.source == source
            && self.destination == destination
            && length <= self.segment
            && self.end - self.begin == self.segment * self.datagrams
            && self.datagrams < BATCH_DATAGRAMS
            && self.end - self.begin + length <= BATCH_BYTES
    }
}

impl TransmitQueue {
    /// Returns the buffer to append a datagram to; [`TransmitQueue::commit`] then queues it.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Queues the bytes appended since the last call as a datagram from `source` to `destination`.
    /// It joins the last batch if it can.
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
        match self.batches.get_mut(self.sent..).and_then(|unsent| unsent.last_mut()) {
            Some(last)
                if last.transport == transport && last.accepts(source, destination, length) =>
            {
                last.end = end;
                last.datagrams += 1;
            }
            _ => self.batches.push(GsoBatch {
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

    /// Discards the bytes appended since the last [`TransmitQueue::commit`].
    pub(crate) fn discard(&mut self) {
        self.bytes.truncate(self.committed);
    }

    /// Returns whether every batch has been sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.sent == self.batches.len()
    }

    /// Empties the queue and keeps its memory. Call it once every batch has been sent.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.batches.clear();
        (self.committed, self.sent) = (0, 0);
    }

    /// Takes the next batch to send.
    pub(crate) fn pop(&mut self) -> Option<Transmit<'_>> {
        let batch = self.batches.get(self.sent)?;
        self.sent += 1;
        Some(Transmit {
            transport: batch.transport,
            is_droppable: false,
            source: batch.source,
            destination: batch.destination,
            contents: &self.bytes[batch.begin..batch.end],
            segment: batch.segment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    /// Queues datagrams of these ports and lengths, and returns the lengths by batch.
    fn batches(datagrams: &[(u16, usize)]) -> Vec<(u16, Vec<usize>)> {
        let mut queue = TransmitQueue::default();
        for (port, length) in datagrams {
            queue.buffer().extend(std::iter::repeat_n(7, *length));
            queue.commit(Transport::Udp, address(1), address(*port));
        }
        let mut batches = Vec::new();
        while let Some(batch) = queue.pop() {
            let lengths = batch.datagrams().map(<[u8]>::len).collect();
            batches.push((batch.destination.port(), lengths));
        }
        assert!(queue.is_empty());
        batches
    }

    #[test]
    fn datagrams_of_one_size_form_a_batch_that_a_shorter_one_ends() {
        let sent = batches(&[(5, 100), (5, 100), (5, 40), (5, 40), (5, 100)]);
        assert_eq!(sent, [(5, vec![100, 100, 40]), (5, vec![40]), (5, vec![100])]);
    }

    #[test]
    fn another_address_has_its_own_batch() {
        let sent = batches(&[(5, 100), (6, 100), (5, 100)]);
        assert_eq!(sent, [(5, vec![100]), (6, vec![100]), (5, vec![100])]);
    }

    #[test]
    fn no_batch_exceeds_the_limits_of_the_kernel() {
        let sent = batches(&[(5, 10); 65]);
        assert_eq!(sent.iter().map(|(_, batch)| batch.len()).collect::<Vec<_>>(), [64, 1]);
        let sent = batches(&[(5, 1_300); 60]);
        assert_eq!(sent.iter().map(|(_, batch)| batch.len()).collect::<Vec<_>>(), [50, 10]);
    }

    #[test]
    fn a_discarded_datagram_is_not_sent() {
        let mut queue = TransmitQueue::default();
        queue.buffer().extend_from_slice(b"half a packet");
        queue.discard();
        queue.commit(Transport::Udp, address(1), address(2));
        assert!(queue.is_empty());
        queue.buffer().extend_from_slice(b"whole");
        queue.commit(Transport::Udp, address(1), address(2));
        let batch = queue.pop().unwrap();
        assert_eq!((batch.contents, batch.segment), (&b"whole"[..], 5));
        // Nothing joins a batch that has been sent.
        queue.buffer().extend_from_slice(b"later");
        queue.commit(Transport::Udp, address(1), address(2));
        assert_eq!(queue.pop().unwrap().contents, b"later");
        queue.clear();
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}
