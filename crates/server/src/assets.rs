//! The console's files, built into the binary.
//!
//! Not a file server: what is not in the binary does not exist. A path that names no file is the console's own (it routes in the
//! browser) and gets its start page. Invariants: every answer has an `ETag` (weak: it may be compressed on its way); a file whose name carries a hash may be kept for
//! ever, the start page must be asked for each time. Without a built console a page says how to build it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
#[allow_missing = true]
struct Console;

const START_PAGE: &str = "index.html";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
/// Where the console's build puts files whose names carry a hash of their content.
const HASHED: &str = "assets/";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Yagura</title>\
<h1>The console is not built into this server</h1>\
<p>Build it, then the server again: <code>npm --prefix console ci &amp;&amp; npm --prefix console run build</code></p>\
<p>The API is here: <a href=/api/v1/openapi.json>/api/v1/openapi.json</a></p></html>";

/// Answers every request that is not the API's.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return crate::api::ApiError::MethodNotAllowed.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Console::get(path) {
        return answer(path, &file, &headers);
    }
    // A missing file is missing; only a path without an extension can be a page.
    let is_page = !path.rsplit('/').next().unwrap_or("").contains('.');
    match Console::get(START_PAGE) {
        _ if !is_page => crate::api::ApiError::NotFound("file").into_response(),
        Some(file) => answer(START_PAGE, &file, &headers),
        None => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    }
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("W/\"{}\"", crate::auth::hex(&file.metadata.sha256_hash()));
    let cache = if path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.clone().into_owned()).into_response()
    };
    let content = HeaderValue::from_static(content_type(path));
    let put = response.headers_mut();
    put.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        put.insert(header::ETAG, etag);
    }
    put.insert(header::CONTENT_TYPE, content);
    response
}

/// The content type of a file of the console, by its extension.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
