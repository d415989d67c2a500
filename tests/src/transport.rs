//! What a transport makes of what a portal does.

use b24_offline_core::{Lost, NotSent, Reply};
use b24_offline_emulator::Outcome;

const MOST_ANSWER: u64 = 16 * 1024 * 1024;

/// What a transport makes of an outcome, and after how many milliseconds, when a call may take `timeout` of them.
#[must_use]
pub fn reply(outcome: Outcome, timeout: u64) -> (u64, Reply) {
    let lost = |why| Reply::Unknown { why };
    match outcome {
        Outcome::Answer { delay_ms, .. } if delay_ms > timeout => (timeout, lost(Lost::TimedOut)),
        Outcome::Answer { status, body, delay_ms, .. } => {
            (delay_ms, Reply::Answer { status, body })
        }
        Outcome::CutBody { delay_ms, .. } => (delay_ms, lost(Lost::Broken)),
        Outcome::Giant { bytes, delay_ms } if bytes > MOST_ANSWER => {
            (delay_ms, lost(Lost::TooLarge))
        }
        Outcome::Giant { bytes, delay_ms } => {
            let filler = "a".repeat(usize::try_from(bytes).unwrap_or(0).saturating_sub(13));
            let body = format!(r#"{{"result":"{filler}"}}"#);
            (delay_ms, Reply::Answer { status: 200, body })
        }
        Outcome::NoAnswer { hang_ms, .. } if hang_ms < timeout => (hang_ms, lost(Lost::Broken)),
        Outcome::NoAnswer { .. } => (timeout, lost(Lost::TimedOut)),
        Outcome::Refused => {
            (1, Reply::NotSent(NotSent::Network { why: "connection refused".into() }))
        }
    }
}
