//! The settings of the server.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::value_parsers::{domain, http_url, network, turn_url};

/// The default of `http`.
pub(super) const DEFAULT_HTTP: &str = "127.0.0.1:8080";

/// The default of `acme_directory`.
pub(super) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// Settings of `orange-meets serve`. The comment of a field is its help text and its section of
/// `docs/configuration.md`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeConfig {
    /// TOML file with any of these settings. Flags and environment variables take precedence.
    #[arg(long, env = "ORANGE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Address for HTTP and WebSocket. Browsers allow camera and microphone only on localhost or
    /// over HTTPS, so other machines need HTTPS, from this server or a proxy.
    #[arg(long, env = "ORANGE_HTTP", value_name = "ADDRESS:PORT", default_value = DEFAULT_HTTP)]
    pub(crate) http: SocketAddr,

    /// Additional address for HTTPS. The certificate comes from the next two settings, or from ACME
    /// with `acme`.
    #[arg(long, env = "ORANGE_HTTPS", value_name = "ADDRESS:PORT")]
    pub(crate) https: Option<SocketAddr>,

    /// PEM file with the certificate chain, the server's own certificate first. When the file
    /// changes, new connections use the new chain.
    #[arg(long, env = "ORANGE_TLS_CERTIFICATE_FILE", value_name = "FILE")]
    pub(crate) tls_certificate_file: Option<PathBuf>,

    /// PEM file with the certificate's private key.
    #[arg(long, env = "ORANGE_TLS_KEY_FILE", value_name = "FILE")]
    pub(crate) tls_key_file: Option<PathBuf>,

    /// Obtain and renew the domain's certificate by ACME (RFC 8555), from Let's Encrypt unless
    /// `acme_directory` is set. By using it you agree to the certificate authority's terms. The
    /// authority must be able to reach `https` at port 443 of the domain. The account, the
    /// certificate and the key are stored in the data folder. Needs the feature `acme`, which `make run`
    /// leaves out.
    #[arg(long, env = "ORANGE_ACME", default_value_t = false)]
    pub(crate) acme: bool,

    /// URL of the ACME directory.
    #[arg(
        long,
        env = "ORANGE_ACME_DIRECTORY",
        value_name = "URL",
        default_value = LETS_ENCRYPT
    )]
    pub(crate) acme_directory: String,

    /// PEM file with the root certificate of the ACME directory's own HTTPS, for a private
    /// certificate authority. The default is the system's trusted roots.
    #[arg(long, env = "ORANGE_ACME_ROOT_FILE", value_name = "FILE")]
    pub(crate) acme_root_file: Option<PathBuf>,

    /// Address for plain HTTP requests that are redirected to HTTPS at the domain.
    #[arg(long, env = "ORANGE_REDIRECT", value_name = "ADDRESS:PORT")]
    pub(crate) redirect: Option<SocketAddr>,

    /// Address for administration over plain HTTP: `/metrics`, and the API of `orange-meets rooms`,
    /// which needs the administration token. Do not expose it to the public.
    #[arg(long, env = "ORANGE_ADMIN", value_name = "ADDRESS:PORT")]
    pub(crate) admin: Option<SocketAddr>,

    /// File with the administration token. If it does not exist, it is created with a new token and
    /// mode 0600. The default is `admin-token` in the data folder; with `in_memory` there is no
    /// default, and the administration API is off.
    #[arg(long, env = "ORANGE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub(crate) admin_token_file: Option<PathBuf>,

    /// URLs of TURN servers for clients that cannot reach the media ports, for example
    /// `turn:meet.example:3478?transport=tcp`. The TURN server must know the secret of the next
    /// setting (coturn: `use-auth-secret`); clients get credentials that are valid for five minutes.
    #[arg(
        long,
        env = "ORANGE_TURN_URLS",
        value_name = "URL",
        value_delimiter = ',',
        value_parser = turn_url
    )]
    pub(crate) turn_urls: Vec<String>,

    /// File with the secret shared with the TURN server (coturn: `static-auth-secret`). If it does
    /// not exist, it is created with a new secret and mode 0600. The default is `turn-secret` in the
    /// data folder.
    #[arg(long, env = "ORANGE_TURN_SECRET_FILE", value_name = "FILE")]
    pub(crate) turn_secret_file: Option<PathBuf>,

    /// Address at which the TURN server reaches this server, if it differs from the advertised
    /// addresses. It is advertised to clients as well, because relayed media is sent to it.
    #[arg(long, env = "ORANGE_TURN_PEER", value_name = "IP")]
    pub(crate) turn_peer: Option<IpAddr>,

    /// UDP port of the first media worker. Each further worker uses the next port. 0 uses any free
    /// ports.
    #[arg(long, env = "ORANGE_MEDIA_PORT", value_name = "PORT", default_value_t = 8190)]
    pub(crate) media_port: u16,

    /// Media over TCP, on the same port numbers as UDP, for networks that block UDP: `on`, `off`, or
    /// `only`, which advertises no UDP ports.
    #[arg(long, env = "ORANGE_MEDIA_TCP", value_enum, value_name = "MODE", default_value_t = MediaTcp::On)]
    pub(crate) media_tcp: MediaTcp,

    /// Number of media workers: threads with one UDP port each. The default is the number of
    /// processors, at most 64.
    #[arg(
        long,
        env = "ORANGE_MEDIA_WORKERS",
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub(crate) media_workers: Option<u16>,

    /// Highest share of its time that a media worker may be busy, in percent, before joins are
    /// refused for the moment. Participants already in a meeting stay. 100 refuses no joins.
    #[arg(
        long,
        env = "ORANGE_MEDIA_LOAD_LIMIT",
        value_name = "PERCENT",
        default_value_t = 90,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub(crate) media_load_limit: u8,

    /// Highest number of participants of one room on one media worker. Further participants are
    /// placed on another worker, which receives one copy of each packet. This happens earlier if the
    /// worker is busy for more than half of its time and another one is clearly less busy.
    #[arg(
        long,
        env = "ORANGE_MEDIA_SPREAD",
        value_name = "NUMBER",
        default_value_t = 200,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(crate) media_spread: u16,

    /// Pin each media worker to a processor of its own. Linux only, and only for machines that run
    /// nothing else: a pinned worker waits while its processor is busy, even if others are idle.
    #[arg(long, env = "ORANGE_MEDIA_PIN", default_value_t = false)]
    pub(crate) media_pin: bool,

    /// Highest number of participants in one room. Further joins are refused.
    #[arg(
        long,
        env = "ORANGE_PARTICIPANTS_PER_ROOM",
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u16).range(2..=1000)
    )]
    pub(crate) participants_per_room: u16,

    /// Public DNS name of the server, for example meet.example. The addresses that it resolves to at
    /// start are advertised to clients for media.
    #[arg(long, env = "ORANGE_DOMAIN", value_name = "NAME", value_parser = domain)]
    pub(crate) domain: Option<String>,

    /// IP addresses to advertise to clients for media, instead of the domain's. With neither, the
    /// addresses found on this machine are advertised.
    #[arg(long, env = "ORANGE_ADVERTISE", value_name = "IP", value_delimiter = ',')]
    pub(crate) advertise: Vec<IpAddr>,

    /// Folder for the delivery log and generated secrets. It is created with mode 0700.
    #[arg(long, env = "ORANGE_DATA", value_name = "FOLDER", default_value = "data")]
    pub(crate) data: PathBuf,

    /// Keep the delivery log in memory only. All rooms are lost when the process ends.
    #[arg(long, env = "ORANGE_IN_MEMORY", default_value_t = false)]
    pub(crate) in_memory: bool,

    /// Additional web origins (scheme, host and port) whose pages may open WebSockets. The server's
    /// own origin is always allowed.
    #[arg(long, env = "ORANGE_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub(crate) allow_origin: Vec<String>,

    /// Networks of the proxies in front of the server, for example 10.0.0.0/8 or 127.0.0.1/32. Rate
    /// limits apply per client address; `X-Forwarded-For` is trusted only from these networks.
    #[arg(
        long,
        env = "ORANGE_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ',',
        value_parser = network
    )]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// Seconds to drain after SIGTERM: running meetings continue, no meeting begins, and `/readyz`
    /// answers 503. Participants are told at once how much time is left. The process ends when the
    /// time is over or the last participant has left; clients rejoin on their own once the server
    /// runs again. A second signal ends the process at once.
    #[arg(long, env = "ORANGE_DRAIN_SECONDS", value_name = "NUMBER", default_value_t = 0)]
    pub(crate) drain_seconds: u32,

    /// Format of log lines. `RUST_LOG` sets what is logged.
    #[arg(long, env = "ORANGE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,

    /// OTLP collector (over HTTP) for trace spans of joins, commits and draining, for example
    /// `http://127.0.0.1:4318`. Spans contain durations and outcomes, but no room ids, names, tokens
    /// or payloads, and there are none per packet. Without it, no spans are recorded. Needs the
    /// feature `otlp`, which `make run` leaves out.
    #[arg(long, env = "ORANGE_OTLP_ENDPOINT", value_name = "URL", value_parser = http_url)]
    pub(crate) otlp_endpoint: Option<String>,
}

impl ServeConfig {
    /// Returns the number of media workers: as set, or one per processor up to 64.
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

/// The values of `media_tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MediaTcp {
    /// UDP, with TCP as the fallback.
    On,
    /// UDP only.
    Off,
    /// TCP only.
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

/// The values of `log_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable text.
    Text,
    /// One JSON object per line.
    Json,
}

#[cfg(all(test, feature = "acme"))]
mod tests {
    use super::LETS_ENCRYPT;

    #[test]
    fn the_default_acme_directory_is_that_of_lets_encrypt() {
        assert_eq!(LETS_ENCRYPT, instant_acme::LetsEncrypt::Production.url());
    }
}
