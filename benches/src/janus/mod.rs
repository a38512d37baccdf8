//! Janus with its VideoRoom plugin (Debian's package `janus`), to compare with under the same load on
//! the same machine.

mod participant;
mod session;

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) use participant::run_participant;

use crate::BenchError;

/// The id of the room.
const ROOM: u32 = 1;
/// How long Janus may take to start listening.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A Janus process, killed on drop.
pub(crate) struct Janus {
    child: Child,
    folder: PathBuf,
    pub(crate) url: String,
}

impl Janus {
    /// Starts Janus on loopback with one unlimited room and WebSockets only. `event_loops` sets the
    /// number of threads; with `None`, Janus uses one thread per connection.
    pub(crate) fn start(event_loops: Option<u32>) -> Result<Self, BenchError> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder =
            std::env::temp_dir().join(format!("orange-bench-janus-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        write_configuration(&folder, port, event_loops)?;
        let child = Command::new("janus")
            .arg("--configs-folder")
            .arg(&folder)
            .args(["--debug-level=2", "--disable-colors"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                BenchError::Server(format!("janus: {error}; install Debian's package janus"))
            })?;
        let mut janus = Self { child, folder, url: format!("ws://127.0.0.1:{port}") };
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = janus.child.try_wait()? {
                return Err(BenchError::Server(format!("janus ended with {status}")));
            }
            if start.elapsed() > START_TIMEOUT {
                return Err(BenchError::Server(format!(
                    "janus did not listen within {START_TIMEOUT:?}"
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(janus)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        // Fails if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn write_configuration(folder: &Path, port: u16, event_loops: Option<u32>) -> io::Result<()> {
    let loops = event_loops.map_or(String::new(), |n| format!("event_loops = {n}"));
    // Janus would create an RSA certificate, which the bench's DTLS does not support.
    let certificate = dimpl::certificate::generate_self_signed_certificate()
        .map_err(|error| io::Error::other(error.to_string()))?;
    write_pem(&folder.join("certificate.pem"), "CERTIFICATE", &certificate.certificate)?;
    write_pem(&folder.join("key.pem"), "PRIVATE KEY", &certificate.private_key)?;
    let at = folder.display();
    let core = format!(
        "general: {{\n{loops}\n}}\n\
         certificates: {{\ncert_pem = \"{at}/certificate.pem\"\ncert_key = \"{at}/key.pem\"\n}}\n\
         media: {{\n}}\n\
         nat: {{\nice_lite = true\nice_enforce_list = \"lo\"\n}}\n\
         plugins: {{\ndisable = \"{}\"\n}}\n\
         transports: {{\ndisable = \"{}\"\n}}\n",
        without(PLUGINS, "videoroom"),
        without(TRANSPORTS, "websockets"),
    );
    std::fs::write(folder.join("janus.jcfg"), core)?;
    let sockets = format!(
        "general: {{\njson = \"compact\"\nws = true\nws_port = {port}\nws_ip = \"127.0.0.1\"\n}}\n"
    );
    std::fs::write(folder.join("janus.transport.websockets.jcfg"), sockets)?;
    let room = format!(
        "general: {{\n}}\nroom-{ROOM}: {{\npublishers = 1000\nbitrate = 0\nfir_freq = 0\n\
         audiocodec = \"opus\"\nvideocodec = \"vp8\"\n}}\n"
    );
    std::fs::write(folder.join("janus.plugin.videoroom.jcfg"), room)
}

const PLUGINS: &[&str] = &[
    "audiobridge",
    "duktape",
    "echotest",
    "lua",
    "nosip",
    "recordplay",
    "sip",
    "streaming",
    "textroom",
    "videocall",
    "videoroom",
    "voicemail",
];
const TRANSPORTS: &[&str] = &["http", "mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets"];

fn without(all: &[&str], kept: &str) -> String {
    let others = all.iter().filter(|name| **name != kept);
    others.map(|name| format!("libjanus_{name}.so")).collect::<Vec<_>>().join(",")
}

/// Writes a file in PEM (RFC 7468).
fn write_pem(path: &Path, label: &str, der: &[u8]) -> io::Result<()> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    std::fs::write(path, format!("{pem}-----END {label}-----\n"))
}
