//! The decisions of a worker, as far as they need no state of rooms and connections.

pub(crate) mod bitrate_allocation;
pub(crate) mod downlink;
pub(crate) mod overload;
pub(crate) mod slot_allocation;
