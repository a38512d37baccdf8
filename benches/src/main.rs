//! `orange-bench`: load tests with headless participants that use real signalling, MLS, SFrame and
//! WebRTC, as browsers do.

mod client;
mod eavesdrop;
mod frame_stamp;
mod html_report;
mod janus;
mod media;
mod participant;
mod progress;
mod receive_only_client;
mod report;
mod resource_usage;
mod run;
mod scenario;
mod sendto_baseline;
mod server;
mod signalling;
mod tables;
mod video_constraints;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use signaling_protocol::RoomId;
use tokio::signal::unix::{SignalKind, signal};

use crate::report::Report;
use crate::run::BenchOptions;
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
    /// Run scenarios with headless participants. Print the server's CPU and memory use, and the
    /// quality of the received media.
    Load(Load),
    /// Join a room without its link secret or any key, and print what the SFU sends: `ready` once
    /// connected, then one line per RTP packet, with `audio` or `video` and its payload in lowercase
    /// hexadecimal.
    Eavesdrop(Eavesdrop),
    /// Print the results of all runs in a folder as Markdown tables.
    Table {
        /// Folder with files `<scenario>.<run>.json`, as written by `load --out`.
        folder: PathBuf,
        /// Folder with the results of criterion.
        #[arg(long, default_value = "target/criterion")]
        criterion: PathBuf,
    },
    /// Write the results of all runs in a folder, with charts, as one self-contained HTML file.
    Page {
        /// Folder with files `<scenario>.<run>.json`, as written by `load --out`.
        folder: PathBuf,
        /// The HTML file to write.
        #[arg(long, default_value = "target/bench/index.html")]
        html: PathBuf,
    },
    /// Measure the CPU time of one bare `sendto` on loopback, the unit of comparison.
    Sendto,
}

#[derive(Debug, Args)]
struct Load {
    /// Scenario files, for example those in benches/scenarios.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Server binary to start for each run.
    #[arg(long, required_unless_present_any = ["url", "peer"])]
    server: Option<PathBuf>,
    /// URL of a running server, for example http://127.0.0.1:8080.
    #[arg(long)]
    url: Option<String>,
    /// URL of the running server's --admin address, for example http://127.0.0.1:8081. Without it,
    /// CPU time and memory are not measured.
    #[arg(long, requires = "url")]
    admin: Option<String>,
    /// Process id of the running server, if it runs on this machine, for its CPU time. Without it, the
    /// server's metrics are used.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// Another SFU to measure under the same load. Requires Debian's package `janus`. The payload is
    /// always opaque.
    #[arg(long)]
    peer: Vec<Peer>,
    /// Runs of each scenario.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Folder for the reports in JSON: `<scenario>.<run>.json`
    #[arg(long)]
    out: Option<PathBuf>,
    /// Threads that run the media of all participants.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Enable UDP GRO on the bench's sockets: on loopback, packets sent in one call then arrive in one
    /// call, which costs the server less than separate packets.
    #[arg(long = "together")]
    gro: bool,
}

#[derive(Debug, Args)]
struct Eavesdrop {
    /// URL of a running server, for example http://127.0.0.1:8080.
    #[arg(long)]
    url: String,
    /// Room id: the part of the link between the last / and the #.
    #[arg(long)]
    room: RoomId,
    /// End after this many seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// End after this many audio and video packets each.
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
    // Dropping the command's future ends all child processes, also after a signal.
    let result = tokio::select! {
        result = run(command) => result,
        interrupted = wait_for_signal() => interrupted,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orange-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn wait_for_signal() -> Result<(), BenchError> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    Err(BenchError::Interrupted)
}

async fn run(command: Command) -> Result<(), BenchError> {
    match command {
        Command::Sendto => {
            report::print_sendto(sendto_baseline::measure_sendto(1200)?);
            Ok(())
        }
        Command::Eavesdrop(Eavesdrop { url, room, seconds, packets }) => {
            eavesdrop::eavesdrop(&url, &room, seconds, packets).await
        }
        Command::Table { folder, criterion } => tables::print(&folder, &criterion),
        Command::Page { folder, html } => html_report::write(&folder, &html),
        Command::Load(command) => load(&command).await,
    }
}

async fn load(command: &Load) -> Result<(), BenchError> {
    let options = BenchOptions { threads: command.threads, gro: command.gro };
    let mut first_error = None;
    // Reads all files first, so that a mistake is reported before anything runs.
    let read = |path: &PathBuf| Scenario::read(path);
    let scenarios = command.scenarios.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for scenario in &scenarios {
        for number in 1..=command.runs {
            let mut reports = Vec::new();
            if command.server.is_some() || command.url.is_some() {
                reports.push(run::run(scenario, &start_or_connect(command)?, options).await?);
            }
            for peer in &command.peer {
                let scenario = Scenario { payload: Payload::Opaque, ..scenario.clone() };
                reports.push(run::run(&scenario, &Server::start_peer(*peer)?, options).await?);
            }
            for report in reports {
                report.print();
                if let Some(folder) = &command.out {
                    save(&report, folder, number)?;
                }
                first_error = first_error.or(report.check_plausibility().err());
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// Starts this project's server, or connects to the running one.
fn start_or_connect(command: &Load) -> Result<Server, BenchError> {
    match (&command.server, &command.url, &command.admin) {
        (Some(binary), ..) => Server::start(binary),
        (None, Some(url), admin) => Ok(Server::running(url, admin.as_deref(), command.pid)),
        (None, None, _) => Err(BenchError::NoServer),
    }
}

fn save(report: &Report, folder: &Path, run: u32) -> Result<(), BenchError> {
    std::fs::create_dir_all(folder)?;
    let peer = match report.server.as_str() {
        "orange-meets" => String::new(),
        peer => format!("@{peer}"),
    };
    let file = folder.join(format!("{}{peer}.{run}.json", report.scenario.name));
    Ok(std::fs::write(file, serde_json::to_vec_pretty(report)?)?)
}

/// Returns milliseconds since the Unix epoch.
fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("set --server or --url")]
    NoServer,
    #[error("the server did not start: {0}")]
    Server(String),
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    #[error("WebSocket: {0}")]
    Socket(#[from] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("the WebSocket was closed")]
    Closed,
    #[error("the server refused: {0}")]
    Refused(#[from] signaling_protocol::Refusal),
    #[error("WebRTC: {0}")]
    Rtc(#[from] str0m::RtcError),
    #[error("interrupted")]
    Interrupted,
    #[error("scenario {0}")]
    Scenario(String),
    #[error("media: {0}")]
    Media(String),
    #[error("end-to-end encryption: {0}")]
    EndToEnd(String),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a system call failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the measurement failed: {0}")]
    Failed(String),
}
