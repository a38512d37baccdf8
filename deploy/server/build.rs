//! Rebuilds the crate, which embeds the web client, when the web client was rebuilt.

fn main() {
    println!("cargo:rerun-if-changed=../../web-client/dist");
}
