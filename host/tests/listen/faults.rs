//! `listen` while the wire and the portal misbehave.

use b24_offline_emulator::{Fault, FaultKind};

use crate::served::{Served, assert_code, ended, finish, pid, settings, signal, text, until};

/// Drains deals while each of the faults strikes once.
async fn drained_under(faults: Vec<(&str, FaultKind)>) -> Served {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(60);
    served.people(|portal, _| {
        for (method, kind) in faults {
            portal.inject(Fault { method: Some(method.into()), after: 0, count: 1, kind });
        }
    });
    let arguments = ["--batch-size", "20", "--jsonl", "--until-empty"];
    let output = finish(served.listen(&arguments)).await;
    assert_code(&output, 0);
    served.told(&text(&output.stdout));
    served.assert_drained();
    let waiting = served.people(|portal, _| portal.waiting_faults().to_vec());
    assert!(waiting.is_empty(), "never struck: {waiting:?}");
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_reservation_loses_nothing() {
    drained_under(vec![("event.offline.get", FaultKind::AnswerLost { hang_ms: 0 })]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_clear_loses_nothing() {
    drained_under(vec![("event.offline.clear", FaultKind::AnswerLost { hang_ms: 0 })]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_on_the_wire_loses_nothing() {
    drained_under(vec![("event.offline.get", FaultKind::CutBody { keep: 200 })]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_page_loses_nothing() {
    drained_under(vec![
        ("event.offline.get", FaultKind::Html { status: 502, executed: true }),
        ("crm.deal.list", FaultKind::Html { status: 200, executed: true }),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_100_mb_loses_nothing() {
    let bytes = 100 * 1024 * 1024;
    drained_under(vec![("event.offline.get", FaultKind::GiantAnswer { bytes })]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_in_the_middle_is_renewed_once() {
    let served = drained_under(vec![("event.offline.clear", FaultKind::ExpireTokens)]).await;
    assert_eq!(served.audit().token_refreshes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_bindings_are_bound_again_and_reported() {
    let served = Served::start(settings()).await;
    let child = served.listen(&["--jsonl"]).spawn().unwrap();
    let bound = || served.people(|portal, _| portal.bindings().len());
    until("the events are bound", || bound() == 3).await;
    served.people(|portal, _| portal.remove_bindings());
    until("the events are bound again", || bound() == 3).await;
    served.deals(10);
    until("the queue is empty", || served.people(|portal, _| portal.queue_len()) == 0).await;
    signal("TERM", &pid(&child));
    let output = ended(child).await;
    assert_code(&output, 0);
    served.told(&text(&output.stdout));
    served.assert_drained();
    let said = text(&output.stderr);
    assert!(said.contains("resync") && said.contains("ONCRMDEALADD"), "{said}");
}
