//! What a handler program prints.

use std::collections::BTreeSet;

use b24_offline_core::{
    Batch, BatchId, Change, EventName, Judgement, ObjectId, Origin, State, Verdict, Verdicts,
};

use super::{each, text};
use crate::dice::Dice;
use crate::feed::Feed;
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

pub(super) fn play(setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let batch = batch(&mut Dice::new(setup));
    let size: usize = batch.changes.iter().map(|change| change.key.len()).sum();
    each(feed, tally, &mut |dice| make(&batch, dice), &mut |input, tally| {
        let input = text(input);
        let read = || Verdicts::from_handler_output(&batch, &input);
        let verdicts = match tally.weigh(input.len() + size, read)? {
            Ok(verdicts) => verdicts,
            Err(wrong) if wrong.line.chars().count() > 200 => {
                return Err("a refused line is told whole".into());
            }
            Err(_) => return Ok(false),
        };
        let Verdicts::All { verdict: Verdict::Done, except } = &verdicts else {
            return Err(format!("the others are not done: {verdicts:?}"));
        };
        named_once(&batch, except)?;
        let complete = verdicts.complete(&batch);
        if complete.wrong.is_some() {
            return Err(format!("what was read is no answer: {:?}", complete.wrong));
        }
        Ok(true)
    })
}

fn named_once(batch: &Batch, except: &[Judgement]) -> Result<(), String> {
    let mut open: BTreeSet<&str> = batch.changes.iter().map(|change| change.key.as_str()).collect();
    for judgement in except {
        if !open.remove(judgement.key.as_str()) {
            return Err(format!("a stray or second verdict of {}", judgement.key));
        }
        let long = matches!(judgement.verdict, Verdict::Retry { after: Some(after) } if after.0 > 86_400_000);
        if long {
            return Err(format!("a delay of more than a day: {judgement:?}"));
        }
    }
    Ok(())
}

fn batch(dice: &mut Dice) -> Batch {
    let change = |id: usize| Change {
        key: format!("{id}@2026-11-23T10:11:12+03:00"),
        object: ObjectId::new("crm.deal", id.to_string()),
        events: EventName::new("ONCRMDEALUPDATE").into_iter().collect(),
        state: State::Present,
        data: Some("{}".into()),
        changed_at: "2026-11-23T10:11:12+03:00".into(),
        attempt: 1,
        origin: Origin::Fresh,
    };
    Batch { id: BatchId(1), changes: (1..2 + dice.few(12)).map(change).collect() }
}

fn make(batch: &Batch, dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    for change in &batch.changes {
        if dice.one_in(2) {
            continue;
        }
        let mut line = Tree::map([("key", Tree::text(change.key.as_str()))]);
        let Tree::Map(fields) = &mut line else { continue };
        match dice.below(3) {
            0 => fields.push(("verdict".into(), Tree::text("done"))),
            1 => {
                fields.push(("verdict".into(), Tree::text("retry")));
                if dice.one_in(2) {
                    let after = dice.pick(&["0.5", "7", "1e3", "86401", "1e400", "-0", "\"5\""]);
                    fields.push(("after".into(), Tree::Literal(after.to_owned())));
                }
            }
            _ => {
                fields.push(("verdict".into(), Tree::text("reject")));
                fields.push(("reason".into(), Tree::text("no such \"account\" 😀")));
            }
        }
        if dice.one_in(16) {
            out.extend(spoil::spoilt(line, dice));
        } else {
            out.extend(line.write().into_bytes());
        }
        out.extend(dice.pick(&["\n", "\n", "\n", "\r\n", "\n\n", ""]).bytes());
    }
    if dice.one_in(12) {
        spoil::bytes(&mut out, 3, dice);
    }
    out
}
