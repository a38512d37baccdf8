//! The configuration of a worker.

use std::net::SocketAddr;

use crate::limits::Limits;
use crate::peer_connection::Certificate;

/// The configuration of a [`Worker`](crate::Worker).
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The addresses in the worker's answers. The destination of every datagram must be one of
    /// them.
    pub candidates: Vec<SocketAddr>,
    /// The addresses where the worker accepts TCP connections; empty if it accepts none.
    pub tcp_candidates: Vec<SocketAddr>,
    /// The DTLS certificate, which all workers of a process share.
    pub certificate: Certificate,
    /// The numbers of participants that the worker accepts.
    pub limits: Limits,
    /// Estimates the capacity of each subscriber's link by transport-wide feedback and probing.
    /// This about doubles the CPU time of a forwarded packet.
    pub estimate_bandwidth: bool,
}
