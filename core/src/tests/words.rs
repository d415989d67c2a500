//! What people and programs are told: sentences, exit codes, how loud a notice is.

use crate::id::EventName;
use crate::{Connector, End, Failure, Millis, Notice, Severity, Timestamp, WriteResult};

fn events(names: &str) -> Vec<EventName> {
    names.split(' ').map(|name| EventName::new(name).unwrap()).collect()
}

#[test]
fn a_notice_is_a_sentence_with_right_numbers() {
    let ready = |bound, parked| Notice::Ready { bound, parked }.to_string();
    assert_eq!(ready(0, 0), "ready: every event is bound");
    assert_eq!(ready(1, 1), "ready: 1 event bound now; 1 object is parked");
    assert_eq!(ready(2, 2), "ready: 2 events bound now; 2 objects are parked");
    let strange = Notice::StrangeBindings { events: events("ONA ONB") }.to_string();
    assert!(strange.starts_with("this queue also records ONA, ONB, which"), "{strange}");
    let (since, until) = (Some(Timestamp(1_795_434_072_000)), Timestamp(1_795_434_073_000));
    let lost = |since| Notice::BindingsLost { events: events("ONA"), since, until }.to_string();
    assert_eq!(
        lost(since),
        "full resync needed: the bindings of ONA had vanished and are bound again; changes made \
         between 2026-11-23T11:41:12Z and 2026-11-23T11:41:13Z were not recorded"
    );
    assert!(lost(None).ends_with("made before 2026-11-23T11:41:13Z were not recorded"));
    let backing_off = Notice::BackingOff { delay: Millis(1_960), why: "down".into() };
    assert_eq!(backing_off.to_string(), "down; next try in 2.0 s");
    let limited = Notice::MethodLimited { method: "a.b".into(), delay: Millis(1_500) };
    assert!(limited.to_string().ends_with("it waits for 2 s"));
}

#[test]
fn a_notice_is_as_loud_as_it_is_urgent() {
    assert_eq!(Notice::Reached.severity(), Severity::Info);
    assert_eq!(Notice::JournalMissing.severity(), Severity::Warning);
    assert_eq!(Notice::Failed(Failure::Webhook).severity(), Severity::Error);
}

#[test]
fn a_program_ends_with_the_code_of_what_ended_it() {
    let why = || "why".to_owned();
    let connector = Connector::new("shop").unwrap();
    for (failure, code) in [
        (Failure::NotAPortal { why: why() }, 1),
        (Failure::Journal { why: why() }, 1),
        (Failure::Webhook, 2),
        (Failure::ConnectorSpelling { wanted: connector.clone(), bound: "Shop".into() }, 2),
        (Failure::UnknownEvent { event: events("ONA").remove(0), why: why() }, 2),
        (Failure::SignInAgain { why: why() }, 3),
        (Failure::NotAdministrator, 4),
        (Failure::ScopeMissing { method: "a.b".into() }, 4),
        (Failure::PlanWithoutReservation, 4),
        (Failure::PlanWithoutConnector { connector }, 4),
        (Failure::PortalGone { why: why() }, 6),
    ] {
        assert_eq!(failure.exit_code(), code, "{failure}");
        assert_eq!(End::Failed(failure).exit_code(), code);
    }
    assert_eq!((End::Empty.exit_code(), End::Stopped.exit_code()), (0, 0));
}

#[test]
fn a_write_that_was_not_surely_done_has_something_to_tell() {
    let done = WriteResult::Done { result: "1".into() };
    assert_eq!(done.trouble(), None);
    let refused = WriteResult::Refused { code: "E".into(), description: "no such deal".into() };
    assert!(refused.trouble().is_some_and(|trouble| trouble.contains("no such deal")));
    let not_sent = WriteResult::NotSent { why: "down".into() };
    assert!(not_sent.trouble().is_some_and(|trouble| trouble.contains("down")));
    assert!(WriteResult::Unknown.trouble().is_some_and(|trouble| trouble.len() > 9));
}
