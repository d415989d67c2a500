//! Whatever the core writes is read as the same value; the lists hold every variant and every field.

use std::fmt::Debug;

use b24_offline_core::*;
use js_sys::{JSON, Reflect};
use serde::Serialize;
use tsify::Tsify;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::wasm_bindgen_test;

use super::*;
use crate::given;

fn same<T: Tsify + Serialize + PartialEq + Debug>(
    values: impl IntoIterator<Item = T>,
    read: impl Fn(JsValue) -> Result<T, JsValue>,
) {
    for value in values {
        let crossed = given(&value).unwrap().js_value();
        assert_eq!(read(crossed).as_ref(), Ok(&value));
    }
}

fn words() -> String {
    "я \"why\" \u{1F600}".to_owned()
}

fn event() -> EventName {
    EventName::new("ONCRMDEALUPDATE").unwrap()
}

fn connector() -> Connector {
    Connector::new("warehouse").unwrap()
}

fn deal() -> ObjectId {
    ObjectId::new("crm.deal", "7")
}

fn failures() -> Vec<Failure> {
    vec![
        Failure::SignInAgain { why: words() },
        Failure::Webhook,
        Failure::NotAdministrator,
        Failure::ScopeMissing { method: "crm.deal.list".into() },
        Failure::PlanWithoutReservation,
        Failure::PlanWithoutConnector { connector: connector() },
        Failure::ConnectorSpelling { wanted: connector(), bound: "Warehouse".into() },
        Failure::UnknownEvent { event: event(), why: words() },
        Failure::NotAPortal { why: words() },
        Failure::PortalGone { why: words() },
        Failure::Journal { why: words() },
    ]
}

fn notices() -> Vec<Notice> {
    let mut notices = vec![
        Notice::Ready { bound: 2, parked: 3 },
        Notice::StrangeBindings { events: vec![event()] },
        Notice::BindingsLost { events: vec![], since: None, until: Timestamp(7) },
        Notice::BindingsLost {
            events: vec![event()],
            since: Some(Timestamp(0)),
            until: Timestamp(7),
        },
        Notice::LongAbsence { since: Timestamp(1), until: Timestamp(2) },
        Notice::JournalMissing,
        Notice::AnotherConsumer(Evidence::Reserved { records: 1 }),
        Notice::AnotherConsumer(Evidence::Cleared { records: 2 }),
        Notice::ModeChanged { mode: Mode::Reserve },
        Notice::ModeChanged { mode: Mode::Delete },
        Notice::Aged { records: 3 },
        Notice::Cycle { object: deal(), delay: Millis(2_000) },
        Notice::Parked { object: deal(), key: "5@t".into(), attempts: 5, reason: words() },
        Notice::Registered { object: deal(), key: "5@t".into(), reason: words() },
        Notice::Unreadable { object: deal(), why: words() },
        Notice::Adopted { records: 9_007_199_254_740_991 },
        Notice::HandlerDown,
        Notice::HandlerUp,
        Notice::BackingOff { delay: Millis(1_234), why: words() },
        Notice::Reached,
        Notice::MethodLimited { method: "batch".into(), delay: Millis(60_000) },
        Notice::StrangeRecord { why: words() },
        Notice::JournalDamaged { entries: 1, resync: false },
        Notice::JournalDamaged { entries: 1, resync: true },
    ];
    notices.extend(failures().into_iter().map(Notice::Failed));
    notices
}

fn changes() -> Vec<Change> {
    let change = |state, data: Option<&str>, origin| Change {
        key: "5@t,6@t".into(),
        object: deal(),
        events: vec![event(), event()],
        state,
        data: data.map(Into::into),
        changed_at: "t".into(),
        attempt: 4_294_967_295,
        origin,
    };
    vec![
        change(State::Present, Some("{}"), Origin::Fresh),
        change(State::Gone, None, Origin::Redriven),
        change(State::Unread, Some("7"), Origin::Recovered),
    ]
}

fn all_verdicts() -> Vec<Verdicts> {
    let judgement = |verdict| Judgement { key: "5@t".into(), verdict };
    let named = vec![
        judgement(Verdict::Done),
        judgement(Verdict::Retry { after: None }),
        judgement(Verdict::Retry { after: Some(Millis(0)) }),
        judgement(Verdict::Reject { reason: words() }),
    ];
    vec![
        Verdicts::Some(named.clone()),
        Verdicts::All { verdict: Verdict::Retry { after: Some(Millis(5)) }, except: named },
    ]
}

#[wasm_bindgen_test]
fn what_was_handed_out() {
    same(failures(), failure);
    same(notices(), notice);
    same(failures().into_iter().map(End::Failed).chain([End::Empty, End::Stopped]), end);
    same(changes(), change);
    same([Batch { id: BatchId(1), changes: changes() }], batch);
    let call = |connector| Call {
        id: CallId(2),
        method: "batch".into(),
        params: "{}".into(),
        connector,
        timeout: Millis(65_000),
    };
    same([call(None), call(Some(connector()))], super::call);
    let results = [
        WriteResult::Done { result: "{}".into() },
        WriteResult::Refused { code: "X".into(), description: words() },
        WriteResult::NotSent { why: words() },
        WriteResult::Unknown,
    ];
    same(results, write_result);
}

#[wasm_bindgen_test]
fn inputs() {
    let replied = |reply| Input::Replied { call: CallId(1), reply };
    let saved = |outcome| Input::Saved { save: SaveId(3), outcome };
    let mut inputs = vec![
        Input::Tick,
        Input::Nudge,
        replied(Reply::Answer { status: 200, body: words() }),
        replied(Reply::NotSent(NotSent::Network { why: words() })),
        replied(Reply::NotSent(NotSent::SignInAgain { why: words() })),
        replied(Reply::NotSent(NotSent::Refused { why: words() })),
        saved(SaveOutcome::Done),
        saved(SaveOutcome::Failed { why: words() }),
        Input::Write { write: WriteId(4), method: "crm.deal.update".into(), params: "{}".into() },
        Input::Redrive(Redrive::All),
        Input::Redrive(Redrive::Objects(vec![deal(), deal()])),
        Input::Stop,
    ];
    let lost = [Lost::TimedOut, Lost::Broken, Lost::TooLarge, Lost::NotThePortal];
    inputs.extend(lost.map(|why| replied(Reply::Unknown { why })));
    let judged = |verdicts| Input::Judged { batch: BatchId(2), verdicts };
    inputs.extend(all_verdicts().into_iter().map(judged));
    same(inputs, input);
    same(all_verdicts(), verdicts);
    let entry = JournalEntry { key: "queue".into(), value: words() };
    let contents = |entries, condition| JournalContents { entries, condition };
    same(
        [
            contents(vec![entry.clone(), entry], JournalCondition::Intact),
            contents(vec![], JournalCondition::Salvaged),
        ],
        journal,
    );
}

fn rules() -> Vec<Rule> {
    let some = |text: &str| Some(text.to_owned());
    let one = |absence, parent, answer, id_field| OneMethod {
        method: "x.get".into(),
        id: "id".into(),
        parent,
        params: "{}".into(),
        answer,
        id_field,
        absence,
    };
    let many = ManyMethod {
        method: "x.list".into(),
        ids: "filter.@ID".into(),
        parent: some("a"),
        params: "{}".into(),
        answer: some("b"),
        id_field: some("c"),
    };
    let update = UpdateMethod {
        method: "x.update".into(),
        id: "id".into(),
        parent: some("a"),
        fields: "fields".into(),
    };
    let rule = |parent, one, many, update| Rule {
        kind: "x".into(),
        events: vec![event()],
        deleted: vec![],
        id: vec!["FIELDS.ID".into(), "ID".into()],
        parent,
        one,
        many,
        update,
    };
    let id = || vec!["FIELDS.TASK_ID".to_owned()];
    vec![
        rule(None, None, None, None),
        rule(
            Some(Parent::Type { id: id() }),
            Some(one(Absence::Error, some("a"), some("b"), some("c"))),
            Some(many),
            Some(update),
        ),
        rule(
            Some(Parent::Owner { id: id() }),
            Some(one(Absence::EmptyAnswer, None, None, None)),
            None,
            None,
        ),
    ]
}

#[wasm_bindgen_test]
fn configurations() {
    same(rules(), rule);
    let plain = Config::new("portal.example", vec![event()]);
    let odd = Config {
        connector: Some(connector()),
        rules: rules(),
        retrieve: Retrieve::Get,
        consumers: Consumers::Shared { lease: Millis(130_000) },
        on_reject: OnReject::Register,
        journal: Durability::None,
        mode: Mode::Reserve,
        limits: Limits::Enterprise,
        batch_size: BatchSize::Fixed(7),
        until: Until::Empty,
        ..plain.clone()
    };
    let odder = Config {
        retrieve: Retrieve::None,
        mode: Mode::Delete,
        limits: Limits::Off,
        ..plain.clone()
    };
    same([plain, odd, odder], config);
}

fn refused<T>(text: &str, read: impl Fn(JsValue) -> Result<T, JsValue>) -> String {
    let error = read(JSON::parse(text).unwrap()).err().expect("an error");
    let part = |name: &str| Reflect::get(&error, &name.into()).unwrap().as_string().unwrap();
    assert_eq!(part("name"), "WrongShape", "{text}");
    part("message")
}

#[wasm_bindgen_test]
fn other_shapes_are_refused_with_the_field() {
    for (text, words) in [
        ("7", "the value must be a name or an object with one name"),
        (r#"{"tick":1,"stop":1}"#, "the value must be a name or an object with one name"),
        (r#""jump""#, "the value must be something else than 'jump'"),
        (r#"{"saved":{"save":-1,"outcome":"done"}}"#, "save must be a whole number"),
        (r#"{"saved":{"save":1.5,"outcome":"done"}}"#, "save must be a whole number"),
        (r#"{"saved":{"outcome":"done"}}"#, "save must be a whole number"),
        (r#"{"saved":{"save":1,"outcome":"lost"}}"#, "outcome must be something else than 'lost'"),
        (r#"{"redrive":{"objects":[{"kind":"x"}]}}"#, "id must be a text"),
        (r#"{"redrive":{"objects":{}}}"#, "the value must be a list"),
        (
            r#"{"replied":{"call":1,"reply":{"answer":{"status":70000,"body":""}}}}"#,
            "status must be the status of an HTTP answer",
        ),
        (r#"{"judged":{"batch":1,"verdicts":{"some":[7]}}}"#, "an object"),
    ] {
        let message = refused(text, input);
        assert!(message.contains(words), "{text}: {message}");
    }
    let event = r#"{"notice":"bindings_lost","events":["no event"]}"#;
    assert!(refused(event, notice).contains("events must be valid: 'no event' is no name"));
    assert!(refused(r#"{"notice":"new"}"#, notice).contains("something else than 'new'"));
    assert!(refused("null", change).contains("must be an object"));
}

#[wasm_bindgen_test]
fn a_field_that_cannot_be_read_is_not_taken_for_a_missing_one() {
    let text = r#"{"id":1,"method":"m","params":"{}","connector":null,"timeout":1}"#;
    let value = JSON::parse(text).unwrap();
    assert!(call(value.clone()).is_ok());
    let getter = js_sys::Function::new_no_args("throw new Error('not here')");
    let property = js_sys::Object::new();
    Reflect::set(&property, &"get".into(), &getter).unwrap();
    let object = js_sys::Object::from(value);
    js_sys::Object::define_property(&object, &"connector".into(), &property);
    let error = call(object.into()).unwrap_err();
    let message = Reflect::get(&error, &"message".into()).unwrap().as_string();
    assert!(message.unwrap().contains("must be an object"));
}

#[wasm_bindgen_test]
fn an_object_of_another_window_or_without_a_prototype_is_one() {
    let text = r#"{"saved":{"save":1,"outcome":"done"}}"#;
    let make = "return Object.assign(Object.create(null), JSON.parse(text))";
    let bare = js_sys::Function::new_with_args("text", make);
    let bare = bare.call1(&JsValue::NULL, &text.into()).unwrap();
    assert_eq!(input(bare), input(JSON::parse(text).unwrap()));
}
