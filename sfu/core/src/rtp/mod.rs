//! RTP: what is read from packets, rewritten in them and measured of them.

pub(crate) mod bitrate_meter;
pub(crate) mod keyframe_requests;
pub(crate) mod payload_descriptor;
pub(crate) mod rewriter;
pub(crate) mod sender_clock;
pub(crate) mod svc_layers;
