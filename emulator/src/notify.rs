//! Notifications of new records (F27, F28). The portal keeps them; a server around it sends them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use crate::binding::{Binding, ON_OFFLINE};
use crate::php::Php;
use crate::settings::Settings;

const KEPT: usize = 10_000;

/// One notification.
#[derive(Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Notification {
    /// A POST to the handler of ONOFFLINEEVENT.
    Form {
        /// Milliseconds since the epoch.
        at: u64,
        /// The handler's address.
        handler: String,
        /// The form: `event`, `ts`, `auth[…]`; to be written with [`crate::fold`]. The empty `data` leaves no trace.
        form: Php,
    },
    /// A Push&Pull message to browsers and mobile apps.
    Push {
        /// Milliseconds since the epoch.
        at: u64,
        /// `rest`.
        module: &'static str,
        /// `event_offline`.
        command: &'static str,
        /// `[{"connector_id": …, "count": …}]`.
        params: Php,
    },
}

impl fmt::Debug for Notification {
    /// Leaves out the form: it holds the application's token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notification::Form { at, handler, .. } => {
                write!(formatter, "Form(to {handler} at {at})")
            }
            Notification::Push { at, params, .. } => {
                write!(formatter, "Push({} at {at})", params.json())
            }
        }
    }
}

/// Who signs the forms.
pub(crate) struct Sender<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) member: &'a str,
    pub(crate) application_token: &'a str,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Notifier {
    sent: VecDeque<Notification>,
    last: BTreeMap<(String, String), u64>,
}

impl Notifier {
    /// Announces what one hit wrote: records by connector.
    pub(crate) fn announce(
        &mut self,
        written: &BTreeMap<String, u64>,
        bindings: &[Binding],
        sender: &Sender<'_>,
        now: u64,
    ) {
        if written.is_empty() {
            return;
        }
        let params = Php::list(written.iter().map(|(connector, count)| {
            Php::map([
                ("connector_id", Php::from(connector.as_str())),
                ("count", Php::from(*count)),
            ])
        }));
        self.keep(Notification::Push { at: now, module: "rest", command: "event_offline", params });
        for binding in bindings.iter().filter(|binding| binding.event == ON_OFFLINE) {
            let Some(handler) = &binding.handler else { continue };
            let key = (handler.clone(), binding.connector.clone());
            let quiet = self.last.get(&key).is_some_and(|last| {
                binding.min_timeout > 0
                    && now < last.saturating_add(binding.min_timeout.saturating_mul(1_000))
            });
            if quiet {
                continue;
            }
            self.last.insert(key, now);
            self.keep(Notification::Form {
                at: now,
                handler: handler.clone(),
                form: sender.form(now),
            });
        }
    }

    pub(crate) fn sent(&self) -> &VecDeque<Notification> {
        &self.sent
    }

    pub(crate) fn take(&mut self) -> Vec<Notification> {
        std::mem::take(&mut self.sent).into()
    }

    fn keep(&mut self, notification: Notification) {
        if self.sent.len() == KEPT {
            self.sent.pop_front();
        }
        self.sent.push_back(notification);
    }
}

impl Sender<'_> {
    fn form(&self, now: u64) -> Php {
        let auth = Php::map([
            ("domain", Php::from(self.settings.domain.as_str())),
            ("client_endpoint", Php::from(self.settings.endpoint())),
            ("server_endpoint", Php::from(self.settings.endpoint())),
            ("status", Php::from("L")),
            ("member_id", Php::from(self.member)),
            ("application_token", Php::from(self.application_token)),
        ]);
        Php::map([
            ("event", Php::from(ON_OFFLINE)),
            ("data", Php::empty()),
            ("ts", Php::from((now / 1_000).to_string())),
            ("auth", auth),
        ])
    }
}
