//! `orange-meets rooms`: a client of a running server's administration API.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use signaling::{Draining, RunningRooms};
use signaling_protocol::RoomId;

use crate::config::{RoomsAction, RoomsConfig};
use crate::local_address::local_address;
use crate::secrets::{self, SecretError};

/// How long the server may take to answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the action failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoomsError {
    /// The address of the administration API is not set.
    #[error(
        "the server's administration address is not set: set --admin or ORANGE_ADMIN, here and for the server"
    )]
    NoAddress,
    /// The token cannot be read.
    #[error(transparent)]
    Token(#[from] SecretError),
    /// The argument is not a room id.
    #[error("{0:?} is not a room id; `orange-meets rooms list` prints those of running meetings")]
    InvalidRoomId(String),
    /// The server has no such room.
    #[error("the server has no such room")]
    UnknownRoom,
    /// The server rejects the token.
    #[error(
        "the server rejects the token: it belongs to another server, or it has changed since the server started"
    )]
    WrongToken,
    /// The server's administration API is off.
    #[error(
        "the server has no administration token, because it stores nothing; start it with --admin-token-file"
    )]
    ApiDisabled,
    /// Any other error status.
    #[error("the server answers {0}")]
    UnexpectedStatus(StatusCode),
    /// The request failed, or the response is not the expected JSON.
    #[error("the request fails: {0}")]
    Request(#[from] reqwest::Error),
    /// A system call failed.
    #[error("a system call failed: {0}")]
    System(#[from] io::Error),
}

/// Runs the action and prints its result.
pub(crate) fn run(config: &RoomsConfig) -> Result<(), RoomsError> {
    let admin = config.admin.ok_or(RoomsError::NoAddress)?;
    let path = config.admin_token_file.clone().unwrap_or_else(|| config.data.join("admin-token"));
    let token = secrets::read(&path)?.0;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(run_action(local_address(admin), &token, &config.action))?;
    Ok(io::stdout().write_all(output.as_bytes())?)
}

/// Returns the text to print.
async fn run_action(
    admin: SocketAddr,
    token: &str,
    action: &RoomsAction,
) -> Result<String, RoomsError> {
    let client = Client::builder().timeout(REQUEST_TIMEOUT).no_proxy().build()?;
    let url = |path: &str| format!("http://{admin}/api/admin/v1/{path}");
    let send =
        async |request: RequestBuilder| check_status(request.bearer_auth(token).send().await?);
    let set_draining = async |draining: Draining| -> Result<String, RoomsError> {
        send(client.put(url("draining")).json(&draining)).await?;
        let state = if draining.draining { "draining" } else { "accepting new meetings" };
        Ok(format!("{state}\n"))
    };
    match action {
        RoomsAction::List => {
            Ok(format_table(&send(client.get(url("rooms"))).await?.json::<RunningRooms>().await?))
        }
        RoomsAction::Drain { minutes } => {
            let restart_in_seconds = minutes.map(|minutes| minutes * 60);
            set_draining(Draining { draining: true, restart_in_seconds }).await
        }
        RoomsAction::Resume => {
            set_draining(Draining { draining: false, restart_in_seconds: None }).await
        }
        RoomsAction::Close { room } => {
            let id: RoomId = room.parse().map_err(|_| RoomsError::InvalidRoomId(room.clone()))?;
            send(client.delete(url(&format!("rooms/{id}")))).await?;
            Ok(format!("closed {id}\n"))
        }
    }
}

fn check_status(response: Response) -> Result<Response, RoomsError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED => Err(RoomsError::WrongToken),
        // The API checks the token before the path, and all requested paths exist; so a 404 below
        // /rooms/ means an unknown room, and any other one that the API is off.
        StatusCode::NOT_FOUND if response.url().path().contains("/rooms/") => {
            Err(RoomsError::UnknownRoom)
        }
        StatusCode::NOT_FOUND => Err(RoomsError::ApiDisabled),
        status => Err(RoomsError::UnexpectedStatus(status)),
    }
}

fn format_table(running: &RunningRooms) -> String {
    let mut rooms: Vec<_> = running.rooms.iter().collect();
    rooms.sort_unstable_by_key(|room| std::cmp::Reverse(room.participants));
    let rows = rooms
        .iter()
        .map(|room| format!("{}  {:>12}  {:>7}\n", room.room, room.participants, room.seconds));
    let draining = if running.draining { "draining: accepting no new meetings\n" } else { "" };
    format!(
        "{draining}{:22}  {:>12}  {:>7}\n{}",
        "room",
        "participants",
        "seconds",
        rows.collect::<String>()
    )
}
