//! What the tests of the server share: a portal behind sockets, and a client of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere, and each test file uses its own part of this"
)]

use std::net::{Ipv4Addr, SocketAddr};

use b24_offline_emulator::server::{Running, ServeOptions, serve};
use b24_offline_emulator::{Limits, Settings};
use serde_json::{Value, json};

/// A portal, and a client that is signed in.
pub(crate) struct Served {
    pub(crate) running: Running,
    pub(crate) client: reqwest::Client,
    pub(crate) token: String,
}

/// A portal without limits, over plain HTTP.
pub(crate) async fn portal() -> Served {
    portal_with(Settings { limits: Limits::Off, ..Settings::default() }).await
}

pub(crate) async fn portal_with(settings: Settings) -> Served {
    let options = ServeOptions {
        settings,
        https: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        ..ServeOptions::default()
    };
    let running = serve(options).await.unwrap();
    let pem = running.authority_pem.clone().unwrap();
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
    let token = running.with_portal(|portal, _| portal.issue_token("1").access_token);
    Served { running, client, token }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.http)
    }

    pub(crate) fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.running.https.unwrap().port())
    }

    /// Calls a method with a JSON body; answers status and body.
    pub(crate) async fn call(&self, method: &str, mut params: Value) -> (u16, Value) {
        params["auth"] = json!(self.token);
        let request = self.post(&self.url(&format!("/rest/{method}")), &params);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    /// A call that may end without an answer.
    pub(crate) async fn try_call(&self, method: &str) -> Result<Vec<u8>, reqwest::Error> {
        let params = json!({ "auth": self.token });
        let answer = self.post(&self.url(&format!("/rest/{method}")), &params).send().await?;
        Ok(answer.bytes().await?.to_vec())
    }

    pub(crate) fn post(&self, url: &str, body: &Value) -> reqwest::RequestBuilder {
        let body = body.to_string();
        self.client.post(url).header("content-type", "application/json").body(body)
    }

    /// A control call that must succeed: GET without a body, else POST.
    pub(crate) async fn control(&self, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.try_control(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub(crate) async fn try_control(&self, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = self.url(&format!("/control/{path}"));
        let request = match body {
            Some(body) => self.post(&url, &body),
            None => self.client.get(url),
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }
}
