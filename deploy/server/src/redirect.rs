//! Sends those who come by HTTP on to HTTPS.

use axum::Router;
use axum::http::Uri;
use axum::response::Redirect;

/// To the same path at this name; whatever the request calls the server does not count, or anybody
/// could be sent anywhere.
pub(crate) fn to_https(domain: String) -> Router {
    Router::new().fallback(async move |uri: Uri| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Redirect::permanent(&format!("https://{domain}{path}"))
    })
}
