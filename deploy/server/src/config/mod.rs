//! What can be set: by flag, by environment variable, in a file, in this order of precedence.
//!
//! Every setting is declared once, in [`ServeConfig`]. A key of the file is the name of its field
//! and is read by the same parser as the flag; [`reference`] writes the documentation from the
//! same declarations.

mod check;
mod file;
mod load;
#[cfg(test)]
mod reference;
mod sources;

pub(crate) use load::{LoadError, Loaded, load};

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

/// Private, end-to-end encrypted video meetings on your own machine.
#[derive(Debug, Parser)]
#[command(name = "orange-meets", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve meetings: signalling, delivery service, SFU and the web client in one process.
    Serve(ServeConfig),
    /// Print every setting with its value and where that comes from, and check them.
    Config(ServeConfig),
    /// Ask a running server whether it is well: exit code 0 if so, 1 if not.
    Healthcheck(HealthcheckConfig),
}

/// Settings of `orange-meets healthcheck`.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthcheckConfig {
    /// The file of settings of the server that is asked.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where to ask, e.g. <http://127.0.0.1:8080>. Without it, the server of this machine that
    /// runs with the same settings is asked.
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// What that server was told to listen on.
    #[arg(long, env = "ORANGE_HTTP", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,
}

/// Where a server listens that is not told where.
const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// Settings of `orange-meets serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeConfig {
    /// A TOML file with any of these settings. Flags and variables win over it.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where HTTP and WebSocket are served. Browsers give camera and microphone to pages from
    /// localhost or over HTTPS only, so other machines come in through a TLS proxy.
    #[arg(long, env = "ORANGE_HTTP", value_name = "ADDRESS:PORT", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,

    /// Where HTTPS is served besides, by the certificate of the next two settings.
    #[arg(long, env = "ORANGE_HTTPS", value_name = "ADDRESS:PORT")]
    pub(crate) https: Option<SocketAddr>,

    /// PEM file with the chain of certificates, the server's own first. When it changes it is read
    /// again: connections from then on are given the new one.
    #[arg(long, env = "ORANGE_TLS_CERTIFICATE_FILE", value_name = "FILE")]
    pub(crate) tls_certificate_file: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "ORANGE_TLS_KEY_FILE", value_name = "FILE")]
    pub(crate) tls_key_file: Option<PathBuf>,

    /// UDP port of the first media worker; each further worker takes the next. 0 takes any.
    #[arg(long, env = "ORANGE_MEDIA_PORT", value_name = "PORT", default_value_t = 8190)]
    pub(crate) media_port: u16,

    /// Media workers: threads with a UDP port each. A room lives on one of them. Without it,
    /// there is one for each processor, up to 64.
    #[arg(
        long,
        env = "ORANGE_MEDIA_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub(crate) media_workers: Option<u16>,

    /// Name under which the server is reached, as in meet.example. The addresses that it leads to
    /// when the server starts are told to clients for media.
    #[arg(long, env = "ORANGE_DOMAIN", value_name = "NAME", value_parser = domain)]
    pub(crate) domain: Option<String>,

    /// Address told to clients for media, in place of the domain's; may be given more than once.
    /// With neither, the addresses found on this machine are told.
    #[arg(long, env = "ORANGE_ADVERTISE", value_name = "IP", value_delimiter = ',')]
    pub(crate) advertise: Vec<IpAddr>,

    /// Folder for the delivery log (created with mode 0700).
    #[arg(long, env = "ORANGE_DATA", value_name = "FOLDER", default_value = "data")]
    pub(crate) data: PathBuf,

    /// Keep the delivery log in memory only: rooms end with the process.
    #[arg(long, env = "ORANGE_IN_MEMORY", default_value_t = false)]
    pub(crate) in_memory: bool,

    /// Further web origins that may open sockets (scheme, host and port). The page's own host
    /// always may.
    #[arg(long, env = "ORANGE_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allow_origin: Vec<String>,

    /// Network of a proxy before the server, as in 10.0.0.0/8 or 127.0.0.1/32, or several. Limits go
    /// by the client's address: it is read from `X-Forwarded-For` if a proxy from here sent it, and
    /// from nobody else.
    #[arg(
        long,
        env = "ORANGE_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ',',
        value_parser = network
    )]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Seconds that running meetings may go on after SIGTERM, while no new one begins and
    /// `/readyz` says 503. Then, or as soon as everybody has gone, people are told and the process
    /// ends; they come back by themselves once it runs again. A second signal ends it at once.
    #[arg(long, env = "ORANGE_DRAIN_SECONDS", value_name = "NUMBER", default_value_t = 0)]
    pub(crate) drain_seconds: u32,

    /// How log lines look. What is logged is set by `RUST_LOG`.
    #[arg(long, env = "ORANGE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// A name without scheme, port or path.
fn domain(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_name { Ok(text.to_owned()) } else { Err("write the name alone: meet.example".to_owned()) }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let one = text.parse::<IpAddr>().map(IpNet::from);
    one.or_else(|_| text.parse()).map_err(|_| "write a network as in 10.0.0.0/8".to_owned())
}

impl ServeConfig {
    /// Media workers, also when nobody has said how many.
    pub(crate) fn workers(&self) -> u16 {
        self.media_workers.unwrap_or_else(|| {
            std::thread::available_parallelism()
                .ok()
                .and_then(|n| u16::try_from(n.get()).ok())
                .unwrap_or(1)
                .min(64)
        })
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
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
        let Command::Serve(config) = cli.command else { panic!("it serves") };
        assert_eq!(config.advertise.len(), 2);
    }
}
