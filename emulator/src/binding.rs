//! Bindings of events: `event.bind`, `event.unbind`, `event.get` (F20).

use std::sync::Arc;

use serde::Serialize;

use crate::error::{Answered, RestError};
use crate::object::kinds;
use crate::php::Php;
use crate::portal::{Caller, Portal};
use crate::queue::Connector;

/// The event that tells of new records (F27).
pub(crate) const ON_OFFLINE: &str = "ONOFFLINEEVENT";

/// An event that is bound for the queue of a connector, or to a handler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// The event's name in upper case.
    pub event: String,
    /// The queue's connector, empty for the queue without a source.
    pub connector: String,
    /// The handler's address; absent for an offline binding.
    pub handler: Option<String>,
    /// Seconds between two notifications (F27); only ONOFFLINEEVENT uses it.
    pub min_timeout: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    bound: Vec<Binding>,
}

impl Bindings {
    pub(crate) fn all(&self) -> &[Binding] {
        &self.bound
    }

    pub(crate) fn clear(&mut self) {
        self.bound.clear();
    }

    /// The connectors whose queue records an event.
    pub(crate) fn connectors(&self, event: &str) -> Vec<Connector> {
        let offline =
            self.bound.iter().filter(|held| held.handler.is_none() && held.event == event);
        offline.map(|held| Arc::from(held.connector.as_str())).collect()
    }

    pub(crate) fn add(&mut self, binding: Binding) -> bool {
        let same = |held: &Binding| {
            held.event == binding.event
                && held.connector == binding.connector
                && held.handler == binding.handler
        };
        if self.bound.iter().any(same) {
            return false;
        }
        self.bound.push(binding);
        true
    }
}

/// Whether the call speaks of an offline binding.
fn is_offline(params: &Php) -> bool {
    let kind = params.get_any_case("event_type").map(Php::text).unwrap_or_default();
    kind.eq_ignore_ascii_case("offline")
}

fn event_name(params: &Php) -> Answered<String> {
    let name = params.get_any_case("event").map(Php::text).unwrap_or_default();
    if name.is_empty() { Err(RestError::missing("event")) } else { Ok(name.to_ascii_uppercase()) }
}

impl Portal {
    pub(crate) fn event_bind(&mut self, caller: &Caller, params: &Php) -> Answered<Php> {
        let event = event_name(params)?;
        let offline = is_offline(params);
        if offline && !self.is_administrator(&caller.user) {
            return Err(RestError::denied(
                "Access denied! Offline events binding requires administrator access rights",
            ));
        }
        if event == ON_OFFLINE && offline {
            return Err(RestError::argument("event", "This event cannot be bound offline"));
        }
        if event != ON_OFFLINE && !kinds::is_event(&event) {
            return Err(RestError::new(400, "ERROR_EVENT_NOT_FOUND", "Event not found"));
        }
        let handler = if offline {
            None
        } else {
            let address = params.get_any_case("handler").map(Php::text).unwrap_or_default();
            if address.is_empty() {
                return Err(RestError::missing("handler"));
            }
            Some(address)
        };
        let options = params.get_any_case("options");
        let min_timeout = options.and_then(|options| options.get("minTimeout")).map_or(1, Php::int);
        let binding = Binding {
            event,
            connector: caller.connector.to_string(),
            handler,
            min_timeout: u64::try_from(min_timeout).unwrap_or_default(),
        };
        if self.bindings.add(binding) {
            Ok(Php::Bool(true))
        } else {
            Err(RestError::core("Unable to set event handler: Handler already binded"))
        }
    }

    pub(crate) fn event_unbind(&mut self, caller: &Caller, params: &Php) -> Answered<Php> {
        let event = event_name(params)?;
        let offline = is_offline(params);
        if offline && !self.is_administrator(&caller.user) {
            return Err(RestError::denied(
                "Access denied! Offline events unbinding requires administrator access rights",
            ));
        }
        let handler = params.get_any_case("handler").map(Php::text);
        if !offline && handler.is_none() {
            return Err(RestError::missing("handler"));
        }
        let before = self.bindings.bound.len();
        self.bindings.bound.retain(|held| {
            let meant = match &held.handler {
                Some(address) => !offline && Some(address) == handler.as_ref(),
                None => offline && held.connector == *caller.connector,
            };
            held.event != event || !meant
        });
        Ok(Php::map([("count", Php::from(before - self.bindings.bound.len()))]))
    }

    pub(crate) fn event_get(&self) -> Php {
        Php::list(self.bindings.bound.iter().map(|held| {
            let event = ("event", Php::from(held.event.as_str()));
            match &held.handler {
                Some(address) => Php::map([
                    event,
                    ("handler", Php::from(address.as_str())),
                    ("auth_type", Php::from("0")),
                    ("offline", Php::Int(0)),
                ]),
                None => Php::map([
                    event,
                    ("connector_id", Php::from(held.connector.as_str())),
                    ("offline", Php::Int(1)),
                ]),
            }
        }))
    }
}
