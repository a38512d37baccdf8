//! `orange-meets`: private video meetings on your own machine, in one process.

mod config;
mod healthcheck;
mod serve;
mod web_client;

use std::process::ExitCode;

use clap::Parser as _;

use crate::config::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(config) => serve::run(config).map_err(|error| error.to_string()),
        Command::Healthcheck(config) => {
            healthcheck::run(&config).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orange-meets: {error}");
            ExitCode::FAILURE
        }
    }
}
