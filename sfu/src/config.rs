//! The configuration of an SFU.

use std::net::IpAddr;

use sfu_core::Limits;

/// The use of TCP for media, for clients that cannot use UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MediaTcp {
    /// No TCP port is opened.
    Off,
    /// Each worker accepts TCP connections on the number of its UDP port; UDP is preferred.
    #[default]
    On,
    /// Only the TCP port is advertised.
    Only,
}

/// The configuration of an SFU.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// Number of worker threads; zero counts as one.
    pub workers: u16,
    /// Maximum number of participants of one room on one worker, at least one; further ones go to
    /// another worker.
    pub spread_at: usize,
    /// Pins each worker to a processor of its own.
    pub pin: bool,
    /// UDP port of the first worker; each further one uses the next. Zero uses any free ports.
    pub udp_port_base: u16,
    /// The use of TCP for media.
    pub tcp: MediaTcp,
    /// The addresses advertised to clients; if empty, those of this machine.
    pub advertised: Vec<IpAddr>,
    /// The limits of each worker.
    pub limits: Limits,
    /// Load from 0 to 1 above which a worker admits no more participants; with 1 it admits all.
    pub load_limit: f32,
    /// Estimates the capacity of each subscriber's link; without it every link counts as wide enough.
    pub estimate_bandwidth: bool,
}

impl Default for SfuConfig {
    fn default() -> Self {
        Self {
            workers: 1,
            spread_at: 200,
            pin: false,
            udp_port_base: 0,
            tcp: MediaTcp::default(),
            advertised: Vec::new(),
            limits: Limits::default(),
            load_limit: 0.9,
            estimate_bandwidth: true,
        }
    }
}
