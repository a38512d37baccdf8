//! Embeds the web client anew when it was built anew.

fn main() {
    println!("cargo:rerun-if-changed=../../web-client/dist");
}
