//! The model: clients, the room around them, and what must hold there.

#![allow(unreachable_pub, reason = "a test's modules have nobody outside")]

pub mod client;
pub mod properties;
pub mod room;
