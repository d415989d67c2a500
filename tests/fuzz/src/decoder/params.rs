//! The parameters of a user's writes: what arrives at the portal is what was given.

use b24_offline_core::{
    Call, Effect, Input, JournalContents, Machine, Millis, Misuse, Timestamp, WriteId,
};
use b24_offline_emulator::{Php, unfold};
use serde_json::Value;

use super::{each, text};
use crate::dice::Dice;
use crate::feed::Feed;
use crate::law::{Law, sub_calls};
use crate::session::{Session, config};
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

const METHOD: &str = "crm.deal.update";

pub(super) fn play(setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let config = config(&mut Dice::new(setup));
    let law = Law::of(&config, false);
    let opened = Session::open(config, JournalContents::default(), setup, None)?;
    let mut session = opened.ok_or("a good configuration is refused")?;
    session.honest(6, false)?;
    let (machine, now) = session.at_rest()?;
    each(feed, tally, &mut |dice| spoil::spoilt(params(dice), dice), &mut |input, tally| {
        let params = text(input);
        let mut machine = machine.clone();
        write(&mut machine, now, &params, &law, tally)
    })
}

/// Whether the machine took the write. If it did, the portal gets what was given.
fn write(
    machine: &mut Machine,
    now: Timestamp,
    params: &str,
    law: &Law,
    tally: &mut Tally,
) -> Result<bool, String> {
    let input =
        Input::Write { write: WriteId(1), method: METHOD.into(), params: params.to_owned() };
    let mut step = match tally.weigh(params.len(), || machine.handle(input, now))? {
        Ok(step) => step,
        Err(Misuse::WriteParams(_)) => return Ok(false),
        Err(other) => return Err(format!("refused by another error: {other}")),
    };
    for _ in 0..8 {
        for effect in step.effects {
            match effect {
                // refused without asking the portal
                Effect::Written(_) => return Ok(false),
                Effect::Call(call) => {
                    law.call(&call)?;
                    if arrives(&call, params)? {
                        return Ok(true);
                    }
                }
                Effect::Deliver(_) | Effect::Save(_) | Effect::Notice(_) => {}
            }
        }
        let wake = step.wake_at.map_or(now.plus(Millis::seconds(1)), |wake| wake.at);
        step = machine.handle(Input::Tick, wake).map_err(|misuse| misuse.to_string())?;
    }
    Err("the write never goes out".into())
}

/// Checks what arrives, if the call carries the write at all.
fn arrives(call: &Call, params: &str) -> Result<bool, String> {
    let given: Value = match serde_json::from_str(params) {
        Ok(given) => given,
        // a number beyond what this comparison can read
        Err(_) => return Ok(true),
    };
    if call.method == METHOD {
        let arrived: Value = serde_json::from_str(&call.params).map_err(|e| e.to_string())?;
        let why = || format!("given {given}, sent {arrived}");
        return if given == arrived { Ok(true) } else { Err(why()) };
    }
    let subs = sub_calls(call)?;
    let Some(sub) = subs.iter().find(|sub| sub.method == METHOD) else { return Ok(false) };
    let arrived = unfold(&sub.query, usize::MAX);
    if is_same(&given, &arrived) {
        return Ok(true);
    }
    Err(format!("given {given}, PHP reads {}", arrived.json()))
}

/// Whether PHP has read what was given: it has texts in place of numbers and maps in place of lists.
fn is_same(given: &Value, arrived: &Php) -> bool {
    match (given, arrived) {
        (Value::Object(map), Php::Array(array)) => {
            map.len() == array.len()
                && map
                    .iter()
                    .all(|(name, value)| array.get(name).is_some_and(|found| is_same(value, found)))
        }
        (Value::Array(list), Php::Array(array)) => {
            list.len() == array.len()
                && list.iter().zip(array.values()).all(|(value, found)| is_same(value, found))
        }
        (Value::String(text), Php::Text(found)) => text == found,
        (Value::Number(number), Php::Text(found)) => {
            let (given, found) =
                (number.as_f64().unwrap_or(0.0), found.parse().unwrap_or(f64::NAN));
            // the library that reads the given one here rounds in its last digit
            (given - found).abs() <= given.abs() * 1e-12
        }
        _ => false,
    }
}

fn params(dice: &mut Dice) -> Tree {
    let title = dice.pick(&["a&b=c", "[#%]\n+ я", "$result[c00]", "100%25", "😀\u{0}", "x"]);
    let mut fields = Tree::map([
        ("TITLE", Tree::text(title)),
        ("OPPORTUNITY", Tree::text("12.50")),
        ("PHONE", Tree::List(vec![Tree::map([("VALUE", Tree::text("+7 (1)"))])])),
    ]);
    if dice.one_in(4) {
        let odd = dice.pick(&["a.b", "a b", "", "a[0]", "UF_CRM_1", "0", "auth"]);
        if let Tree::Map(all) = &mut fields {
            all.push((odd.to_owned(), Tree::text(title)));
        }
    }
    Tree::map([("id", 7.into()), ("fields", fields)])
}
