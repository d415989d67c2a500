//! The `listen` program of each host against a served portal: cost, throughput, memory.

use anyhow::{Context, Result, ensure};
use b24_offline_emulator::{Fault, FaultKind};
use serde_json::json;

use crate::cost::Cost;
use crate::deal;
use crate::figure::{Figure, real};
use crate::program::{Program, Ran, own_cpu};
use crate::stage::{Pace, Stage};

/// Records that wait while peak memory is measured.
pub const WAITING: u64 = 100_000;

/// What a host's throughput should be at least, in changes a second.
fn wanted(host: &str) -> Option<f64> {
    match host {
        "native" => Some(40_000.0),
        "node" | "kotlin" | "chromium" => Some(20_000.0),
        "python" => Some(10_000.0),
        _ => None,
    }
}

/// Runs `listen` until the queue is empty and tells the portal what was delivered.
fn drain(host: &Program, stage: &Stage, limits: &str, more: &[&str]) -> Result<Ran> {
    let mut arguments = stage.listen(limits);
    arguments.extend(more.iter().map(|text| (*text).to_owned()));
    let mut ran = host.run(stage, &arguments, &[])?;
    stage.tell(&std::mem::take(&mut ran.output))?;
    Ok(ran)
}

/// Requests and real seconds for so many new deals, at the portal's bucket and speed.
///
/// # Errors
/// When the program fails or loses something.
pub fn cost(host: &Program, changes: u64) -> Result<Cost> {
    let stage = Stage::open(Pace::Portal)?;
    stage.deals(changes, &json!({ "TITLE": "Pumps and fittings, second delivery" }))?;
    let ran = drain(host, &stage, "standard", &[])?;
    let cost = Cost::of(&stage.audit(), ran.seconds).with_context(|| host.name.clone())?;
    stage.close();
    Ok(cost)
}

/// Changes a second of deals of 2 KB, and where the time goes.
///
/// # Errors
/// When the program fails or loses something.
pub fn throughput(host: &Program, changes: u64) -> Result<Vec<Figure>> {
    let stage = Stage::open(Pace::AtOnce)?;
    stage.deals(changes, &deal::fields())?;
    let before = own_cpu()?;
    let mut ran = host.run(&stage, &stage.listen("off"), &[])?;
    let portal = own_cpu()? - before;
    stage.tell(&std::mem::take(&mut ran.output))?;
    Cost::of(&stage.audit(), ran.seconds).with_context(|| host.name.clone())?;
    stage.close();
    let figure = |value, unit: &str| Figure::new(&host.name, value, unit).with(changes);
    let speed = figure(real(changes) / ran.seconds, "changes/s");
    let micros = |cpu: f64| cpu * 1_000_000.0 / real(changes);
    Ok(vec![
        match wanted(&host.name) {
            Some(least) => speed.at_least(least),
            None => speed,
        },
        figure(micros(ran.cpu), "µs of CPU a change, its start included"),
        figure(micros(portal), "µs of CPU a change in the portal and this program"),
        figure(real(ran.peak) / 1_024.0, "MiB at most"),
    ])
}

/// Peak memory with so many deals of 2 KB that wait, and batches of 2,250.
///
/// # Errors
/// When the program fails or loses something.
pub fn memory(host: &Program, waiting: u64) -> Result<Figure> {
    let stage = Stage::open(Pace::AtOnce)?;
    stage.deals(waiting, &deal::fields())?;
    let ran = drain(host, &stage, "off", &["--batch-size", "2250"])?;
    Cost::of(&stage.audit(), ran.seconds).with_context(|| host.name.clone())?;
    stage.close();
    ensure!(ran.peak > 0, "the memory of {} could not be read", host.name);
    let name = format!("{}, --batch-size 2250", host.name);
    let figure = Figure::new(name, real(ran.peak) / 1_024.0, "MiB at most (VmHWM)").with(waiting);
    Ok(figure.at_most(64.0))
}

/// The first answer of the queue is lost on its way.
#[must_use]
pub fn lost_answer() -> Fault {
    Fault {
        method: Some("event.offline.get".to_owned()),
        after: 0,
        count: 1,
        kind: FaultKind::AnswerLost { hang_ms: 0 },
    }
}
