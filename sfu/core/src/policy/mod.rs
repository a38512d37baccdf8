//! The decisions of a worker that depend on nothing but their inputs: slots, bitrates, overload.

mod bitrate_allocation;
mod downlink;
mod overload;
mod slot_allocation;

pub use bitrate_allocation::QualitySummary;
pub(crate) use bitrate_allocation::{Allocation, Demand, Priority, highest_useful_encoding};
pub use downlink::DownlinkReading;
pub(crate) use downlink::DownlinkState;
pub use overload::OverloadLevel;
pub(crate) use overload::{OverloadDetector, ShedDecision};
pub(crate) use slot_allocation::{CandidateTrack, SlotAssignment, assign_slots};
