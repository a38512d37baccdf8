//! Redirects plain HTTP requests to HTTPS.

use axum::Router;
use axum::http::Uri;
use axum::response::Redirect;

/// Returns a service that redirects every request permanently to the same path at
/// `https://{domain}`. The request's `Host` is ignored, so that the service is not an open redirect.
pub(crate) fn redirect_to_https(domain: String) -> Router {
    Router::new().fallback(async move |uri: Uri| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Redirect::permanent(&format!("https://{domain}{path}"))
    })
}
