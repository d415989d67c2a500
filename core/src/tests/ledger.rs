//! What a run takes over from the journal of an earlier one, and what it saves.

use crate::config::{Config, Durability};
use crate::error::ConfigError;
use crate::id::{EventName, ProcessId, SaveId};
use crate::journal::{
    self, FORMAT, JournalCondition, JournalContents, JournalEntry, reservation_entry,
};
use crate::ledger::{AfterSave, Flushed, Inheritance, Ledger};
use crate::step::Save;
use crate::time::Timestamp;

fn config() -> Config {
    Config::new("portal.example", vec![EventName::new("ONX").unwrap()])
}

fn open(entries: Vec<JournalEntry>) -> (Ledger, Inheritance) {
    let condition = JournalCondition::Intact;
    Ledger::open(&config(), JournalContents { entries, condition }).unwrap()
}

fn flush(ledger: &mut Ledger, id: u64) -> Option<Save> {
    match ledger.flush(SaveId(id)) {
        Flushed::Save(save) => Some(save),
        Flushed::Nothing => None,
        Flushed::AtOnce(_) => panic!("a journal is kept"),
    }
}

/// The entries that a new run has made.
fn first_save() -> Vec<JournalEntry> {
    flush(&mut open(Vec::new()).0, 1).unwrap().puts
}

#[test]
fn a_new_journal_is_opened_by_its_first_save() {
    let (mut ledger, inheritance) = open(Vec::new());
    assert!(ledger.is_new && ledger.left.is_none() && !ledger.is_opened);
    assert_eq!(inheritance.damaged, None);
    assert_eq!(flush(&mut ledger, 1).map(|save| save.puts.len()), Some(1));
    assert!(ledger.is_open(SaveId(1)) && ledger.has_open() && !ledger.is_open(SaveId(2)));
    assert_eq!(flush(&mut ledger, 2), None);
    let after = ledger.saved(SaveId(1)).unwrap();
    assert!(matches!(after[..], [AfterSave::Opened]));
    assert!(!ledger.has_open() && ledger.saved(SaveId(1)).is_none());
}

#[test]
fn a_run_that_was_killed_leaves_its_journal_open_and_one_that_ended_does_not() {
    let (mut killed, _) = open(first_save());
    assert!(killed.is_opened && !killed.is_new);
    assert_eq!(killed.left.map(|left| (left.seen, left.clean)), Some((None, false)));
    assert_eq!(flush(&mut killed, 1), None);
    killed.set_seen(Timestamp(7), false);
    assert_eq!((killed.seen(), flush(&mut killed, 1)), (Some(Timestamp(7)), None));
    assert!(killed.set_clean() && !killed.set_clean());
    let (ended, _) = open(flush(&mut killed, 1).unwrap().puts);
    assert!(!ended.is_opened);
    assert_eq!(ended.left.map(|left| (left.seen, left.clean)), Some((Some(Timestamp(7)), true)));
}

#[test]
fn what_was_bound_is_saved_when_it_changes() {
    let (mut ledger, _) = open(first_save());
    let bound = vec![EventName::new("ONX").unwrap()];
    ledger.set_bound(bound.clone());
    let save = flush(&mut ledger, 1).unwrap();
    ledger.set_bound(bound.clone());
    assert_eq!(flush(&mut ledger, 2), None);
    assert_eq!(open(save.puts).0.bound(), bound);
    ledger.set_seen(Timestamp(5), true);
    assert!(flush(&mut ledger, 2).is_some());
}

#[test]
fn what_can_not_be_read_is_counted_and_removed_and_may_have_been_an_only_trace() {
    let torn = |key: &str| JournalEntry { key: key.into(), value: "torn".into() };
    let with = |entry: JournalEntry| [first_save(), vec![entry]].concat();
    for (key, resync) in [("reservation/p", false), ("object/a/1", true), ("kept/1", true)] {
        let (mut ledger, inheritance) = open(with(torn(key)));
        assert_eq!(inheritance.damaged, Some((1, resync)), "{key}");
        assert_eq!(flush(&mut ledger, 1).unwrap().deletes, [key]);
    }
    // entries without the one that says whose they are
    let process = ProcessId::new("p").unwrap();
    let own = reservation_entry(&process, [].into_iter());
    let (ledger, inheritance) = open(vec![own.clone()]);
    assert_eq!(inheritance.damaged, Some((0, false)));
    assert!(!ledger.is_new && !ledger.is_opened);
    let (ledger, inheritance) = open(with(own));
    assert_eq!((inheritance.damaged, ledger.inherited.len()), (None, 1));
    let contents = JournalContents { entries: first_save(), condition: JournalCondition::Salvaged };
    let (_, inheritance) = Ledger::open(&config(), contents).unwrap();
    assert_eq!(inheritance.damaged, Some((0, true)));
}

#[test]
fn without_a_journal_everything_counts_as_saved_at_once() {
    let config = Config { journal: Durability::None, ..config() };
    let (mut ledger, _) = Ledger::open(&config, JournalContents::default()).unwrap();
    assert!(ledger.is_opened && !ledger.is_durable() && !ledger.set_clean());
    ledger.after(AfterSave::Opened);
    let Flushed::AtOnce(after) = ledger.flush(SaveId(1)) else { panic!("nothing is kept") };
    assert!(after.len() == 1 && !ledger.has_open());
}

#[test]
fn a_journal_of_another_queue_is_refused_by_portal_and_by_connector() {
    let contents = || JournalContents { entries: first_save(), ..JournalContents::default() };
    let mut other = config();
    other.portal = "other.example".into();
    let mut named = config();
    named.connector = crate::Connector::new("shop").ok();
    for config in [other, named] {
        let refused = Ledger::open(&config, contents());
        assert!(matches!(refused, Err(ConfigError::ForeignJournal { .. })));
    }
}

#[test]
fn a_journal_of_a_newer_format_is_refused_and_one_of_an_older_format_is_taken_over() {
    let queue = |format| journal::QueueEntry {
        format,
        portal: "portal.example".into(),
        connector: None,
        bound: Vec::new(),
        seen: Some(Timestamp(7)),
        clean: false,
    };
    let opened = |format| {
        let entries = vec![journal::queue_entry(&queue(format))];
        Ledger::open(&config(), JournalContents { entries, ..JournalContents::default() })
    };
    let newer = ConfigError::NewerJournal { found: FORMAT + 1, known: FORMAT };
    assert_eq!(opened(FORMAT + 1).err(), Some(newer));
    for format in [FORMAT - 1, FORMAT] {
        let (ledger, inheritance) = opened(format).unwrap();
        assert_eq!((ledger.seen(), inheritance.damaged), (Some(Timestamp(7)), None));
        // an older one is written anew first
        assert_eq!(ledger.is_opened, format == FORMAT);
    }
}
