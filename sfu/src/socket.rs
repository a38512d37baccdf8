//! A worker's UDP socket: batches in, batches out.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use sfu_core::Worker;
use socket2::{Domain, Protocol, Socket, Type};

use crate::addresses::{Addresses, canonical, mapped, wildcard};

/// Kernel buffers, in bytes. Small on purpose: when a worker can't keep up, early loss is better
/// than seconds of delay.
const BUFFER: usize = 1 << 20;
/// Room for one datagram of a batch that the kernel has put together.
const DATAGRAM: usize = 1_500;
/// The kernel takes no more in one call (the length field of UDP over IPv4).
const SEND_BYTES: usize = 65_000;

/// A bound socket with its buffers.
pub(crate) struct BatchSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    addresses: Addresses,
    port: u16,
    v6: bool,
    receive: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
    send: Vec<u8>,
}

/// What one reading of the socket brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// Datagrams.
    pub(crate) datagrams: usize,
    /// There may be more.
    pub(crate) more: bool,
}

/// What sending everything that waited came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) datagrams: usize,
    /// System calls.
    pub(crate) calls: usize,
    /// Datagrams that the kernel did not take.
    pub(crate) failed: usize,
}

impl BatchSocket {
    /// Binds to all addresses of this machine. IPv6 is left out where the kernel has none.
    pub(crate) fn bind(addresses: &Addresses, port: u16) -> io::Result<Self> {
        if addresses.any_v6() {
            match Self::bind_family(addresses.clone(), port, true) {
                Err(error) if error.kind() == ErrorKind::AddrInUse || !addresses.any_v4() => {
                    return Err(error);
                }
                Err(error) => tracing::info!(%error, "IPv6 cannot be used for media"),
                bound => return bound,
            }
        }
        Self::bind_family(addresses.clone().v4_only(), port, false)
    }

    fn bind_family(addresses: Addresses, port: u16, v6: bool) -> io::Result<Self> {
        let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if v6 {
            socket.set_only_v6(false)?;
        }
        socket.bind(&SocketAddr::new(wildcard(v6), port).into())?;
        let socket = UdpSocket::from(socket);
        let state = UdpSocketState::new((&socket).into())?;
        state.set_recv_buffer_size((&socket).into(), BUFFER)?;
        state.set_send_buffer_size((&socket).into(), BUFFER)?;
        let port = socket.local_addr()?.port();
        let size = state.gro_segments() * DATAGRAM;
        Ok(Self {
            receive: vec![vec![0; size]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            send: Vec::with_capacity(SEND_BYTES),
            socket,
            state,
            addresses,
            port,
            v6,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn candidates(&self) -> Vec<SocketAddr> {
        self.addresses.candidates(self.port)
    }

    /// Reads one batch and feeds it to the worker.
    pub(crate) fn receive(&mut self, worker: &mut Worker) -> io::Result<Batch> {
        let mut slices: Vec<IoSliceMut<'_>> =
            self.receive.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let read = self.state.recv((&self.socket).into(), &mut slices, &mut self.metas);
        let messages = match read {
            Ok(messages) => messages,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Ok(Batch { datagrams: 0, more: true });
            }
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        let mut datagrams = 0;
        for (meta, buffer) in self.metas[..messages].iter().zip(&self.receive) {
            let source = canonical(meta.addr);
            let local = meta.dst_ip.map(|ip| ip.to_canonical());
            let local = self.addresses.arrived_at(source.ip(), local);
            let destination = SocketAddr::new(local, self.port);
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                worker.handle_datagram(now, source, destination, datagram);
                datagrams += 1;
            }
        }
        Ok(Batch { datagrams, more: messages == BATCH_SIZE })
    }

    /// Sends everything that waits. Datagrams of equal size that follow each other to the same
    /// address go out in one system call (the last of them may be shorter).
    pub(crate) fn send_all(&mut self, worker: &mut Worker) -> Sent {
        let mut sent = Sent::default();
        let mut train: Option<Train> = None;
        while let Some(transmit) = worker.poll_transmit() {
            let (source, destination) = (transmit.source.ip(), transmit.destination);
            let length = transmit.contents.len();
            if let Some(current) = train.take() {
                let fits = current.takes(source, destination, length)
                    && current.wagons < self.state.max_gso_segments()
                    && self.send.len() + length <= SEND_BYTES;
                if fits {
                    let closed = length < current.size;
                    train = Some(Train { wagons: current.wagons + 1, closed, ..current });
                } else {
                    self.depart(&current, &mut sent);
                }
            }
            self.send.extend_from_slice(&transmit.contents);
            train.get_or_insert(Train {
                source,
                destination,
                size: length,
                wagons: 1,
                closed: false,
            });
        }
        if let Some(last) = train {
            self.depart(&last, &mut sent);
        }
        sent
    }

    fn depart(&mut self, train: &Train, sent: &mut Sent) {
        let destination = if self.v6 { mapped(train.destination) } else { train.destination };
        let src_ip = self.addresses.leaves_from(train.source, train.destination.ip());
        let transmit = Transmit {
            destination,
            ecn: None,
            contents: &self.send,
            segment_size: (train.wagons > 1).then_some(train.size),
            src_ip: src_ip.map(|ip| if self.v6 { mapped(SocketAddr::new(ip, 0)).ip() } else { ip }),
        };
        sent.calls += 1;
        sent.datagrams += train.wagons;
        if let Err(error) = self.state.try_send((&self.socket).into(), &transmit) {
            // Full buffers and unreachable clients are loss on the way, which media recovers from.
            sent.failed += train.wagons;
            tracing::trace!(%error, "datagrams were not sent");
        }
        self.send.clear();
    }
}

impl AsRawFd for BatchSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Datagrams that leave in one system call.
struct Train {
    source: IpAddr,
    destination: SocketAddr,
    /// Of all datagrams but the last, in bytes.
    size: usize,
    wagons: usize,
    /// The last one was shorter: nothing can follow.
    closed: bool,
}

impl Train {
    fn takes(&self, source: IpAddr, destination: SocketAddr, length: usize) -> bool {
        !self.closed
            && self.source == source
            && self.destination == destination
            && length <= self.size
    }
}
