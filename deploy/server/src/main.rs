//! `orange-meets`: private video meetings on your own machine, in one process.

mod config;
mod serve;
mod web_client;

use std::process::ExitCode;

use clap::Parser as _;

use crate::config::{Cli, Command};

fn main() -> ExitCode {
    let Command::Serve(config) = Cli::parse().command;
    match serve::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("orange-meets: {error}");
            ExitCode::FAILURE
        }
    }
}
