//! Incoming datagrams: which participant each belongs to, and what it is for.

use std::net::SocketAddr;
use std::panic::catch_unwind;
use std::time::Instant;

use str0m::Input;
use str0m::ice::StunMessage;
use str0m::net::Receive;

use super::Worker;
use crate::ids::ParticipantKey;
use crate::limits::DATAGRAM_BYTES;
use crate::metrics::{DropReason, Flow, PacketKind};
use crate::transport::{NetworkPath, Transport};

impl Worker {
    /// Processes a UDP datagram. Whatever it contains, it affects no participant but its sender.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.process(now, (Transport::Udp, source), destination, datagram);
    }

    /// Processes a datagram of a TCP connection from `source`. Returns `false` if no participant
    /// owns this connection; close it. The first datagram must be an authenticated STUN request.
    #[must_use]
    pub fn handle_tcp_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> bool {
        let path = (Transport::Tcp, source);
        self.process(now, path, destination, datagram);
        self.demux.by_address(path).is_some()
    }

    /// Records that a TCP connection was closed.
    pub fn handle_tcp_closed(&mut self, source: SocketAddr) {
        self.demux.unlearn((Transport::Tcp, source));
    }

    fn process(
        &mut self,
        now: Instant,
        path: NetworkPath,
        destination: SocketAddr,
        datagram: &[u8],
    ) {
        self.now = Some(now);
        let kind = self.counters.count(Flow::Received, datagram);
        if let Err(reason) = self.receive(now, kind, path, destination, datagram) {
            self.counters.drop(reason);
        }
    }

    fn receive(
        &mut self,
        now: Instant,
        kind: PacketKind,
        path: NetworkPath,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), DropReason> {
        if datagram.len() > DATAGRAM_BYTES {
            return Err(DropReason::TooLong);
        }
        let key = match kind {
            PacketKind::Stun => self.stun_recipient(datagram)?,
            PacketKind::Dtls | PacketKind::Rtp | PacketKind::Rtcp => {
                self.demux.by_address(path).ok_or(DropReason::UnknownAddress)?
            }
            PacketKind::Unknown => return Err(DropReason::Malformed),
        };
        let receive = Receive::new(path.0.into(), path.1, destination, datagram)
            .map_err(|_| DropReason::Malformed)?;
        if matches!(kind, PacketKind::Rtp | PacketKind::Rtcp) {
            self.receive_media(now, key, receive, datagram.len());
            return Ok(());
        }
        let input = Input::Receive(now, receive);
        if kind == PacketKind::Stun {
            if self.demux.is_taken(now, path, key) {
                return Err(DropReason::AddressTaken);
            }
            if !self.accepts(now, key, &input) {
                return Err(DropReason::BadIntegrity);
            }
            self.demux.learn(now, path, key);
            self.record_check(now, key);
        }
        self.pump(now, key, input);
        Ok(())
    }

    /// Processes an RTP or RTCP packet. RTP is forwarded to the subscribers. The consequences for the
    /// publisher's own connection wait for its next timer or, if they are urgent, until all datagrams
    /// have been read.
    fn receive_media(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        receive: Receive<'_>,
        length: usize,
    ) {
        self.datagram_len = length;
        let Some(connection) = self.connection_mut(key) else { return };
        match connection.receive(now, receive) {
            Ok(received) => {
                if let Some(packet) = received.packet {
                    self.forward(now, key, &packet);
                }
                if received.is_urgent {
                    if let Some(subscriber) = self.participants.subscriber_mut(key) {
                        subscriber.request_pump();
                    }
                    self.mark_dirty(key);
                } else {
                    self.schedule_pump(key);
                }
            }
            Err(fault) => self.fail(now, key, &fault),
        }
    }

    /// Returns the participant that a STUN request is for: it names the connection by its user
    /// fragment (RFC 8445 section 7.2.2). The worker sends no requests, so responses are for no one.
    fn stun_recipient(&self, datagram: &[u8]) -> Result<ParticipantKey, DropReason> {
        // A bug in str0m's parser must not end the worker.
        let parsed = catch_unwind(|| {
            let message = StunMessage::parse(datagram).ok()?;
            let (local, _) = message.is_binding_request().then(|| message.split_username())??;
            Some(local.to_owned())
        });
        let ufrag = parsed.ok().flatten().ok_or(DropReason::Malformed)?;
        self.demux.by_ufrag(&ufrag).ok_or(DropReason::UnknownUfrag)
    }

    fn accepts(&mut self, now: Instant, key: ParticipantKey, input: &Input<'_>) -> bool {
        let Some(connection) = self.connection_mut(key) else { return false };
        match connection.accepts(input) {
            Ok(accepts) => accepts,
            Err(fault) => {
                self.fail(now, key, &fault);
                false
            }
        }
    }
}
