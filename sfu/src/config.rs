//! What an SFU is started with.

use std::net::IpAddr;

use sfu_core::Limits;

/// Whether media may go over TCP, for clients whose UDP does not pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MediaTcp {
    /// No TCP port is opened.
    Off,
    /// Each worker takes TCP connections on the number of its UDP port, and UDP goes first.
    #[default]
    On,
    /// Clients are told of the TCP port alone.
    Only,
}

/// What an SFU is started with.
#[derive(Debug, Clone)]
pub struct SfuConfig {
    /// Worker threads; zero counts as one.
    pub workers: u16,
    /// Participants of one room on one worker, at least one: further ones go to another worker.
    pub spread_at: usize,
    /// Each worker keeps to a processor of its own.
    pub pin: bool,
    /// UDP port of the first worker; each further one takes the next. Zero takes any free ports.
    pub udp_port_base: u16,
    /// Whether media may go over TCP.
    pub tcp: MediaTcp,
    /// The addresses that are told to clients. Empty: those found on this machine.
    pub advertised: Vec<IpAddr>,
    /// Bounds of each worker.
    pub limits: Limits,
    /// Above this share of its time at work, 0 to 1, a worker takes nobody else; with 1 it takes
    /// everybody.
    pub load_limit: f32,
    /// Estimate what each subscriber's link carries; without it every link counts as wide enough.
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
