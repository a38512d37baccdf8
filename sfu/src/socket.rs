//! A worker's UDP socket, read and written in batches.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime};

use mio::Registry;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use sfu_core::{Transmit, Transport, Worker};
use socket2::{Domain, Protocol, Socket, Type};

use crate::addresses::{Addresses, canonical, mapped, wildcard};
use crate::tcp::Streams;

/// Size of the kernel buffers, in bytes. Small on purpose: when a worker can't keep up, early loss is
/// better than seconds of delay.
const KERNEL_BUFFER: usize = 1 << 20;
/// Buffer size for one datagram of a batch that the kernel has coalesced, in bytes.
const DATAGRAM_BYTES: usize = 1_500;

/// A bound socket with its buffers.
pub(crate) struct BatchSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    addresses: Addresses,
    port: u16,
    v6: bool,
    receive: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
}

/// The result of reading a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) datagrams: usize,
    /// There may be more to read.
    pub(crate) more: bool,
    /// The time that the oldest datagram has waited in the kernel, if the kernel reports it.
    pub(crate) waited: Duration,
}

/// The result of sending everything that was queued.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) datagrams: usize,
    /// System calls.
    pub(crate) calls: usize,
    /// Datagrams that the kernel did not accept.
    pub(crate) failed: usize,
}

impl BatchSocket {
    /// Binds to all addresses of this machine, without IPv6 if the kernel does not support it.
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
        state.set_recv_buffer_size((&socket).into(), KERNEL_BUFFER)?;
        state.set_send_buffer_size((&socket).into(), KERNEL_BUFFER)?;
        let port = socket.local_addr()?.port();
        let size = state.gro_segments() * DATAGRAM_BYTES;
        Ok(Self {
            receive: vec![vec![0; size]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            socket,
            state,
            addresses,
            port,
            v6,
        })
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the candidates on this port.
    pub(crate) fn candidates(&self) -> Vec<SocketAddr> {
        self.candidates_on(self.port)
    }

    /// Returns the candidates on another port.
    pub(crate) fn candidates_on(&self, port: u16) -> Vec<SocketAddr> {
        self.addresses.candidates(port)
    }

    /// Listens for TCP on the same port, or on any free one if no port was requested and it is in use.
    pub(crate) fn listen(&self, requested: u16, registry: Registry) -> io::Result<Streams> {
        let bind = |port, registry| Streams::bind(&self.addresses, port, self.v6, registry);
        let spare = registry.try_clone()?;
        match bind(self.port, registry) {
            Err(error) if requested == 0 && error.kind() == ErrorKind::AddrInUse => bind(0, spare),
            bound => bound,
        }
    }

    /// Reads a batch and feeds the worker with it.
    pub(crate) fn receive(&mut self, worker: &mut Worker) -> io::Result<Batch> {
        let mut slices: Vec<IoSliceMut<'_>> =
            self.receive.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let read = self.state.recv((&self.socket).into(), &mut slices, &mut self.metas);
        let messages = match read {
            Ok(messages) => messages,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                return Ok(Batch { datagrams: 0, more: true, waited: Duration::ZERO });
            }
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        let waited = waited(&self.metas[..messages]);
        worker.handle_read(now, messages == BATCH_SIZE);
        let mut datagrams = 0;
        for (meta, buffer) in self.metas[..messages].iter().zip(&self.receive) {
            let source = canonical(meta.addr);
            let local = meta.dst_ip.map(|ip| ip.to_canonical());
            let local = self.addresses.local_candidate(source.ip(), local);
            let destination = SocketAddr::new(local, self.port);
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                worker.handle_datagram(now, source, destination, datagram);
                datagrams += 1;
            }
        }
        Ok(Batch { datagrams, more: messages == BATCH_SIZE, waited })
    }

    /// Sends everything that the worker has queued, each batch in one system call; TCP goes through
    /// `streams`.
    pub(crate) fn send_all(
        &mut self,
        worker: &mut Worker,
        mut streams: Option<&mut Streams>,
    ) -> Sent {
        let mut sent = Sent::default();
        let max_segments = self.state.max_gso_segments();
        while let Some(transmit) = worker.poll_transmit() {
            if transmit.transport == Transport::Tcp {
                if let Some(streams) = &mut streams {
                    streams.send(Instant::now(), &transmit);
                }
                continue;
            }
            // One part, if the kernel can segment at all.
            for part in transmit.contents.chunks(transmit.segment * max_segments) {
                self.send(&Transmit { contents: part, ..transmit }, &mut sent);
            }
        }
        sent
    }

    fn send(&self, transmit: &Transmit<'_>, sent: &mut Sent) {
        let destination = if self.v6 { mapped(transmit.destination) } else { transmit.destination };
        let source_ip = self.addresses.source_ip(transmit.source.ip(), transmit.destination.ip());
        let datagrams = transmit.contents.len().div_ceil(transmit.segment);
        let datagram = quinn_udp::Transmit {
            destination,
            ecn: None,
            contents: transmit.contents,
            segment_size: (datagrams > 1).then_some(transmit.segment),
            src_ip: source_ip
                .map(|ip| if self.v6 { mapped(SocketAddr::new(ip, 0)).ip() } else { ip }),
        };
        sent.calls += 1;
        sent.datagrams += datagrams;
        if let Err(error) = self.state.try_send((&self.socket).into(), &datagram) {
            // Full buffers and unreachable clients count as packet loss, from which media recovers.
            sent.failed += datagrams;
            tracing::trace!(%error, "datagrams were not sent");
        }
    }
}

/// Returns the time that the oldest datagram has waited in the kernel, which stamps them with the wall
/// clock.
fn waited(metas: &[RecvMeta]) -> Duration {
    let Some(arrived) = metas.iter().filter_map(|meta| meta.timestamp).min() else {
        return Duration::ZERO;
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(arrived)
}

impl AsRawFd for BatchSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
