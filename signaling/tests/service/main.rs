//! The service over real sockets: what it says to clients that break the rules, and that nobody
//! else notices.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it waits for")]

mod admin;
mod flood;
mod handshakes;
mod hello;
mod hosts;
mod limits;
mod messages;
mod metrics;
#[path = "../../src/room/tests/mls.rs"]
mod mls;
mod resume;
mod shutdown;
mod slow;
mod storage;
mod support;
mod turn;
