//! The floor: what the kernel takes for one datagram, whoever sends it.

use std::net::UdpSocket;

use crate::BenchError;
use crate::server::cpu_of;

/// Datagrams sent for one reading.
const DATAGRAMS: u32 = 200_000;

/// CPU microseconds of one bare `sendto` of so many bytes on loopback, this process's own.
pub(crate) fn sendto(bytes: usize) -> Result<f64, BenchError> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let target = receiver.local_addr()?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let datagram = vec![0u8; bytes];
    let before = cpu_of(std::process::id())?;
    for _ in 0..DATAGRAMS {
        // Nobody reads: past the receiver's buffer the kernel drops, as it does for all alike.
        sender.send_to(&datagram, target)?;
    }
    let cpu = cpu_of(std::process::id())? - before;
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(DATAGRAMS))
}
