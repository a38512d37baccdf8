//! UDP sockets of the bench: batches in, batches out, many clients on one.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGroSegment;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};

use crate::client::Outbox;

/// Bytes that may wait: in life each client has a machine of its own, here they wait for one
/// another.
const BUFFER: usize = 4 << 20;
/// Room for one datagram, or for all that the kernel keeps together.
const DATAGRAM: usize = 1_600;
const TOGETHER: usize = 65_536;
/// The kernel takes no more in one call.
const SEGMENTS: usize = 44;

pub(crate) struct BatchSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    metas: [RecvMeta; BATCH_SIZE],
    pub(crate) port: u16,
    /// Datagrams that the kernel did not take.
    pub(crate) unsent: u64,
}

impl BatchSocket {
    /// One that receives for every address of this machine. `together`: the kernel hands over
    /// what was sent in one call as it was sent, which costs the sender less than the wire would.
    pub(crate) fn bind(together: bool) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let state = UdpSocketState::new((&socket).into())?;
        state.set_recv_buffer_size((&socket).into(), BUFFER)?;
        state.set_send_buffer_size((&socket).into(), BUFFER)?;
        if !together {
            setsockopt(&socket, UdpGroSegment, &false)?;
        }
        let port = socket.local_addr()?.port();
        let room = if together { TOGETHER } else { DATAGRAM };
        Ok(Self {
            buffers: vec![vec![0; room]; BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            socket,
            state,
            port,
            unsent: 0,
        })
    }

    /// Reads one batch; calls `take` with where each datagram was sent to. Whether there may be
    /// more.
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
            // A port that is closed: the server ends.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Sends all that waits, datagrams of equal length in one call (the last may be shorter).
    pub(crate) fn send(&mut self, source: Option<IpAddr>, server: SocketAddr, outbox: &Outbox) {
        let mut ends = outbox.ends.iter().copied().peekable();
        let mut begin = 0;
        while let Some(first) = ends.next() {
            let size = first - begin;
            let (mut end, mut datagrams, mut last) = (first, 1, size);
            while let Some(next) =
                ends.next_if(|next| datagrams < SEGMENTS && last == size && *next - end <= size)
            {
                (last, end, datagrams) = (next - end, next, datagrams + 1);
            }
            let transmit = Transmit {
                destination: server,
                ecn: None,
                contents: &outbox.bytes[begin..end],
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
