//! Does the steps of a scenario, one after the other.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::damage::{damage, delete};
use crate::judge;
use crate::play::Bench;
use crate::program::{Invocation, Program, Programs};
use crate::scenario::Scenario;
use crate::scenario::options::Places;
use crate::scenario::step::{Bind, Change, Exit, Named, Start, Step};
use crate::set_back::set_back;
use crate::stage::{Stage, USER};
use crate::wait::{wait, wait_for_handlers};

/// What the steps of one test work with.
pub(crate) struct Steps<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) stage: &'a Arc<Stage>,
    pub(crate) bench: &'a Bench,
    pub(crate) command: &'a str,
    /// Whether the auth file held other tokens at first.
    pub(crate) first_token: &'a str,
    pub(crate) programs: Programs,
    kept: BTreeMap<String, Vec<u8>>,
    starts: usize,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(
        scenario: &'a Scenario,
        stage: &'a Arc<Stage>,
        bench: &'a Bench,
        command: &'a str,
        first_token: &'a str,
    ) -> Steps<'a> {
        let (programs, kept) = (Programs::default(), BTreeMap::new());
        Steps { scenario, stage, bench, command, first_token, programs, kept, starts: 0 }
    }

    /// Does them all; the first that fails ends it, with its number.
    pub(crate) async fn play(&mut self) -> Result<()> {
        for (number, step) in (1..).zip(&self.scenario.steps) {
            let done = self.step(step).await;
            self.stage.look()?;
            done.with_context(|| format!("step {number} ({step})"))?;
        }
        Ok(())
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of `on_the_portal`")]
    async fn step(&mut self, step: &Step) -> Result<()> {
        let stage = self.stage;
        match step {
            Step::Start(start) => self.start(start)?,
            Step::Exit(exit) => self.exit(exit).await?,
            Step::Kill(name) => self.kill(name).await?,
            Step::Signal(signal) => {
                self.programs.named(&signal.name)?.signal(signal.signal.name()).await?;
            }
            Step::Wait(condition) => wait(condition, stage, &mut self.programs).await?,
            Step::Check(expect) => {
                let failures = judge::failures(expect, stage, self.scenario, self.first_token)?;
                ensure!(failures.is_empty(), "{}", failures.join("; "));
            }
            Step::Release(gate) => crate::handler::release(&stage.handler(), gate)?,
            Step::Damage(how) => damage(&self.journal(), how.place)?,
            Step::DeleteJournal => delete(&self.journal())?,
            Step::SetBackJournal(by) => set_back(&self.journal(), by.milliseconds())?,
            Step::LimitFiles(limit) => {
                self.programs.named(&limit.name)?.limit_files(limit.bytes).await?;
            }
            Step::Keep(name) => {
                let content = fs::read(stage.folder().join(name))?;
                self.kept.insert(name.clone(), content);
            }
            Step::Unchanged(name) => {
                let kept = self.kept.get(name).context("it was not kept")?;
                let content = fs::read(stage.folder().join(name))?;
                ensure!(content == *kept, "{name} was altered");
            }
            Step::LeaveInErrorLane(records) => stage.other_tool(*records, true)?,
            Step::LeaveReserved(records) => stage.other_tool(*records, false)?,
            Step::ClearReserved => stage.clear_reserved()?,
            Step::UseBucket(requests) => stage.use_bucket(*requests),
            Step::SignIn => stage.sign_in(&[])?,
            other => on_the_portal(other, stage)?,
        }
        Ok(())
    }

    fn journal(&self) -> std::path::PathBuf {
        self.stage.folder().join(self.scenario.listen.journal())
    }

    fn start(&mut self, start: &Start) -> Result<()> {
        let options = start.listen.over(&self.scenario.listen);
        let handler = self.bench.handler_command(&self.stage.handler());
        let places = Places {
            folder: self.stage.folder(),
            port: self.stage.portal.http.port(),
            handler: &handler,
        };
        self.starts += 1;
        let how = Invocation {
            number: self.starts,
            command: self.command.to_owned(),
            arguments: options.arguments(places),
            jsonl: !options.runs_handler(),
            closed_stdout: start.closed_stdout,
        };
        self.programs.add(Program::start(&start.name, &how, self.stage)?);
        Ok(())
    }

    /// Ends a program with SIGKILL; its handlers end too, with nothing done.
    async fn kill(&mut self, name: &str) -> Result<()> {
        let program = self.programs.take(name)?;
        let start = program.start.clone();
        crate::handler::abandon(&self.stage.handler(), &start)?;
        program.kill().await?;
        wait_for_handlers(&start, self.stage).await
    }

    async fn exit(&mut self, exit: &Exit) -> Result<()> {
        let program = self.programs.take(&exit.name)?;
        let status = program.ended(Duration::from_secs(exit.within)).await?;
        ensure!(
            status.code() == Some(exit.code),
            "'{}' ended with {status}, expected was the exit code {}",
            exit.name,
            exit.code
        );
        Ok(())
    }
}

/// What people and the portal's owner do.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are those of `Steps::step`")]
fn on_the_portal(step: &Step, stage: &Stage) -> Result<()> {
    match step {
        Step::Create(objects) => stage.create(objects)?,
        Step::Change(Change { kind, ids, fields }) => {
            let fields = Value::Object(fields.clone());
            each(ids, |id| {
                stage.people(|portal, now| portal.change(kind, id, fields.clone(), now))
            })?;
        }
        Step::Delete(Named { kind, ids }) => {
            each(ids, |id| stage.people(|portal, now| portal.delete(kind, id, now)))?;
        }
        Step::Restore(Named { kind, ids }) => {
            each(ids, |id| stage.people(|portal, now| portal.restore(kind, id, now)))?;
        }
        Step::Event(event) => stage.people(|portal, now| {
            portal.record_event(&event.event, event.data.clone(), now);
        }),
        Step::Bind(Bind { event, connector }) => {
            stage.people(|portal, _| portal.bind(event, connector));
        }
        Step::TurnClock(by) => stage.turn_clock(by.milliseconds()),
        Step::Fault(fault) => {
            let fault = fault.fault()?;
            stage.people(|portal, _| portal.inject(fault));
        }
        Step::ClearFaults => stage.people(|portal, _| portal.clear_faults()),
        Step::RemoveBindings => stage.people(|portal, _| portal.remove_bindings()),
        Step::ExpireTokens => stage.people(|portal, _| portal.expire_tokens()),
        Step::RevokeTokens => stage.people(|portal, _| portal.revoke_tokens()),
        Step::TakeRights => stage.people(|portal, _| portal.set_administrator(USER, false)),
        Step::GiveRights => stage.people(|portal, _| portal.set_administrator(USER, true)),
        Step::SetScopes(scopes) => stage.people(|portal, _| portal.set_scopes(scopes.clone())),
        Step::SetPlan(plan) => stage.people(|portal, _| portal.set_plan(plan.plan())),
        other => anyhow::bail!("{other:?} is no deed of people"),
    }
    Ok(())
}

/// Does it to each object, which has to exist.
fn each(ids: &[String], mut work: impl FnMut(&str) -> Option<u64>) -> Result<()> {
    ids.iter()
        .try_for_each(|id| work(id).map(|_| ()).with_context(|| format!("there is no object {id}")))
}
