//! `orange-bench`: a load test with headless participants that do what browsers do: real
//! signalling, real MLS, real SFrame, real WebRTC.

mod eavesdrop;
mod floor;
mod media;
mod participant;
mod probe;
mod report;
mod scenario;
mod server;
mod signalling;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use signaling_protocol::RoomId;

use crate::scenario::Scenario;
use crate::server::Server;

#[derive(Debug, Parser)]
#[command(name = "orange-bench", version, about = "Load test for Orange Meets")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One room full of headless participants; prints what it cost.
    Load(Load),
    /// Take part in a room without its link or any key, and print what the SFU sends: `ready` once
    /// connected, then a line for each RTP packet, `audio` or `video` and its payload as it came
    /// (not put together to frames) in lowercase hexadecimal.
    Eavesdrop(Eavesdrop),
    /// The figures of all runs in a folder as a Markdown table.
    Table {
        /// Files `<scenario>.<run>.json`, as `load --json` writes them.
        folder: PathBuf,
        /// Where criterion has left its estimates.
        #[arg(long, default_value = "target/criterion")]
        criterion: PathBuf,
    },
    /// The CPU time of one bare sendto on loopback: the unit to compare with.
    Floor,
}

#[derive(Debug, Args)]
struct Load {
    /// Participants who send audio and video (and receive everybody else's).
    #[arg(long, default_value_t = 1)]
    publishers: u16,
    /// Participants who only receive.
    #[arg(long, default_value_t = 10)]
    viewers: u16,
    /// Seconds measured, after everybody has seen everybody.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Video of each publisher, in kbit/s.
    #[arg(long, default_value_t = 2_000)]
    video_kbps: u32,
    /// The server to start. Without it, --url names one that runs.
    #[arg(long, required_unless_present = "url")]
    server: Option<PathBuf>,
    /// A server that runs already, e.g. http://127.0.0.1:8080.
    #[arg(long)]
    url: Option<String>,
    /// That server's process id, for its CPU time; needs the same machine.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// Use the classic MLS suite 0x0001 instead of the post-quantum default.
    #[arg(long)]
    classic: bool,
    /// Also write the report as JSON to this file.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Eavesdrop {
    /// A server that runs, e.g. http://127.0.0.1:8080.
    #[arg(long)]
    url: String,
    /// The room: the part of the link between the last / and the #.
    #[arg(long)]
    room: RoomId,
    /// Seconds until it ends.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Packets after which it ends.
    #[arg(long, default_value_t = 500)]
    packets: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orange-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), BenchError> {
    match command {
        Command::Floor => {
            report::print_floor(floor::sendto(1200)?);
            Ok(())
        }
        Command::Eavesdrop(Eavesdrop { url, room, seconds, packets }) => {
            eavesdrop::eavesdrop(&url, &room, seconds, packets).await
        }
        Command::Table { folder, criterion } => table::print(&folder, &criterion),
        Command::Load(load) => {
            let server = match (&load.server, &load.url) {
                (Some(binary), _) => Server::start(binary)?,
                (None, Some(url)) => Server::running(url.clone(), load.pid),
                (None, None) => return Err(BenchError::NoServer),
            };
            let scenario = Scenario {
                publishers: load.publishers,
                viewers: load.viewers,
                seconds: load.seconds,
                video_kbps: load.video_kbps,
                classic: load.classic,
            };
            let report = scenario::run(&scenario, &server).await?;
            report.print();
            if let Some(path) = load.json {
                std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
            }
            report.verdict()
        }
    }
}

/// Why a measurement has no result.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("name a server with --server or --url")]
    NoServer,
    #[error("the server did not start: {0}")]
    Server(String),
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    #[error("socket: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("the socket was closed")]
    Closed,
    #[error("the server refused: {0}")]
    Refused(#[from] signaling_protocol::Refusal),
    #[error("WebRTC: {0}")]
    Rtc(#[from] str0m::RtcError),
    #[error("end-to-end encryption: {0}")]
    EndToEnd(String),
    #[error("the protocol: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the system: {0}")]
    Io(#[from] std::io::Error),
    #[error("a broken figure: {0}")]
    Broken(String),
}
