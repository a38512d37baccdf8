//! A media thread: reads datagrams, runs the clients, sends their output, sleeps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;

use super::socket::BatchSocket;
use super::{
    ClientReport, LinkEmulator, MediaReport, Negotiation, NewClient, TICK, ThreadCommand,
    ThreadReport, far_future,
};
use crate::client::{Client, ClientError, FrameProtection, Identity, Outbox};

/// Clients per socket; each socket has its own kernel buffer.
const CLIENTS_PER_SOCKET: usize = 32;
/// Batches read from one socket before the next socket.
const MAX_BATCHES: usize = 8;

/// The state of one media thread.
pub(super) struct MediaThread {
    commands: Receiver<ThreadCommand>,
    identity: Identity,
    gro: bool,
    sockets: Vec<Socket>,
    clients: Vec<Option<Member>>,
    numbers: HashMap<u32, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    dirty: Vec<usize>,
    timer_lag: Histogram<u64>,
    counting: bool,
    finished: Vec<ClientReport>,
    server_ports: Vec<u16>,
    /// Time not slept since the start of the measurement.
    busy: Duration,
}

/// A socket and its clients.
struct Socket {
    batch: BatchSocket,
    /// Clients by destination address, if several share the socket.
    by_address: HashMap<IpAddr, usize>,
    /// The only client of the socket, if it is not shared.
    sole: Option<usize>,
}

struct Member {
    number: u32,
    client: Client,
    link: Option<LinkEmulator>,
    reports: UnboundedSender<MediaReport>,
    socket: Option<usize>,
    source: Option<IpAddr>,
    scheduled: Instant,
    dirty: bool,
    connected_reported: bool,
    first_frame_reported: bool,
    present_throughout: bool,
    media_packets: u64,
    extra_packets: u64,
    uplink: Outbox,
}

impl MediaThread {
    pub(super) fn new(commands: Receiver<ThreadCommand>, identity: Identity, gro: bool) -> Self {
        Self {
            commands,
            identity,
            gro,
            sockets: Vec::new(),
            clients: Vec::new(),
            numbers: HashMap::new(),
            timers: BinaryHeap::new(),
            dirty: Vec::new(),
            timer_lag: Histogram::new_with_bounds(1, 60_000_000, 2).expect("bounds that fit"),
            counting: false,
            finished: Vec::new(),
            server_ports: Vec::new(),
            busy: Duration::ZERO,
        }
    }

    /// Runs until the stop command.
    pub(super) fn run(mut self) {
        loop {
            let began = Instant::now();
            if self.handle_commands() {
                return;
            }
            let more = self.read();
            self.handle_timers();
            self.run_dirty_clients();
            self.busy += began.elapsed();
            if !more {
                std::thread::sleep(TICK);
            }
        }
    }

    /// Executes waiting commands. Returns `true` if the thread is to stop.
    fn handle_commands(&mut self) -> bool {
        loop {
            let now = Instant::now();
            match self.commands.try_recv() {
                Ok(ThreadCommand::Add(new)) => self.add(now, *new),
                Ok(ThreadCommand::Answer { number, sdp }) => self.answer(now, number, &sdp),
                Ok(ThreadCommand::SetKeys { number, keys }) => {
                    if let Some(member) = self.member(number)
                        && let FrameProtection::EndToEnd(cryptor) = &mut member.client.protection
                    {
                        // A failure shows in the report as frames that do not authenticate.
                        let _ = cryptor.install(&keys, crate::unix_ms());
                    }
                }
                Ok(ThreadCommand::SetSubscribedQuality { number, quality }) => {
                    if let Some(member) = self.member(number) {
                        member.client.set_subscribed_quality(&quality);
                    }
                }
                Ok(ThreadCommand::Remove { number }) => self.remove(number),
                Ok(ThreadCommand::StartCounting) => self.start_counting(now),
                Ok(ThreadCommand::Collect(reply)) => {
                    let _ = reply.send(self.report());
                }
                Ok(ThreadCommand::Stop) | Err(TryRecvError::Disconnected) => return true,
                Err(TryRecvError::Empty) => return false,
            }
        }
    }

    fn member(&mut self, number: u32) -> Option<&mut Member> {
        self.clients[*self.numbers.get(&number)?].as_mut()
    }

    fn add(&mut self, now: Instant, new: NewClient) {
        let NewClient { config, protection, link, reports, negotiation } = new;
        let (number, seed) = (config.number, config.seed);
        // The server learns the client's address from ICE checks.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let client = match negotiation {
            Negotiation::Offer(offer) => {
                let (client, sdp) = Client::offer(now, config, protection, &self.identity, unknown);
                let _ = offer.send((sdp, client.tracks()));
                client
            }
            Negotiation::Answer(offer, answer) => {
                match Client::accept(now, config, &self.identity, unknown, &offer) {
                    Ok((client, sdp)) => {
                        let _ = answer.send(sdp);
                        client
                    }
                    Err(error) => {
                        let _ = reports.send(MediaReport::Failed(error));
                        return;
                    }
                }
            }
        };
        let at = self.clients.len();
        let server = client.server();
        self.numbers.insert(number, at);
        self.clients.push(Some(Member {
            number,
            client,
            link: link.map(|link| LinkEmulator::new(link, seed)),
            reports,
            socket: None,
            source: None,
            scheduled: far_future(now),
            dirty: false,
            connected_reported: false,
            first_frame_reported: false,
            present_throughout: false,
            media_packets: 0,
            extra_packets: 0,
            uplink: Outbox::default(),
        }));
        if let Some(server) = server {
            self.connect(at, server);
        }
    }

    fn answer(&mut self, now: Instant, number: u32, sdp: &str) {
        let Some(&at) = self.numbers.get(&number) else { return };
        let Some(member) = self.clients[at].as_mut() else { return };
        match member.client.answer(now, sdp, &self.identity) {
            Ok(server) => self.connect(at, server),
            Err(error) => {
                let _ = member.reports.send(MediaReport::Failed(error));
            }
        }
    }

    /// Assigns a socket to a client, which then starts ICE checks.
    fn connect(&mut self, at: usize, server: SocketAddr) {
        let Some(member) = self.clients[at].as_mut() else { return };
        if !self.server_ports.contains(&server.port()) {
            self.server_ports.push(server.port());
        }
        // With a server on loopback, every client has its own address in 127.0.0.0/8 and shares a
        // socket; otherwise it has its own socket.
        let shares = server.ip().is_loopback() && server.is_ipv4();
        let source = shares.then(|| {
            let [_, high, middle, low] = (member.number + 1).to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(127, 1 + high, middle, low))
        });
        let free = self
            .sockets
            .iter()
            .position(|s| s.sole.is_none() && s.by_address.len() < CLIENTS_PER_SOCKET);
        let socket = match free.filter(|_| shares) {
            Some(socket) => socket,
            None => match BatchSocket::bind(self.gro) {
                Ok(batch) => {
                    let sole = (!shares).then_some(at);
                    self.sockets.push(Socket { batch, by_address: HashMap::new(), sole });
                    self.sockets.len() - 1
                }
                Err(error) => {
                    let failed = ClientError::Ice(format!("no socket: {error}"));
                    let _ = member.reports.send(MediaReport::Failed(failed));
                    return;
                }
            },
        };
        if let Some(source) = source {
            self.sockets[socket].by_address.insert(source, at);
        }
        (member.socket, member.source) = (Some(socket), source);
        self.mark_dirty(at);
    }

    fn remove(&mut self, number: u32) {
        let Some(at) = self.numbers.remove(&number) else { return };
        let Some(member) = self.clients[at].take() else { return };
        if let (Some(socket), Some(source)) = (member.socket, member.source) {
            self.sockets[socket].by_address.remove(&source);
        }
        if self.counting {
            self.finished.push(member.report(Instant::now(), false));
        }
    }

    fn start_counting(&mut self, now: Instant) {
        self.counting = true;
        self.finished.clear();
        self.timer_lag.reset();
        self.busy = Duration::ZERO;
        for at in 0..self.clients.len() {
            let Some(member) = &mut self.clients[at] else { continue };
            member.client.receiver.start_counting();
            member.client.sender.start_counting();
            (member.media_packets, member.extra_packets) = (0, 0);
            member.present_throughout = member.client.is_connected();
            if let Some(link) = &mut member.link {
                link.start_counting(now);
            }
            self.mark_dirty(at);
        }
    }

    fn report(&mut self) -> ThreadReport {
        self.counting = false;
        let mut clients = std::mem::take(&mut self.finished);
        let now = Instant::now();
        let present = self.clients.iter().flatten();
        clients.extend(present.map(|member| member.report(now, member.present_throughout)));
        ThreadReport {
            clients,
            timer_lag: self.timer_lag.clone(),
            ports: self.sockets.iter().map(|socket| socket.batch.port).collect(),
            unsent: self.sockets.iter().map(|socket| socket.batch.unsent).sum(),
            server_ports: self.server_ports.clone(),
            busy: self.busy,
        }
    }

    /// Reads from all sockets. Returns `true` if more datagrams may be waiting.
    fn read(&mut self) -> bool {
        let mut more = false;
        let Self { sockets, clients, dirty, .. } = self;
        for socket in sockets {
            let Socket { batch, by_address, sole } = socket;
            for round in 0..MAX_BATCHES {
                let now = Instant::now();
                let full = batch.receive(|to, datagram| {
                    let at = sole.or_else(|| by_address.get(&to?).copied());
                    let Some(at) = at else { return };
                    let Some(member) = clients[at].as_mut() else { return };
                    match member.client.is_media(datagram) {
                        Some(true) => member.media_packets += 1,
                        Some(false) => member.extra_packets += 1,
                        None => {}
                    }
                    match &mut member.link {
                        Some(link) => link.push_down(now, datagram),
                        None => member.receive(now, datagram),
                    }
                    if !std::mem::replace(&mut member.dirty, true) {
                        dirty.push(at);
                    }
                });
                match full {
                    Ok(true) => more |= round + 1 == MAX_BATCHES,
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(%error, "reading failed");
                        break;
                    }
                }
            }
        }
        more
    }

    fn handle_timers(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((due, at))) = self.timers.peek() {
            if due > now {
                break;
            }
            self.timers.pop();
            let Some(member) = self.clients[at].as_mut() else { continue };
            if member.scheduled != due {
                continue;
            }
            let lag = u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX);
            self.timer_lag.saturating_record(lag.max(1));
            self.mark_dirty(at);
        }
    }

    fn mark_dirty(&mut self, at: usize) {
        if let Some(member) = self.clients[at].as_mut()
            && !std::mem::replace(&mut member.dirty, true)
        {
            self.dirty.push(at);
        }
    }

    /// Runs all dirty clients and sends their output.
    fn run_dirty_clients(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for at in std::mem::take(&mut self.dirty) {
            let now = Instant::now();
            let Some(member) = self.clients[at].as_mut() else { continue };
            member.dirty = false;
            member.run(now, unix);
            if let (Some(socket), Some(server)) = (member.socket, member.client.server()) {
                let batch = &mut self.sockets[socket].batch;
                batch.send(member.source, server, &member.uplink);
                member.uplink.clear();
            }
            let due = member.next_timeout(now);
            if due != member.scheduled {
                member.scheduled = due;
                self.timers.push(Reverse((due, at)));
            }
        }
    }
}

impl Member {
    fn receive(&mut self, now: Instant, datagram: &[u8]) {
        if let Err(error) = self.client.handle_datagram(now, datagram) {
            let _ = self.reports.send(MediaReport::Failed(error));
        }
    }

    fn run(&mut self, now: Instant, unix: Duration) {
        if let Some(link) = &mut self.link {
            link.handle_timeout(now);
            while let Some(datagram) = self.link.as_mut().and_then(LinkEmulator::poll_down) {
                self.receive(now, &datagram);
            }
        }
        if let Err(error) = self.client.handle_timeout(now, unix) {
            let _ = self.reports.send(MediaReport::Failed(error));
        }
        if self.client.is_connected() && !std::mem::replace(&mut self.connected_reported, true) {
            let _ = self.reports.send(MediaReport::Connected);
            self.client.sender.start(now);
        }
        let seen = self.client.receiver.stats.first_frame.is_some();
        if seen && !std::mem::replace(&mut self.first_frame_reported, true) {
            let _ = self.reports.send(MediaReport::FirstFrame);
        }
        match &mut self.link {
            None => std::mem::swap(&mut self.client.out, &mut self.uplink),
            Some(link) => {
                for datagram in self.client.out.datagrams() {
                    link.push_up(now, datagram);
                }
                self.client.out.clear();
                while let Some(datagram) = link.poll_up() {
                    self.uplink.push(&datagram);
                }
            }
        }
    }

    fn next_timeout(&self, now: Instant) -> Instant {
        let client = self.client.poll_timeout().unwrap_or_else(|| far_future(now));
        let due = self.link.as_ref().map_or(client, |link| client.min(link.poll_timeout()));
        // An overdue timeout is handled in the next round.
        due.max(now + TICK)
    }

    fn report(&self, now: Instant, present_throughout: bool) -> ClientReport {
        let sender = &self.client.sender;
        ClientReport {
            number: self.number,
            slots: self.client.slots(),
            media_packets: self.media_packets,
            extra_packets: self.extra_packets,
            received: self.client.receiver.stats.clone(),
            streams: self.client.receiver.streams(now),
            sent_packets: sender.packets,
            sent_video_bytes: sender.video_bytes,
            overhead_bytes: (sender.overhead_bytes_audio, sender.overhead_bytes_video),
            trace: self.link.as_ref().and_then(LinkEmulator::trace),
            since: self.link.as_ref().and_then(LinkEmulator::since),
            present_throughout,
        }
    }
}
