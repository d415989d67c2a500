use b24_offline_emulator::{
    Key, Limits, Outcome, Personality, Php, PhpArray, Portal, Request, Settings, fold, unfold,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const METHODS: [&str; 14] = [
    "event.offline.get",
    "event.offline.clear",
    "event.offline.error",
    "event.offline.list",
    "event.bind",
    "event.unbind",
    "event.get",
    "crm.deal.list",
    "crm.deal.update",
    "crm.item.get",
    "tasks.task.list",
    "user.get",
    "feature.get",
    "batch",
];
const NAMES: [&str; 16] = [
    "process_id",
    "message_id",
    "id",
    "clear",
    "limit",
    "error",
    "filter",
    "order",
    "start",
    "cmd",
    "halt",
    "fields",
    "event",
    "event_type",
    "auth_connector",
    "entityTypeId",
];

/// Arrays as a form can carry them: text in the leaves, nothing empty.
fn formed() -> impl Strategy<Value = Php> {
    let leaf = ".{0,12}".prop_map(Php::Text);
    let nested = leaf.prop_recursive(4, 24, 4, |inner| {
        prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_. -]{0,6}|[0-9]{1,3}", inner, 1..4)
            .prop_map(|entries| Php::map(entries.iter().map(|(k, v)| (k.as_str(), v.clone()))))
    });
    prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,6}", nested, 1..5)
        .prop_map(|entries| Php::map(entries.iter().map(|(k, v)| (k.as_str(), v.clone()))))
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(NAMES.to_vec()).prop_map(|name| json!(name));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|truth| json!(truth)),
        (-3_i64..200).prop_map(|number| json!(number)),
        any::<i32>().prop_map(|number| json!(f64::from(number) / 4.0)),
        ".{0,40}".prop_map(|text| json!(text)),
        Just(json!("event.offline.get?clear=0&filter[>=ID]=$result[a][0]")),
        Just(json!("offline")),
        Just(json!("ONCRMDEALADD")),
        word,
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let key =
            prop_oneof!["[@%<>=!]{0,2}(ID|EVENT_NAME|TIMESTAMP_X|PROCESS_ID)", "[a-z0-9]{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

#[test]
fn unfolding_as_php_does() {
    let read = |text: &str| serde_json::to_value(unfold(text, 1_000)).unwrap();
    assert_eq!(read("a[b][0]=1&a[b][1]=2"), json!({"a": {"b": ["1", "2"]}}));
    assert_eq!(read("a[]=x&a[]=y"), json!({"a": ["x", "y"]}));
    assert_eq!(read("a=1&a=2"), json!({"a": "2"}));
    assert_eq!(read("a=1&a[b]=2"), json!({"a": {"b": "2"}}));
    assert_eq!(read("f%5B%3E%3DID%5D=5"), json!({"f": {">=ID": "5"}}));
    assert_eq!(read("a.b c=1"), json!({"a_b_c": "1"}));
    assert_eq!(read("a[b=1"), json!({"a_b": "1"}));
    assert_eq!(read("a[b]c=1"), json!({"a": {"b": "1"}}));
    assert_eq!(read("x=a+b%2Bc&y&=z&&"), json!({"x": "a b+c", "y": ""}));
    assert_eq!(read("a[5]=x&a[]=y"), json!({"a": {"5": "x", "6": "y"}}));
    assert_eq!(read("\u{e9}=1"), json!({"\u{e9}": "1"}));
    assert_eq!(read(""), json!([]));
    let deep = format!("a{}=1", "[x]".repeat(100));
    assert_eq!(read(&deep), json!([]), "nested too deep");
    assert_eq!(unfold("a=1&b=2&c=3", 2), unfold("a=1&b=2", 9));
}

#[test]
fn keys_that_are_numbers_are_numbers() {
    for (text, key) in [
        ("0", Key::Index(0)),
        ("-7", Key::Index(-7)),
        ("07", Key::Name("07".into())),
        ("-0", Key::Name("-0".into())),
        ("1.5", Key::Name("1.5".into())),
        ("99999999999999999999", Key::Name("99999999999999999999".into())),
    ] {
        assert_eq!(Key::from(text), key, "{text}");
    }
    let list: Php = serde_json::from_str(r#"{"0": "a", "1": "b"}"#).unwrap();
    assert_eq!(serde_json::to_string(&list).unwrap(), r#"["a","b"]"#);
    let twice: Php = serde_json::from_str(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap();
    assert_eq!(serde_json::to_string(&twice).unwrap(), r#"{"a":3,"b":2}"#);
    let mut array = PhpArray::new();
    array.push("x");
    array.remove("0");
    array.push("y");
    assert!(!array.is_list(), "the numbers go on");
}

#[test]
fn numbers_are_read_as_the_server_reads_them() {
    let int = |value: Value| Php::from(value).int();
    assert_eq!(int(json!("12abc")), 12);
    assert_eq!(int(json!(" -3")), -3);
    assert_eq!(int(json!("abc")), 0);
    assert_eq!(int(json!([])), 0);
    assert_eq!(int(json!([0])), 1);
    assert_eq!(int(json!(true)), 1);
    assert_eq!(int(json!("99999999999999999999")), i64::MAX);
    assert_eq!(Php::from(json!("1e3")).number(), Some(1000.0));
    assert_eq!(Php::from(json!("infinity")).number(), None);
    assert_eq!(Php::from(json!([1])).text(), "Array");
}

proptest! {
    #[test]
    fn unfolding_never_panics(text in ".{0,200}", most in 0_usize..50) {
        let read = unfold(&text, most);
        prop_assert!(read.as_array().unwrap().len() <= most);
    }

    #[test]
    fn unfolding_brackets_never_panics(text in "[a\\[\\]=&%+. 05B]{0,60}") {
        unfold(&text, 100);
    }

    #[test]
    fn folding_and_unfolding_round_trips(value in formed()) {
        prop_assert_eq!(unfold(&fold(&value), 1_000), value);
    }

    #[test]
    fn json_round_trips(value in any_json()) {
        let read: Php = serde_json::from_str(&value.to_string()).unwrap();
        let again: Php = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        prop_assert_eq!(read, again);
    }

    #[test]
    fn no_request_panics_and_every_answer_is_json(
        calls in prop::collection::vec(
            (prop::sample::select(METHODS.to_vec()),
             prop::collection::btree_map(prop::sample::select(NAMES.to_vec()), any_json(), 0..5)),
            1..12),
        source in any::<bool>(),
    ) {
        let personality = if source { Personality::Source } else { Personality::Documented };
        let settings = Settings { personality, limits: Limits::Off, ..Settings::default() };
        let mut portal = Portal::new(settings, 1_700_000_000_000);
        let token = portal.issue_token("1").access_token;
        portal.bind("ONCRMDEALADD", "");
        portal.bind("ONCRMDEALUPDATE", "");
        for _ in 0..3 {
            portal.create("crm.deal", json!({"TITLE": "D"}), 0).unwrap();
        }
        for (method, params) in calls {
            let mut params = serde_json::to_value(params).unwrap();
            params["auth"] = json!(token);
            let outcome = portal.handle(&Request::call(method, params), 0);
            let is_answer = matches!(outcome, Outcome::Answer { .. });
            prop_assert!(is_answer && outcome.json().is_some(), "{:?}", outcome);
        }
        // each reserved or free record stands in exactly one lane
        let audit = portal.audit();
        let lanes = audit.free_records + audit.error_records + audit.reserved_records;
        prop_assert!(lanes >= portal.queue_len() as u64);
    }

    #[test]
    fn draining_delivers_every_record_exactly_once(
        steps in prop::collection::vec((0_u8..4, 0_u64..6), 1..80), source in any::<bool>(),
    ) {
        let personality = if source { Personality::Source } else { Personality::Documented };
        let settings = Settings { personality, limits: Limits::Off, ..Settings::default() };
        let mut now = 1_700_000_000_000;
        let mut portal = Portal::new(settings, now);
        let token = portal.issue_token("1").access_token;
        for event in ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"] {
            portal.bind(event, "");
        }
        let mut seen = std::collections::BTreeSet::new();
        for (step, id) in steps {
            now += 1_000;
            let text = id.to_string();
            match step {
                0 => { portal.create("crm.deal", json!({}), now); }
                1 => { portal.change("crm.deal", &text, json!({"A": id}), now); }
                2 => { portal.delete("crm.deal", &text, now); }
                _ => {
                    let params = json!({"auth": token, "limit": id + 1});
                    let answer = portal.handle(&Request::call("event.offline.get", params), now);
                    for event in answer.json().unwrap()["result"]["events"].as_array().unwrap() {
                        prop_assert!(seen.insert(event["ID"].to_string()), "twice: {}", event);
                    }
                }
            }
        }
        for record in portal.queue() {
            let id = json!(record.id.to_string()).to_string();
            prop_assert!(!seen.contains(&id), "still there: {}", id);
        }
    }
}
