//! `orange-bench`: a load test with headless participants that do what browsers do: real
//! signalling, real MLS, real SFrame, real WebRTC.

mod client;
mod constraints;
mod eavesdrop;
mod floor;
mod janus;
mod listen;
mod media;
mod page;
mod participant;
mod probe;
mod progress;
mod readings;
mod report;
mod run;
mod scenario;
mod server;
mod signalling;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use signaling_protocol::RoomId;
use tokio::signal::unix::{SignalKind, signal};

use crate::report::Report;
use crate::run::Engine;
use crate::scenario::{Payload, Scenario};
use crate::server::{Peer, Server};

#[derive(Debug, Parser)]
#[command(name = "orange-bench", version, about = "Load test for Orange Meets")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rooms full of headless participants, as scenarios say; prints what they cost and how media
    /// fared.
    Load(Load),
    /// Take part in a room without its link or any key, and print what the SFU sends: `ready` once
    /// connected, then a line for each RTP packet, `audio` or `video` and its payload as it came
    /// (not put together to frames) in lowercase hexadecimal.
    Eavesdrop(Eavesdrop),
    /// The figures of all runs in a folder as a Markdown table.
    Table {
        /// Files `<scenario>.<run>.json`, as `load --out` writes them.
        folder: PathBuf,
        /// Where criterion has left its estimates.
        #[arg(long, default_value = "target/criterion")]
        criterion: PathBuf,
    },
    /// The same with charts, as one HTML file that needs nothing else.
    Page {
        /// Files `<scenario>.<run>.json`, as `load --out` writes them.
        folder: PathBuf,
        /// The file to write.
        #[arg(long, default_value = "target/bench/index.html")]
        html: PathBuf,
    },
    /// The CPU time of one bare sendto on loopback: the unit to compare with.
    Floor,
}

#[derive(Debug, Args)]
struct Load {
    /// Files such as those in benches/scenarios.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// The server to start, anew for each run. Without it, --url names one that runs.
    #[arg(long, required_unless_present_any = ["url", "peer"])]
    server: Option<PathBuf>,
    /// A server that runs already, e.g. http://127.0.0.1:8080.
    #[arg(long)]
    url: Option<String>,
    /// Where that server's figures are: what its own --admin says, as http://127.0.0.1:8081.
    /// Without it, nothing is said of its CPU time and memory.
    #[arg(long, requires = "url")]
    admin: Option<String>,
    /// That server's process id, for its CPU time; needs the same machine. Without it, what its
    /// metrics tell is taken.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// Another server, to be run besides under the same load; needs Debian's package `janus`.
    /// Its payload is opaque whatever the scenario says.
    #[arg(long)]
    peer: Vec<Peer>,
    /// How often each scenario is run.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// A folder for the reports, as JSON: <scenario>.<run>.json
    #[arg(long)]
    out: Option<PathBuf>,
    /// Threads for the media of all participants.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Have the kernel hand over together what was sent together, as between two processes of one
    /// machine. It costs the server less than packets that travel one by one.
    #[arg(long)]
    together: bool,
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
    /// Packets of each kind after which it ends.
    #[arg(long, default_value_t = 500)]
    packets: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let command = Cli::parse().command;
    // Whatever was started ends with us, also when we are told to end.
    let result = tokio::select! {
        result = run(command) => result,
        interrupted = interrupted() => interrupted,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orange-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() -> Result<(), BenchError> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        pressed = tokio::signal::ctrl_c() => pressed?,
    }
    Err(BenchError::Interrupted)
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
        Command::Page { folder, html } => page::write(&folder, &html),
        Command::Load(command) => load(&command).await,
    }
}

async fn load(command: &Load) -> Result<(), BenchError> {
    let engine = Engine { threads: command.threads, together: command.together };
    let mut broken = None;
    // A misspelt file is told before anything has run.
    let read = |path: &PathBuf| Scenario::read(path);
    let scenarios = command.scenarios.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for scenario in &scenarios {
        for number in 1..=command.runs {
            let mut measured = Vec::new();
            if command.server.is_some() || command.url.is_some() {
                measured.push(run::run(scenario, &own(command)?, engine).await?);
            }
            for peer in &command.peer {
                let scenario = Scenario { payload: Payload::Opaque, ..scenario.clone() };
                measured.push(run::run(&scenario, &Server::peer(*peer)?, engine).await?);
            }
            for report in measured {
                report.print();
                if let Some(folder) = &command.out {
                    keep(&report, folder, number)?;
                }
                broken = broken.or(report.verdict().err());
            }
        }
    }
    broken.map_or(Ok(()), Err)
}

/// The project's own server.
fn own(command: &Load) -> Result<Server, BenchError> {
    match (&command.server, &command.url, &command.admin) {
        (Some(binary), ..) => Server::start(binary),
        (None, Some(url), admin) => Ok(Server::running(url, admin.as_deref(), command.pid)),
        (None, None, _) => Err(BenchError::NoServer),
    }
}

fn keep(report: &Report, folder: &Path, run: u32) -> Result<(), BenchError> {
    std::fs::create_dir_all(folder)?;
    let peer = match report.server.as_str() {
        "orange-meets" => String::new(),
        peer => format!("@{peer}"),
    };
    let file = folder.join(format!("{}{peer}.{run}.json", report.scenario.name));
    Ok(std::fs::write(file, serde_json::to_vec_pretty(report)?)?)
}

/// Milliseconds since 1970.
fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
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
    #[error("interrupted")]
    Interrupted,
    #[error("the scenario {0}")]
    Scenario(String),
    #[error("media: {0}")]
    Media(String),
    #[error("end-to-end encryption: {0}")]
    EndToEnd(String),
    #[error("the protocol: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the system: {0}")]
    Io(#[from] std::io::Error),
    #[error("a broken figure: {0}")]
    Broken(String),
}
