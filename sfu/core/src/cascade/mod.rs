//! One room over several workers: the messages between them, and what each of them knows.

pub(crate) mod messages;
pub(crate) mod peer;
