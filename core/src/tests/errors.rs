//! What the portal's words mean, and the odd shapes of its answers.

use crate::json::Raw;
use crate::time::{Millis, Timestamp};
use crate::wire::answer::php_list;
use crate::wire::{Answered, BatchAnswer, Class, SubAnswer, answer};

fn class(code: &str, description: &str) -> Class {
    let body = format!(r#"{{"error":"{code}","error_description":"{description}"}}"#);
    let Answered::Error(error) = answer::read(400, &body) else { panic!("{body} is no error") };
    assert_eq!((error.code.as_str(), error.description.as_str()), (code, description));
    error.class
}

#[test]
fn every_code_of_the_portals_has_its_meaning() {
    for (meaning, codes) in [
        (Class::Expired, "EXPIRED_TOKEN"),
        (
            Class::SignIn,
            "INVALID_TOKEN NO_AUTH_FOUND INVALID_CREDENTIALS APPLICATION_NOT_FOUND INVALID_GRANT \
             INVALID_CLIENT",
        ),
        (Class::Webhook, "WRONG_AUTH_TYPE"),
        (Class::Licence, "WRONG_LICENSE ACCESS_DENIED_LICENSE"),
        (Class::Scope, "INSUFFICIENT_SCOPE"),
        (Class::NotAdministrator, "ACCESS_DENIED USER_ACCESS_ERROR ALLOWED_ONLY_INTRANET_USER"),
        (Class::PortalGone, "PORTAL_DELETED"),
        (Class::Bucket, "QUERY_LIMIT_EXCEEDED OVERLOAD_LIMIT"),
        (Class::Operating, "OPERATION_TIME_LIMIT"),
        (Class::Server, "INTERNAL_SERVER_ERROR ERROR_UNEXPECTED_ANSWER"),
        (Class::NoSuchMethod, "ERROR_METHOD_NOT_FOUND"),
        (Class::UnknownEvent, "ERROR_EVENT_NOT_FOUND"),
        (Class::NotFound, "NOT_FOUND ERROR_NOT_FOUND"),
        (Class::Other, "ERROR_CORE BAD_TYPE"),
    ] {
        for code in codes.split_whitespace() {
            assert_eq!(class(code, ""), meaning, "{code}");
            let passes = matches!(meaning, Class::Expired | Class::Bucket | Class::Operating);
            assert_eq!(meaning.is_passing(), passes, "{code}");
        }
    }
    for words in ["Deal not found", "not_found", "It does not exist", "Элемент не найден"]
    {
        assert_eq!(class("", words), Class::NotFound, "{words}");
    }
    for words in ["Handler already binded", "already bound"] {
        assert_eq!(class("ERROR_CORE", words), Class::AlreadyBound, "{words}");
    }
}

#[test]
fn a_result_counts_with_a_status_of_success_alone_and_a_redirect_is_one() {
    let body = r#"{"result":1,"time":{"duration":0.25,"operating_reset_at":"7","start":2}}"#;
    for (status, taken) in [(199, false), (200, true), (299, true), (400, false), (500, false)] {
        let read = answer::read(status, body);
        assert_eq!(matches!(read, Answered::Result { .. }), taken, "{status}");
        assert_eq!(matches!(read, Answered::Lost { .. }), !taken, "{status}");
    }
    for status in [300, 399] {
        assert!(matches!(answer::read(status, body), Answered::Moved), "{status}");
    }
    let Answered::Result { timing, .. } = answer::read(200, body) else { panic!() };
    assert_eq!(
        (timing.duration, timing.operating_reset_at, timing.started),
        (Millis(250), Timestamp(7_000), Timestamp(2_000))
    );
    // an error that is null is none, and words are shown up to three hundred letters
    assert!(matches!(answer::read(200, r#"{"error":null,"result":1}"#), Answered::Result { .. }));
    let long = format!(r#"{{"error":{{"a":1}},"error_description":"{}"}}"#, "x".repeat(400));
    let Answered::Error(error) = answer::read(200, &long) else { panic!() };
    assert_eq!((error.code.as_str(), error.description.len()), (r#"{"a":1}"#, 300));
}

#[test]
fn the_parts_of_a_batch_are_found_by_their_names() {
    let text = r#"{"result":{"a":1,"b":null},"result_error":{"c":{"error":"X"},"d":"odd","e":null},
        "result_total":{"a":"12","b":"many"},"result_time":{"a":{"duration":1}}}"#;
    let batch = BatchAnswer::read(Raw::read(text).unwrap()).unwrap();
    let SubAnswer::Result { result, total } = batch.get("a") else { panic!() };
    assert_eq!((result.get(), total), ("1", Some(12)));
    assert!(matches!(batch.get("b"), SubAnswer::Result { total: None, .. }));
    let SubAnswer::Error(error) = batch.get("c") else { panic!() };
    assert_eq!((error.code.as_str(), error.class), ("X", Class::Other));
    let SubAnswer::Error(error) = batch.get("d") else { panic!() };
    assert_eq!((error.code.as_str(), error.description.as_str()), ("", "odd"));
    assert!(matches!(batch.get("f"), SubAnswer::Missing));
    assert_eq!(batch.timing("a").map(|timing| timing.duration), Some(Millis(1_000)));
    assert_eq!(batch.timing("b"), None);
}

#[test]
fn a_list_of_phps_is_a_list_a_numbered_map_or_what_stands_for_nothing() {
    let count = |text: &str| php_list(Raw::read(text).unwrap()).map(|list| list.len());
    for (text, expected) in [
        ("[1,2]", Some(2)),
        (r#"{"0":1,"10":2}"#, Some(2)),
        (r#"{"0":1,"x":2}"#, None),
        ("{}", Some(0)),
        ("[]", Some(0)),
        ("null", Some(0)),
        ("false", Some(0)),
        ("true", None),
        ("7", None),
    ] {
        assert_eq!(count(text), expected, "{text}");
    }
}
