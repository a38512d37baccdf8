//! Measures the cost of a forwarded packet: one publisher, some subscribers, packets of 1,200 bytes, real
//! sockets on loopback. Prints the worker thread's CPU time per forwarded packet.
//!
//! `cargo run --release -p sfu --example forward_cost -- [subscribers] [packets a frame] [video slots] [seconds]`,
//! with `NO_ESTIMATE=1` for no bandwidth estimation and `METRICS=1` for all metrics at the end.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use prometheus::{Registry, TextEncoder};
use sfu::{Sfu, SfuConfig};
use signaling_protocol::RoomId;
use support::{Client, deliver_to, work, work_until};
use tokio::sync::mpsc;

const FRAME: Duration = Duration::from_millis(33);

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let mut next = |default| arguments.next().unwrap_or(default);
    let (subscribers, per_frame, slots, seconds) = (next(10), next(30), next(1), next(10));

    let (sender, mut events) = mpsc::channel(4_096);
    let registry = Registry::new();
    let advertised = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let estimate_bandwidth = std::env::var_os("NO_ESTIMATE").is_none();
    let config = SfuConfig { advertised, estimate_bandwidth, ..SfuConfig::default() };
    let sfu = Sfu::start(config, deliver_to(sender), &registry).expect("it starts");
    let room = RoomId::from_bytes([1; 16]);
    let mut clients: Vec<Client> = (0..=subscribers)
        .map(|n| {
            let audio = slots.div_ceil(2);
            Client::join(&sfu.handle(), &mut events, &room, n as u32 + 1, n == 0, (audio, slots))
        })
        .collect();
    work_until(&mut clients, "everybody to be connected", |c| c.iter().all(|c| c.connected));

    let run = |clients: &mut Vec<Client>, time: Duration| {
        let begin = Instant::now();
        let mut frame = 0u32;
        while begin.elapsed() < time {
            for packet in 0..per_frame {
                clients[0].send(frame * 2_970, packet + 1 == per_frame, &[1; 1_160]);
            }
            frame += 1;
            let next = begin + FRAME * frame;
            work(clients, next.saturating_duration_since(Instant::now()));
        }
    };
    run(&mut clients, Duration::from_secs(2));
    let received = |clients: &[Client]| clients.iter().map(|c| c.received).sum::<usize>();
    let (cpu, packets, begin) = (worker_cpu(), received(&clients), Instant::now());
    run(&mut clients, Duration::from_secs(seconds as u64));
    let cpu = worker_cpu() - cpu;
    let packets = received(&clients) - packets;
    let elapsed = begin.elapsed().as_secs_f64();
    let _ = writeln!(
        std::io::stdout(),
        "{subscribers} subscribers, {slots} video slots, {per_frame} packets a frame: {:.0} \
         forwarded/s, {:.2} µs of CPU a packet ({:.0} % of a core)",
        packets as f64 / elapsed,
        cpu.as_secs_f64() * 1e6 / packets as f64,
        cpu.as_secs_f64() / elapsed * 100.0,
    );
    sfu.stop();
    if std::env::var_os("METRICS").is_some() {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("metrics");
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// CPU time of the worker threads so far, as the scheduler counts it.
fn worker_cpu() -> Duration {
    let mut nanos = 0;
    for task in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if name.starts_with("sfu-") {
            let stat = fs::read_to_string(task.path().join("schedstat")).expect("schedstat");
            nanos += stat.split(' ').next().and_then(|n| n.parse::<u64>().ok()).expect("a number");
        }
    }
    Duration::from_nanos(nanos)
}
