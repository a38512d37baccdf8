//! Private video meetings on your own machine: one binary.

fn main() {}
