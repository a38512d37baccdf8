//! UDP sockets with batched receiving and sending, shared by many clients.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGroSegment;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use crate::client::Outbox;

/// Socket buffer size in bytes; large, because all clients share one machine.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// Buffer size for one datagram.
const DATAGRAM_BYTES: usize = 1_600;
/// Buffer size for the datagrams that UDP GRO coalesces.
const GRO_BYTES: usize = 65_536;
/// The kernel's limit of segments per call.
const MAX_SEGMENTS: usize = 44;

/// A UDP socket with its receive buffers.
pub(crate) struct BatchSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
    pub(crate) port: u16,
    /// Datagrams that the kernel did not accept.
    pub(crate) unsent: u64,
}

impl BatchSocket {
    /// Binds a socket on all addresses. `gro` enables UDP GRO: on loopback, datagrams sent in one call
    /// then arrive in one call, which costs the sender less than a network would.
    pub(crate) fn bind(gro: bool) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let state = UdpSocketState::new((&socket).into())?;
        state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)?;
        state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES)?;
        if !gro {
            setsockopt(&socket, UdpGroSegment, &false)?;
        }
        let port = socket.local_addr()?.port();
        let buffer_bytes = if gro { GRO_BYTES } else { DATAGRAM_BYTES };
        Ok(Self {
            buffers: vec![vec![0; buffer_bytes]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            socket,
            state,
            port,
            unsent: 0,
        })
    }

    /// Reads one batch, and calls `take` with each datagram and its destination address. Returns
    /// `true` if more may be waiting.
    pub(crate) fn receive(
        &mut self,
        mut take: impl FnMut(Option<IpAddr>, &[u8]),
    ) -> io::Result<bool> {
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = {
            let mut buffers = self.buffers.iter_mut();
            std::array::from_fn(|_| {
                IoSliceMut::new(buffers.next().map_or(&mut [][..], |buffer| &mut buffer[..]))
            })
        };
        match self.state.recv((&self.socket).into(), &mut slices, &mut self.metas) {
            Ok(messages) => {
                for (meta, buffer) in self.metas[..messages].iter().zip(&self.buffers) {
                    for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                        take(meta.dst_ip, datagram);
                    }
                }
                Ok(messages == BATCH_SIZE)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            // The server has closed its port.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Sends all datagrams, those of equal length in one call (the last may be shorter).
    pub(crate) fn send(&mut self, source: Option<IpAddr>, server: SocketAddr, outbox: &Outbox) {
        let (bytes, ends) = outbox.parts();
        let mut ends = ends.iter().copied().peekable();
        let mut begin = 0;
        while let Some(first) = ends.next() {
            let size = first - begin;
            let (mut end, mut datagrams, mut last) = (first, 1, size);
            while let Some(next) =
                ends.next_if(|next| datagrams < MAX_SEGMENTS && last == size && *next - end <= size)
            {
                (last, end, datagrams) = (next - end, next, datagrams + 1);
            }
            let transmit = Transmit {
                destination: server,
                ecn: None,
                contents: &bytes[begin..end],
                segment_size: (datagrams > 1).then_some(size),
                src_ip: source,
            };
            if self.state.try_send((&self.socket).into(), &transmit).is_err() {
                self.unsent += datagrams as u64;
            }
            begin = end;
        }
    }
}
