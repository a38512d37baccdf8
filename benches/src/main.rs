//! Load test with headless encrypted participants, and micro benchmarks.

fn main() {}
