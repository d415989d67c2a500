//! Ctrl-C reaches what is tested, also where this program was started in the background.

use std::fs;
use std::process::{Command, ExitCode};

/// A shell starts background programs with SIGINT ignored, and so would be every program below: tests of Ctrl-C could
/// only fail. Where that is so, and the system's `env` can undo it, this program runs once more below `env`; its exit
/// code is answered then.
pub(crate) fn with_interrupt() -> Option<ExitCode> {
    if !ignores_interrupt(&fs::read_to_string("/proc/self/status").ok()?) {
        return None;
    }
    let undo = "--default-signal=INT";
    if !Command::new("env").args([undo, "true"]).status().is_ok_and(|status| status.success()) {
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let status =
        Command::new("env").arg(undo).arg(program).args(std::env::args_os().skip(1)).status();
    let code = status.ok()?.code().and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Whether a process whose status this is ignores SIGINT, the second signal.
fn ignores_interrupt(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 0b10 != 0)
}

#[cfg(test)]
mod tests {
    use super::ignores_interrupt;

    #[test]
    fn an_ignored_interrupt_is_seen_in_the_mask() {
        assert!(ignores_interrupt("Name:\tx\nSigIgn:\t0000000000001003\n"));
        assert!(!ignores_interrupt("Name:\tx\nSigIgn:\t0000000000001001\n"));
        assert!(!ignores_interrupt("Name:\tx\n"));
    }
}
