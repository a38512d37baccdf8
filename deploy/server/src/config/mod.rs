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
    /// Look at a server as people's browsers do, down to a call to each address that they are
    /// told; say what is wrong, why, and what to do.
    Doctor(DoctorConfig),
    /// List the running meetings, end one, or let none begin.
    Rooms(RoomsConfig),
}

/// Settings of `orange-meets doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DoctorConfig {
    /// The file of settings of the server that is looked at.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What people open, as in <https://meet.example>. Without it, the server's own domain, or
    /// the server of this machine.
    #[arg(long)]
    pub(crate) url: Option<String>,

    /// The server's domain.
    #[arg(long, env = "ORANGE_DOMAIN", value_name = "NAME", value_parser = domain)]
    pub(crate) domain: Option<String>,

    /// What the server of this machine was told to listen on.
    #[arg(long, env = "ORANGE_HTTP", value_name = "ADDRESS:PORT", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,
}

/// Settings of `orange-meets rooms`: those of the server that is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct RoomsConfig {
    /// The file of settings of the server that is asked.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where that server listens for whoever runs it.
    #[arg(long, env = "ORANGE_ADMIN", value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,

    /// The file with that server's token.
    #[arg(long, env = "ORANGE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// That server's data folder, where the token is unless another file is named.
    #[arg(long, env = "ORANGE_DATA", value_name = "FOLDER", default_value = "data")]
    pub(crate) data: PathBuf,

    /// What to do.
    #[command(subcommand)]
    pub(crate) action: RoomsAction,
}

/// What to do about the meetings of a server.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(crate) enum RoomsAction {
    /// Print the running meetings: room, people, seconds since it was entered.
    List,
    /// Let no meeting begin; those that run go on, and people are told that the server will be
    /// restarted. It does not end by itself.
    Drain {
        /// Tell them when.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(..=1440))]
        minutes: Option<u32>,
    },
    /// Let meetings begin again.
    Resume,
    /// End a meeting and forget its room: its link leads nowhere from then on.
    Close {
        /// The room, as `list` prints it.
        room: String,
    },
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

    /// Where HTTPS is served besides, by the certificate of the next two settings, or by one that
    /// the server gets itself, with `acme`.
    #[arg(long, env = "ORANGE_HTTPS", value_name = "ADDRESS:PORT")]
    pub(crate) https: Option<SocketAddr>,

    /// PEM file with the chain of certificates, the server's own first. When it changes it is read
    /// again: connections from then on are given the new one.
    #[arg(long, env = "ORANGE_TLS_CERTIFICATE_FILE", value_name = "FILE")]
    pub(crate) tls_certificate_file: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "ORANGE_TLS_KEY_FILE", value_name = "FILE")]
    pub(crate) tls_key_file: Option<PathBuf>,

    /// Get the domain's certificate by ACME (RFC 8555), from Let's Encrypt unless another directory
    /// is named; by this you agree to its terms. The directory has to reach `https` at port 443 of
    /// the domain. Account, certificate and key are kept in the data folder.
    #[arg(long, env = "ORANGE_ACME", default_value_t = false)]
    pub(crate) acme: bool,

    /// The ACME directory.
    #[arg(
        long,
        env = "ORANGE_ACME_DIRECTORY",
        value_name = "URL",
        default_value = instant_acme::LetsEncrypt::Production.url()
    )]
    pub(crate) acme_directory: String,

    /// PEM file with the authority that the ACME directory itself is certified by, for one of your
    /// own. Without it, those count that the system trusts.
    #[arg(long, env = "ORANGE_ACME_ROOT_FILE", value_name = "FILE")]
    pub(crate) acme_root_file: Option<PathBuf>,

    /// Where those who come by HTTP are sent on to HTTPS at the domain.
    #[arg(long, env = "ORANGE_REDIRECT", value_name = "ADDRESS:PORT")]
    pub(crate) redirect: Option<SocketAddr>,

    /// Where whoever runs the server comes in, over plain HTTP: `/metrics`, and the meetings to
    /// whoever shows the token, as `orange-meets rooms` does. Keep it from everybody else.
    #[arg(long, env = "ORANGE_ADMIN", value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,

    /// File with the token for the meetings. Where there is none, it is made with a new token and
    /// mode 0600. Without this setting it is `admin-token` in the data folder; with `in_memory`
    /// there is no way to the meetings then.
    #[arg(long, env = "ORANGE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// URL of a TURN server for clients that cannot send UDP here, as in
    /// `turn:meet.example:3478?transport=tcp`, or several. It has to know the secret of the next
    /// setting (coturn: `use-auth-secret`); people are given credentials for five minutes.
    #[arg(
        long,
        env = "ORANGE_TURN_URLS",
        value_name = "URL",
        value_delimiter = ',',
        value_parser = turn_url
    )]
    pub(crate) turn_urls: Vec<String>,

    /// File with the TURN server's secret (coturn: `static-auth-secret`). Where there is none, it
    /// is made with a new secret and mode 0600. Without this setting it is `turn-secret` in the
    /// data folder.
    #[arg(long, env = "ORANGE_TURN_SECRET_FILE", value_name = "FILE")]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// Address at which the TURN server reaches this one, if that is none of those which are told
    /// to clients anyway. Told to them too, so that what they relay can be sent there.
    #[arg(long, env = "ORANGE_TURN_PEER", value_name = "IP")]
    pub(crate) turn_peer: Option<IpAddr>,

    /// UDP port of the first media worker; each further worker takes the next. 0 takes any.
    #[arg(long, env = "ORANGE_MEDIA_PORT", value_name = "PORT", default_value_t = 8190)]
    pub(crate) media_port: u16,

    /// Media over TCP, on the same port numbers, for people whose network lets no UDP out: `on`,
    /// `off`, or `only`, which tells clients of no UDP port.
    #[arg(long, env = "ORANGE_MEDIA_TCP", value_enum, value_name = "MODE", default_value_t = MediaTcp::On)]
    pub(crate) media_tcp: MediaTcp,

    /// Media workers: threads with a UDP port each. A room begins on one of them. Without it,
    /// there is one for each processor, up to 64.
    #[arg(
        long,
        env = "ORANGE_MEDIA_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub(crate) media_workers: Option<u16>,

    /// How much of its time a media worker may be at work, in percent, for more people to be let in:
    /// above it, whoever comes is told to try again soon, and those who are inside stay. 100 turns
    /// nobody away.
    #[arg(
        long,
        env = "ORANGE_MEDIA_LOAD_LIMIT",
        value_name = "PERCENT",
        default_value_t = 90,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub(crate) media_load_limit: u8,

    /// People of one room on one media worker. Those who come after them go to another worker, and
    /// one copy of each packet with them; sooner, if the worker is at work for more than half of its
    /// time and another has clearly less to do.
    #[arg(
        long,
        env = "ORANGE_MEDIA_SPREAD",
        value_name = "NUMBER",
        default_value_t = 200,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(crate) media_spread: u16,

    /// Keep each media worker on a processor of its own. Only for machines that do nothing else, and
    /// on Linux; a worker whose processor is busy with something else waits, while others idle.
    #[arg(long, env = "ORANGE_MEDIA_PIN", default_value_t = false)]
    pub(crate) media_pin: bool,

    /// People in one room. Whoever comes when it is full is told so.
    #[arg(
        long,
        env = "ORANGE_PARTICIPANTS_PER_ROOM",
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u16).range(2..=1000)
    )]
    pub(crate) participants_per_room: u16,

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
    /// `/readyz` says 503. People are told at once how long that is. Then, or as soon as everybody
    /// has gone, the process ends; they come back by themselves once it runs again. A second signal
    /// ends it at once.
    #[arg(long, env = "ORANGE_DRAIN_SECONDS", value_name = "NUMBER", default_value_t = 0)]
    pub(crate) drain_seconds: u32,

    /// How log lines look. What is logged is set by `RUST_LOG`.
    #[arg(long, env = "ORANGE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// Collector that is sent spans of joins, commits and draining, by OTLP over HTTP, as in
    /// `http://127.0.0.1:4318`. They say how long each took and how it ended: no room, name, token or
    /// payload, and nothing of packets. Without it there are none.
    #[arg(long, env = "ORANGE_OTLP_ENDPOINT", value_name = "URL", value_parser = http_url)]
    pub(crate) otlp_endpoint: Option<String>,
}

/// Whether media may go over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MediaTcp {
    /// Where UDP does not pass.
    On,
    /// Not at all.
    Off,
    /// Always.
    Only,
}

impl From<MediaTcp> for sfu::MediaTcp {
    fn from(mode: MediaTcp) -> Self {
        match mode {
            MediaTcp::On => Self::On,
            MediaTcp::Off => Self::Off,
            MediaTcp::Only => Self::Only,
        }
    }
}

/// A name without scheme, port or path.
fn domain(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        && text.split('.').all(|label| !label.is_empty());
    if is_name { Ok(text.to_owned()) } else { Err("write the name alone: meet.example".to_owned()) }
}

/// RFC 7065, as far as it is of use: scheme and something after it.
fn turn_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("turn:").or_else(|| text.strip_prefix("turns:"));
    let is_url = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_url { Ok(text.to_owned()) } else { Err("write turn:meet.example:3478".to_owned()) }
}

/// Where something is served by HTTP.
fn http_url(text: &str) -> Result<String, String> {
    let url = text.parse::<reqwest::Url>().ok();
    let is_one = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_one { Ok(text.to_owned()) } else { Err("write http://127.0.0.1:4318".to_owned()) }
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
