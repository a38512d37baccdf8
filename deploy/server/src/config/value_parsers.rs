//! Parsers for values that clap has no parser for. Each error says how to write the value.

use std::net::IpAddr;

use ipnet::IpNet;

/// Parses a DNS name: no scheme, port or path.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        && text.split('.').all(|label| !label.is_empty());
    if is_name { Ok(text.to_owned()) } else { Err("write the name alone: meet.example".to_owned()) }
}

/// Checks the scheme of a TURN URL (RFC 7065), and that something follows it.
pub(super) fn turn_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("turn:").or_else(|| text.strip_prefix("turns:"));
    let is_url = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_url { Ok(text.to_owned()) } else { Err("write turn:meet.example:3478".to_owned()) }
}

/// Checks that a URL is absolute, with scheme `http` or `https`.
pub(super) fn http_url(text: &str) -> Result<String, String> {
    let url = text.parse::<reqwest::Url>().ok();
    let is_http = url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_http { Ok(text.to_owned()) } else { Err("write http://127.0.0.1:4318".to_owned()) }
}

/// Parses a network in CIDR notation, or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    single.or_else(|_| text.parse()).map_err(|_| "write a network, as in 10.0.0.0/8".to_owned())
}
