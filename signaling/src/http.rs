//! The HTTP side: rooms, tokens, and the way to the socket.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use dashmap::DashMap;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use signaling_protocol::{
    Refusal, RefusalCode, RoomCreated, RoomId, TokenIssued, TokenRequest, limits,
};

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

/// Addresses that the rate limits remember before they forget the quiet ones.
const ADDRESSES: usize = 100_000;

/// A message that is a little over its limit is read to the end and refused in words; one that is
/// longer than this breaks its socket.
const MOST_READ: usize = limits::MESSAGE_BYTES + 64 * 1024;

/// What is read from a socket at once. All of it is held, and written over with zeros before each
/// reading, as long as the socket lives; messages that are longer take several readings.
const READ_AT_ONCE: usize = 8 * 1024;

/// A request has no more to say than a key.
const REQUEST_BYTES: usize = 1024;

/// All that the routes need.
#[derive(Clone)]
pub(crate) struct Service {
    sockets: Sockets,
    gate: Arc<Gate>,
}

/// Limits by address.
struct Gate {
    rooms: DefaultKeyedRateLimiter<IpAddr>,
    tokens: DefaultKeyedRateLimiter<IpAddr>,
    sockets: DashMap<IpAddr, usize>,
}

impl Service {
    pub(crate) fn new(
        config: Arc<SignalingConfig>,
        rooms: Rooms,
        tokens: Tokens,
        metrics: Metrics,
    ) -> Self {
        let a_minute = |most: u32| {
            RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN)))
        };
        let gate = Gate {
            rooms: a_minute(config.rooms_per_minute),
            tokens: a_minute(config.tokens_per_minute),
            sockets: DashMap::new(),
        };
        let sockets = Sockets { config, rooms, tokens, metrics };
        Self { sockets, gate: Arc::new(gate) }
    }

    pub(crate) fn router(self) -> Router {
        let probes = probes::router(self.sockets.rooms.clone());
        Router::new()
            .route("/api/v1/rooms", post(create_room))
            .route("/api/v1/rooms/{room}", delete(forget_room))
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
    if let Err(refusal) = within(&service.gate.rooms, address) {
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

/// The room in a path.
fn room_named(text: &str) -> Result<RoomId, Refusal> {
    text.parse().map_err(|error| Refusal::new(RefusalCode::BadMessage, format!("{error}.")))
}

/// Whoever has the host key, shown as a bearer token, ends the meeting and has the room forgotten.
async fn forget_room(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = within(&service.gate.tokens, address) {
        return service.refuse(refusal);
    }
    let room = match room_named(&room) {
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

/// A token is issued however much the SFU has to do: whoever loads its page anew, or lost its keys,
/// asks for one too, and is inside. Whether there is room for one who comes is asked when it says
/// hello, and with it whose place it takes.
async fn issue_token(
    State(service): State<Service>,
    ClientAddress(address): ClientAddress,
    Path(room): Path<String>,
    body: Bytes,
) -> Response {
    if let Err(refusal) = within(&service.gate.tokens, address) {
        return service.refuse(refusal);
    }
    let room = match room_named(&room) {
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

/// As whom somebody comes who asks for a token like this.
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
    if let Err(refusal) = may_open(&headers, &service.sockets.config.allowed_origins) {
        return service.refuse(refusal);
    }
    let most = service.sockets.config.sockets_per_address;
    let Some(place) = Place::take(&service.gate, address, most) else {
        return service.refuse(
            Refusal::new(
                RefusalCode::TooFast,
                "Too many sockets are open from your address; close some, or try again later.",
            )
            .with_retry_after(10),
        );
    };
    // The process must not end before the last words are out.
    let hold = service.sockets.rooms.hold();
    let upgrade = upgrade.max_message_size(MOST_READ).max_frame_size(MOST_READ);
    upgrade.read_buffer_size(READ_AT_ONCE).on_upgrade(move |socket| async move {
        service.sockets.serve(socket).await;
        drop((place, hold));
    })
}

fn within(limiter: &DefaultKeyedRateLimiter<IpAddr>, address: IpAddr) -> Result<(), Refusal> {
    if limiter.len() > ADDRESSES {
        limiter.retain_recent();
    }
    limiter.check_key(&address).map_err(|_| {
        Refusal::new(RefusalCode::TooFast, "Too many requests from your address; wait a minute.")
            .with_retry_after(60)
    })
}

/// A page of another site must not open sockets in a visitor's name (RFC 6455 section 10.2).
/// Programs send no Origin.
fn may_open(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, rest)| !host.is_empty() && rest == host);
    if own || allowed.iter().any(|one| one == origin) {
        Ok(())
    } else {
        Err(Refusal::new(
            RefusalCode::NotAllowed,
            "This page may not use this server; whoever runs it can allow the page's origin.",
        ))
    }
}

/// One socket's place among those of its address, given back when dropped.
struct Place {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Place {
    fn take(gate: &Arc<Gate>, address: IpAddr, most: usize) -> Option<Self> {
        let mut taken = gate.sockets.entry(address).or_default();
        if *taken >= most {
            return None;
        }
        *taken += 1;
        drop(taken);
        Some(Self { gate: Arc::clone(gate), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut taken) = self.gate.sockets.get_mut(&self.address) {
            *taken = taken.saturating_sub(1);
        }
        self.gate.sockets.remove_if(&self.address, |_, taken| *taken == 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "meet.example:8443".parse().expect("a host"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("an origin"));
        }
        headers
    }

    #[test]
    fn only_the_own_page_listed_pages_and_programs_may_open_a_socket() {
        let allowed = ["https://portal.example".to_owned()];
        for (origin, may) in [
            (None, true),
            (Some("https://meet.example:8443"), true),
            (Some("https://portal.example"), true),
            (Some("https://evil.example"), false),
            (Some("https://meet.example:8443.evil.example"), false),
            (Some("null"), false),
        ] {
            assert_eq!(may_open(&headers(origin), &allowed).is_ok(), may, "{origin:?}");
        }
    }
}
