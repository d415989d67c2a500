//! Where the authorisation of calls comes from.

use std::future::Future;

use thiserror::Error;
use url::Url;

use crate::secret::Secret;

/// The authorisation of one portal: its address, a token, and a way to renew it.
///
/// [`OAuthFile`](crate::OAuthFile) is the one for an application with its own pair of tokens;
/// implement this to take the token from somewhere else.
///
/// ```
/// use b24_offline::{AuthError, AuthSource, Endpoint, Secret};
/// use url::Url;
///
/// /// A token that somebody else keeps fresh.
/// struct FromEnvironment {
///     endpoint: Endpoint,
/// }
///
/// impl AuthSource for FromEnvironment {
///     fn base_url(&self) -> &Url {
///         self.endpoint.url()
///     }
///     async fn token(&self) -> Result<Secret, AuthError> {
///         let why = |_| AuthError::SignInAgain { why: "B24_TOKEN is not set".into() };
///         std::env::var("B24_TOKEN").map(Secret::new).map_err(why)
///     }
///     async fn refresh(&self) -> Result<(), AuthError> {
///         Err(AuthError::SignInAgain { why: "the token in B24_TOKEN has expired".into() })
///     }
/// }
/// ```
pub trait AuthSource: Send + Sync + 'static {
    /// The portal's REST base; its path ends with `/`. It never changes.
    fn base_url(&self) -> &Url;

    /// The token that is valid as far as is known; cheap.
    fn token(&self) -> impl Future<Output = Result<Secret, AuthError>> + Send;

    /// Gets a new token, because the portal called the present one expired (F34). The transport
    /// never asks for two at once.
    fn refresh(&self) -> impl Future<Output = Result<(), AuthError>> + Send;

    /// Returns when no renewal is under way. A run waits for it at its end, 10 s at most, so that a
    /// pair that was just made is not lost; there is nothing to wait for by default.
    fn settled(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// There is no valid token. The texts hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthError {
    /// It could not be got or kept just now; later it may work.
    #[error("{why}")]
    Network {
        /// What went wrong.
        why: String,
    },
    /// None can be had until a person signs in again.
    #[error("{why}")]
    SignInAgain {
        /// Who refused, and in which words.
        why: String,
    },
}
