//! What the transport and the sign-in share: the client and the reading of answers.

use std::time::Duration;

use b24_offline_core::Lost;
use reqwest::{Certificate, Client, Response, redirect};
use thiserror::Error;
use url::Url;

use crate::endpoint::is_loopback;

/// How HTTP is spoken.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The largest answer taken, in bytes after decompression; 16 MiB by default.
    pub max_answer: u64,
    /// How long a connection may take to be made; 10 s by default.
    pub connect_timeout: Duration,
    /// PEM text of further certificate authorities, for a self-hosted portal or the emulator.
    pub ca: Option<Vec<u8>>,
}

impl Default for HttpSettings {
    fn default() -> HttpSettings {
        HttpSettings {
            max_answer: 16 * 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            ca: None,
        }
    }
}

/// The client can't be made.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The further certificate authorities are not PEM text.
    #[error("the file of certificate authorities holds no certificate in PEM form; name another")]
    Ca,
    /// This machine's own certificates can't be used.
    #[error("HTTPS can't be set up ({0}); install this machine's CA certificates")]
    Client(String),
}

impl HttpSettings {
    /// A client that follows no redirect and repeats nothing by itself.
    pub(crate) fn client(&self, base: &Url) -> Result<Client, HttpError> {
        let mut builder = Client::builder()
            .user_agent(concat!("b24-offline/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .referer(false);
        if is_loopback(base) {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &self.ca {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|_| HttpError::Ca)?;
            if certificates.is_empty() {
                return Err(HttpError::Ca);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        builder.build().map_err(|error| HttpError::Client(cause(&error.without_url())))
    }
}

/// The whole body as bytes, never more than `most`.
pub(crate) async fn body(mut response: Response, most: u64) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if bytes.len() as u64 + chunk.len() as u64 > most {
                    return Err(Lost::TooLarge);
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(bytes),
            Err(error) if error.is_timeout() => return Err(Lost::TimedOut),
            Err(_) => return Err(Lost::Broken),
        }
    }
}

/// The innermost cause of an error in plain words, in one line: the outer ones only tell which layer
/// gave up.
pub(crate) fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    let words = innermost.to_string().replace(char::is_control, " ");
    match words.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}
