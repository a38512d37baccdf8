//! The model: clients, the room around them, and the properties of every room.

#![allow(unreachable_pub, reason = "a test's modules have no users outside")]

pub mod bounds;
pub mod client;
pub mod participant;
pub mod properties;
pub mod room;
