//! The commands of `orange-meets`, and the settings of those that talk to a running server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::ServeConfig;
use super::serve_config::DEFAULT_HTTP;
use super::value_parsers::domain;

/// Private, end-to-end encrypted video meetings on your own machine.
#[derive(Debug, Parser)]
#[command(name = "orange-meets", version, about)]
pub(crate) struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server: signalling, delivery service, SFU and web client in one process.
    Serve(ServeConfig),
    /// Validate the settings, and print each with its value and source.
    Config(ServeConfig),
    /// Check that a running server is healthy: exit code 0 if it is, 1 if not.
    Healthcheck(HealthcheckConfig),
    /// Check a server as a browser uses it, including a call to each advertised media address.
    /// Report what is wrong, the likely cause, and how to fix it.
    Doctor(DoctorConfig),
    /// List running meetings, close one, or drain the server.
    Rooms(RoomsConfig),
}

/// Settings of `orange-meets doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorConfig {
    /// Settings file of the server to check.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// URL of the page, for example <https://meet.example>. The default is the domain below, or the
    /// server on this machine.
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// Domain of the server.
    #[arg(long, env = "ORANGE_DOMAIN", value_name = "NAME", value_parser = domain)]
    pub(crate) domain: Option<String>,

    /// Address that the server on this machine listens on.
    #[arg(long, env = "ORANGE_HTTP", value_name = "ADDRESS:PORT", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,
}

/// Settings of `orange-meets rooms`, with the same names as those of the server it talks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct RoomsConfig {
    /// Settings file of the server.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Address of the server's administration API.
    #[arg(long, env = "ORANGE_ADMIN", value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,

    /// File with the server's administration token.
    #[arg(long, env = "ORANGE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// Data folder of the server. It contains the token unless another file is set.
    #[arg(long, env = "ORANGE_DATA", value_name = "FOLDER", default_value = "data")]
    pub(crate) data: PathBuf,

    /// The action.
    #[command(subcommand)]
    pub(crate) action: RoomsAction,
}

/// The actions of `orange-meets rooms`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum RoomsAction {
    /// Print the running meetings: room, number of participants, and duration in seconds.
    List,
    /// Accept no new meetings. Running meetings continue, and participants are told that the server
    /// will restart. The server keeps running.
    Drain {
        /// Tell participants that the restart is in so many minutes.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=1440))]
        minutes: Option<u32>,
    },
    /// Accept new meetings again.
    Resume,
    /// End a meeting and delete its room. The room's link stops working.
    Close {
        /// The room's id, as printed by `list`.
        room: String,
    },
}

/// Settings of `orange-meets healthcheck`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthcheckConfig {
    /// Settings file of the server.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// URL of the server, for example <http://127.0.0.1:8080>. The default is the server on this
    /// machine with the same settings.
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// Address that the server on this machine listens on.
    #[arg(long, env = "ORANGE_HTTP", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_declared_command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn several_addresses_can_be_advertised_in_one_variable() {
        let cli = Cli::try_parse_from([
            "orange-meets",
            "serve",
            "--advertise",
            "203.0.113.7,2001:db8::7",
        ])
        .expect("valid flags");
        let Command::Serve(config) = cli.command else { panic!("the serve command") };
        assert_eq!(config.advertise.len(), 2);
    }
}
