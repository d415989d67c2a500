//! `--exec`: a program of the user's for each batch.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use b24_offline::{Batch, Handler, Report, Verdict, Verdicts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::log::Log;

/// The most that is read of a program's answer, in bytes.
const MOST_OUTPUT: u64 = 4 * 1024 * 1024;

/// Starts the command through the shell, in a process group of its own: a signal from the
/// terminal ends this program in an orderly way and lets the handler finish.
#[derive(Debug)]
pub(crate) struct Exec {
    command: String,
    log: Arc<Log>,
    running: Arc<Mutex<BTreeSet<u32>>>,
}

impl Exec {
    /// `running` holds the ids of the programs that have not ended.
    pub(crate) fn new(command: String, log: Arc<Log>, running: Arc<Mutex<BTreeSet<u32>>>) -> Exec {
        Exec { command, log, running }
    }

    async fn run(&self, batch: &Batch) -> Result<Verdicts, String> {
        let mut child = shell(&self.command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("it could not be started: {error}"))?;
        let pid = child.id();
        self.note(|running| running.extend(pid));
        let outcome = answer(&mut child, batch).await;
        self.note(|running| running.retain(|other| Some(*other) != pid));
        outcome
    }

    fn note(&self, change: impl FnOnce(&mut BTreeSet<u32>)) {
        change(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Handler for Exec {
    async fn handle(&self, batch: Batch) -> Verdicts {
        match self.run(&batch).await {
            Ok(verdicts) => verdicts,
            Err(why) => {
                self.log.report(&Report::HandlerFailed { changes: batch.changes.len(), why });
                Verdicts::All { verdict: Verdict::Retry { after: None }, except: Vec::new() }
            }
        }
    }
}

async fn answer(child: &mut Child, batch: &Batch) -> Result<Verdicts, String> {
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let ((), output) = tokio::join!(feed(input, batch), read(output));
    let status = child.wait().await.map_err(|error| format!("it was lost: {error}"))?;
    if !status.success() {
        return Err(status.to_string());
    }
    Verdicts::from_handler_output(batch, &output?).map_err(|error| error.to_string())
}

async fn feed(input: Option<ChildStdin>, batch: &Batch) {
    let Some(mut input) = input else { return };
    for change in &batch.changes {
        let line = change.json_line() + "\n";
        // a program that does not read to the end says by its exit whether that was right
        if input.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
    let _ = input.shutdown().await;
}

async fn read(output: Option<ChildStdout>) -> Result<String, String> {
    let Some(mut output) = output else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    let lost = |error| format!("its output could not be read: {error}");
    (&mut output).take(MOST_OUTPUT + 1).read_to_end(&mut bytes).await.map_err(lost)?;
    if bytes.len() as u64 > MOST_OUTPUT {
        // read on, so that it can end
        tokio::io::copy(&mut output, &mut tokio::io::sink()).await.map_err(lost)?;
        return Err(format!("it printed more than {} MiB", MOST_OUTPUT / 1024 / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "its output is not UTF-8".to_owned())
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    use std::os::windows::process::CommandExt;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    let mut shell = std::process::Command::new("cmd");
    // cmd takes the rest of the line as it is
    shell.arg("/C").raw_arg(command).creation_flags(CREATE_NEW_PROCESS_GROUP);
    shell.into()
}
