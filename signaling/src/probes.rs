//! Probes for an orchestrator: live, started, and ready for new participants.
//!
//! Liveness depends on nothing outside the process: when the store is down, nodes must not be
//! restarted, since their meetings go on without it.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::time::timeout;

use crate::rooms::Rooms;

/// A store that takes longer is of no use to people.
const STORE: Duration = Duration::from_secs(2);

/// `/livez`, `/startupz`, `/readyz`, and `/healthz`, which is `/livez` by its older name.
pub(crate) fn router(rooms: Rooms) -> Router {
    // Nothing answers before the service has started.
    let alive = || get(|| async { "ok\n" });
    Router::new()
        .route("/healthz", alive())
        .route("/livez", alive())
        .route("/startupz", alive())
        .route("/readyz", get(ready))
        .with_state(rooms)
}

async fn ready(State(rooms): State<Rooms>) -> (StatusCode, &'static str) {
    if rooms.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining: the server is about to end\n");
    }
    match timeout(STORE, rooms.reach_store()).await {
        // Not being ready would take the way back from those who are inside, where one address is
        // all there is.
        Ok(Ok(())) if rooms.carries(None).is_err() => (
            StatusCode::OK,
            "ok, but full: the media workers are overloaded and accept no new participants\n",
        ),
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not work; see the log\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}
