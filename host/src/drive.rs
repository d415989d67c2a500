//! The drive loop: carries out what the machine says and tells it what happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use b24_offline_core::{
    Batch, Effect, End, Input, Machine, Misuse, Phase, Redrive, Status, Verdicts, Wake, WriteId,
    WriteResult,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};

use crate::clock::Clock;
use crate::handler::{Handler, judge};
use crate::journal::Journal;
use crate::report::Report;
use crate::transport::Transport;

/// What the loop works with.
pub(crate) struct Parts<T, J, C, H> {
    pub(crate) transport: Arc<T>,
    pub(crate) journal: J,
    pub(crate) clock: C,
    pub(crate) handler: Arc<H>,
    pub(crate) report: Arc<dyn Fn(Report) + Send + Sync>,
}

/// What the user asks of a running queue.
pub(crate) enum Command {
    Nudge,
    Stop,
    Redrive(Redrive),
    Write { method: String, params: String, answer: oneshot::Sender<WriteResult> },
}

/// Runs until the machine ends. Dropping the future drops everything that is open, as a crash does.
pub(crate) async fn drive<T: Transport, J: Journal, C: Clock, H: Handler>(
    mut machine: Machine,
    parts: Parts<T, J, C, H>,
    mut commands: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
) -> Result<End, Misuse> {
    let mut open = Open::default();
    let mut happened = Happened::from(Input::Tick);
    loop {
        let step = machine.handle(happened.input, parts.clock.now())?;
        if let Some((batch, verdicts)) = &happened.judged {
            parts.handler.judged(batch, verdicts);
        }
        for effect in step.effects {
            open.carry_out(&parts, effect);
        }
        let now = machine.status();
        let phase = now.phase.clone();
        status.send_replace(now);
        if let Phase::Ended(end) = phase {
            return Ok(end);
        }
        happened = tokio::select! {
            // in this order, so that writes of a handler precede what its verdicts lead to
            biased;
            Some(command) = commands.recv() => open.input(command).into(),
            Some(done) = open.tasks.join_next() => unless_panicked(done),
            () = wait(&parts.clock, step.wake_at) => Input::Tick.into(),
        };
    }
}

async fn wait(clock: &impl Clock, wake: Option<Wake>) {
    match wake {
        Some(wake) => clock.sleep_until(wake.at).await,
        None => std::future::pending().await,
    }
}

/// What goes to the machine next.
struct Happened {
    input: Input,
    judged: Option<(Batch, Verdicts)>,
}

impl From<Input> for Happened {
    fn from(input: Input) -> Happened {
        Happened { input, judged: None }
    }
}

/// What was begun and has not been answered.
#[derive(Default)]
struct Open {
    tasks: JoinSet<Happened>,
    writes: BTreeMap<WriteId, oneshot::Sender<WriteResult>>,
    next_write: u64,
}

impl Open {
    fn carry_out<T: Transport, J: Journal, C: Clock, H: Handler>(
        &mut self,
        parts: &Parts<T, J, C, H>,
        effect: Effect,
    ) {
        match effect {
            Effect::Call(call) => {
                let transport = parts.transport.clone();
                self.tasks.spawn(async move {
                    let reply = transport.send(&call).await;
                    Input::Replied { call: call.id, reply }.into()
                });
            }
            Effect::Deliver(batch) => self.deliver(parts, batch),
            Effect::Save(save) => {
                let id = save.id;
                // called here, not in the task: this is what fixes the order
                let saving = parts.journal.save(save);
                self.tasks.spawn(async move {
                    let outcome = saving.await;
                    Input::Saved { save: id, outcome }.into()
                });
            }
            Effect::Written(written) => {
                if let Some(answer) = self.writes.remove(&written.write) {
                    // whoever asked may have gone
                    let _ = answer.send(written.result);
                }
            }
            Effect::Notice(notice) => (parts.report)(Report::Notice(notice)),
        }
    }

    fn deliver<T, J, C, H: Handler>(&mut self, parts: &Parts<T, J, C, H>, batch: Batch) {
        let handler = parts.handler.clone();
        let report = parts.report.clone();
        self.tasks.spawn(async move {
            let (verdicts, wrong) = judge(handler, batch.clone()).await;
            if let Some(why) = wrong {
                report(Report::HandlerFailed { changes: batch.changes.len(), why });
            }
            let input = Input::Judged { batch: batch.id, verdicts: verdicts.clone() };
            Happened { input, judged: Some((batch, verdicts)) }
        });
    }

    fn input(&mut self, command: Command) -> Input {
        match command {
            Command::Nudge => Input::Nudge,
            Command::Stop => Input::Stop,
            Command::Redrive(which) => Input::Redrive(which),
            Command::Write { method, params, answer } => {
                self.next_write += 1;
                let write = WriteId(self.next_write);
                self.writes.insert(write, answer);
                Input::Write { write, method, params }
            }
        }
    }
}

/// A panic in the transport or the journal is the program's own: it goes on up.
fn unless_panicked(done: Result<Happened, JoinError>) -> Happened {
    match done {
        Ok(happened) => happened,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // nobody aborts these tasks while the loop runs
            Err(_) => Input::Tick.into(),
        },
    }
}
