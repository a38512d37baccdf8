//! A worker's TCP port, for clients that cannot use UDP (RFC 6544).
//!
//! Everything is bounded: the number of streams in all and per address, the bytes read at a time, the
//! bytes that wait to be written, and the time that a stream may be idle or blocked. A stream is kept
//! only as long as it belongs to a participant.

mod backlog;
mod framing;

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use sfu_core::{Transmit, Worker};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::addresses::{Addresses, canonical, wildcard};
use backlog::Backlog;
use framing::{Deframer, framed};

/// Token of the first stream; that of the listener is the one before.
pub(crate) const FIRST_STREAM: usize = 3;
/// Maximum number of streams of a worker.
const MAX_STREAMS: usize = 2_048;
/// Maximum number of streams of one address, which a whole office may share.
const MAX_STREAMS_PER_ADDRESS: usize = 128;
/// Time within which the first datagram of a stream must identify its participant.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(5);
/// Time without a datagram after which a stream is closed. Clients send a check every few seconds.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a datagram may wait to be written before the stream is closed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two checks of these timeouts.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Maximum bytes that are read from a stream before the next one has its turn.
const READ_BYTES: usize = 16 << 10;
/// Size of the kernel's send buffer of a stream, in bytes: audio cannot overtake what is in it.
const SEND_BUFFER: usize = 32 << 10;
/// Maximum number of connections that wait to be accepted.
const LISTEN_BACKLOG: i32 = 128;

/// The listener and its streams.
pub(crate) struct Streams {
    listener: TcpListener,
    addresses: Addresses,
    port: u16,
    registry: Registry,
    next_token: usize,
    streams: HashMap<Token, Stream>,
    by_peer: HashMap<SocketAddr, Token>,
    per_address: HashMap<IpAddr, usize>,
    /// Streams with more to read.
    ready: VecDeque<Token>,
    check_at: Instant,
    buffer: Vec<u8>,
    /// Number of datagrams dropped since the last [`Streams::take_dropped`].
    dropped: u64,
}

struct Stream {
    socket: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    deframer: Deframer,
    backlog: Backlog,
    is_identified: bool,
    last_received_at: Instant,
    /// The stream is in `ready`.
    is_queued: bool,
}

impl Streams {
    /// Listens on a port of all addresses. The tokens of streams begin at [`FIRST_STREAM`]; that of the
    /// listener is the one before.
    pub(crate) fn bind(
        addresses: &Addresses,
        port: u16,
        v6: bool,
        registry: Registry,
    ) -> io::Result<Self> {
        let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if v6 {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(wildcard(v6), port).into())?;
        socket.listen(LISTEN_BACKLOG)?;
        let mut listener = TcpListener::from_std(socket.into());
        let port = listener.local_addr()?.port();
        registry.register(&mut listener, Token(FIRST_STREAM - 1), Interest::READABLE)?;
        Ok(Self {
            listener,
            addresses: addresses.clone(),
            port,
            registry,
            next_token: FIRST_STREAM,
            streams: HashMap::new(),
            by_peer: HashMap::new(),
            per_address: HashMap::new(),
            ready: VecDeque::new(),
            check_at: Instant::now(),
            buffer: vec![0; READ_BYTES],
            dropped: 0,
        })
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Handles the readiness of the listener or a stream.
    pub(crate) fn handle_ready(&mut self, now: Instant, token: Token, worker: &mut Worker) {
        if token.0 + 1 == FIRST_STREAM {
            self.accept(now);
            return;
        }
        let Some(stream) = self.streams.get_mut(&token) else { return };
        if !std::mem::replace(&mut stream.is_queued, true) {
            self.ready.push_back(token);
        }
        self.write(now, token, worker);
    }

    fn accept(&mut self, now: Instant) {
        loop {
            let (socket, peer) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    // It was reset while it waited, or there are no descriptors left.
                    tracing::debug!(%error, "a TCP connection was not accepted");
                    if error.kind() == ErrorKind::ConnectionAborted {
                        continue;
                    }
                    return;
                }
            };
            let peer = canonical(peer);
            let count = self.per_address.get(&network_of(peer.ip())).copied().unwrap_or_default();
            if self.streams.len() >= MAX_STREAMS || count >= MAX_STREAMS_PER_ADDRESS {
                continue;
            }
            self.per_address.insert(network_of(peer.ip()), count + 1);
            if let Err(error) = self.add(now, socket, peer) {
                tracing::debug!(%error, "a TCP connection could not be used");
                self.uncount(peer.ip());
            }
        }
    }

    fn add(&mut self, now: Instant, mut socket: TcpStream, peer: SocketAddr) -> io::Result<()> {
        socket.set_nodelay(true)?;
        SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
        let local = socket.local_addr()?.ip().to_canonical();
        let local = self.addresses.local_candidate(peer.ip(), Some(local));
        let token = Token(self.next_token);
        self.next_token += 1;
        self.registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
        self.by_peer.insert(peer, token);
        self.streams.insert(
            token,
            Stream {
                socket,
                peer,
                local: SocketAddr::new(local, self.port),
                deframer: Deframer::default(),
                backlog: Backlog::default(),
                is_identified: false,
                last_received_at: now,
                is_queued: false,
            },
        );
        Ok(())
    }

    /// Reads a limited number of bytes from each ready stream. Returns the number of datagrams.
    pub(crate) fn receive(&mut self, worker: &mut Worker) -> usize {
        let mut datagrams = 0;
        for _ in 0..self.ready.len() {
            let Some(token) = self.ready.pop_front() else { break };
            match self.read(token, worker, &mut datagrams) {
                Some(true) => self.ready.push_back(token),
                Some(false) => {}
                None => self.close(token, worker),
            }
        }
        datagrams
    }

    /// Returns whether a stream has more to read.
    pub(crate) fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Reads from a stream. Returns whether there may be more, or `None` if the stream has ended.
    fn read(&mut self, token: Token, worker: &mut Worker, datagrams: &mut usize) -> Option<bool> {
        let Some(stream) = self.streams.get_mut(&token) else { return Some(false) };
        let length = match stream.socket.read(&mut self.buffer) {
            Ok(0) => return None,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Some(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stream.is_queued = false;
                return Some(false);
            }
            Err(_) => return None,
        };
        let now = Instant::now();
        let mut belongs = true;
        let framing = stream.deframer.push(&self.buffer[..length], |datagram| {
            *datagrams += 1;
            stream.last_received_at = now;
            belongs = worker.handle_tcp_datagram(now, stream.peer, stream.local, datagram);
            stream.is_identified |= belongs;
            belongs
        });
        (framing.is_ok() && belongs).then_some(true)
    }

    /// Sends datagrams over their stream.
    pub(crate) fn send(&mut self, now: Instant, transmit: &Transmit<'_>) {
        let Some(token) = self.by_peer.get(&transmit.destination) else { return };
        let Some(stream) = self.streams.get_mut(token) else { return };
        for datagram in transmit.datagrams() {
            let Some(framed) = framed(datagram) else { continue };
            self.dropped += stream.backlog.push(now, transmit.is_droppable, framed) as u64;
            // An error shows when the stream is read.
            if let Ok(dropped) = stream.backlog.write(now, &mut stream.socket) {
                self.dropped += dropped as u64;
            }
        }
    }

    fn write(&mut self, now: Instant, token: Token, worker: &mut Worker) {
        let Some(stream) = self.streams.get_mut(&token) else { return };
        match stream.backlog.write(now, &mut stream.socket) {
            Ok(dropped) => self.dropped += dropped as u64,
            Err(_) => self.close(token, worker),
        }
    }

    /// Returns how many datagrams were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Closes the streams that are idle or blocked.
    pub(crate) fn close_expired(&mut self, now: Instant, worker: &mut Worker) {
        if now < self.check_at {
            return;
        }
        self.check_at = now + CHECK_INTERVAL;
        let is_expired = |stream: &Stream| {
            let idle = now.saturating_duration_since(stream.last_received_at);
            let waiting_since = stream.backlog.waits_since();
            idle > if stream.is_identified { IDLE_TIMEOUT } else { IDENTIFY_TIMEOUT }
                || waiting_since
                    .is_some_and(|since| now.saturating_duration_since(since) > WRITE_TIMEOUT)
        };
        let expired: Vec<Token> =
            self.streams.iter().filter(|(_, s)| is_expired(s)).map(|(token, _)| *token).collect();
        for token in expired {
            self.close(token, worker);
        }
    }

    fn close(&mut self, token: Token, worker: &mut Worker) {
        let Some(mut stream) = self.streams.remove(&token) else { return };
        // The kernel removes it with the descriptor in any case.
        let _ = self.registry.deregister(&mut stream.socket);
        self.uncount(stream.peer.ip());
        // The same port may have connected again already.
        if self.by_peer.get(&stream.peer) == Some(&token) {
            self.by_peer.remove(&stream.peer);
            worker.handle_tcp_closed(stream.peer);
        }
    }

    fn uncount(&mut self, ip: IpAddr) {
        if let Some(count) = self.per_address.get_mut(&network_of(ip)) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&network_of(ip));
            }
        }
    }
}

/// Returns what counts as one address: of IPv6, the network that is assigned to a customer.
fn network_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
