//! Realistic texts, broken in many ways: what is taken, cut and written is what `serde_json` takes, cuts and
//! writes. `B24_JSON_CASES` sets how many.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::*;
use crate::clock::Random;

/// Deeper than any text here.
const ANY_DEPTH: usize = 1_000;

const TEXTS: [&str; 7] = [
    r#"{"result":{"result":{"c00":[{"ID":"7","TITLE":"Сделка \"А\"","OPPORTUNITY":"12.50","UF":[1,2.0,-3e5]}],
        "c01":{"process_id":"p1","events":[{"ID":"7","TIMESTAMP_X":"2026-11-23T10:11:12+03:00","MESSAGE_ID":"m",
        "EVENT_NAME":"ONCRMDEALUPDATE","EVENT_DATA":{"FIELDS":{"ID":1}},"ERROR":"1"}]}},
        "result_error":[],"result_total":{"c00":"17"},"result_time":{"c00":{"duration":6.9141387939453125e-5,
        "operating_reset_at":1795434072}}},"time":{"start":1795434071.5}}"#,
    r#"{"error":"expired_token","error_description":"The access token provided has expired.\r\n\u0416"}"#,
    r#"{"FIELDS":{"ID":"123","ENTITY":[[],{},null,true,false,[[[0]]]]},"\u0069d":18446744073709551616,"auth":""}"#,
    r#"{"state":"parked","kind":"crm.deal","id":"7","attempts":3,"records":[{"id":1,"process":"p",
        "changed_at":"t\"","owner":"9","deleted":true}]}"#,
    r#"{"format":1,"portal":"p","connector":null,"bound":["ONX","ONY"]}"#,
    r#"{"key":"7@t,8@t","verdict":"retry","after":1.5E+2}"#,
    r#"["\ud83d\ude00","\u00e9\\\/\b\f\n\r\t","",0,-0,0.1E-7,1e400,""]"#,
];

const PIECES: [&str; 45] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{2028}",
    "я",
    "😀",
    "\\ud83d",
    "\\ude00",
    "\\uD83D\\uDE00",
    "\\u0000",
    "\\u+123",
    "\\u00",
    "\\x",
    "\\\\",
    "\\\"",
    "null",
    "nul",
    "true",
    "-",
    "+",
    "0",
    "00",
    ".5",
    "1.",
    "e",
    "1e999999999999",
    "E-",
    "{\"a\":",
    "\"id\":1,",
    "\"\\u0069d\":2,",
    "NaN",
];

fn broken(random: &mut Random) -> String {
    let mut text = TEXTS[random.below(TEXTS.len() as u64) as usize].to_owned();
    for _ in 0..random.below(4) {
        let mut at = random.below(text.len() as u64 + 1) as usize;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        match random.below(8) {
            0 => {
                let mut bytes = text.into_bytes();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
            1 if random.below(4) == 0 => text.truncate(at),
            2 => {
                let gone = text[at..].chars().next().map_or(0, char::len_utf8);
                text.replace_range(at..at + gone, "");
            }
            // a value in a list of lists, or a part that comes twice
            3 => {
                let depth = random.below(150) as usize;
                text = format!("{}{text}{}", "[".repeat(depth), "]".repeat(depth));
            }
            4 => {
                let twice: String =
                    text[at..].chars().take(1 + random.below(40) as usize).collect();
                text.insert_str(at, &twice);
            }
            _ => text.insert_str(at, PIECES[random.below(PIECES.len() as u64) as usize]),
        }
    }
    text
}

/// Compares a value and everything in it.
fn compare(ours: Raw<'_>, theirs: &RawValue) {
    let text = theirs.get();
    assert_eq!(ours.get(), text);
    assert_eq!(ours.is_null(), text == "null");
    assert_eq!(ours.text(), serde_json::from_str(text).ok(), "{text}");
    let list: Option<Vec<&RawValue>> = serde_json::from_str(text).ok();
    let our_list = ours.list();
    assert_eq!(our_list.as_ref().map(Vec::len), list.as_ref().map(Vec::len), "{text}");
    for (ours, theirs) in our_list.into_iter().flatten().zip(list.into_iter().flatten()) {
        compare(ours, theirs);
    }
    let map: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(text).ok();
    let our_map = ours.map();
    assert_eq!(our_map.is_some(), map.is_some(), "{text}");
    let (Some(our_map), Some(map)) = (our_map, map) else { return };
    assert!(our_map.keys().eq(map.keys()), "{text}");
    let [id, kind, no] = ours.fields(["id", "\u{0}", "no"]).unwrap();
    for (found, name) in [(id, "id"), (kind, "\u{0}"), (no, "no")] {
        assert_eq!(found.map(Raw::get), map.get(name).map(|raw| raw.get()), "{text}");
    }
    for (ours, theirs) in our_map.into_values().zip(map.into_values()) {
        compare(ours, theirs);
    }
}

#[test]
fn broken_texts_are_read_as_serde_reads_them() {
    let cases = std::env::var("B24_JSON_CASES").ok().and_then(|cases| cases.parse().ok());
    let (mut random, mut taken, mut refused) = (Random::new(11), 0, 0);
    for _ in 0..cases.unwrap_or(3_000) {
        let text = broken(&mut random);
        let theirs: Option<&RawValue> = serde_json::from_str(&text).ok();
        let ours = Raw::within(&text, ANY_DEPTH).ok();
        assert_eq!(ours.map(Raw::get), theirs.map(RawValue::get), "{text}");
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            assert_eq!(Raw::read(&text), None);
            refused += 1;
            continue;
        };
        taken += 1;
        // only the depth makes a difference
        if Raw::read(&text).is_none() {
            assert_eq!(Raw::within(&text, 128), Err(Broken::TooDeep), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "{text}");
            continue;
        }
        compare(ours, theirs);
        let value = serde_json::from_str::<serde_json::Value>(&text);
        match (ours.value(), value) {
            (Some(ours), Ok(theirs)) => {
                let again: serde_json::Value = serde_json::from_str(&ours.to_string()).unwrap();
                assert_eq!(again, theirs, "{text}");
                assert_eq!(Value::read(&ours.to_string()), Some(ours), "{text}");
            }
            (None, Err(_)) => {}
            (Some(_), Err(why)) => {
                // numbers stay texts here, and the library's last level is one earlier
                let why = why.to_string();
                let known = why.contains("out of range") || why.contains("recursion limit");
                assert!(known, "{text}: {why}");
            }
            (None, Ok(_)) => panic!("{text}"),
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}
