//! `orange-meets doctor`: does what people's browsers do, and says what stands in the way.

mod conversation;
mod finding;
mod line;
mod machine;
mod media;
mod stun;
mod turn;
mod web;

use std::io::{self, Write as _};

use axum::http::Uri;

use crate::config::DoctorConfig;
use crate::reachable::reachable;
use finding::Finding;

/// Why nothing was looked at, or that something is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoctorError {
    /// No URL that people could open.
    #[error("{0:?} cannot be looked at; give --url as https://meet.example")]
    Url(String),
    /// What the findings say.
    #[error("people cannot meet, or not all of them")]
    Bad,
    /// The system refused.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// Where the server is, as people reach it.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Without a path.
    pub(crate) origin: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) over_tls: bool,
}

/// Looks at everything, and prints each finding as it comes.
pub(crate) fn run(config: &DoctorConfig) -> Result<(), DoctorError> {
    let address = address(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let all_is_well = runtime.block_on(look(&address))?;
    if all_is_well { Ok(()) } else { Err(DoctorError::Bad) }
}

async fn look(address: &Address) -> io::Result<bool> {
    let mut well = true;
    let mut tell = |finding: &Finding| {
        well &= !finding.is_bad();
        write!(io::stdout(), "{finding}")
    };
    writeln!(io::stdout(), "looking at {} from here\n", address.origin)?;
    for finding in machine::look() {
        tell(&finding)?;
    }
    tell(&web::names(address).await)?;
    if address.over_tls {
        tell(&web::certificate(address).await)?;
    }
    let (answers, skew) = web::answers(address).await;
    tell(&answers)?;
    if answers.is_bad() {
        return Ok(false);
    }
    if let Some(skew) = skew {
        tell(&skew)?;
    }
    for finding in media::look(address).await {
        tell(&finding)?;
    }
    Ok(well)
}

fn address(config: &DoctorConfig) -> Result<Address, DoctorError> {
    let url = match (&config.url, &config.domain) {
        (Some(url), _) => url.clone(),
        (None, Some(domain)) if domain != "localhost" => format!("https://{domain}"),
        (None, _) => format!("http://{}", reachable(config.http)),
    };
    let bad = || DoctorError::Url(url.clone());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let over_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(bad()),
    };
    let authority = uri.authority().ok_or_else(bad)?;
    Ok(Address {
        origin: format!("{}://{authority}", if over_tls { "https" } else { "http" }),
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(if over_tls { 443 } else { 80 }),
        over_tls,
    })
}
