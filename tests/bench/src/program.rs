//! A program that is run to its end and measured from outside. Its figures come from Linux's `/proc`.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::stage::Stage;

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// Its memory is looked at each time that this number of looks have passed.
const LOOKS_A_MEMORY: u64 = 4;
/// Nothing that is measured takes longer.
const MOST: Duration = Duration::from_secs(1_800);
/// Clock ticks a second in `/proc/PID/stat`, the same on every Linux that a program can ask.
const TICKS: f64 = 100.0;
/// So much of standard error is shown when it failed, in bytes.
const LAST_WORDS: usize = 2_000;

/// A command line, and what it is called in tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// For tables.
    pub name: String,
    /// In the shell's words; arguments follow it.
    pub command: String,
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// What it wrote on standard output.
    pub output: Vec<u8>,
    /// From its first request to its end.
    pub seconds: f64,
    /// CPU time of all its threads, its start included, in seconds.
    pub cpu: f64,
    /// The most memory that it has held at once, in KiB (`VmHWM`).
    pub peak: u64,
}

impl std::str::FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Program, String> {
        let (name, command) = text.split_once('=').ok_or("no NAME=COMMAND")?;
        Ok(Program { name: name.to_owned(), command: command.to_owned() })
    }
}

impl Program {
    /// Runs it with these arguments and variables against a portal, until it ends by itself.
    ///
    /// # Errors
    /// When it can't be started, fails, or does not end within half an hour.
    pub fn run(
        &self,
        stage: &Stage,
        arguments: &[String],
        variables: &[(&str, String)],
    ) -> Result<Ran> {
        let mut command = Command::new("sh");
        // the shell makes way for the program, so that the process is its own
        command.arg("-c").arg(format!("exec {} \"$@\"", self.command)).arg("sh").args(arguments);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let before = stage.requests();
        let child = command.spawn().with_context(|| format!("{} can't be started", self.name))?;
        let mut child = Running(child);
        let output = child.0.stdout.take().map(read_all);
        let errors = child.0.stderr.take().map(read_all);
        let seen = child.watch(stage, before).with_context(|| self.name.clone())?;
        let output = joined(output)?;
        let errors = joined(errors)?;
        let status = child.0.wait()?;
        let from = errors.len().saturating_sub(LAST_WORDS);
        let words = String::from_utf8_lossy(errors.get(from..).unwrap_or_default());
        ensure!(status.success(), "{} ended with {status}:\n{words}", self.name);
        let Some(first) = seen.first_request else { bail!("{} has requested nothing", self.name) };
        let seconds = seen.ended.duration_since(first).as_secs_f64();
        Ok(Ran { output, seconds, cpu: seen.cpu, peak: seen.peak })
    }
}

/// CPU time of this process so far, the portals that it serves included, in seconds.
///
/// # Errors
/// When `/proc` has no such file.
pub fn own_cpu() -> Result<f64> {
    Ok(stat("self")?.cpu)
}

/// A process; it is killed when the measurement ends early.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // it may have ended by itself; then there is nothing to stop
        let _stopped = self.0.kill();
        let _waited = self.0.wait();
    }
}

struct Seen {
    first_request: Option<Instant>,
    ended: Instant,
    cpu: f64,
    peak: u64,
}

impl Running {
    /// Looks at it until it has ended but was not waited for: then its account is complete.
    fn watch(&self, stage: &Stage, before: u64) -> Result<Seen> {
        let pid = self.0.id().to_string();
        let (started, mut first_request, mut peak) = (Instant::now(), None, 0);
        for look in 0_u64.. {
            if first_request.is_none() && stage.requests() > before {
                first_request = Some(Instant::now());
            }
            let stat = stat(&pid)?;
            if stat.has_ended {
                let ended = Instant::now();
                return Ok(Seen { first_request, ended, cpu: stat.cpu, peak });
            }
            if look % LOOKS_A_MEMORY == 0 {
                peak = peak.max(high_water(&pid));
            }
            ensure!(started.elapsed() < MOST, "it did not end within {} s", MOST.as_secs());
            sleep(LOOK);
        }
        bail!("nobody looks so often")
    }
}

struct Stat {
    has_ended: bool,
    cpu: f64,
}

fn stat(pid: &str) -> Result<Stat> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} can't be read"))?;
    read_stat(&text).with_context(|| format!("{path} is not understood"))
}

/// State and CPU time; the name before them may hold anything.
fn read_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    // the kernel's manual counts from 1 and begins with the number and the name: utime is 14, stime 15
    let cpu = (ticks(11)? + ticks(12)?) / TICKS;
    Some(Stat { has_ended: *fields.first()? == "Z", cpu })
}

/// `VmHWM` in KiB; 0 where it is not told, as when the process has just ended.
fn high_water(pid: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<std::io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).map(|_| bytes)
    })
}

fn joined(reader: Option<JoinHandle<std::io::Result<Vec<u8>>>>) -> Result<Vec<u8>> {
    let Some(reader) = reader else { return Ok(Vec::new()) };
    let bytes = reader.join().map_err(|_| anyhow::anyhow!("a pipe's reader failed"))?;
    Ok(bytes?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Pace;

    #[test]
    fn the_account_of_a_process_is_read_behind_its_name() {
        let text = "12 (a) b) Z 1 12 12 0 -1 4 10 0 0 0 150 50 0 0 20 0 1 0 99 0 0";
        let stat = read_stat(text).unwrap();
        assert!(stat.has_ended);
        assert_eq!(stat.cpu, 2.0);
        assert!(own_cpu().unwrap() >= 0.0 && high_water("self") > 100);
        assert!(read_stat("nothing").is_none());
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_last_words() {
        let stage = Stage::open(Pace::AtOnce).unwrap();
        let failing: Program = "x=sh -c 'echo so >&2; exit 3'".parse().unwrap();
        let error = failing.run(&stage, &[], &[]).unwrap_err().to_string();
        assert!(error.contains("x ended with") && error.contains("so"), "{error}");
        let idle: Program = "y=true".parse().unwrap();
        assert!(idle.run(&stage, &[], &[]).unwrap_err().to_string().contains("nothing"));
        stage.close();
    }
}
