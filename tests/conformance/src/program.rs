//! A running `listen`.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::handler::START;
use crate::stage::Stage;

/// After a program's end its output is read for so long: a handler that outlives it may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A process with readers on its output. It is killed when it is dropped.
pub(crate) struct Program {
    pub(crate) name: String,
    /// The name and a number: no two starts of a test have the same.
    pub(crate) start: String,
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

/// How a program is started.
pub(crate) struct Invocation {
    /// Counts the starts of a test.
    pub(crate) number: usize,
    /// A command line, in the shell's words, that the arguments follow.
    pub(crate) command: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) jsonl: bool,
    pub(crate) closed_stdout: bool,
}

impl Program {
    /// Starts it.
    pub(crate) fn start(name: &str, how: &Invocation, stage: &Arc<Stage>) -> Result<Program> {
        let mut command = Command::new("sh");
        // the shell makes way for the program, so that signals reach it; a file that may not grow is an error to it
        // and no signal
        command.arg("-c").arg(format!("trap '' XFSZ; exec {} \"$@\"", how.command)).arg("sh");
        let start = format!("{name}-{}", how.number);
        command.args(&how.arguments).env(START, &start).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().with_context(|| format!("'{}' can't be started", how.command))?;
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take().filter(|_| !how.closed_stdout) {
            let (stage, jsonl) = (stage.clone(), how.jsonl);
            let each = move |line: &str| stage.seen.printed(line, jsonl, &stage.portal);
            readers.push(tokio::spawn(lines(output, each)));
        }
        if let Some(errors) = child.stderr.take() {
            let stage = stage.clone();
            readers.push(tokio::spawn(lines(errors, move |line| stage.noticed(line))));
        }
        Ok(Program { name: name.to_owned(), start, child, readers })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for its end and its last words.
    pub(crate) async fn ended(mut self, within: Duration) -> Result<ExitStatus> {
        let Ok(status) = timeout(within, self.child.wait()).await else {
            self.child.kill().await?;
            self.drained().await;
            bail!("'{}' did not end within {} s and was killed", self.name, within.as_secs());
        };
        self.drained().await;
        Ok(status?)
    }

    /// Ends it with SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        self.drained().await;
        Ok(())
    }

    async fn drained(&mut self) {
        for reader in &mut self.readers {
            if timeout(LAST_WORDS, &mut *reader).await.is_err() {
                reader.abort();
            }
        }
    }

    /// Sends it a signal.
    pub(crate) async fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.pid()?;
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().await?;
        ensure!(sent.success(), "SIG{signal} could not be sent to '{}'", self.name);
        Ok(())
    }

    /// Lets none of its files grow beyond so many bytes.
    pub(crate) async fn limit_files(&self, bytes: u64) -> Result<()> {
        let limit = format!("--fsize={bytes}");
        let set = Command::new("prlimit").args(["--pid", &self.pid()?, &limit]).status().await;
        let set = set.context("the program prlimit (util-linux) is needed")?;
        ensure!(set.success(), "the files of '{}' could not be limited", self.name);
        Ok(())
    }

    fn pid(&self) -> Result<String> {
        let pid = self.child.id().with_context(|| format!("'{}' has ended", self.name))?;
        Ok(pid.to_string())
    }
}

/// Hands on each whole line; what stands after the last line break is no line.
async fn lines(from: impl AsyncRead + Unpin, mut each: impl FnMut(&str)) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(1..) = from.read_until(b'\n', &mut line).await {
        if line.pop() == Some(b'\n') {
            each(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
}

/// Programs that run, by the names that the steps give them.
#[derive(Default)]
pub(crate) struct Programs(Vec<Program>);

impl Programs {
    pub(crate) fn add(&mut self, program: Program) {
        self.0.push(program);
    }

    pub(crate) fn take(&mut self, name: &str) -> Result<Program> {
        let at = self.0.iter().position(|program| program.name == name);
        Ok(self.0.swap_remove(at.with_context(|| format!("'{name}' does not run"))?))
    }

    pub(crate) fn named(&self, name: &str) -> Result<&Program> {
        let found = self.0.iter().find(|program| program.name == name);
        found.with_context(|| format!("'{name}' does not run"))
    }

    /// Those that have ended, if no other runs.
    pub(crate) fn all_ended(&mut self) -> Result<Option<String>> {
        let mut endings = Vec::new();
        for program in &mut self.0 {
            match program.has_ended()? {
                Some(status) => endings.push(format!("'{}' ended with {status}", program.name)),
                None => return Ok(None),
            }
        }
        Ok((!endings.is_empty()).then(|| endings.join(", ")))
    }

    /// Kills all that run still.
    pub(crate) async fn end(self) {
        for program in self.0 {
            // one that has ended by itself needs no kill
            let _ = program.kill().await;
        }
    }
}
