//! What was expected against what came.

use std::collections::BTreeSet;

use anyhow::Result;
use b24_offline_emulator::{Audit, Portal};
use serde_json::{Value, json};

use crate::damage::kept_aside;
use crate::scenario::Scenario;
use crate::scenario::expect::{Count, Expect, ObjectState};
use crate::seen::All;
use crate::stage::Stage;
use crate::wait::calls;

/// Each difference in a sentence; none if all is as expected.
pub(crate) fn failures(
    expect: &Expect,
    stage: &Stage,
    scenario: &Scenario,
    first_token: &str,
) -> Result<Vec<String>> {
    stage.look()?;
    let mut all = stage.people(|portal, _| on_the_portal(expect, portal));
    all.extend(in_the_output(expect, &stage.seen.all()));
    all.extend(in_the_folder(expect, stage, scenario, first_token));
    Ok(all)
}

/// How far a test has come, in a sentence.
pub(crate) fn standing(stage: &Stage) -> String {
    let audit = stage.people(|portal, _| portal.audit());
    let seen = stage.seen.all();
    format!(
        "at that moment: {} changes on the portal, {} handed, {} done, {} objects parked; {} records free, {} \
         reserved, {} in the error lane",
        audit.changes,
        seen.handed.len(),
        seen.done,
        seen.parked.len(),
        audit.free_records,
        audit.reserved_records,
        audit.error_records
    )
}

/// Collects differences.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn count(&mut self, what: &str, wanted: Option<Count>, found: u64) {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.holds(found)) {
            self.0.push(format!("{what}: {found}, expected {wanted}"));
        }
    }
}

fn on_the_portal(expect: &Expect, portal: &Portal) -> Vec<String> {
    let (audit, mut differences) = (portal.audit(), Differences::default());
    for (what, wanted, found) in figures(expect, &audit) {
        differences.count(what, wanted, found);
    }
    differences.count("faults that have not struck", expect.faults_left, {
        portal.waiting_faults().len() as u64
    });
    for (method, wanted) in &expect.calls {
        differences.count(&format!("calls of {method}"), Some(*wanted), calls(&audit, method));
    }
    let mut all = differences.0;
    if expect.lost.is_some_and(|wanted| !wanted.holds(audit.lost.len() as u64)) {
        let lost = audit.lost.iter().take(5).map(|lost| {
            let delivered = lost.delivered.map_or("nothing".to_owned(), |seen| seen.to_string());
            format!("{} {} version {} (delivered: {delivered})", lost.kind, lost.id, lost.recorded)
        });
        all.push(format!("lost are {}", lost.collect::<Vec<_>>().join(", ")));
    }
    if let Some(wanted) = &expect.bound {
        let mut bound: Vec<_> = portal.bindings().iter().map(|one| one.event.clone()).collect();
        bound.sort();
        if bound != *wanted {
            all.push(format!("bound are {bound:?}, expected {wanted:?}"));
        }
    }
    all.extend(expect.objects.iter().flat_map(|wanted| object(wanted, portal)));
    all
}

fn figures(expect: &Expect, audit: &Audit) -> [(&'static str, Option<Count>, u64); 13] {
    [
        ("changes", expect.changes, audit.changes),
        ("lost objects", expect.lost, audit.lost.len() as u64),
        (
            "own writes that came back",
            expect.own_writes_returned,
            audit.own_writes_returned.values().sum(),
        ),
        ("regressions", expect.regressions, audit.regressions),
        ("objects wrongly called gone", expect.false_gone, audit.false_gone),
        ("requests above the bucket", expect.bucket_violations, audit.bucket_violations),
        ("calls of event.offline.error", expect.error_calls, audit.error_calls),
        ("free records", expect.free, audit.free_records),
        ("records in the error lane", expect.errors, audit.error_records),
        ("reserved records", expect.reserved, audit.reserved_records),
        ("objects left parked", expect.left_parked, audit.parked),
        ("exchanges of tokens", expect.token_refreshes, audit.token_refreshes),
        ("calls refused for operating time", expect.operating_refusals, audit.operating_refusals),
    ]
}

fn object(wanted: &ObjectState, portal: &Portal) -> Vec<String> {
    let (kind, id) = (&wanted.kind, &wanted.id);
    let mut differences = Differences::default();
    let version = portal.version(kind, id).unwrap_or_default();
    differences.count(&format!("version of {kind} {id}"), wanted.version, version);
    let held = portal.object(kind, id).and_then(|fields| serde_json::to_value(fields).ok());
    for (name, value) in &wanted.fields {
        let found = held.as_ref().and_then(|fields| fields.get(name)).unwrap_or(&Value::Null);
        if found != value {
            differences.0.push(format!("{name} of {kind} {id} is {found}, expected {value}"));
        }
    }
    differences.0
}

fn in_the_output(expect: &Expect, seen: &All) -> Vec<String> {
    let mut differences = Differences::default();
    differences.count("changes handed", expect.handed, seen.handed.len() as u64);
    let keys: BTreeSet<_> =
        seen.handed.iter().filter_map(|change| change.get("key")?.as_str()).collect();
    differences.count("different keys", expect.distinct_keys, keys.len() as u64);
    differences.count("changes done", expect.done, seen.done as u64);
    for wanted in &expect.handed_changes {
        let found = seen.handed.iter().filter(|change| wanted.fits(change)).count() as u64;
        differences.count(&format!("changes as in {wanted:?}"), Some(wanted.count()), found);
    }
    let mut all = differences.0;
    let told = |text: &String| seen.notices.iter().find(|line| line.contains(text.as_str()));
    for text in expect.notices.iter().filter(|text| told(text).is_none()) {
        all.push(format!("no line on standard error has '{text}'"));
    }
    for line in expect.no_notices.iter().filter_map(told) {
        all.push(format!("not expected on standard error: {line}"));
    }
    let is_object =
        |line: &&String| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
    if expect.json_notices {
        let others = seen.notices.iter().filter(|line| !is_object(line));
        all.extend(others.map(|line| format!("no JSON object on standard error: {line}")));
        if seen.notices.is_empty() {
            all.push("nothing on standard error".to_owned());
        }
    }
    if let Some(wanted) = &expect.parked {
        let found: Vec<&String> = seen.parked.iter().collect();
        let mut wanted: Vec<&String> = wanted.iter().collect();
        wanted.sort();
        if found != wanted {
            all.push(format!("announced as parked: {}, expected {}", json!(found), json!(wanted)));
        }
    }
    all
}

fn in_the_folder(
    expect: &Expect,
    stage: &Stage,
    scenario: &Scenario,
    first_token: &str,
) -> Vec<String> {
    let mut all = Vec::new();
    let aside = kept_aside(&stage.folder().join(scenario.listen.journal()));
    if expect.damaged_journal.is_some_and(|wanted| wanted != aside.exists()) {
        let what = if aside.exists() { "was" } else { "was not" };
        all.push(format!("a damaged journal {what} kept aside as {}", aside.display()));
    }
    let renewed = stage.access_token() != first_token;
    if expect.tokens_renewed.is_some_and(|wanted| wanted != renewed) {
        let what = if renewed { "was" } else { "was not" };
        all.push(format!("the auth file {what} renewed"));
    }
    all
}
