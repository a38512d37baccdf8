//! `orange-meets rooms`: asks a running server about its meetings, and tells it what to do.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use signaling::{Draining, RunningRooms};
use signaling_protocol::RoomId;

use crate::config::{RoomsAction, RoomsConfig};
use crate::reachable::reachable;
use crate::secrets::{self, SecretError};

/// A server that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoomsError {
    /// Nobody has said where to ask.
    #[error(
        "the server's admin address is not known: set --admin or ORANGE_ADMIN, for the server too"
    )]
    NoAddress,
    /// No token.
    #[error(transparent)]
    Token(#[from] SecretError),
    /// Not an id.
    #[error("{0:?} is no room id; `orange-meets rooms list` prints those that run")]
    NoRoomId(String),
    /// No such room.
    #[error("there is no such room here")]
    UnknownRoom,
    /// The server does not take the token.
    #[error(
        "the server does not take this token: it is another server's, or it was changed since the server's start"
    )]
    WrongToken,
    /// The server has no way to its meetings.
    #[error("the server has no token: it keeps nothing on disk; start it with --admin-token-file")]
    NoWay,
    /// Another answer.
    #[error("the server answers {0}")]
    Unwell(StatusCode),
    /// No answer, or none that is understood.
    #[error("the server does not answer as it should: {0}")]
    Silent(#[from] reqwest::Error),
    /// The system refused.
    #[error("the system refused: {0}")]
    System(#[from] io::Error),
}

/// Does it, and prints what is to be known.
pub(crate) fn run(config: &RoomsConfig) -> Result<(), RoomsError> {
    let admin = config.admin.ok_or(RoomsError::NoAddress)?;
    let path = config.admin_token_file.clone().unwrap_or_else(|| config.data.join("admin-token"));
    let token = secrets::read(&path)?.0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let words = runtime.block_on(carry_out(reachable(admin), &token, &config.action))?;
    Ok(io::stdout().write_all(words.as_bytes())?)
}

async fn carry_out(
    admin: SocketAddr,
    token: &str,
    action: &RoomsAction,
) -> Result<String, RoomsError> {
    let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let url = |path: &str| format!("http://{admin}/api/admin/v1/{path}");
    let ask = async |request: RequestBuilder| answered(request.bearer_auth(token).send().await?);
    let drain = async |wanted: Draining| -> Result<String, RoomsError> {
        ask(client.put(url("draining")).json(&wanted)).await?;
        Ok(format!("{}\n", if wanted.draining { "draining" } else { "meetings begin again" }))
    };
    match action {
        RoomsAction::List => {
            Ok(table(&ask(client.get(url("rooms"))).await?.json::<RunningRooms>().await?))
        }
        RoomsAction::Drain { minutes } => {
            let restart_in_seconds = minutes.map(|minutes| minutes * 60);
            drain(Draining { draining: true, restart_in_seconds }).await
        }
        RoomsAction::Resume => drain(Draining { draining: false, restart_in_seconds: None }).await,
        RoomsAction::Close { room } => {
            let id: RoomId = room.parse().map_err(|_| RoomsError::NoRoomId(room.clone()))?;
            ask(client.delete(url(&format!("rooms/{id}")))).await?;
            Ok(format!("closed {id}\n"))
        }
    }
}

fn answered(response: Response) -> Result<Response, RoomsError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED => Err(RoomsError::WrongToken),
        // Where there is a way to the meetings, nobody is told that a page is missing before the
        // token is looked at; and this program asks for no other page than those there are.
        StatusCode::NOT_FOUND if response.url().path().contains("/rooms/") => {
            Err(RoomsError::UnknownRoom)
        }
        StatusCode::NOT_FOUND => Err(RoomsError::NoWay),
        status => Err(RoomsError::Unwell(status)),
    }
}

fn table(running: &RunningRooms) -> String {
    let mut rooms: Vec<_> = running.rooms.iter().collect();
    rooms.sort_unstable_by_key(|one| std::cmp::Reverse(one.participants));
    let rows = rooms
        .iter()
        .map(|one| format!("{}  {:>6}  {:>7}\n", one.room, one.participants, one.seconds));
    let draining = if running.draining { "draining: no meeting begins\n" } else { "" };
    format!(
        "{draining}{:22}  {:>6}  {:>7}\n{}",
        "room",
        "people",
        "seconds",
        rows.collect::<String>()
    )
}
