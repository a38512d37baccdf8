//! Limits per client address: room and token requests, and open sockets.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use signaling_protocol::{Refusal, RefusalCode};

use crate::config::SignalingConfig;

/// Addresses that a limiter remembers before it forgets those without recent requests.
const ADDRESSES: usize = 100_000;

/// The limits of all addresses.
pub(super) struct RateLimits {
    rooms: DefaultKeyedRateLimiter<IpAddr>,
    tokens: DefaultKeyedRateLimiter<IpAddr>,
    sockets: DashMap<IpAddr, usize>,
    sockets_per_address: usize,
}

impl RateLimits {
    pub(super) fn new(config: &SignalingConfig) -> Self {
        let per_minute = |limit: u32| {
            RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN)))
        };
        Self {
            rooms: per_minute(config.rooms_per_minute),
            tokens: per_minute(config.tokens_per_minute),
            sockets: DashMap::new(),
            sockets_per_address: config.sockets_per_address,
        }
    }

    /// Counts the creation of a room.
    ///
    /// # Errors
    /// The address has created too many in the last minute.
    pub(super) fn check_room(&self, address: IpAddr) -> Result<(), Refusal> {
        check(&self.rooms, address)
    }

    /// Counts a request about an existing room.
    ///
    /// # Errors
    /// The address has sent too many in the last minute.
    pub(super) fn check_token(&self, address: IpAddr) -> Result<(), Refusal> {
        check(&self.tokens, address)
    }

    /// Counts an open socket until the permit is dropped.
    ///
    /// # Errors
    /// The address has as many sockets open as it may.
    pub(super) fn open_socket(self: &Arc<Self>, address: IpAddr) -> Result<SocketPermit, Refusal> {
        let mut open = self.sockets.entry(address).or_default();
        if *open >= self.sockets_per_address {
            let detail = "too many sockets are open from this address";
            return Err(Refusal::new(RefusalCode::TooFast, detail).with_retry_after(10));
        }
        *open += 1;
        drop(open);
        Ok(SocketPermit { limits: Arc::clone(self), address })
    }
}

fn check(limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Refusal> {
    if limiter.len() > ADDRESSES {
        limiter.retain_recent();
    }
    limiter.check_key(&address).map_err(|_| {
        Refusal::new(RefusalCode::TooFast, "too many requests from this address")
            .with_retry_after(60)
    })
}

/// One open socket of an address.
pub(super) struct SocketPermit {
    limits: Arc<RateLimits>,
    address: IpAddr,
}

impl Drop for SocketPermit {
    fn drop(&mut self) {
        if let Some(mut open) = self.limits.sockets.get_mut(&self.address) {
            *open = open.saturating_sub(1);
        }
        self.limits.sockets.remove_if(&self.address, |_, open| *open == 0);
    }
}
