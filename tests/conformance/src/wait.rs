//! Waiting until something holds.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::time::{Instant, sleep};

use crate::program::Programs;
use crate::scenario::condition::Condition;
use crate::stage::Stage;

/// How often the portal and the files are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What ended programs have printed is read by then.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Handlers of a killed program see within this time that it was.
const HANDLERS_END: Duration = Duration::from_secs(20);

/// Waits until all of a condition holds.
pub(crate) async fn wait(
    condition: &Condition,
    stage: &Stage,
    programs: &mut Programs,
) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(condition.within);
    let mut all_ended = None;
    loop {
        stage.look()?;
        let missing = missing(condition, stage);
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        if Instant::now() > end {
            bail!("waited {} s in vain: {missing}", condition.within);
        }
        if let Some(endings) = programs.all_ended()? {
            let since = *all_ended.get_or_insert_with(Instant::now);
            if since.elapsed() > LAST_WORDS {
                bail!("{endings} before it was so: {missing}");
            }
        }
        sleep(LOOK).await;
    }
}

/// Waits until no handler of a start runs.
pub(crate) async fn wait_for_handlers(start: &str, stage: &Stage) -> Result<()> {
    let end = Instant::now() + HANDLERS_END;
    loop {
        stage.look()?;
        let running = stage.seen.all().handlers_of(start);
        if running == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{running} handlers of a killed program go on");
        sleep(LOOK).await;
    }
}

/// What does not hold yet.
fn missing(condition: &Condition, stage: &Stage) -> Vec<String> {
    let mut missing = Vec::new();
    let (audit, records, bound, faults) = stage.people(|portal, _| {
        let faults = portal.waiting_faults().len();
        (portal.audit(), portal.queue_len(), portal.bindings().len(), faults)
    });
    let seen = stage.seen.all();
    let mut at_least = |what: &str, wanted: Option<usize>, found: usize| {
        if let Some(wanted) = wanted.filter(|wanted| found < *wanted) {
            missing.push(format!("{found} of {wanted} {what}"));
        }
    };
    at_least("changes handed", condition.handed, seen.handed.len());
    at_least("changes done", condition.done, seen.done);
    at_least("handlers at a gate", condition.holding, seen.holding.len());
    at_least("objects parked", condition.parked, seen.parked.len());
    let mut exactly = |what: &str, wanted: Option<usize>, found: usize| {
        if let Some(wanted) = wanted.filter(|wanted| found != *wanted) {
            missing.push(format!("{found} {what} instead of {wanted}"));
        }
    };
    exactly("records", condition.records, records);
    exactly("events bound", condition.bound, bound);
    if let Some(wanted) = condition.reserved.filter(|wanted| audit.reserved_records < *wanted) {
        missing.push(format!("{} of {wanted} records reserved", audit.reserved_records));
    }
    for (method, wanted) in &condition.calls {
        let found = calls(&audit, method);
        if found < *wanted {
            missing.push(format!("{found} of {wanted} calls of {method}"));
        }
    }
    if condition.faults_struck && faults > 0 {
        missing.push(format!("{faults} faults have not struck"));
    }
    if let Some(text) = &condition.notice
        && !seen.notices.iter().any(|line| line.contains(text))
    {
        missing.push(format!("no line on standard error with '{text}'"));
    }
    missing
}

/// How often a method was called, alone or in batches.
pub(crate) fn calls(audit: &b24_offline_emulator::Audit, method: &str) -> u64 {
    let of = |counts: &std::collections::BTreeMap<String, u64>| counts.get(method).copied();
    of(&audit.requests_by_method).unwrap_or_default()
        + of(&audit.sub_calls_by_method).unwrap_or_default()
}
