//! Answers of a portal: whole ones, and the parts of a batch's.

use b24_offline_core::{JournalContents, Lost, Reply};

use super::text;
use crate::dice::Dice;
use crate::feed::Feed;
use crate::portal::Portal;
use crate::session::{Session, config};
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

/// What is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The envelope, an error in its place, or anything at all.
    Whole,
    /// The results of sub-calls; the batch around them is good.
    Parts,
}

/// So many answers are given to one machine.
const ANSWERS: usize = 24;

const STATUSES: [u16; 16] =
    [200, 200, 200, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503];

const ERRORS: [&str; 20] = [
    "expired_token",
    "QUERY_LIMIT_EXCEEDED",
    "OPERATION_TIME_LIMIT",
    "INTERNAL_SERVER_ERROR",
    "ERROR_UNEXPECTED_ANSWER",
    "ERROR_NOT_FOUND",
    "ERROR_EVENT_NOT_FOUND",
    "ERROR_METHOD_NOT_FOUND",
    "ERROR_CORE",
    "",
    "overload_limit",
    "ACCESS_DENIED_LICENSE",
    "insufficient_scope",
    "invalid_token",
    "NO_AUTH_FOUND",
    "PORTAL_DELETED",
    "WRONG_AUTH_TYPE",
    "ACCESS_DENIED",
    "100",
    "UNKNOWN\u{1b}[2J",
];

pub(super) fn play(
    setup: u64,
    feed: &mut Feed,
    tally: &mut Tally,
    mode: Mode,
) -> Result<(), String> {
    let mut dice = Dice::new(setup);
    let config = config(&mut dice);
    let Some(mut session) = Session::open(config, JournalContents::default(), setup, None)? else {
        return Err("a good configuration is refused".into());
    };
    if !dice.one_in(6) {
        session.honest(2, true)?;
    }
    // some machines see mostly good answers, so that much is in hand when a bad one comes
    let calm = dice.one_in(2);
    let mut portal = Portal::new(true);
    for _ in 0..ANSWERS {
        if !session.until_call()? {
            break;
        }
        let Some(call) = session.calls.pop_front() else { break };
        let input = feed.next(|dice| make(portal.answer(&call, dice), mode, calm, dice));
        let Some(input) = input else { break };
        let input = text(&input);
        let (status, body) = input.split_once(' ').unwrap_or(("200", &input));
        let status = status.parse().unwrap_or(200);
        session.answer(&call, status, body.to_owned(), Some((tally, input.len())))?;
        tally.count(!session.law.warned);
        if dice.one_in(30) {
            // the answer once more, and one to a call that was never made up to now
            session.answer(&call, 200, body.to_owned(), None)?;
        }
        if dice.one_in(40)
            && session.until_call()?
            && let Some(call) = session.calls.pop_front()
        {
            let reply = Reply::Unknown { why: Lost::TimedOut };
            let input = b24_offline_core::Input::Replied { call: call.id, reply };
            session.give(input, None)?;
        }
        session.meddle()?;
    }
    if dice.one_in(3) { session.recovers() } else { Ok(()) }
}

/// A status and a body.
fn make(mut answer: Tree, mode: Mode, calm: bool, dice: &mut Dice) -> Vec<u8> {
    if calm && !dice.one_in(3) {
        return [b"200 ", answer.write().as_bytes()].concat();
    }
    if mode == Mode::Parts {
        parts(&mut answer, dice);
        return [b"200 ", answer.write().as_bytes()].concat();
    }
    let status = STATUSES[dice.below(STATUSES.len())];
    let mut out = format!("{status} ").into_bytes();
    match dice.below(8) {
        0 => out.extend(spoil::arbitrary(dice)),
        1 => out.extend(spoil::spoilt(error(dice), dice)),
        2 => out.extend(b"<html><h1>502 Bad Gateway</h1></html>"),
        _ => out.extend(spoil::spoilt(answer, dice)),
    }
    out
}

fn error(dice: &mut Dice) -> Tree {
    // those that end a machine are rarer
    let most = if dice.one_in(4) { ERRORS.len() } else { 11 };
    let code = ERRORS[dice.below(most)];
    Tree::map([("error", Tree::text(code)), ("error_description", Tree::text("Not found\r\nя"))])
}

/// Spoils some of the results, or puts errors in their place.
fn parts(answer: &mut Tree, dice: &mut Dice) {
    let Tree::Map(fields) = answer else { return };
    let Some((_, Tree::Map(parts))) = fields.first_mut() else { return };
    let mut errors = Vec::new();
    for (which, part) in parts.iter_mut() {
        let Tree::Map(named) = part else { continue };
        for (name, value) in named.iter_mut() {
            if dice.one_in(3) {
                spoil::tree(value, 4, dice);
            }
            if which == "result" && dice.one_in(10) {
                errors.push((name.clone(), error(dice)));
            }
        }
        if dice.one_in(8) && !named.is_empty() {
            let at = dice.below(named.len());
            named.remove(at);
        }
    }
    for (name, error) in errors {
        if let Some((_, Tree::Map(results))) = parts.iter_mut().find(|(which, _)| which == "result")
        {
            results.retain(|(result, _)| *result != name);
        }
        if let Some((_, all)) = parts.iter_mut().find(|(which, _)| which == "result_error") {
            if let Tree::Map(fields) = all {
                fields.push((name, error));
            } else {
                *all = Tree::Map(vec![(name, error)]);
            }
        }
    }
}
