//! The portal's life: what people, robots and the application change, and how it reaches the queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fault::Deed;
use crate::object::kinds::{self, Happening};
use crate::php::{Php, PhpArray};
use crate::portal::{Caller, Portal};
use crate::queue::{Connector, News};
use crate::schedule::Errand;
use crate::settings::Personality;
use crate::time;

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// People, another application, a webhook, a robot on its own time.
    Foreign,
    /// The application itself, with this connector.
    Application(Connector),
    /// A robot within the application's own call, which carries this connector.
    RobotWithin(Connector),
}

/// An event on its way to the queues.
#[derive(Clone, Debug)]
pub(crate) struct Raised {
    event: Arc<str>,
    data: Php,
    additional: Php,
    /// Kind, id and the version that the change made.
    object: Option<(String, String, u64)>,
    author: Author,
}

impl Author {
    pub(crate) fn of(caller: &Caller) -> Author {
        if caller.application {
            Author::Application(caller.connector.clone())
        } else {
            Author::Foreign
        }
    }

    /// Whether a change by this author is kept out of a queue (F23, F25).
    fn is_skipped(&self, queue: &Connector, personality: Personality) -> bool {
        let (connector, robot) = match self {
            Author::Foreign => return false,
            Author::Application(connector) => (connector, false),
            Author::RobotWithin(connector) => (connector, true),
        };
        match personality {
            Personality::Source => connector == queue,
            Personality::Documented => connector == queue && !queue.is_empty() && !robot,
        }
    }
}

impl Portal {
    /// People make an object of a kind such as `crm.deal`, `crm.item:1220` or `tasks.task`; its ADD event is
    /// recorded for every queue that is bound to it. An id among the fields (`ID`, `id`, `CURRENCY`) is taken over.
    /// Returns the id, or nothing for an unknown kind.
    pub fn create(&mut self, kind: &str, fields: impl Into<Php>, now: u64) -> Option<String> {
        self.advance(now);
        let id = self.make(kind, &fields.into(), &Author::Foreign, "1")?;
        self.flush();
        Some(id)
    }

    /// People change an object: fields are merged. Returns its new version, or nothing if there is none such.
    pub fn change(
        &mut self,
        kind: &str,
        id: &str,
        fields: impl Into<Php>,
        now: u64,
    ) -> Option<u64> {
        self.advance(now);
        let version = self.alter(kind, id, &fields.into(), &Author::Foreign, "1")?;
        self.flush();
        Some(version)
    }

    /// People delete an object. Returns the version that the deletion makes.
    pub fn delete(&mut self, kind: &str, id: &str, now: u64) -> Option<u64> {
        self.advance(now);
        let version = self.drop_object(kind, id, &Author::Foreign, "1")?;
        self.flush();
        Some(version)
    }

    /// People take an object back from the recycle bin, which raises its ADD event. Returns its version.
    pub fn restore(&mut self, kind: &str, id: &str, now: u64) -> Option<u64> {
        self.advance(now);
        let rule = kinds::rule(kind)?;
        let version = self.store.restore(kind, rule, id, &self.date())?;
        self.raise(kind, id, version, Happening::Added, &Author::Foreign, "1");
        self.flush();
        Some(version)
    }

    /// Records an event with any data (`false`, `[]`, a whole object …) for every queue that is bound to it.
    pub fn record_event(&mut self, event: &str, data: impl Into<Php>, now: u64) {
        self.advance(now);
        self.raised.push(Raised {
            event: event.to_ascii_uppercase().into(),
            data: data.into(),
            additional: Php::Bool(false),
            object: None,
            author: Author::Foreign,
        });
        self.flush();
    }

    /// Does what people do, at the portal's own time.
    pub fn act(&mut self, deed: &Deed) {
        let (pending, now) = (std::mem::take(&mut self.raised), self.now);
        match deed {
            Deed::Create { kind, fields } => {
                self.create(kind, fields.clone(), now);
            }
            Deed::Change { kind, id, fields } => {
                self.change(kind, id, fields.clone(), now);
            }
            Deed::Delete { kind, id } => {
                self.delete(kind, id, now);
            }
            Deed::Restore { kind, id } => {
                self.restore(kind, id, now);
            }
        }
        self.raised = pending;
    }

    /// Lets people do something at a later time, in milliseconds since the epoch ([`Portal::next_event`] tells it).
    pub fn schedule(&mut self, due: u64, deed: Deed) {
        self.schedule.add(due, Errand::Deed(deed));
    }

    pub(crate) fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Deed(deed) => self.act(&deed),
            Errand::Request { method, params, caller } => {
                self.execute(&method, &params, &caller, usize::MAX);
            }
        }
    }

    pub(crate) fn date(&self) -> String {
        time::iso(self.now / 1_000, self.settings.utc_offset_minutes)
    }

    pub(crate) fn make(
        &mut self,
        kind: &str,
        fields: &Php,
        author: &Author,
        user: &str,
    ) -> Option<String> {
        let rule = kinds::rule(kind)?;
        let fields = fields.as_array().cloned().unwrap_or_default();
        let id = self.store.create(kind, rule, fields, &self.date());
        let version = self.store.version(kind, &id).unwrap_or(1);
        self.raise(kind, &id, version, Happening::Added, author, user);
        self.answer_by_robots(kind, &id, author);
        Some(id)
    }

    pub(crate) fn alter(
        &mut self,
        kind: &str,
        id: &str,
        fields: &Php,
        author: &Author,
        user: &str,
    ) -> Option<u64> {
        let rule = kinds::rule(kind)?;
        let none = PhpArray::new();
        let fields = fields.as_array().unwrap_or(&none);
        let held = |portal: &Portal| {
            let object = portal.store.find(kind, id)?;
            object.fields.get("CATEGORY_ID").map(Php::text)
        };
        let before = held(self);
        let version = self.store.change(kind, rule, id, fields, &self.date())?;
        self.raise(kind, id, version, Happening::Updated, author, user);
        if kind == "crm.deal" && fields.get("CATEGORY_ID").is_some() && before != held(self) {
            self.raise_move(id, version, author, user);
        }
        self.answer_by_robots(kind, id, author);
        Some(version)
    }

    pub(crate) fn drop_object(
        &mut self,
        kind: &str,
        id: &str,
        author: &Author,
        user: &str,
    ) -> Option<u64> {
        kinds::rule(kind)?;
        // the events of a deletion may name what the object held
        let fields = self.store.find(kind, id)?.fields.clone();
        let version = self.store.delete(kind, id)?;
        self.raise_with(kind, id, version, Happening::Deleted, author, user, &fields);
        Some(version)
    }

    fn raise_move(&mut self, id: &str, version: u64, author: &Author, user: &str) {
        let Some(object) = self.store.find("crm.deal", id) else { return };
        let text = |name: &str| object.fields.get(name).map(Php::text).unwrap_or_default();
        let inner = Php::map([
            ("ID", id.to_owned()),
            ("CATEGORY_ID", text("CATEGORY_ID")),
            ("STAGE_ID", text("STAGE_ID")),
        ]);
        self.raised.push(Raised {
            event: "ONCRMDEALMOVETOCATEGORY".into(),
            data: Php::map([("FIELDS", inner)]),
            additional: additional(author, user),
            object: Some(("crm.deal".to_owned(), id.to_owned(), version)),
            author: author.clone(),
        });
    }

    fn raise(
        &mut self,
        kind: &str,
        id: &str,
        version: u64,
        happening: Happening,
        author: &Author,
        user: &str,
    ) {
        let Some(object) = self.store.find(kind, id) else { return };
        let fields = object.fields.clone();
        self.raise_with(kind, id, version, happening, author, user, &fields);
    }

    #[expect(clippy::too_many_arguments, reason = "one event has this many sides")]
    fn raise_with(
        &mut self,
        kind: &str,
        id: &str,
        version: u64,
        happening: Happening,
        author: &Author,
        user: &str,
        fields: &PhpArray,
    ) {
        let Some(rule) = kinds::rule(kind) else { return };
        for (event, data) in rule.raised(kind, id, happening, fields) {
            self.raised.push(Raised {
                event: event.into(),
                data,
                additional: additional(author, user),
                object: Some((kind.to_owned(), id.to_owned(), version)),
                author: author.clone(),
            });
        }
    }

    /// Automation rules answer the application's writes (F26).
    fn answer_by_robots(&mut self, kind: &str, id: &str, author: &Author) {
        let Author::Application(connector) = author else { return };
        let mut acting = Vec::new();
        for robot in self.robots.iter_mut().filter(|robot| robot.kind == kind && robot.times > 0) {
            robot.times -= 1;
            acting.push((robot.delay_ms, robot.fields.clone()));
        }
        self.robots.retain(|robot| robot.times > 0);
        for (delay, fields) in acting {
            if delay == 0 {
                self.alter(kind, id, &fields.into(), &Author::RobotWithin(connector.clone()), "0");
            } else {
                let deed = Deed::Change { kind: kind.to_owned(), id: id.to_owned(), fields };
                self.schedule.add(self.now.saturating_add(delay), Errand::Deed(deed));
            }
        }
    }

    /// The end of a hit: writes the raised events into the queues (F25) and announces them.
    pub(crate) fn flush(&mut self) {
        let mut written = BTreeMap::new();
        for raised in std::mem::take(&mut self.raised) {
            let mut recorded = false;
            for queue in self.bindings.connectors(&raised.event) {
                if raised.author.is_skipped(&queue, self.settings.personality) {
                    continue;
                }
                recorded = true;
                self.table.record(
                    News {
                        event: raised.event.clone(),
                        data: raised.data.clone(),
                        additional: raised.additional.clone(),
                        connector: queue.clone(),
                    },
                    self.now / 1_000,
                );
                *written.entry(queue.to_string()).or_insert(0) += 1;
                let own = matches!(raised.author, Author::Application(_));
                self.ledger.recorded(&queue, raised.object.as_ref(), own);
            }
            if recorded {
                self.ledger.changed(raised.object.as_ref());
            }
        }
        self.notifier.announce(
            &written,
            self.bindings.all(),
            &crate::notify::Sender {
                settings: &self.settings,
                member: &self.member,
                application_token: &self.oauth.application.application_token,
            },
            self.now,
        );
    }
}

fn additional(author: &Author, user: &str) -> Php {
    match author {
        Author::RobotWithin(_) => Php::Bool(false),
        Author::Foreign | Author::Application(_) => Php::map([("user_id", user)]),
    }
}
