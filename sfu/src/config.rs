//! What an SFU is started with.

use std::net::IpAddr;

use sfu_core::Limits;

/// What an SFU is started with.
#[derive(Debug, Clone, Default)]
pub struct SfuConfig {
    /// Worker threads; zero counts as one.
    pub workers: u16,
    /// UDP port of the first worker; each further one takes the next. Zero takes any free ports.
    pub udp_port_base: u16,
    /// The addresses that are told to clients. Empty: those found on this machine.
    pub advertised: Vec<IpAddr>,
    /// Bounds of each worker.
    pub limits: Limits,
}
