//! What goes over the wire: the calls as the witness reads them, and the transport that sends them.

use b24_offline_core::Call;
use b24_offline_emulator::{Outcome, Php, Portal, Request, Tokens};

/// What one call asks of the queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Digest {
    pub(crate) methods: Vec<String>,
    /// How many `get`s, and what those that delete are bound to: the first and the last ID.
    pub(crate) gets: usize,
    pub(crate) deletions: Vec<(Option<u64>, Option<u64>)>,
    pub(crate) clears: Vec<Named>,
    pub(crate) errors: Vec<Named>,
    pub(crate) sweeps: usize,
    pub(crate) reads: usize,
    pub(crate) binds: usize,
    pub(crate) writes: usize,
    /// The writes by their marks: the letter w and a number, among the values.
    pub(crate) written: Vec<String>,
    /// A sub-call carries the connector.
    pub(crate) inner_connector: bool,
}

/// What a `clear` or an `error` names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) process: String,
    pub(crate) ids: Vec<u64>,
    pub(crate) messages: Vec<String>,
}

impl Digest {
    pub(crate) fn of(call: &Call) -> Digest {
        let mut digest = Digest::default();
        if call.method != "batch" {
            digest.methods.push(call.method.clone());
            digest.writes = 1;
            digest.written.extend(marked(&call.params, "\"w"));
            return digest;
        }
        let commands = call.params.split_once(r#""cmd":{"#).map_or("", |(_, rest)| rest);
        // names and commands hold no quotes: commands are percent-encoded
        let mut parts = commands.split('"');
        while let (Some(_), Some(name), Some(_), Some(command)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            if name == "halt" {
                break;
            }
            digest.add(command);
        }
        digest
    }

    fn add(&mut self, command: &str) {
        let (method, query) = command.split_once('?').unwrap_or((command, ""));
        self.methods.push(method.to_owned());
        self.inner_connector |= query.contains("auth_connector=");
        match method {
            "event.offline.get" => {
                self.gets += 1;
                if !query.split('&').any(|pair| pair == "clear=0") {
                    self.deletions.push(bounds(query));
                }
            }
            "event.offline.clear" => self.clears.push(Named::of(query)),
            "event.offline.error" => self.errors.push(Named::of(query)),
            "event.offline.list" => {
                self.sweeps += usize::from(query.contains("%3EPROCESS_ID"));
                self.reads += usize::from(query.contains("%40ID"));
            }
            "event.bind" => self.binds += 1,
            "event.get" | "feature.get" => {}
            _ if method.ends_with(".update") || method.ends_with(".add") => {
                self.writes += 1;
                self.written.extend(marked(query, "=w"));
            }
            _ => self.reads += 1,
        }
    }
}

/// The first and the last ID of a filter.
fn bounds(query: &str) -> (Option<u64>, Option<u64>) {
    let value = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(name));
        pair.and_then(|value| value.parse().ok())
    };
    (value("filter%5B%3E%3DID%5D="), value("filter%5B%3C%3DID%5D="))
}

impl Digest {
    /// How many `get`s reserve.
    pub(crate) fn reserving(&self) -> usize {
        self.gets - self.deletions.len()
    }
}

fn marked(text: &str, before: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("w{digits}"))
}

impl Named {
    fn of(query: &str) -> Named {
        let mut named = Named::default();
        for pair in query.split('&') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            if name == "process_id" {
                value.clone_into(&mut named.process);
            } else if name.starts_with("id%5B") {
                named.ids.extend(value.parse::<u64>().ok());
            } else if name.starts_with("message_id%5B") {
                named.messages.push(value.to_owned());
            }
        }
        named
    }
}

/// The way to the portal, with the tokens.
#[derive(Debug)]
pub(crate) struct Transport {
    tokens: Tokens,
    pub(crate) refreshed: u64,
}

impl Transport {
    pub(crate) fn new(tokens: Tokens) -> Transport {
        Transport { tokens, refreshed: 0 }
    }

    /// Sends a call, with a fresh token if the old one has expired.
    pub(crate) fn send(&mut self, portal: &mut Portal, call: &Call, now: u64) -> Outcome {
        let outcome = self.request(portal, call, now);
        let expired = matches!(&outcome, Outcome::Answer { status: 401, body, .. }
            if body.contains("expired_token"));
        if !expired {
            return outcome;
        }
        self.refresh(portal, now);
        self.request(portal, call, now)
    }

    pub(crate) fn refresh(&mut self, portal: &mut Portal, now: u64) {
        let app = portal.application();
        let params = Php::map([
            ("grant_type", "refresh_token"),
            ("client_id", app.client_id.as_str()),
            ("client_secret", app.client_secret.as_str()),
            ("refresh_token", self.tokens.refresh_token.as_str()),
        ]);
        let answer = portal.handle(&Request::to("/oauth/token/", params), now);
        let answer = answer.json().unwrap_or_default();
        if let (Some(access), Some(refresh)) =
            (answer["access_token"].as_str(), answer["refresh_token"].as_str())
        {
            access.clone_into(&mut self.tokens.access_token);
            refresh.clone_into(&mut self.tokens.refresh_token);
            self.refreshed += 1;
        }
    }

    fn request(&self, portal: &mut Portal, call: &Call, now: u64) -> Outcome {
        let params: Php = serde_json::from_str(&call.params).unwrap_or_default();
        let connector = call.connector.as_ref().map(|name| name.as_str());
        portal.handle(&self.authorised(&call.method, params, connector), now)
    }

    pub(crate) fn authorised(&self, method: &str, params: Php, connector: Option<&str>) -> Request {
        let mut params = params;
        if let Php::Array(fields) = &mut params {
            fields.set("auth", self.tokens.access_token.as_str());
            if let Some(connector) = connector {
                fields.set("auth_connector", connector);
            }
        }
        Request::call(method, params)
    }
}
