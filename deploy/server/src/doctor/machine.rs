//! The machine that it runs on; of use where that is the server's.

use super::finding::Finding;

const WHAT: &str = "socket buffers";
/// What a media worker asks for, in bytes.
const WANTED: u64 = 1 << 20;

/// What the kernel allows. In a container it may not be told.
pub(super) fn look() -> Vec<Finding> {
    let limits = ["rmem_max", "wmem_max"].map(|name| (name, limit(name)));
    if limits.iter().any(|(_, limit)| limit.is_none()) {
        return Vec::new();
    }
    let low: Vec<_> = limits
        .iter()
        .filter_map(|(name, limit)| Some((name, (*limit)?)))
        .filter(|(_, limit)| *limit < WANTED)
        .map(|(name, limit)| format!("net.core.{name} is {limit}"))
        .collect();
    if low.is_empty() {
        return vec![Finding::good(WHAT, "as large as the server wants them")];
    }
    vec![Finding::poor(
        WHAT,
        low.join(", "),
        "the kernel gives media less room than it wants; bursts are lost under load",
        "if this is the server's machine: sysctl -w net.core.rmem_max=1048576 \
         net.core.wmem_max=1048576, and the same in /etc/sysctl.d",
    )]
}

fn limit(name: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/net/core/{name}")).ok()?.trim().parse().ok()
}
