//! Somebody at a browser: an HTTP client with a session.

use super::Rig;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

pub(crate) struct Person {
    client: Client,
    origin: String,
    cookie: String,
}

/// An HTTP client without a session. The TLS library wants a provider even for plain HTTP.
pub(crate) fn client() -> Client {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

impl Person {
    pub(crate) async fn sign_in(rig: &Rig, token: &str) -> Self {
        let client = client();
        let request = client.post(rig.url("/api/v1/sign-in")).json(&json!({ "token": token }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 204);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { client, origin: rig.url(""), cookie }
    }

    fn request(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("cookie", &self.cookie).header("origin", &self.origin)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(self.client.get(format!("{}/api/v1{path}", self.origin))).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(self.client.post(format!("{}/api/v1{path}", self.origin)).json(body)).send().await.unwrap()
    }

    pub(crate) async fn upload(&self, path: &str, bytes: Vec<u8>) -> Response {
        self.request(self.client.post(format!("{}/api/v1{path}", self.origin))).body(bytes).send().await.unwrap()
    }

    /// The JSON of a path that must answer 200.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The status of a path.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).await.status().as_u16()
    }
}
