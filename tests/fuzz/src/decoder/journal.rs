//! Journals: entries whose checksum is right and whose content is not, and any others.

use b24_offline_core::{Durability, JournalCondition, JournalContents, JournalEntry};

use super::text;
use crate::dice::Dice;
use crate::feed::Feed;
use crate::portal::CONNECTOR;
use crate::session::{Session, config};
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

/// So many journals are made from one setup.
const JOURNALS: usize = 8;

pub(super) fn play(setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let mut dice = Dice::new(setup);
    for number in 0..JOURNALS {
        let mut config = config(&mut dice);
        config.journal = Durability::Durable;
        let connected = config.connector.is_some();
        let Some(input) = feed.next(|dice| make(connected, dice)) else { return Ok(()) };
        let condition =
            if dice.one_in(8) { JournalCondition::Salvaged } else { JournalCondition::Intact };
        let contents = JournalContents { entries: entries(&text(&input)), condition };
        let seed = setup.wrapping_add(number as u64);
        let size = input.len();
        let opened = Session::open(config.clone(), contents, seed, Some((&mut *tally, size)))?;
        let Some(mut session) = opened else {
            tally.count(false);
            continue;
        };
        tally.count(!session.law.warned);
        session.honest(dice.few(4), true)?;
        if dice.one_in(12) {
            // what it has written is a journal that it takes again
            let Some(mut again) = Session::open(config, session.contents(), seed, None)? else {
                return Err("it refuses the journal that it has written".into());
            };
            again.recovers()?;
        }
    }
    Ok(())
}

/// Lines in pairs: a key and its value.
fn entries(input: &str) -> Vec<JournalEntry> {
    let mut entries = Vec::new();
    let mut lines = input.split('\n');
    while let (Some(key), Some(value)) = (lines.next(), lines.next()) {
        // a host's journal has each key once
        if !entries.iter().any(|entry: &JournalEntry| entry.key == key) {
            entries.push(JournalEntry { key: key.to_owned(), value: value.to_owned() });
        }
    }
    entries
}

fn make(connected: bool, dice: &mut Dice) -> Vec<u8> {
    let mut out = Vec::new();
    if !dice.one_in(6) {
        line("queue".into(), queue(connected), 40, dice, &mut out);
    }
    for _ in 0..dice.few(6) {
        let id = 1 + dice.below(8);
        match dice.below(4) {
            0 => {
                let process = format!("p{id}");
                let record = Tree::List(vec![(id as u64).into(), Tree::text("t")]);
                let value = Tree::map([
                    ("process", Tree::text(process.as_str())),
                    ("records", Tree::List(vec![record])),
                ]);
                line(format!("reservation/{process}"), value, 2, dice, &mut out);
            }
            1 => {
                let value = object(None, "ONSTRANGETHING", id as u64, dice);
                line(format!("record/{id}"), value, 2, dice, &mut out);
            }
            _ => {
                let value = object(Some(id.to_string()), "crm.deal", 10 + id as u64, dice);
                line(format!("object/crm.deal/{id}"), value, 2, dice, &mut out);
            }
        }
    }
    out
}

fn queue(connected: bool) -> Tree {
    let connector = if connected { Tree::text(CONNECTOR) } else { Tree::Literal("null".into()) };
    Tree::map([
        ("format", 1.into()),
        ("portal", Tree::text("portal.example")),
        ("connector", connector),
        ("bound", Tree::List(vec![Tree::text("ONCRMDEALUPDATE"), Tree::text("ONTASKUPDATE")])),
    ])
}

fn object(id: Option<String>, kind: &str, record: u64, dice: &mut Dice) -> Tree {
    let one = |record: u64| {
        Tree::map([
            ("id", record.into()),
            ("process", Tree::text("p1")),
            ("message", Tree::text("m")),
            ("event", Tree::text("ONCRMDEALUPDATE")),
            ("changed_at", Tree::text("2026-11-23T10:11:12+03:00")),
            ("owner", Tree::text("9")),
            ("deleted", Tree::Literal("true".into())),
        ])
    };
    let records = (0..1 + dice.few(3) as u64).map(|more| one(record + 20 * more)).collect();
    Tree::map([
        ("state", Tree::text(dice.pick(&["retrying", "registered", "parked"]))),
        ("kind", Tree::text(kind)),
        ("id", id.map_or(Tree::Literal("null".into()), Tree::Text)),
        ("attempts", (dice.below(5) as u64).into()),
        ("records", Tree::List(records)),
    ])
}

/// Writes an entry; one of `spoilt` is spoilt, most of those with the checksum of what they are.
fn line(mut key: String, mut value: Tree, spoilt: usize, dice: &mut Dice, out: &mut Vec<u8>) {
    let mut bytes = if dice.one_in(spoilt) {
        if dice.one_in(6) {
            let mut odd = key.into_bytes();
            spoil::bytes(&mut odd, 2, dice);
            key = text(&odd);
        }
        spoil::tree(&mut value, 3, dice);
        let mut bytes = value.write().into_bytes();
        if dice.one_in(6) {
            spoil::bytes(&mut bytes, 3, dice);
        }
        bytes
    } else {
        value.write().into_bytes()
    };
    bytes.retain(|byte| *byte != b'\n');
    let (key, text) = (key.replace('\n', ""), text(&bytes));
    let sum = if dice.one_in(12) { dice.word() } else { checksum(&key, &text) };
    out.extend(format!("{key}\n{sum:016x} {text}\n").into_bytes());
}

/// The checksum of the journal's format 1: FNV-1a over key, 0 and text.
fn checksum(key: &str, text: &str) -> u64 {
    let bytes = key.bytes().chain([0]).chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
