//! `orange-meets`: private video meetings on your own machine, in one process.

mod advertised_addresses;
mod config;
mod doctor;
mod healthcheck;
mod https_redirect;
mod local_address;
mod process_metrics;
mod rooms;
mod secrets;
mod serve;
mod shutdown_signals;
mod telemetry;
mod tls;
mod web_client;

use std::io::Write as _;
use std::process::ExitCode;

use crate::config::{Command, LoadError, Loaded};

fn main() -> ExitCode {
    let Loaded { command, sources } = match config::load(std::env::args_os()) {
        Ok(loaded) => loaded,
        Err(LoadError::Arguments(error)) => error.exit(),
        Err(error) => return report_error(&error.to_string()),
    };
    let result = match command {
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
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_error(&error),
    }
}

fn report_error(error: &str) -> ExitCode {
    eprintln!("orange-meets: {error}");
    ExitCode::FAILURE
}
