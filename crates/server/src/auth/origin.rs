//! Which pages and host names may talk to the API.
//!
//! Not authentication: it keeps other sites' pages from using a signed-in browser. A request must name a host that this server
//! answers for (else a foreign name that resolves to loopback could reach it: DNS rebinding), and one that changes something
//! must, when it carries an `Origin` (every browser's POST does), carry one of ours; the cookie's `SameSite=Strict` is the second lock.

use crate::api::ApiError;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::net::SocketAddr;
use std::sync::Arc;

/// The origins that are this server, such as `http://127.0.0.1:8080`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// The origins of a server at `address` that speaks plain HTTP, and those that a proxy in front adds.
    #[must_use]
    pub fn of(address: SocketAddr, public: &[String]) -> Self {
        let port = address.port();
        let mut all = vec![format!("http://{address}")];
        if address.ip().is_loopback() {
            all.extend(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}:{port}")));
        }
        if port == 80 {
            all.extend(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}")));
        }
        all.extend(public.iter().cloned());
        Self(all.into())
    }

    fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    fn has_host(&self, host: &str) -> bool {
        self.0.iter().filter_map(|known| known.split_once("://")).any(|(_, known)| known.eq_ignore_ascii_case(host))
    }

    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
        let host = text(header::HOST).unwrap_or("");
        if !self.has_host(host) {
            return Err(ApiError::ForeignHost(host.to_owned()));
        }
        match text(header::ORIGIN) {
            Some(origin) if !method.is_safe() && !self.has(origin) => Err(ApiError::ForeignOrigin(origin.to_owned())),
            _ => Ok(()),
        }
    }
}

/// Middleware that refuses what comes from elsewhere.
///
/// # Errors
/// [`ApiError::ForeignHost`], [`ApiError::ForeignOrigin`]
pub async fn check_origin(State(origins): State<Origins>, request: Request, next: Next) -> Result<Response, ApiError> {
    origins.check(request.method(), request.headers())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: Method, host: &str, origin: Option<&str>) -> Result<(), ApiError> {
        let origins = Origins::of("127.0.0.1:8080".parse().unwrap(), &["https://yagura.example".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        origins.check(&method, &headers)
    }

    #[test]
    fn our_own_pages_may_change_things() {
        assert!(verdict(Method::POST, "127.0.0.1:8080", Some("http://127.0.0.1:8080")).is_ok());
        assert!(verdict(Method::POST, "localhost:8080", Some("http://localhost:8080")).is_ok());
        assert!(verdict(Method::POST, "yagura.example", Some("https://yagura.example")).is_ok());
        assert!(verdict(Method::POST, "127.0.0.1:8080", None).is_ok());
    }

    #[test]
    fn pages_of_others_may_not() {
        assert!(matches!(
            verdict(Method::POST, "127.0.0.1:8080", Some("http://evil.example")),
            Err(ApiError::ForeignOrigin(_))
        ));
        assert!(verdict(Method::POST, "127.0.0.1:8080", Some("null")).is_err());
    }

    #[test]
    fn a_name_that_is_not_ours_reaches_nothing() {
        assert!(matches!(verdict(Method::GET, "evil.example:8080", None), Err(ApiError::ForeignHost(_))));
        assert!(verdict(Method::GET, "", None).is_err());
    }
}
