//! The socket buffer limits of this machine; meaningful if the server runs on it.

use super::finding::Finding;

const CHECK: &str = "socket buffers";
/// The size that a media worker requests, in bytes.
const REQUESTED_BYTES: u64 = 1 << 20;

/// Compares the kernel's limits with what media workers request. Returns nothing where the limits
/// cannot be read, as in some containers.
pub(super) fn check() -> Vec<Finding> {
    let limits = ["rmem_max", "wmem_max"].map(|name| (name, kernel_limit(name)));
    if limits.iter().any(|(_, limit)| limit.is_none()) {
        return Vec::new();
    }
    let low: Vec<_> = limits
        .iter()
        .filter_map(|(name, limit)| Some((name, (*limit)?)))
        .filter(|(_, limit)| *limit < REQUESTED_BYTES)
        .map(|(name, limit)| format!("net.core.{name} is {limit}"))
        .collect();
    if low.is_empty() {
        return vec![Finding::passed(CHECK, "as large as the server requests")];
    }
    vec![Finding::warning(
        CHECK,
        low.join(", "),
        "the kernel limits socket buffers to less than the server requests; bursts of packets are \
         dropped under load",
        "if the server runs on this machine: sysctl -w net.core.rmem_max=1048576 \
         net.core.wmem_max=1048576, and the same in /etc/sysctl.d",
    )]
}

fn kernel_limit(name: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok()
}
