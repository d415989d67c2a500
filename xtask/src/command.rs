//! Runs commands: shows their output as it comes and keeps what the closing needs of it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, bail};

/// How many of a part's last lines are repeated when it failed.
const TAIL: usize = 60;

/// What the commands of one part have said so far.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    results: Vec<String>,
    tail: VecDeque<String>,
}

impl Invocation {
    /// Runs a command to its end; an exit code other than 0 is an error that names the command.
    pub(crate) fn run(&mut self, command: Command) -> Result<()> {
        self.output(command).map(drop)
    }

    /// The same, answering what the command wrote on standard output.
    pub(crate) fn output(&mut self, mut command: Command) -> Result<Vec<String>> {
        let shown = display(&command);
        self.note(format!("$ {shown}"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{shown} could not be started"))?;
        let (sender, lines) = channel();
        let readers = [
            child.stdout.take().map(|pipe| forward(pipe, true, sender.clone())),
            child.stderr.take().map(|pipe| forward(pipe, false, sender)),
        ];
        let mut output = Vec::new();
        for (from_stdout, line) in lines {
            if is_result(&line) {
                self.results.push(line.clone());
            }
            if from_stdout {
                output.push(line.clone());
            }
            self.note(line);
        }
        for reader in readers.into_iter().flatten() {
            reader.join().map_err(|_| anyhow::anyhow!("reading from {shown} failed"))?;
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("{shown}: {status}");
        }
        Ok(output)
    }

    /// Shows a line and keeps it for the tail.
    pub(crate) fn note(&mut self, line: String) {
        println!("{line}");
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// The lines that state test results, as the test programs wrote them.
    pub(crate) fn results(&self) -> &[String] {
        &self.results
    }

    /// The last lines of all commands.
    pub(crate) fn tail(&self) -> impl Iterator<Item = &str> {
        self.tail.iter().map(String::as_str)
    }
}

/// Whether a line is one by which a test program names itself or counts its tests.
fn is_result(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("test result:")
        || line.starts_with("Running unittests")
        || line.starts_with("Running tests/")
        || line.starts_with("Doc-tests")
        || line.split_once(" passed, ").is_some_and(|(before, after)| {
            before.rsplit(' ').next().is_some_and(is_number)
                && after.split(' ').next().is_some_and(is_number)
                && after.contains("failed")
        })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn forward(
    pipe: impl Read + Send + 'static,
    from_stdout: bool,
    lines: Sender<(bool, String)>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            let line = String::from_utf8_lossy(&bytes);
            if lines.send((from_stdout, line.trim_end().to_owned())).is_err() {
                return;
            }
            bytes.clear();
        }
    })
}

fn display(command: &Command) -> String {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    if let Some((_, name)) = shown.rsplit_once('/') {
        shown = name.to_owned();
    }
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_streams_are_kept_and_only_standard_output_is_answered() {
        let mut invocation = Invocation::default();
        let output = invocation.output(shell("echo out; echo err >&2")).unwrap();
        assert_eq!(output, ["out"]);
        let tail: Vec<_> = invocation.tail().collect();
        assert!(tail.contains(&"out") && tail.contains(&"err"), "{tail:?}");
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let error = Invocation::default().run(shell("exit 3")).unwrap_err();
        assert!(error.to_string().contains("exit 3"), "{error}");
    }

    #[test]
    fn result_lines_are_kept_as_they_are() {
        let mut invocation = Invocation::default();
        let line = "test result: ok. 3 passed; 0 failed; 0 ignored";
        invocation
            .run(shell(&format!("echo '{line}'; echo 'test a ... ok'; echo '7 passed, 0 failed'")))
            .unwrap();
        assert_eq!(invocation.results(), [line, "7 passed, 0 failed"]);
    }

    #[test]
    fn the_tail_is_bounded() {
        let mut invocation = Invocation::default();
        invocation.run(shell("seq 500")).unwrap();
        let tail: Vec<_> = invocation.tail().collect();
        assert_eq!(tail.len(), TAIL);
        assert_eq!(tail.last(), Some(&"500"));
    }
}
