//! The unit of comparison: the kernel's CPU time for sending one datagram.

use std::net::UdpSocket;

use crate::BenchError;
use crate::server::cpu_of;

/// Datagrams sent in one measurement.
const DATAGRAMS: u32 = 200_000;

/// Measures the CPU microseconds of one bare `sendto` with `bytes` bytes on loopback.
pub(crate) fn measure_sendto(bytes: usize) -> Result<f64, BenchError> {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let target = receiver.local_addr()?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let datagram = vec![0u8; bytes];
    let before = cpu_of(std::process::id())?;
    for _ in 0..DATAGRAMS {
        // The receiver never reads: once its buffer is full, the kernel drops the datagrams.
        sender.send_to(&datagram, target)?;
    }
    let cpu = cpu_of(std::process::id())? - before;
    Ok(cpu.as_secs_f64() * 1e6 / f64::from(DATAGRAMS))
}
