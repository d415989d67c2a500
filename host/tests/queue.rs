//! The library: a queue run in this process against the emulator, crashes and writes included.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail anywhere"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use b24_offline::{
    AuthError, AuthSource, Call, Change, Clock, Config, Connector, Durability, End, Endpoint,
    EventName, Failure, HttpSettings, HttpTransport, Journal, JournalContents, Limits,
    MemoryJournal, Millis, Notice, Phase, Queue, Redrive, Reply, Report, RunError, Save,
    SaveOutcome, Secret, SystemClock, Timestamp, Transport, Until, Verdict, WriteError,
    WriteResult, each,
};
use b24_offline_emulator::server::{Running, ServeOptions, serve};
use b24_offline_emulator::{Costs, Settings, Sight};
use serde_json::{Value, json};
use url::Url;

/// The emulator's administrator.
#[derive(Debug)]
struct Administrator {
    endpoint: Endpoint,
    token: Secret,
}

impl AuthSource for Administrator {
    fn base_url(&self) -> &Url {
        self.endpoint.url()
    }
    async fn token(&self) -> Result<Secret, AuthError> {
        Ok(self.token.clone())
    }
    async fn refresh(&self) -> Result<(), AuthError> {
        Err(AuthError::SignInAgain { why: "no test lives for an hour".into() })
    }
}

async fn portal() -> Running {
    let limits = b24_offline_emulator::Limits::Off;
    let costs = Costs { base_ms: 0, per_row_us: 0, ..Costs::default() };
    let settings = Settings { limits, costs, ..Settings::default() };
    serve(ServeOptions { settings, ..ServeOptions::default() }).await.unwrap()
}

fn auth(portal: &Running) -> Administrator {
    let token = Secret::new(portal.with_portal(|portal, _| portal.issue_token("1").access_token));
    let base = format!("http://{}/rest/", portal.http);
    Administrator { endpoint: Endpoint::parse_with_http(&base).unwrap(), token }
}

fn transport(portal: &Running) -> HttpTransport<Administrator> {
    HttpTransport::new(auth(portal), &HttpSettings::default()).unwrap()
}

fn config() -> Config {
    let events = ["ONCRMDEALADD", "ONCRMDEALUPDATE"].map(|name| EventName::new(name).unwrap());
    let mut config = Config::new("emulator", events.to_vec());
    config.connector = Some(Connector::new("warehouse").unwrap());
    config.limits = Limits::Off;
    config.poll = Millis(50);
    config.sweep = Millis(300);
    config.retry.first_delay = Millis(20);
    config.until = Until::Empty;
    config
}

fn deals(portal: &Running, count: usize) {
    portal.with_portal(|portal, now| {
        for event in ["ONCRMDEALADD", "ONCRMDEALUPDATE"] {
            portal.bind(event, "warehouse");
        }
        for number in 0..count {
            portal.create("crm.deal", json!({ "TITLE": number.to_string() }), now).unwrap();
        }
    });
}

fn seen(portal: &Running, change: &Change) {
    let data: Value = serde_json::from_str(change.data.as_deref().unwrap()).unwrap();
    let version = data["VERSION"].as_str().unwrap().parse().unwrap();
    portal.with_portal(|portal, now| {
        portal.delivered("crm.deal", &change.object.id, Sight::Version(version), now);
    });
}

fn assert_drained(portal: &Running) {
    let audit = portal.with_portal(|portal, _| portal.audit());
    assert!(audit.lost.is_empty() && audit.reservations.is_empty(), "{audit:#?}");
    assert_eq!((audit.free_records, audit.error_records), (0, 0), "{audit:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_builder_drains_with_a_journal_on_disk() {
    let portal = Arc::new(portal().await);
    deals(&portal, 40);
    let folder = tempfile::tempdir().unwrap();
    let notices = Arc::new(Mutex::new(Vec::new()));
    let heard = notices.clone();
    let queue = Queue::builder(auth(&portal))
        .events(["ONCRMDEALADD", "ONCRMDEALUPDATE"])
        .connector("warehouse")
        .journal(folder.path().join("queue.db"))
        .until_empty()
        .configure(|config| config.limits = Limits::Off)
        .on_report(move |report| heard.lock().unwrap().push(report))
        .open()
        .unwrap();
    let handle = queue.handle();
    let there = portal.clone();
    let handler = each(move |change: Change| {
        seen(&there, &change);
        async { Verdict::Done }
    });
    assert_eq!(queue.run(handler.at_once(4)).await.unwrap(), End::Empty);
    assert_drained(&portal);
    let status = handle.status();
    assert_eq!((status.counters.done, status.phase), (40, Phase::Ended(End::Empty)));
    let ready = Report::Notice(Notice::Ready { bound: 0, parked: 0 });
    assert!(notices.lock().unwrap().contains(&ready));
}

#[test]
fn wrong_names_are_told_at_open() {
    let endpoint = Endpoint::parse("https://portal.example/rest/").unwrap();
    let auth = || Administrator { endpoint: endpoint.clone(), token: Secret::new("t") };
    let error = Queue::builder(auth()).events(["not an event"]).open().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("not an event"), "{error}");
    let error = Queue::builder(auth()).open().unwrap_err();
    assert!(error.to_string().contains("name at least one"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_run_is_a_crash_that_loses_nothing() {
    let portal = Arc::new(portal().await);
    deals(&portal, 60);
    let journal = MemoryJournal::default();
    let open = |journal: &MemoryJournal| {
        let parts = (transport(&portal), journal.clone(), SystemClock);
        Queue::with_parts(config(), journal.contents(), parts.0, parts.1, parts.2).unwrap()
    };
    // the consumer dies while its handler works on the first batch
    let began = Arc::new(tokio::sync::Notify::new());
    let tell = began.clone();
    let hangs = each(move |_: Change| {
        tell.notify_one();
        std::future::pending::<Verdict>()
    });
    tokio::select! {
        end = open(&journal).run(hangs) => panic!("{end:?}"),
        () = began.notified() => {}
    }
    let reserved = portal.with_portal(|portal, _| portal.audit().reserved_records);
    assert!(reserved > 0);
    assert!(!journal.contents().entries.is_empty(), "written ahead of the delivery");
    let there = portal.clone();
    let handler = each(move |change: Change| {
        seen(&there, &change);
        async { Verdict::Done }
    });
    assert_eq!(open(&journal).run(handler).await.unwrap(), End::Empty);
    assert_drained(&portal);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_the_handler_do_not_come_back() {
    let portal = Arc::new(portal().await);
    deals(&portal, 3);
    let queue = Queue::with_parts(
        config(),
        JournalContents::default(),
        transport(&portal),
        MemoryJournal::default(),
        SystemClock,
    )
    .unwrap();
    let handle = queue.handle();
    let results = Arc::new(Mutex::new(Vec::new()));
    let (there, got, writer) = (portal.clone(), results.clone(), handle.clone());
    let handler = each(move |change: Change| {
        seen(&there, &change);
        let (got, writer) = (got.clone(), writer.clone());
        async move {
            let fields = json!({ "id": change.object.id, "fields": { "COMMENTS": "seen" } });
            let result = writer.write("crm.deal.update", fields.to_string()).await;
            got.lock().unwrap().push(result);
            Verdict::Done
        }
    });
    queue.run(handler).await.unwrap();
    let done = Ok(WriteResult::Done { result: "true".into() });
    assert_eq!(*results.lock().unwrap(), vec![done; 3]);
    assert_drained(&portal);
    let method = "crm.deal.update".to_owned();
    let wrong = handle.write("crm.deal.update", "[1]").await;
    assert_eq!(wrong, Err(WriteError::Params { method: method.clone() }));
    let late = handle.write("crm.deal.update", "{}").await;
    assert_eq!(late, Err(WriteError::Ended { method }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_change_is_driven_again_on_request() {
    let portal = Arc::new(portal().await);
    deals(&portal, 2);
    let mut config = config();
    config.until = Until::Stopped;
    let queue = Queue::with_parts(
        config,
        JournalContents::default(),
        transport(&portal),
        MemoryJournal::default(),
        SystemClock,
    )
    .unwrap();
    let handle = queue.handle();
    let attempts = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let (there, count) = (portal.clone(), attempts.clone());
    let handler = each(move |change: Change| {
        let mut count = count.lock().unwrap();
        let attempt = count.entry(change.object.id.clone()).or_default();
        *attempt += 1;
        let verdict = if change.object.id == "1" && *attempt == 1 {
            Verdict::Reject { reason: "not yet".into() }
        } else {
            seen(&there, &change);
            Verdict::Done
        };
        async { verdict }
    });
    let teller = handle.clone();
    let queue = queue.on_report(move |report| {
        if let Report::Notice(Notice::Parked { .. }) = report {
            teller.redrive(Redrive::All);
        }
    });
    let there = portal.clone();
    let stopper = async move {
        while there.with_portal(|portal, _| portal.queue_len()) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        handle.stop();
    };
    let (end, ()) = tokio::join!(queue.run(handler), stopper);
    assert_eq!(end.unwrap(), End::Stopped);
    assert_eq!(*attempts.lock().unwrap(), BTreeMap::from([("1".into(), 2), ("2".into(), 1)]));
    assert_drained(&portal);
}

/// A journal on a full disk.
struct Full;

impl Journal for Full {
    fn save(&self, _: Save) -> impl Future<Output = SaveOutcome> + Send + 'static {
        std::future::ready(SaveOutcome::Failed { why: "no room".into() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_can_t_be_written_stops_before_anything_is_delivered() {
    let portal = portal().await;
    deals(&portal, 5);
    let contents = JournalContents::default();
    let queue =
        Queue::with_parts(config(), contents, transport(&portal), Full, SystemClock).unwrap();
    let handler = each(|change: Change| async move { panic!("{change:?} was delivered") });
    let error = queue.run(handler).await.unwrap_err();
    assert!(matches!(&error, RunError::Failed(Failure::Journal { .. })), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("no room"), "{error}");
}

/// A clock that is turned to the end of each sleep.
#[derive(Clone)]
struct Turned(Arc<AtomicU64>);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
    async fn sleep_until(&self, at: Timestamp) {
        // whatever can be done without time passing is done first
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

/// Something that is no portal; it counts how often it was told of the end.
#[derive(Clone, Default)]
struct Page(Arc<AtomicU64>);

impl Transport for Page {
    async fn send(&self, _: &Call) -> Reply {
        Reply::Answer { status: 200, body: "<html>Welcome</html>".into() }
    }
    async fn finish(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_answers_in_html_for_a_minute_is_no_portal() {
    let start = 1_795_000_000_000;
    let clock = Turned(Arc::new(AtomicU64::new(start)));
    let mut config = config();
    config.journal = Durability::None;
    let contents = JournalContents::default();
    let page = Page::default();
    let journal = None::<MemoryJournal>;
    let queue = Queue::with_parts(config, contents, page.clone(), journal, clock.clone()).unwrap();
    let handler = each(|_: Change| async { Verdict::Done });
    let error = queue.run(handler).await.unwrap_err();
    assert!(matches!(&error, RunError::Failed(Failure::NotAPortal { .. })), "{error}");
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("check the endpoint"), "{error}");
    let took = clock.now().0 - start;
    assert!((60_000..300_000).contains(&took), "{took} ms");
    assert_eq!(page.0.load(Ordering::SeqCst), 1, "the transport is told of the end");
}
