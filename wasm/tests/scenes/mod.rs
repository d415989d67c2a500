//! What runs alike in Node and in a browser: each value crosses the boundary as JavaScript's own.

use b24_offline_wasm::Machine;
use js_sys::{JSON, Reflect};
use tsify::Ts;
use wasm_bindgen::{JsCast, JsValue};

/// The golden traces; a test beside them checks that none is missing here.
pub(crate) const TRACES: [(&str, &str); 8] = [
    trace("every-kind-1", include_str!("../../../tests/conformance/traces/every-kind-1.trace")),
    trace("killed-1", include_str!("../../../tests/conformance/traces/killed-1.trace")),
    trace("killed-2", include_str!("../../../tests/conformance/traces/killed-2.trace")),
    trace("lost-answers-1", include_str!("../../../tests/conformance/traces/lost-answers-1.trace")),
    trace("odd-texts-1", include_str!("../../../tests/conformance/traces/odd-texts-1.trace")),
    trace("own-writes-1", include_str!("../../../tests/conformance/traces/own-writes-1.trace")),
    trace("registered-1", include_str!("../../../tests/conformance/traces/registered-1.trace")),
    trace(
        "retried-and-parked-1",
        include_str!("../../../tests/conformance/traces/retried-and-parked-1.trace"),
    ),
];

const fn trace(name: &'static str, text: &'static str) -> (&'static str, &'static str) {
    (name, text)
}

fn parsed(text: &str) -> JsValue {
    JSON::parse(text).unwrap()
}

fn number(value: &JsValue, name: &str) -> f64 {
    Reflect::get(value, &name.into()).unwrap().as_f64().unwrap()
}

/// A machine opened as JavaScript would: plain objects in, whatever the derived types make of them.
pub(crate) fn open(config: &str, journal: &str, seed: u64, now: f64) -> Result<Machine, JsValue> {
    let (config, journal) = (parsed(config), parsed(journal));
    Machine::new(Ts::new_unchecked(config), Ts::new_unchecked(journal), seed, now)
}

/// Gives each input of a trace to a machine and compares each step as text.
pub(crate) fn replay(name: &str, text: &str) {
    let mut lines = text.lines();
    let mut next = || lines.next();
    let (config, journal) = (next().unwrap(), next().unwrap());
    let opened = parsed(next().unwrap());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let seed = number(&opened, "seed") as u64;
    let mut machine = open(config, journal, seed, number(&opened, "now")).unwrap();
    let mut steps = 0;
    while let (Some(now), Some(input), Some(step)) = (next(), next(), next()) {
        let answer =
            machine.handle(Ts::new_unchecked(parsed(input)), now.parse().unwrap()).unwrap();
        let answer: JsValue = answer.js_value();
        let answer = String::from(JSON::stringify(&answer).unwrap());
        assert_eq!(answer, step, "{name}");
        steps += 1;
    }
    assert!(steps > 5, "{name} has {steps} steps");
}

/// The name of a thrown error, and its words.
pub(crate) fn thrown<T>(outcome: Result<T, JsValue>) -> (String, String) {
    let error: js_sys::Error = outcome.err().expect("an error").dyn_into().unwrap();
    (error.name().into(), error.message().into())
}

/// What a host did wrong is thrown as an error with its kind as name.
pub(crate) fn errors_have_names() {
    let (config, journal, _) = first_lines();
    let (name, words) = thrown(open(r#"{"portal": 1}"#, journal, 7, 1.0));
    assert_eq!(name, "WrongShape", "{words}");
    let (name, words) = thrown(open(config, journal, 7, f64::NAN));
    assert_eq!(name, "WrongShape", "{words}");
    let mut machine = open(config, journal, 7, 1.0).unwrap();
    let input = parsed(r#"{"saved": {"save": 99, "outcome": "done"}}"#);
    let (name, words) = thrown(machine.handle(Ts::new_unchecked(input), 2.0));
    assert_eq!(
        (name.as_str(), words.as_str()),
        ("Misuse", "Saved names save 99, which is not open")
    );
    let (name, _) = thrown(b24_offline_wasm::default_config("p".into(), vec!["no event".into()]));
    assert_eq!(name, "InvalidValue");
    let (name, _) = thrown(b24_offline_wasm::connector(" x".into()));
    assert_eq!(name, "InvalidValue");
}

fn first_lines() -> (&'static str, &'static str, &'static str) {
    let mut lines = TRACES[0].1.lines();
    (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap())
}

/// A default configuration opens a machine, and says what it is at.
pub(crate) fn a_default_configuration_opens() {
    let config = b24_offline_wasm::default_config("p".into(), vec!["OnCrmDealAdd".into()]).unwrap();
    let journal = parsed(r#"{"entries": [], "condition": "intact"}"#);
    let machine = Machine::new(config, Ts::new_unchecked(journal), 7, 1.0).unwrap();
    let status: JsValue = machine.status().unwrap().js_value();
    let phase = Reflect::get(&status, &"phase".into()).unwrap();
    assert_eq!(phase.as_string().as_deref(), Some("checking"));
    let waiting = Reflect::get(&status, &"waiting".into()).unwrap();
    assert!(waiting.is_null(), "an absent number is null, as in JSON");
}
