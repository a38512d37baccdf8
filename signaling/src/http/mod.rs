//! The HTTP routes: rooms, tokens, and the upgrade to a WebSocket.

mod origin;
mod rate_limits;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use ipnet::IpNet;
use signaling_protocol::{
    Refusal, RefusalCode, RoomCreated, RoomId, TokenIssued, TokenRequest, limits,
};

use self::origin::check_origin;
use self::rate_limits::RateLimits;
use crate::admin::bearer;
use crate::auth::{self, Role, Tokens};
use crate::client_address::ClientAddress;
use crate::config::SignalingConfig;
use crate::metrics::Metrics;
use crate::probes;
use crate::room_task::refusal_of;
use crate::rooms::Rooms;
use crate::socket::Sockets;
use crate::store::{StoreFailure, unix_seconds};
use crate::turn::TurnServer;

/// Largest WebSocket message that is read, in bytes. A message a little over its limit is read and
/// refused; a larger one closes the socket.
const MAX_READ_BYTES: usize = limits::MESSAGE_BYTES + 64 * 1024;

/// Size of a socket's read buffer, in bytes. The buffer lives as long as the socket and is zeroed
/// before each read; longer messages take several reads.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Largest body of a request, in bytes: it holds a host key at most.
const REQUEST_BYTES: usize = 1024;

/// The state of the routes.
#[derive(Clone)]
pub(crate) struct Service {
    sockets: Sockets,
    limits: Arc<RateLimits>,
}

impl Service {
    pub(crate) fn new(
        config: Arc<SignalingConfig>,
        rooms: Rooms,
        tokens: Tokens,
        metrics: Metrics,
    ) -> Self {
        let limits = Arc::new(RateLimits::new(&config));
        let sockets = Sockets { config, rooms, tokens, metrics };
        Self { sockets, limits }
    }

    pub(crate) fn router(self) -> Router {
        let probes = probes::router(self.sockets.rooms.clone());
        Router::new()
            .route("/api/v1/rooms", post(create_room))
            .route("/api/v1/rooms/{room}", delete(delete_room))
            .route("/api/v1/rooms/{room}/tokens", post(issue_token))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES))
            .route("/api/v1/socket", get(open_socket))
            .with_state(self)
            .merge(probes)
    }

    pub(crate) fn trusted_proxies(&self) -> &[IpNet] {
        &self.sockets.config.trusted_proxies
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        self.sockets.metrics.refused(&refusal);
        let status = StatusCode::from_u16(refusal.code.http_status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = refusal.retry_after_seconds;
        let mut response = (status, Json(refusal)).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

async fn create_room(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
) -> Response {
    if let Err(refusal) = service.limits.check_room(address) {
        return service.refuse(refusal);
    }
    let rooms = &service.sockets.rooms;
    if let Err(refusal) = rooms.admits(None).and_then(|()| rooms.carries(None)) {
        return service.refuse(refusal);
    }
    match service.sockets.rooms.create().await {
        Ok((room, host_key)) => {
            (StatusCode::CREATED, Json(RoomCreated { room, host_key })).into_response()
        }
        Err(failure) => service.refuse(refusal_of(failure)),
    }
}

/// Parses the room id of a path.
fn parse_room(text: &str) -> Result<RoomId, Refusal> {
    text.parse().map_err(|error| Refusal::new(RefusalCode::BadMessage, format!("{error}.")))
}

/// Ends the meeting and deletes the room, for a request with the host key as bearer token.
async fn delete_room(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = service.limits.check_token(address) {
        return service.refuse(refusal);
    }
    let room = match parse_room(&room) {
        Ok(room) => room,
        Err(refusal) => return service.refuse(refusal),
    };
    if bearer(&headers).is_none_or(|key| auth::room_of(&key) != room) {
        let sentence = "Only who has its host key can end this meeting for good; ask its hosts.";
        return service.refuse(Refusal::new(RefusalCode::NotAllowed, sentence));
    }
    let sentence = "A host has ended this meeting for good; start a new one.";
    let refusal = Refusal::new(RefusalCode::UnknownRoom, sentence);
    match service.sockets.rooms.close(&room, refusal).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => service.refuse(refusal_of(StoreFailure::UnknownRoom)),
        Err(failure) => service.refuse(refusal_of(failure)),
    }
}

/// Issues a token, however busy the SFU is: a participant that reloads its page, or has lost its
/// keys, is in the meeting and needs a token too. The hello names its predecessor, and capacity is
/// checked then.
async fn issue_token(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
    Path(room): Path<String>,
    body: Bytes,
) -> Response {
    if let Err(refusal) = service.limits.check_token(address) {
        return service.refuse(refusal);
    }
    let room = match parse_room(&room) {
        Ok(room) => room,
        Err(refusal) => return service.refuse(refusal),
    };
    let role = match role_of(&room, &body) {
        Ok(role) => role,
        Err(refusal) => return service.refuse(refusal),
    };
    if let Err(refusal) = service.sockets.rooms.admits(Some(&room)) {
        return service.refuse(refusal);
    }
    match service.sockets.rooms.exists(&room).await {
        Ok(true) => {
            let tokens = &service.sockets.tokens;
            let now = unix_seconds();
            let (token, expires_in_seconds) = tokens.issue(&room, role, now);
            let turn = service.sockets.config.turn_server.as_ref();
            let Ok(ice_servers) = turn.map(|turn| turn.ice_server(now)).transpose() else {
                return service.refuse(refusal_of(StoreFailure::Unavailable));
            };
            Json(TokenIssued {
                token,
                expires_in_seconds,
                ice_servers: ice_servers.into_iter().collect(),
                ice_servers_expire_in_seconds: TurnServer::LIFETIME_SECONDS,
                room_kept_seconds: service.sockets.config.room_kept_seconds(),
            })
            .into_response()
        }
        Ok(false) => service.refuse(refusal_of(StoreFailure::UnknownRoom)),
        Err(failure) => service.refuse(refusal_of(failure)),
    }
}

/// Returns the role that a token request asks for.
fn role_of(room: &RoomId, body: &[u8]) -> Result<Role, Refusal> {
    if body.is_empty() {
        return Ok(Role::Guest);
    }
    let request: TokenRequest = serde_json::from_slice(body).map_err(|_| {
        Refusal::new(
            RefusalCode::BadMessage,
            "The server did not understand what a token is asked for; reload the page.",
        )
    })?;
    match request.host_key {
        None => Ok(Role::Guest),
        Some(key) if auth::room_of(&key) == *room => Ok(Role::Host),
        Some(_) => Err(Refusal::new(
            RefusalCode::NotAllowed,
            "This host key is of another meeting; come in without it.",
        )),
    }
}

async fn open_socket(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = check_origin(&headers, &service.sockets.config.allowed_origins) {
        return service.refuse(refusal);
    }
    let permit = match service.limits.open_socket(address) {
        Ok(permit) => permit,
        Err(refusal) => return service.refuse(refusal),
    };
    // The process must not end before the closing message is sent.
    let hold = service.sockets.rooms.hold();
    let upgrade = upgrade.max_message_size(MAX_READ_BYTES).max_frame_size(MAX_READ_BYTES);
    upgrade.read_buffer_size(READ_BUFFER_BYTES).on_upgrade(move |socket| async move {
        service.sockets.serve(socket).await;
        drop((permit, hold));
    })
}
