//! RTP packets: what is read from them, rewritten in them and measured of them.

mod bitrate_meter;
mod codec;
mod keyframe_requests;
mod media_header;
mod outgoing_packet;
mod payload_descriptor;
mod rewriter;
mod sender_clock;
mod svc_layers;

pub(crate) use bitrate_meter::{BitrateMeter, BitsPerSecond};
pub(crate) use codec::ForwardedCodec;
pub(crate) use keyframe_requests::KeyFrameRequests;
pub(crate) use media_header::MediaHeader;
pub(crate) use outgoing_packet::OutgoingPacket;
pub(crate) use payload_descriptor::{PictureIdRewriter, begins_key_frame};
pub(crate) use rewriter::Rewriter;
#[cfg(test)]
pub(crate) use rewriter::RtpNumbers;
pub(crate) use sender_clock::SenderClock;
pub(crate) use svc_layers::{LayerPosition, LayerSelection, SvcLayers};
