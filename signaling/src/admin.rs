//! The operator's routes: metrics and the running rooms.
//!
//! Metrics tell how much is going on, and a room's id is half of its link, so both stay off the
//! port that participants use.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use prometheus::{Registry, TextEncoder};
use serde::{Deserialize, Serialize};
use signaling_protocol::{Refusal, RefusalCode, RoomId, Secret};
use tokio::time::Instant;

use crate::auth;
use crate::probes;
use crate::room::ShutdownNotice;
use crate::rooms::Rooms;

/// A request has no more to say than yes or no.
const REQUEST_BYTES: usize = 256;

/// `GET /api/admin/v1/rooms`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRooms {
    /// No meeting begins.
    pub draining: bool,
    /// In no order.
    pub rooms: Vec<RunningRoom>,
}

/// A room with participants, or one that the last of them left not long ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningRoom {
    /// Which; its link has a secret besides, which the server does not know.
    pub room: RoomId,
    /// The number of participants.
    pub participants: usize,
    /// Since it was entered.
    pub seconds: u64,
}

/// `PUT /api/admin/v1/draining`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {
    /// Starts no new meeting. Running meetings go on, and participants are told that the server will
    /// restart.
    pub draining: bool,
    /// The number of seconds until the restart that participants are told. Nothing stops by itself then.
    #[serde(default)]
    pub restart_in_seconds: Option<u32>,
}

pub(crate) fn router(rooms: Rooms, registry: Registry, token: Option<Secret>) -> Router {
    let open = Router::new().route("/metrics", get(figures)).with_state(registry);
    let open = open.merge(probes::router(rooms.clone()));
    let Some(token) = token else { return open };
    let guarded = Router::new()
        .route("/api/admin/v1/rooms", get(list))
        .route("/api/admin/v1/rooms/{room}", delete(close))
        .route("/api/admin/v1/draining", put(drain))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
        .route_layer(middleware::from_fn_with_state(Arc::new(token), guard))
        .with_state(rooms);
    open.merge(guarded)
}

async fn guard(State(token): State<Arc<Secret>>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|shown| auth::same(&shown, &token)) {
        return next.run(request).await;
    }
    let words = "Show the token: Authorization: Bearer …\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], words).into_response()
}

/// RFC 6750 section 2.1.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret(token.trim().to_owned()))
}

async fn list(State(rooms): State<Rooms>) -> Json<RunningRooms> {
    let running = rooms.running().await.into_iter();
    let rooms_now = running.map(|(room, participants, since)| RunningRoom {
        room,
        participants,
        seconds: since.as_secs(),
    });
    Json(RunningRooms { draining: rooms.is_draining(), rooms: rooms_now.collect() })
}

async fn drain(State(rooms): State<Rooms>, Json(wanted): Json<Draining>) -> Json<Draining> {
    let from_now = |seconds: u32| Instant::now() + Duration::from_secs(seconds.into());
    rooms.announce_shutdown(if wanted.draining {
        ShutdownNotice::Planned { at: wanted.restart_in_seconds.map(from_now) }
    } else {
        ShutdownNotice::None
    });
    tracing::info!(?wanted, "told by whoever runs the server");
    Json(wanted)
}

async fn close(State(rooms): State<Rooms>, Path(room): Path<String>) -> Response {
    let Ok(room) = room.parse::<RoomId>() else {
        return (StatusCode::BAD_REQUEST, "This is no room id.\n").into_response();
    };
    let refusal = Refusal::new(
        RefusalCode::UnknownRoom,
        "Whoever runs this server has closed the meeting; start a new one.",
    );
    match rooms.close(&room, refusal).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => (StatusCode::NOT_FOUND, "There is no such room.\n").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "The store does not work; see the log.\n")
            .into_response(),
    }
}

async fn figures(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the figures cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
