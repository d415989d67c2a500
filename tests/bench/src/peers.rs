//! The same work by clients that were not written here: deals of 2 KB, read and confirmed.

use anyhow::{Context, Result, ensure};
use b24_offline_emulator::Audit;

use crate::cost::{Cost, PER_THOUSAND};
use crate::deal;
use crate::documented::{self, Way};
use crate::figure::{Figure, real};
use crate::hosts::lost_answer;
use crate::program::{Program, Ran};
use crate::stage::{Pace, Stage};

/// How the loop around a client is written: see `tests/peers/python/drain.py`.
const WAYS: [&str; 2] = ["naive", "best"];
/// What is told of a run in which one answer was lost.
const LOST: &str = "objects lost with one lost answer";

/// The variables that tell a client where the portal is.
fn variables(stage: &Stage) -> Vec<(&'static str, String)> {
    let authority = stage.authority().to_string_lossy().into_owned();
    vec![
        ("B24_PERSONALITY", "documented".to_owned()),
        ("B24_HTTP", stage.http()),
        ("B24_HTTPS", stage.https()),
        ("REQUESTS_CA_BUNDLE", authority.clone()),
        ("NODE_EXTRA_CA_CERTS", authority),
        ("NO_PROXY", "localhost,127.0.0.1".to_owned()),
    ]
}

/// What the portal counted of one run with so many deals that wait; with one answer lost if that is asked for.
fn audit(changes: u64, spoilt: bool, run: impl Fn(&Stage) -> Result<Ran>) -> Result<Audit> {
    let stage = Stage::open(Pace::AtOnce)?;
    stage.deals(changes, &deal::fields())?;
    if spoilt {
        stage.inject(lost_answer());
    }
    let ran = run(&stage)?;
    stage.tell(&ran.output)?;
    let audit = stage.audit();
    stage.close();
    Ok(audit)
}

/// Requests without a fault, and lost objects with one.
fn measured(who: &str, changes: u64, run: impl Fn(&Stage) -> Result<Ran>) -> Result<Vec<Figure>> {
    let cost = Cost::of(&audit(changes, false, &run)?, 0.0).with_context(|| who.to_owned())?;
    let lost = audit(changes, true, &run).with_context(|| who.to_owned())?.lost.len() as u64;
    Ok(figures(who, &cost, lost))
}

fn figures(who: &str, cost: &Cost, lost: u64) -> Vec<Figure> {
    let figure = |value, unit: &str| Figure::new(who, value, unit).with(cost.changes);
    vec![
        figure(real(cost.requests), "requests"),
        figure(cost.per_thousand(), PER_THOUSAND),
        figure(real(lost), LOST),
    ]
}

/// All of them side by side.
///
/// # Errors
/// When a client fails, or loses something without a fault.
pub fn all(host: &Program, clients: &[Program], changes: u64) -> Result<Vec<Figure>> {
    ensure!(!clients.is_empty(), "no client to compare with; name some with --peer");
    let mut all = Vec::new();
    for (who, size) in [("b24-offline", None), ("b24-offline, --batch-size 2250", Some("2250"))] {
        all.extend(measured(who, changes, |stage| {
            let mut arguments = stage.listen("off");
            arguments.extend(size.iter().flat_map(|size| ["--batch-size".into(), (*size).into()]));
            host.run(stage, &arguments, &[])
        })?);
    }
    for way in Way::ALL {
        let cost = documented::drain(changes, way)?;
        all.extend(figures(way.name(), &cost, documented::lost(changes, way)?));
    }
    for client in clients {
        for way in WAYS {
            let who = format!("{}, {way}", client.name);
            let run = |stage: &Stage| client.run(stage, &[way.to_owned()], &variables(stage));
            all.extend(measured(&who, changes, run)?);
        }
    }
    Ok(all)
}
