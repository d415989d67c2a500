//! The address of a portal's REST interface, checked once.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

/// The REST base of a portal, such as `https://portal.example/rest/`.
///
/// It is https, or plain http on a loopback address where that was allowed; it has no userinfo,
/// no query, and its path ends with `/`.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    http_allowed: bool,
}

/// An address that is not used, in a sentence that says why and what to do. None repeats the
/// address beyond its host, because a mistaken one may hold a password or a webhook's code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not an absolute address.
    #[error("{what} is no address ({why}); it looks like https://portal.example/rest/")]
    NotAnAddress {
        /// Which address.
        what: &'static str,
        /// What the parser said.
        why: String,
    },
    /// Neither https nor http.
    #[error("{what} is neither https nor http; it looks like https://portal.example/rest/")]
    Scheme {
        /// Which address.
        what: &'static str,
    },
    /// Plain http would show the token to everybody on the way.
    #[error(
        "{what} is plain http, which shows the token to everybody on the way; use https, or give \
         --allow-http for an address of this machine such as http://127.0.0.1/"
    )]
    PlainHttp {
        /// Which address.
        what: &'static str,
    },
    /// Plain http was allowed, but the address is not on this machine.
    #[error(
        "{what} is plain http to {host}, and --allow-http is for addresses of this machine only \
         (localhost, 127.0.0.1, [::1]); use https"
    )]
    NotLoopback {
        /// Which address.
        what: &'static str,
        /// The host that is not on this machine.
        host: String,
    },
    /// A user or a password in the address.
    #[error(
        "{what} holds a user or a password before the host; remove it, the token of --auth is all \
         that is needed"
    )]
    Userinfo {
        /// Which address.
        what: &'static str,
    },
    /// A query or a fragment.
    #[error("{what} holds a query or a fragment; leave out everything from '?' or '#' on")]
    Query {
        /// Which address.
        what: &'static str,
    },
    /// An inbound webhook's address (F21).
    #[error(
        "the endpoint is an inbound webhook (/rest/USER/CODE/), and portals refuse the offline \
         queue to webhooks; use https://HOST/rest/ with the OAuth token of an application"
    )]
    Webhook,
    /// The path is missing.
    #[error("the endpoint lacks its path; a portal's REST base is https://HOST/rest/")]
    NoPath,
}

impl Endpoint {
    /// Checks an https address.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with it.
    ///
    /// ```
    /// use b24_offline::Endpoint;
    /// let endpoint = Endpoint::parse("https://Portal.Example/rest").unwrap();
    /// assert_eq!(endpoint.url().as_str(), "https://portal.example/rest/");
    /// assert_eq!(endpoint.portal(), "portal.example");
    /// assert!(Endpoint::parse("http://portal.example/rest/").is_err());
    /// assert!(Endpoint::parse("https://portal.example/rest/1/code/").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::check(text, false)
    }

    /// Checks an address that may also be plain http on this machine, for the emulator.
    ///
    /// # Errors
    /// [`EndpointError`] says what is wrong with it.
    ///
    /// ```
    /// use b24_offline::Endpoint;
    /// assert!(Endpoint::parse_with_http("http://127.0.0.1:8080/rest/").is_ok());
    /// assert!(Endpoint::parse_with_http("http://portal.example/rest/").is_err());
    /// ```
    pub fn parse_with_http(text: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::check(text, true)
    }

    fn check(text: &str, http_allowed: bool) -> Result<Endpoint, EndpointError> {
        let what = "the endpoint";
        let mut url = checked(text, what, http_allowed)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query { what });
        }
        let path = url.path().trim_end_matches('/').to_owned();
        if path.is_empty() {
            return Err(EndpointError::NoPath);
        }
        let mut after_rest = path.split('/').skip_while(|part| *part != "rest").skip(1);
        let is_user = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if after_rest.next().is_some_and(is_user) && after_rest.next().is_some() {
            return Err(EndpointError::Webhook);
        }
        url.set_path(&format!("{path}/"));
        Ok(Endpoint { url, http_allowed })
    }

    /// The address; its path ends with `/`.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What names the portal in the journal: the host in lower case, with the port if the address
    /// has one that is not its scheme's own.
    #[must_use]
    pub fn portal(&self) -> String {
        portal_of(&self.url)
    }

    /// Checks another address that gets secrets, such as the token endpoint, by the same rules.
    pub(crate) fn sibling(&self, text: &str, what: &'static str) -> Result<Url, EndpointError> {
        checked(text, what, self.http_allowed)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.url)
    }
}

pub(crate) fn portal_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    url.port().map_or(host.clone(), |port| format!("{host}:{port}"))
}

/// Whether the host of an address is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn checked(text: &str, what: &'static str, http_allowed: bool) -> Result<Url, EndpointError> {
    let url = Url::parse(text.trim())
        .map_err(|error| EndpointError::NotAnAddress { what, why: error.to_string() })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Userinfo { what });
    }
    match url.scheme() {
        "https" => {}
        "http" if !http_allowed => return Err(EndpointError::PlainHttp { what }),
        "http" if !is_loopback(&url) => {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(EndpointError::NotLoopback { what, host });
        }
        "http" => {}
        _ => return Err(EndpointError::Scheme { what }),
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> EndpointError {
        Endpoint::parse(text).unwrap_err()
    }

    #[test]
    fn addresses_that_would_leak_are_refused() {
        let what = "the endpoint";
        assert_eq!(wrong("http://portal.example/rest/"), EndpointError::PlainHttp { what });
        assert_eq!(wrong("https://u:p@portal.example/rest/"), EndpointError::Userinfo { what });
        assert_eq!(wrong("https://portal.example/rest/?auth=x"), EndpointError::Query { what });
        assert_eq!(wrong("ftp://portal.example/rest/"), EndpointError::Scheme { what });
        let host = "portal.example".to_owned();
        assert_eq!(
            Endpoint::parse_with_http("http://portal.example/rest/").unwrap_err(),
            EndpointError::NotLoopback { what, host }
        );
    }

    #[test]
    fn webhooks_are_told_from_portals() {
        assert_eq!(wrong("https://portal.example/rest/1/abc123/"), EndpointError::Webhook);
        assert_eq!(wrong("https://portal.example/rest/1/abc123"), EndpointError::Webhook);
        assert_eq!(
            wrong("https://portal.example/rest/1/abc/crm.deal.list"),
            EndpointError::Webhook
        );
        assert!(Endpoint::parse("https://portal.example/rest/").is_ok());
        assert!(Endpoint::parse("https://portal.example/intern/rest").is_ok());
    }

    #[test]
    fn no_refusal_repeats_a_secret() {
        for text in [
            "https://user:canary-1@portal.example/rest/",
            "https://portal.example/rest/1/canary-1/",
            "https://portal.example/rest/?auth=canary-1",
            "http://portal.example/rest/1/canary-1/",
            "canary-1",
        ] {
            let error = wrong(text);
            assert!(!error.to_string().contains("canary-1"), "{error}");
            assert!(!format!("{error:?}").contains("canary-1"), "{error:?}");
        }
    }

    #[test]
    fn the_portal_is_named_by_host_and_odd_port() {
        let portal = |text| Endpoint::parse_with_http(text).unwrap().portal();
        assert_eq!(portal("https://Portal.Example:443/rest/"), "portal.example");
        assert_eq!(portal("http://127.0.0.1:8080/rest"), "127.0.0.1:8080");
        assert_eq!(portal("http://[::1]:8080/rest"), "[::1]:8080");
    }
}
