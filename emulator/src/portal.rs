//! The portal as a whole.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde_json::{Map, Value};

use crate::audit::Ledger;
use crate::binding::{Binding, Bindings};
use crate::fault::{Fault, Faults, Robot};
use crate::limit::{Bucket, Counters};
use crate::notify::{Notification, Notifier};
use crate::oauth::{Application, OAuth, Tokens};
use crate::object::Store;
use crate::php::Php;
use crate::queue::{Connector, Table};
use crate::random::Random;
use crate::schedule::Schedule;
use crate::settings::{Personality, Plan, Settings};

/// A Bitrix24 portal with one installed application, its queues, objects, users, limits and faults.
///
/// Time is an argument everywhere: milliseconds since the epoch, never going back (an earlier `now` counts as the
/// latest one). The same settings and the same calls give the same answers.
#[derive(Clone)]
pub struct Portal {
    pub(crate) settings: Settings,
    pub(crate) now: u64,
    pub(crate) random: Random,
    pub(crate) oauth: OAuth,
    pub(crate) member: String,
    pub(crate) users: BTreeMap<String, bool>,
    pub(crate) webhooks: BTreeMap<String, String>,
    pub(crate) store: Store,
    pub(crate) table: Table,
    pub(crate) bindings: Bindings,
    pub(crate) faults: Faults,
    pub(crate) robots: Vec<Robot>,
    pub(crate) refused_until: u64,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) counters: Counters,
    pub(crate) schedule: Schedule,
    pub(crate) notifier: Notifier,
    pub(crate) ledger: Ledger,
    pub(crate) others: Vec<(String, Vec<u64>)>,
    pub(crate) stealing: Vec<(String, Vec<u64>)>,
    pub(crate) raised: Vec<crate::life::Raised>,
}

/// The end of the year 9999: a later time counts as this one.
const LATEST: u64 = 253_402_300_799_000;

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user: String,
    /// Whether it is the application; else a webhook.
    pub(crate) application: bool,
    /// The source key of the outer call (F23, F24); empty for none.
    pub(crate) connector: Connector,
}

impl Portal {
    /// A new portal with one user, the administrator `1`, and an installed application without bindings.
    pub fn new(settings: Settings, now: u64) -> Portal {
        let mut random = Random::new(settings.seed);
        let oauth = OAuth::new(&mut random);
        let member = random.code();
        let mut portal = Portal {
            settings,
            now: now.min(LATEST),
            random,
            oauth,
            member,
            users: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            store: Store::default(),
            table: Table::default(),
            bindings: Bindings::default(),
            faults: Faults::default(),
            robots: Vec::new(),
            refused_until: 0,
            buckets: BTreeMap::new(),
            counters: Counters::default(),
            schedule: Schedule::default(),
            notifier: Notifier::default(),
            ledger: Ledger::default(),
            others: Vec::new(),
            stealing: Vec::new(),
            raised: Vec::new(),
        };
        portal.add_user("Administrator", true);
        portal
    }

    /// When something is due that happens by itself (a late execution, a robot), in milliseconds since the epoch.
    pub fn next_event(&self) -> Option<u64> {
        self.schedule.next()
    }

    /// Brings the portal to a time: executes what is due, deletes aged records (F4). [`Portal::handle`] and all
    /// other acts with a time call it themselves.
    pub fn advance(&mut self, now: u64) {
        let now = now.min(LATEST);
        while let Some((due, errand)) = self.schedule.take(now) {
            self.now = self.now.max(due);
            self.run_errand(errand);
        }
        self.now = self.now.max(now);
        let life = match self.settings.personality {
            Personality::Documented => 30 * 86_400,
            Personality::Source => 2_952_000,
        };
        let aged = self.table.age(self.now / 1_000, life);
        self.ledger.aged_records += aged as u64;
    }

    /// The latest time the portal has seen, in milliseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The settings as they stand now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes the plan from now on.
    pub fn set_plan(&mut self, plan: Plan) {
        self.settings.plan = plan;
    }

    /// Changes what the application may use from now on ([`Settings::scopes`]).
    pub fn set_scopes(&mut self, scopes: Vec<String>) {
        self.settings.scopes = scopes;
    }

    /// Lets a fault wait for its calls.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// The faults that still wait.
    pub fn waiting_faults(&self) -> &[Fault] {
        self.faults.waiting()
    }

    /// Forgets all waiting faults and automation rules and accepts connections again.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.robots.clear();
        self.refused_until = 0;
    }

    /// Sets up an automation rule (F26).
    pub fn add_robot(&mut self, robot: Robot) {
        self.robots.push(robot);
    }

    /// The bindings (F20).
    pub fn bindings(&self) -> &[Binding] {
        self.bindings.all()
    }

    /// Binds an event offline without a call, for a queue's connector (empty: the queue without a source).
    /// Returns whether it was not bound yet.
    pub fn bind(&mut self, event: &str, connector: &str) -> bool {
        self.bindings.add(Binding {
            event: event.to_ascii_uppercase(),
            connector: connector.to_owned(),
            handler: None,
            min_timeout: 1,
        })
    }

    /// Removes all bindings, as an update or a new installation of the application does (F20).
    pub fn remove_bindings(&mut self) {
        self.bindings.clear();
    }

    /// The installed application with its secrets.
    pub fn application(&self) -> &Application {
        &self.oauth.application
    }

    /// What a client keeps in its auth file: a pair of tokens and what renews it at `origin`, under which the
    /// portal is reached.
    ///
    /// ```
    /// use b24_offline_emulator::{Portal, Settings};
    /// let mut portal = Portal::new(Settings::default(), 0);
    /// let tokens = portal.issue_token("1");
    /// let document = portal.auth_document(&tokens, "http://localhost:8080");
    /// assert_eq!(document["access_token"], tokens.access_token.as_str());
    /// assert_eq!(document["oauth_url"], "http://localhost:8080/oauth/token/");
    /// ```
    pub fn auth_document(&self, tokens: &Tokens, origin: &str) -> Map<String, Value> {
        let application = self.application();
        let fields = [
            ("access_token", tokens.access_token.clone()),
            ("refresh_token", tokens.refresh_token.clone()),
            ("client_id", application.client_id.clone()),
            ("client_secret", application.client_secret.clone()),
            ("oauth_url", format!("{origin}/oauth/token/")),
        ];
        fields.map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect()
    }

    /// Adds a user, with or without administrator's rights, and returns the id. The first one is `1`.
    pub fn add_user(&mut self, name: &str, administrator: bool) -> String {
        let fields = Php::map([
            ("ACTIVE", Php::Bool(true)),
            ("NAME", Php::from(name)),
            ("LAST_NAME", Php::from("")),
            ("EMAIL", Php::from(format!("{}@portal.example", name.to_lowercase()))),
        ]);
        let id = self.create("user", fields, self.now).unwrap_or_default();
        self.users.insert(id.clone(), administrator);
        id
    }

    /// Gives or takes administrator's rights.
    pub fn set_administrator(&mut self, user: &str, administrator: bool) {
        self.users.insert(user.to_owned(), administrator);
    }

    pub(crate) fn is_administrator(&self, user: &str) -> bool {
        self.users.get(user).copied().unwrap_or_default()
    }

    /// A new pair of tokens of the application for a user (F34).
    pub fn issue_token(&mut self, user: &str) -> Tokens {
        self.oauth.issue(user, &mut self.random, self.now)
    }

    /// A code to be exchanged with `grant_type=authorization_code`, once.
    pub fn issue_code(&mut self, user: &str) -> String {
        self.oauth.code(user, &mut self.random)
    }

    /// Lets all access tokens expire: `expired_token` until they are refreshed.
    pub fn expire_tokens(&mut self) {
        self.oauth.expire();
    }

    /// Makes all tokens worthless: calls answer `invalid_token`, refreshing `invalid_grant`.
    pub fn revoke_tokens(&mut self) {
        self.oauth.revoke();
    }

    /// A webhook of a user: calls go to `/rest/<user>/<code>/<method>`. Returns the code.
    pub fn add_webhook(&mut self, user: &str) -> String {
        let code = self.random.code();
        self.webhooks.insert(code.clone(), user.to_owned());
        code
    }

    /// The latest notifications (F27, F28), oldest first, at most 10,000.
    pub fn notifications(&self) -> &VecDeque<Notification> {
        self.notifier.sent()
    }

    /// Takes the notifications away, to be sent.
    pub fn take_notifications(&mut self) -> Vec<Notification> {
        self.notifier.take()
    }

    /// The reservations that other consumers made by [`crate::Intrusion`]: process_id and the IDs they hold.
    pub fn other_reservations(&self) -> &[(String, Vec<u64>)] {
        &self.others
    }
}

impl fmt::Debug for Portal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Portal")
            .field("personality", &self.settings.personality)
            .field("seed", &self.settings.seed)
            .field("now", &self.now)
            .field("records", &self.table.len())
            .field("objects", &self.store.count())
            .field("bindings", &self.bindings.all().len())
            .field("waiting_faults", &self.faults.waiting())
            .finish_non_exhaustive()
    }
}
