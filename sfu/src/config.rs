//! What an SFU is started with.

use std::net::IpAddr;

use sfu_core::Limits;

/// What an SFU is started with.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// Worker threads; zero counts as one.
    pub workers: u16,
    /// UDP port of the first worker; each further one takes the next. Zero takes any free ports.
    pub udp_port_base: u16,
    /// The addresses that are told to clients. Empty: those found on this machine.
    pub advertised: Vec<IpAddr>,
    /// Bounds of each worker.
    pub limits: Limits,
    /// Estimate what each subscriber's link carries. About doubles the CPU time of a forwarded
    /// packet.
    pub estimate_bandwidth: bool,
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            udp_port_base: 0,
            advertised: Vec::new(),
            limits: Limits::default(),
            estimate_bandwidth: true,
        }
    }
}
