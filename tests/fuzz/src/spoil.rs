//! Ways in which something realistic goes wrong.

use crate::dice::Dice;
use crate::tree::Tree;

/// What may stand where another value is expected.
const VALUES: [&str; 26] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "50",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "1e999",
    "1e-999999999999",
    "0.1",
    "\"\"",
    "\"0\"",
    "\"undefined\"",
    "\"ONCRMDEALUPDATE\"",
    "\"$result[c00]\"",
    "[]",
    "{}",
    "[[]]",
    "{\"\":null}",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "NaN",
    "'x'",
];

/// Parts of texts.
const TEXTS: [&str; 20] = [
    "\0",
    "\u{1b}[31m",
    "\r\n",
    "\u{feff}",
    "\u{2028}",
    "\u{202e}",
    "я",
    "😀",
    "e\u{301}\u{301}",
    "İ",
    "ẞ",
    "&a=b#%",
    "$result[c00]",
    "[0]",
    "../",
    " ",
    "\"",
    "\\",
    "ERROR_NOT_FOUND",
    "expired_token",
];

/// Parts of JSON.
const PIECES: [&str; 24] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\u{a0}",
    "\0",
    "\\u0000",
    "\\ud800",
    "\\u00",
    "\\x",
    "null",
    "-",
    "00",
    ".5",
    "1.",
    "e",
    "{\"a\":",
    "\"id\":1,",
];

const NAMES: [&str; 16] = [
    "ID",
    "id",
    "result",
    "error",
    "result_error",
    "result_time",
    "process_id",
    "events",
    "PROCESS_ID",
    "ERROR",
    "EVENT_DATA",
    "duration",
    "operating_reset_at",
    "state",
    "records",
    "",
];

/// Up to so many changes to values of a tree.
pub(crate) fn tree(tree: &mut Tree, most: usize, dice: &mut Dice) {
    for _ in 0..dice.few(most) {
        let at = dice.below(tree.size());
        tree.at(at, &mut |value| one(value, dice));
    }
}

fn one(value: &mut Tree, dice: &mut Dice) {
    match dice.below(9) {
        0 => *value = literal(dice),
        1 => drop_one(value, dice),
        2 => twice(value, dice),
        3 => rename(value, dice),
        4 => nest(value, dice),
        5 => *value = large(dice),
        6 => odd_text(value, dice),
        7 => retype(value),
        _ => many(value, dice),
    }
}

fn literal(dice: &mut Dice) -> Tree {
    Tree::Literal(dice.pick(&VALUES).to_owned())
}

fn drop_one(value: &mut Tree, dice: &mut Dice) {
    match value {
        Tree::List(values) if !values.is_empty() => {
            let at = dice.below(values.len());
            values.remove(at);
        }
        Tree::Map(fields) if !fields.is_empty() => {
            let at = dice.below(fields.len());
            fields.remove(at);
        }
        Tree::Literal(_) | Tree::Text(_) | Tree::List(_) | Tree::Map(_) => *value = literal(dice),
    }
}

/// A field or a value once more, perhaps with another value.
fn twice(value: &mut Tree, dice: &mut Dice) {
    match value {
        Tree::List(values) if !values.is_empty() => {
            let again = values[dice.below(values.len())].clone();
            values.push(again);
        }
        Tree::Map(fields) if !fields.is_empty() => {
            let (name, again) = fields[dice.below(fields.len())].clone();
            let again = if dice.one_in(2) { again } else { literal(dice) };
            let at = dice.below(fields.len() + 1);
            fields.insert(at, (name, again));
        }
        Tree::Text(text) => text.push_str(&text.clone()),
        Tree::Literal(_) | Tree::List(_) | Tree::Map(_) => *value = literal(dice),
    }
}

fn rename(value: &mut Tree, dice: &mut Dice) {
    let Tree::Map(fields) = value else {
        *value = Tree::Map(vec![(dice.pick(&NAMES).to_owned(), value.clone())]);
        return;
    };
    if fields.is_empty() {
        fields.push((dice.pick(&NAMES).to_owned(), literal(dice)));
        return;
    }
    let at = dice.below(fields.len());
    let name = &mut fields[at].0;
    match dice.below(4) {
        0 => *name = dice.pick(&NAMES).to_owned(),
        1 => *name = name.to_lowercase(),
        2 => name.push_str(dice.pick(&TEXTS)),
        _ => *name = "n".repeat(1 + dice.below(400)),
    }
}

fn nest(value: &mut Tree, dice: &mut Dice) {
    let deep = if dice.one_in(6) { 1 + dice.below(300) } else { 1 + dice.below(4) };
    let (open, close) = if dice.one_in(2) { ("[", "]") } else { ("{\"a\":", "}") };
    *value = Tree::Literal(format!("{}{}{}", open.repeat(deep), value.write(), close.repeat(deep)));
}

fn large(dice: &mut Dice) -> Tree {
    let size = if dice.one_in(2_000) {
        300_000
    } else if dice.one_in(8) {
        4_000
    } else {
        400
    };
    let size = 1 + dice.below(size);
    match dice.below(4) {
        0 => Tree::Literal("9".repeat(size)),
        // as many values as so many bytes can hold
        1 if dice.one_in(2) => Tree::Literal(format!("[{}0]", "0,".repeat(size))),
        1 => Tree::Text(dice.pick(&TEXTS).repeat(size)),
        2 => Tree::List(vec![literal(dice); size]),
        _ => Tree::Map((0..size).map(|n| (n.to_string(), literal(dice))).collect()),
    }
}

fn odd_text(value: &mut Tree, dice: &mut Dice) {
    let Tree::Text(text) = value else {
        *value = Tree::text(dice.pick(&TEXTS));
        return;
    };
    let mut at = dice.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.insert_str(at, dice.pick(&TEXTS));
}

/// What PHP may write in its place.
fn retype(value: &mut Tree) {
    *value = match std::mem::replace(value, Tree::List(Vec::new())) {
        Tree::Text(text) if text.parse::<f64>().is_ok() => Tree::Literal(text),
        Tree::Text(text) => Tree::List(vec![Tree::Text(text)]),
        Tree::Literal(text) => Tree::Text(text),
        Tree::List(values) => Tree::Map(
            values
                .into_iter()
                .enumerate()
                .map(|(at, value)| ((2 * at).to_string(), value))
                .collect(),
        ),
        Tree::Map(fields) if fields.is_empty() => Tree::List(Vec::new()),
        Tree::Map(fields) => Tree::List(fields.into_iter().map(|(_, value)| value).collect()),
    };
}

fn many(value: &mut Tree, dice: &mut Dice) {
    if let Tree::List(values) = value
        && let Some(first) = values.first().cloned()
    {
        let times = if dice.one_in(10) { 300 } else { 60 };
        values.extend(std::iter::repeat_n(first, dice.below(times)));
    } else {
        *value = Tree::List(vec![value.clone(); 1 + dice.below(3)]);
    }
}

/// Up to so many changes to a text, without regard to what it is.
pub(crate) fn bytes(bytes: &mut Vec<u8>, most: usize, dice: &mut Dice) {
    for _ in 0..dice.few(most) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            2 => {
                let end = (at + 1 + dice.few(30)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            3 => {
                let end = (at + 1 + dice.few(60)).min(bytes.len());
                let again = bytes[at.min(end)..end].to_vec();
                bytes.splice(at..at, again);
            }
            4 => {
                let word = dice.word().to_le_bytes();
                bytes.splice(at..at, word);
            }
            5 => {
                bytes.splice(at..at, dice.pick(&TEXTS).bytes());
            }
            _ => {
                bytes.splice(at..at, dice.pick(&PIECES).bytes());
            }
        }
    }
}

/// Anything at all.
pub(crate) fn arbitrary(dice: &mut Dice) -> Vec<u8> {
    let mut all = Vec::new();
    for _ in 0..dice.few(40) {
        match dice.below(4) {
            0 => all.extend(dice.word().to_le_bytes()),
            1 => all.extend(dice.pick(&PIECES).bytes()),
            2 => all.extend(dice.pick(&VALUES).bytes()),
            _ => all.extend(dice.pick(&TEXTS).bytes()),
        }
    }
    all
}

/// A realistic value, spoilt a little, much, or beyond recognition.
pub(crate) fn spoilt(mut value: Tree, dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(12) {
        return arbitrary(dice);
    }
    let most = dice.below(6);
    tree(&mut value, most, dice);
    let mut text = value.write().into_bytes();
    if dice.one_in(4) {
        bytes(&mut text, 4, dice);
    }
    text
}
