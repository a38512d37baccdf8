//! `orange-meets`: private video meetings on your own machine, in one process.

mod config;
mod doctor;
mod healthcheck;
mod process_figures;
mod reachable;
mod redirect;
mod rooms;
mod secrets;
mod serve;
mod signals;
mod telemetry;
mod tls;
mod told_addresses;
mod web_client;

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::{Command, LoadError, Loaded};

fn main() -> ExitCode {
    let Loaded { command, sources } = match config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(error) => return failed(&error.to_string()),
    };
    let done = match command {
        Command::Serve(config) => serve::run(config).map_err(|error| error.to_string()),
        Command::Config(_) => {
            write!(std::io::stdout(), "{sources}").map_err(|error| error.to_string())
        }
        Command::Healthcheck(config) => {
            healthcheck::run(&config).map_err(|error| error.to_string())
        }
        Command::Doctor(config) => doctor::run(&config).map_err(|error| error.to_string()),
        Command::Rooms(config) => rooms::run(&config).map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &str) -> ExitCode {
    eprintln!("orange-meets: {error}");
    ExitCode::FAILURE
}
