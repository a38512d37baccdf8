//! A media thread: reads, lets the clients decide, sends, sleeps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;

use super::socket::BatchSocket;
use super::{Emulator, Figures, Harvest, MediaReport, Negotiation, NewClient, Order, TICK, far};
use crate::client::{Client, ClientError, Identity, Outbox, Sealing};

/// Clients of one socket: each socket has a buffer of its own.
const SHARED: usize = 32;
/// Batches from one socket before the others get their turn.
const BATCHES: usize = 8;

pub(super) struct MediaThread {
    orders: Receiver<Order>,
    identity: Identity,
    together: bool,
    sockets: Vec<Socket>,
    clients: Vec<Option<Member>>,
    numbers: HashMap<u32, usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    dirty: Vec<usize>,
    lateness: Histogram<u64>,
    counting: bool,
    finished: Vec<Figures>,
    server_ports: Vec<u16>,
    /// Time not slept since figures count.
    busy: Duration,
}

/// A socket and whom it is for.
struct Socket {
    batch: BatchSocket,
    /// By the address that was sent to; a socket of one client needs none.
    by_address: HashMap<IpAddr, usize>,
    sole: Option<usize>,
}

struct Member {
    number: u32,
    client: Client,
    link: Option<Emulator>,
    reports: UnboundedSender<MediaReport>,
    socket: Option<usize>,
    source: Option<IpAddr>,
    scheduled: Instant,
    dirty: bool,
    told: (bool, bool),
    whole: bool,
    arrived: u64,
    extra: u64,
    uplink: Outbox,
}

impl MediaThread {
    pub(super) fn new(orders: Receiver<Order>, identity: Identity, together: bool) -> Self {
        Self {
            orders,
            identity,
            together,
            sockets: Vec::new(),
            clients: Vec::new(),
            numbers: HashMap::new(),
            timers: BinaryHeap::new(),
            dirty: Vec::new(),
            lateness: Histogram::new_with_bounds(1, 60_000_000, 2).expect("bounds that fit"),
            counting: false,
            finished: Vec::new(),
            server_ports: Vec::new(),
            busy: Duration::ZERO,
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        loop {
            let began = Instant::now();
            if self.take_orders() {
                return;
            }
            let more = self.read();
            self.serve_timers();
            self.flush();
            self.busy += began.elapsed();
            if !more {
                std::thread::sleep(TICK);
            }
        }
    }

    /// Whether it is time to stop.
    fn take_orders(&mut self) -> bool {
        loop {
            let now = Instant::now();
            match self.orders.try_recv() {
                Ok(Order::Add(new)) => self.add(now, *new),
                Ok(Order::Answer { number, sdp }) => self.answer(now, number, &sdp),
                Ok(Order::Keys { number, keys }) => {
                    if let Some(member) = self.member(number)
                        && let Sealing::EndToEnd(cryptor) = &mut member.client.sealing
                    {
                        // Keys that cannot be installed show as frames that are refused.
                        let _ = cryptor.install(&keys, crate::unix_ms());
                    }
                }
                Ok(Order::Wanted { number, wanted }) => {
                    if let Some(member) = self.member(number) {
                        member.client.want(&wanted);
                    }
                }
                Ok(Order::Remove { number }) => self.remove(number),
                Ok(Order::StartCounting) => self.start_counting(now),
                Ok(Order::Collect(reply)) => {
                    let _ = reply.send(self.harvest());
                }
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => return true,
                Err(TryRecvError::Empty) => return false,
            }
        }
    }

    fn member(&mut self, number: u32) -> Option<&mut Member> {
        self.clients[*self.numbers.get(&number)?].as_mut()
    }

    fn add(&mut self, now: Instant, new: NewClient) {
        let NewClient { config, sealing, link, reports, negotiation } = new;
        let (number, seed) = (config.number, config.seed);
        // The server learns the address from the checks; it need not be known yet.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let client = match negotiation {
            Negotiation::Offer(offer) => {
                let (client, sdp) = Client::offer(now, config, sealing, &self.identity, unknown);
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
            link: link.map(|link| Emulator::new(link, seed)),
            reports,
            socket: None,
            source: None,
            scheduled: far(now),
            dirty: false,
            told: (false, false),
            whole: false,
            arrived: 0,
            extra: 0,
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

    /// Gives a client its socket: the checks can begin.
    fn connect(&mut self, at: usize, server: SocketAddr) {
        let Some(member) = self.clients[at].as_mut() else { return };
        if !self.server_ports.contains(&server.port()) {
            self.server_ports.push(server.port());
        }
        // On this machine every client has an address of its own in 127.0.0.0/8 and shares a
        // socket; elsewhere it has a port of its own.
        let shares = server.ip().is_loopback() && server.is_ipv4();
        let source = shares.then(|| {
            let [_, high, middle, low] = (member.number + 1).to_be_bytes();
            IpAddr::V4(Ipv4Addr::new(127, 1 + high, middle, low))
        });
        let free =
            self.sockets.iter().position(|s| s.sole.is_none() && s.by_address.len() < SHARED);
        let socket = match free.filter(|_| shares) {
            Some(socket) => socket,
            None => match BatchSocket::bind(self.together) {
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
        self.touch(at);
    }

    fn remove(&mut self, number: u32) {
        let Some(at) = self.numbers.remove(&number) else { return };
        let Some(member) = self.clients[at].take() else { return };
        if let (Some(socket), Some(source)) = (member.socket, member.source) {
            self.sockets[socket].by_address.remove(&source);
        }
        if self.counting {
            let figures = member.figures(Instant::now(), false);
            self.finished.push(figures);
        }
    }

    fn start_counting(&mut self, now: Instant) {
        self.counting = true;
        self.finished.clear();
        self.lateness.reset();
        self.busy = Duration::ZERO;
        for at in 0..self.clients.len() {
            let Some(member) = &mut self.clients[at] else { continue };
            member.client.receiver.start_counting();
            member.client.sender.start_counting();
            (member.arrived, member.extra) = (0, 0);
            member.whole = member.client.is_connected();
            if let Some(link) = &mut member.link {
                link.start_counting(now);
            }
            self.touch(at);
        }
    }

    fn harvest(&mut self) -> Harvest {
        self.counting = false;
        let mut figures = std::mem::take(&mut self.finished);
        let now = Instant::now();
        let there = self.clients.iter().flatten();
        figures.extend(there.map(|member| member.figures(now, member.whole)));
        Harvest {
            figures,
            lateness: self.lateness.clone(),
            ports: self.sockets.iter().map(|socket| socket.batch.port).collect(),
            unsent: self.sockets.iter().map(|socket| socket.batch.unsent).sum(),
            server_ports: self.server_ports.clone(),
            busy: self.busy,
        }
    }

    /// Reads what has come. Whether there may be more.
    fn read(&mut self) -> bool {
        let mut more = false;
        let Self { sockets, clients, dirty, .. } = self;
        for socket in sockets {
            let Socket { batch, by_address, sole } = socket;
            for round in 0..BATCHES {
                let now = Instant::now();
                let full = batch.receive(|to, datagram| {
                    let at = sole.or_else(|| by_address.get(&to?).copied());
                    let Some(at) = at else { return };
                    let Some(member) = clients[at].as_mut() else { return };
                    match member.client.is_media(datagram) {
                        Some(true) => member.arrived += 1,
                        Some(false) => member.extra += 1,
                        None => {}
                    }
                    match &mut member.link {
                        Some(link) => link.down(now, datagram),
                        None => member.receive(now, datagram),
                    }
                    if !std::mem::replace(&mut member.dirty, true) {
                        dirty.push(at);
                    }
                });
                match full {
                    Ok(true) => more |= round + 1 == BATCHES,
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

    fn serve_timers(&mut self) {
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
            let late = u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX);
            self.lateness.saturating_record(late.max(1));
            self.touch(at);
        }
    }

    fn touch(&mut self, at: usize) {
        if let Some(member) = self.clients[at].as_mut()
            && !std::mem::replace(&mut member.dirty, true)
        {
            self.dirty.push(at);
        }
    }

    /// Has everybody to whom something happened do what is due, and sends what came of it.
    fn flush(&mut self) {
        if self.dirty.is_empty() {
            return;
        }
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for at in std::mem::take(&mut self.dirty) {
            let now = Instant::now();
            let Some(member) = self.clients[at].as_mut() else { continue };
            member.dirty = false;
            member.work(now, unix);
            if let (Some(socket), Some(server)) = (member.socket, member.client.server()) {
                let batch = &mut self.sockets[socket].batch;
                batch.send(member.source, server, &member.uplink);
                member.uplink.clear();
            }
            let due = member.due(now);
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

    fn work(&mut self, now: Instant, unix: Duration) {
        if let Some(link) = &mut self.link {
            link.handle_timeout(now);
            while let Some(datagram) = self.link.as_mut().and_then(Emulator::poll_down) {
                self.receive(now, &datagram);
            }
        }
        if let Err(error) = self.client.handle_timeout(now, unix) {
            let _ = self.reports.send(MediaReport::Failed(error));
        }
        if self.client.is_connected() && !std::mem::replace(&mut self.told.0, true) {
            let _ = self.reports.send(MediaReport::Connected);
            self.client.sender.start(now);
        }
        let seen = self.client.receiver.stats.first_frame.is_some();
        if seen && !std::mem::replace(&mut self.told.1, true) {
            let _ = self.reports.send(MediaReport::FirstFrame);
        }
        match &mut self.link {
            None => std::mem::swap(&mut self.client.out, &mut self.uplink),
            Some(link) => {
                let mut begin = 0;
                for &end in &self.client.out.ends {
                    link.up(now, &self.client.out.bytes[begin..end]);
                    begin = end;
                }
                self.client.out.clear();
                while let Some(datagram) = link.poll_up() {
                    self.uplink.push(&datagram);
                }
            }
        }
    }

    fn due(&self, now: Instant) -> Instant {
        let client = self.client.poll_timeout().unwrap_or_else(|| far(now));
        let due = self.link.as_ref().map_or(client, |link| client.min(link.poll_timeout()));
        // What is due already is served at the next round.
        due.max(now + TICK)
    }

    fn figures(&self, now: Instant, whole: bool) -> Figures {
        let sender = &self.client.sender;
        Figures {
            number: self.number,
            slots: self.client.slots(),
            arrived: self.arrived,
            extra: self.extra,
            received: self.client.receiver.stats.clone(),
            streams: self.client.receiver.streams(now),
            sent_packets: sender.packets,
            sent_pictures: sender.picture_bytes,
            bytes_added: (sender.bytes_added_audio, sender.bytes_added_video),
            trace: self.link.as_ref().and_then(Emulator::trace),
            since: self.link.as_ref().and_then(Emulator::since),
            whole,
        }
    }
}
