//! What all requests share: the portal, its clock, and the logs of requests and notifications.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use super::held;
use super::notify::Form;
use crate::notify::Notification;
use crate::portal::Portal;
use crate::request::{Outcome, Request};
use crate::settings::Settings;

/// How many entries a log keeps.
const LOG_LENGTH: usize = 10_000;

/// One request in the log. Parameters are not kept: they hold tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Logged {
    /// Counts from 1 since the start.
    number: u64,
    /// The portal's time, milliseconds since the epoch.
    at: u64,
    /// The method, or `oauth` for the OAuth server.
    method: String,
    /// The HTTP status; none if no answer came.
    status: Option<u16>,
}

#[derive(Debug)]
struct Log<T> {
    count: u64,
    last: VecDeque<T>,
}

impl<T> Log<T> {
    fn new() -> Log<T> {
        Log { count: 0, last: VecDeque::new() }
    }

    fn add(&mut self, entry: impl FnOnce(u64) -> T) {
        self.count += 1;
        if self.last.len() == LOG_LENGTH {
            self.last.pop_front();
        }
        self.last.push_back(entry(self.count));
    }
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) http: SocketAddr,
    pub(super) https: Option<SocketAddr>,
}

/// The handle that every request holds.
#[derive(Clone)]
pub(super) struct Shared {
    portal: Arc<Mutex<Portal>>,
    clock: Arc<Mutex<Clock>>,
    requests: Arc<Mutex<Log<Logged>>>,
    notifications: Arc<Mutex<Log<Notification>>>,
    forms: UnboundedSender<Form>,
    ports: Ports,
    variables: usize,
}

impl Shared {
    pub(super) fn new(
        settings: Settings,
        clock: Clock,
        ports: Ports,
        forms: UnboundedSender<Form>,
    ) -> Shared {
        Shared {
            variables: settings.max_input_vars,
            portal: Arc::new(Mutex::new(Portal::new(settings, clock.now()))),
            clock: Arc::new(Mutex::new(clock)),
            requests: Arc::new(Mutex::new(Log::new())),
            notifications: Arc::new(Mutex::new(Log::new())),
            forms,
            ports,
        }
    }

    pub(super) fn portal(&self) -> Arc<Mutex<Portal>> {
        self.portal.clone()
    }

    /// Works on the portal at its own time. The lock is held for just this, never across an await.
    pub(super) fn with_portal<T>(&self, work: impl FnOnce(&mut Portal, u64) -> T) -> T {
        let mut portal = held(&self.portal);
        let now = self.clock().now();
        portal.advance(now);
        let result = work(&mut portal, now);
        self.announce(portal.take_notifications());
        result
    }

    fn announce(&self, notifications: Vec<Notification>) {
        for notification in notifications {
            if let Notification::Form { handler, form, .. } = &notification {
                // nobody sends any more while the server shuts down
                let _unsent =
                    self.forms.send(Form { handler: handler.clone(), form: form.clone() });
            }
            held(&self.notifications).add(|_| notification);
        }
    }

    /// Hands a request to the portal and logs it.
    pub(super) fn handle(&self, method: String, request: &Request) -> Outcome {
        let (at, outcome) = self.with_portal(|portal, now| (now, portal.handle(request, now)));
        let status = outcome.status();
        held(&self.requests).add(|number| Logged { number, at, method, status });
        outcome
    }

    /// The last requests, oldest first.
    pub(super) fn requests(&self) -> Vec<Logged> {
        held(&self.requests).last.iter().cloned().collect()
    }

    /// The last notifications, oldest first.
    pub(super) fn notifications(&self) -> Vec<Notification> {
        held(&self.notifications).last.iter().cloned().collect()
    }

    pub(super) fn clock(&self) -> Clock {
        *held(&self.clock)
    }

    pub(super) fn set_clock(&self, clock: Clock) {
        *held(&self.clock) = clock;
    }

    /// The portal's address in the scheme in which somebody asks for it.
    pub(super) fn origin(&self, secure: bool) -> String {
        match self.ports.https.filter(|_| secure) {
            Some(https) => format!("https://localhost:{}", https.port()),
            None => format!("http://localhost:{}", self.ports.http.port()),
        }
    }

    /// How many variables of a form are read.
    pub(super) fn variables(&self) -> usize {
        self.variables
    }
}
