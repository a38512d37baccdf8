//! A worker's TCP port: datagrams in streams, for clients whose UDP does not pass (RFC 6544).
//!
//! Bounded in every direction: streams in all and per address, bytes read at a time, bytes that wait
//! to be written, and the time that a stream may be silent or stuck. A stream lives only as long as
//! the core says that it belongs to a participant.

mod backlog;
mod framing;

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use sfu_core::{Train, Worker};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::addresses::{Addresses, canonical, wildcard};
use backlog::Backlog;
use framing::{Deframer, framed};

/// Streams of a worker.
const STREAMS: usize = 2_048;
/// Streams of one address; a whole office may be behind one.
const STREAMS_PER_ADDRESS: usize = 128;
/// How long a stream may take until its first datagram says whose it is.
const PROVE: Duration = Duration::from_secs(5);
/// How long a participant may be silent. Clients check every few seconds.
const SILENT: Duration = Duration::from_secs(30);
/// How long nothing may be taken of what waits to be written.
const STUCK: Duration = Duration::from_secs(10);
/// How often it is seen whether any of these has come.
const SWEEP: Duration = Duration::from_secs(1);
/// Bytes that are read from a stream before others have their turn.
const READ: usize = 16 << 10;
/// Kernel buffer of a stream on the way out: what lies there can't be overtaken by sound.
const SEND_BUFFER: usize = 32 << 10;
/// Connections that may wait to be accepted.
const WAITING: i32 = 128;

/// The listener and its streams.
pub(crate) struct Streams {
    listener: TcpListener,
    addresses: Addresses,
    port: u16,
    registry: Registry,
    first: usize,
    next: usize,
    streams: HashMap<Token, Stream>,
    by_peer: HashMap<SocketAddr, Token>,
    per_address: HashMap<IpAddr, usize>,
    /// Streams with more to read.
    ready: VecDeque<Token>,
    sweep_at: Instant,
    buffer: Vec<u8>,
    /// Datagrams left out, since this was last taken.
    pub(crate) dropped: u64,
}

struct Stream {
    socket: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    deframer: Deframer,
    backlog: Backlog,
    proved: bool,
    heard: Instant,
    queued: bool,
}

impl Streams {
    /// Listens on a port of all addresses. Streams get tokens from `first` on, the listener the one
    /// before.
    pub(crate) fn bind(
        addresses: &Addresses,
        port: u16,
        v6: bool,
        registry: Registry,
        first: usize,
    ) -> io::Result<Self> {
        let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        if v6 {
            socket.set_only_v6(false)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(wildcard(v6), port).into())?;
        socket.listen(WAITING)?;
        let mut listener = TcpListener::from_std(socket.into());
        let port = listener.local_addr()?.port();
        registry.register(&mut listener, Token(first - 1), Interest::READABLE)?;
        Ok(Self {
            listener,
            addresses: addresses.clone(),
            port,
            registry,
            first,
            next: first,
            streams: HashMap::new(),
            by_peer: HashMap::new(),
            per_address: HashMap::new(),
            ready: VecDeque::new(),
            sweep_at: Instant::now(),
            buffer: vec![0; READ],
            dropped: 0,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Something has happened to the listener or a stream.
    pub(crate) fn woken(&mut self, now: Instant, token: Token, worker: &mut Worker) {
        if token.0 + 1 == self.first {
            self.accept(now);
            return;
        }
        let Some(stream) = self.streams.get_mut(&token) else { return };
        if !std::mem::replace(&mut stream.queued, true) {
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
                    // One that was reset while it waited, or no descriptors left: nobody else's loss.
                    tracing::debug!(%error, "a TCP connection was not accepted");
                    if error.kind() == ErrorKind::ConnectionAborted {
                        continue;
                    }
                    return;
                }
            };
            let peer = canonical(peer);
            // Who is turned away leaves nothing behind.
            let count = self.per_address.get(&whose(peer.ip())).copied().unwrap_or_default();
            if self.streams.len() >= STREAMS || count >= STREAMS_PER_ADDRESS {
                continue;
            }
            self.per_address.insert(whose(peer.ip()), count + 1);
            if let Err(error) = self.admit(now, socket, peer) {
                tracing::debug!(%error, "a TCP connection could not be used");
                self.uncount(peer.ip());
            }
        }
    }

    fn admit(&mut self, now: Instant, mut socket: TcpStream, peer: SocketAddr) -> io::Result<()> {
        socket.set_nodelay(true)?;
        SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
        let local = socket.local_addr()?.ip().to_canonical();
        let local = self.addresses.arrived_at(peer.ip(), Some(local));
        let token = Token(self.next);
        self.next += 1;
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
                proved: false,
                heard: now,
                queued: false,
            },
        );
        Ok(())
    }

    /// Reads a little from each stream that has something. How many datagrams that brought.
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

    /// Whether a stream has more to read.
    pub(crate) fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether there may be more; `None` if the stream is over.
    fn read(&mut self, token: Token, worker: &mut Worker, datagrams: &mut usize) -> Option<bool> {
        let Some(stream) = self.streams.get_mut(&token) else { return Some(false) };
        let length = match stream.socket.read(&mut self.buffer) {
            Ok(0) => return None,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Some(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stream.queued = false;
                return Some(false);
            }
            Err(_) => return None,
        };
        let now = Instant::now();
        let mut belongs = true;
        let framing = stream.deframer.push(&self.buffer[..length], |datagram| {
            *datagrams += 1;
            stream.heard = now;
            belongs = worker.handle_tcp_datagram(now, stream.peer, stream.local, datagram);
            stream.proved |= belongs;
            belongs
        });
        (framing.is_ok() && belongs).then_some(true)
    }

    /// Has a train leave over its stream.
    pub(crate) fn depart(&mut self, now: Instant, train: Train<'_>) {
        let Some(token) = self.by_peer.get(&train.destination) else { return };
        let Some(stream) = self.streams.get_mut(token) else { return };
        for datagram in train.datagrams() {
            let Some(framed) = framed(datagram) else { continue };
            self.dropped += stream.backlog.push(now, train.yields, framed) as u64;
            // What fails shows when the stream is read.
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

    /// Closes what is silent or stuck.
    pub(crate) fn sweep(&mut self, now: Instant, worker: &mut Worker) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP;
        let over = |stream: &Stream| {
            let silent = now.saturating_duration_since(stream.heard);
            let stuck = stream.backlog.waits_since();
            silent > if stream.proved { SILENT } else { PROVE }
                || stuck.is_some_and(|since| now.saturating_duration_since(since) > STUCK)
        };
        let over: Vec<Token> =
            self.streams.iter().filter(|(_, s)| over(s)).map(|(token, _)| *token).collect();
        for token in over {
            self.close(token, worker);
        }
    }

    fn close(&mut self, token: Token, worker: &mut Worker) {
        let Some(mut stream) = self.streams.remove(&token) else { return };
        // The kernel forgets it with the descriptor in any case.
        let _ = self.registry.deregister(&mut stream.socket);
        self.uncount(stream.peer.ip());
        // The same port may have come again already.
        if self.by_peer.get(&stream.peer) == Some(&token) {
            self.by_peer.remove(&stream.peer);
            worker.handle_tcp_closed(stream.peer);
        }
    }

    fn uncount(&mut self, ip: IpAddr) {
        if let Some(count) = self.per_address.get_mut(&whose(ip)) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&whose(ip));
            }
        }
    }
}

/// What counts as one address: of IPv6, the network that a subscriber is given.
fn whose(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
