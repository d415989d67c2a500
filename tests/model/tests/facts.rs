//! The model of the server against the facts of `docs/protocol.md`.

use b24_offline_model::server::{Compare, Get, LIFE, Message, Named, Record, Server, Term};

const DEAL: Message = Message { object: 0, event: 0 };
const OTHER: Message = Message { object: 1, event: 0 };

fn get() -> Get {
    Get { process: None, clear: false, error: false, limit: 50, filter: Vec::new() }
}

/// A get in one step: the process_id and the rows.
fn reserve(server: &mut Server, get: &Get) -> (u64, Vec<Record>) {
    let (ids, process) = (server.select(get), server.fresh());
    (process, server.mark(&ids, process, get).0)
}

fn ids(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.id).collect()
}

#[test]
fn f2_a_change_updates_a_free_record_and_leaves_a_reserved_one() {
    let mut server = Server::default();
    assert_eq!((server.change(DEAL, 10), server.change(DEAL, 20)), (1, 1));
    assert_eq!((server.records[0].changed, server.records[0].version), (20, 2));
    let (process, _) = reserve(&mut server, &get());
    assert_eq!(server.change(DEAL, 30), 2);
    assert_eq!(ids(&server.clear(process, &Named::Ids(vec![1]))), [1]);
    assert_eq!(ids(&server.records), [2]);
}

#[test]
fn f4_a_reserved_record_dies_by_the_time_of_its_change_and_a_free_one_never() {
    let mut server = Server::default();
    server.change(DEAL, 0);
    assert!(server.age(2 * LIFE).is_empty());
    reserve(&mut server, &get());
    assert!(server.age(LIFE).is_empty());
    assert_eq!(ids(&server.age(LIFE + 1)), [1]);
}

#[test]
fn f5_f7_a_get_marks_the_oldest_changes_first_and_with_clear_deletes_them() {
    let mut server = Server::default();
    server.change(DEAL, 20);
    server.change(OTHER, 10);
    let one = Get { limit: 1, ..get() };
    let (first, rows) = reserve(&mut server, &one);
    assert_eq!((ids(&rows), rows[0].process), (vec![2], first));
    let clear = Get { clear: true, ..get() };
    let (second, rows) = reserve(&mut server, &clear);
    assert_ne!(first, second);
    assert_eq!((ids(&rows), ids(&server.records)), (vec![1], vec![2]));
}

#[test]
fn f8_a_reading_again_with_clear_deletes_all_of_the_reservation_and_the_empty_name_all_that_is_free()
 {
    let mut server = Server::default();
    server.change(DEAL, 1);
    server.change(OTHER, 2);
    let (process, _) = reserve(&mut server, &get());
    let again = Get { clear: true, limit: 1, ..get() };
    let (rows, gone) = server.read_again(process, &again);
    assert_eq!((rows.len(), gone.len()), (1, 2));
    server.change(DEAL, 3);
    assert_eq!(server.read_again(0, &again).1.len(), 1);
    // nothing returned, nothing deleted
    let (process, _) = reserve(&mut server, &get());
    assert_eq!(server.read_again(process, &again), (vec![], vec![]));
}

#[test]
fn f9_each_lane_is_seen_alone() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    server.errored_by_another(1);
    assert!(server.select(&get()).is_empty());
    let errored = Get { error: true, ..get() };
    let (process, rows) = reserve(&mut server, &errored);
    assert_eq!(ids(&rows), [1]);
    assert!(server.read_again(process, &get()).0.is_empty());
    assert_eq!(ids(&server.read_again(process, &errored).0), [1]);
}

#[test]
fn f10_an_empty_queue_answers_a_fresh_process_id() {
    let mut server = Server::default();
    let (first, rows) = reserve(&mut server, &get());
    assert!(rows.is_empty() && first != reserve(&mut server, &get()).0);
}

#[test]
fn f13_two_gets_in_two_steps_return_the_same_record_and_the_later_mark_owns_it() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    let (ours, theirs) = (server.select(&get()), server.select(&get()));
    let (first, second) = (server.fresh(), server.fresh());
    assert_eq!(ids(&server.mark(&ours, first, &get()).0), [1]);
    assert_eq!(ids(&server.mark(&theirs, second, &get()).0), [1]);
    assert!(server.clear(first, &Named::Ids(vec![1])).is_empty());
    assert_eq!(server.records[0].process, second);
}

#[test]
fn f15_a_clear_without_names_takes_all_and_one_that_matches_nothing_is_harmless() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    server.change(OTHER, 1);
    let (process, _) = reserve(&mut server, &get());
    server.change(DEAL, 2);
    assert!(server.clear(process, &Named::Ids(vec![3])).is_empty());
    assert_eq!(ids(&server.clear(process, &Named::Messages(vec![DEAL]))), [1]);
    assert_eq!(ids(&server.clear(process, &Named::All)), [2]);
    assert_eq!(ids(&server.clear(0, &Named::All)), [3]);
}

#[test]
fn f16_an_error_frees_its_record_and_deletes_the_other_copies_also_when_it_is_stale() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    let (process, _) = reserve(&mut server, &get());
    server.change(DEAL, 2);
    assert_eq!(ids(&server.error(process, &[DEAL])), [2]);
    assert!(server.records[0].error && server.records[0].process == 0);
    // once more: the record is errored already, and nothing else is there
    assert!(server.error(process, &[DEAL]).is_empty());
    // a redriven record stays reserved, and a newer change is deleted
    let errored = Get { error: true, ..get() };
    let (redriven, _) = reserve(&mut server, &errored);
    server.change(DEAL, 3);
    assert_eq!(ids(&server.error(redriven, &[DEAL])), [3]);
    assert_eq!(server.records[0].process, redriven);
    assert!(server.error(process, &[]).is_empty());
}

#[test]
fn f17_later_changes_of_an_errored_record_stay_dark() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    server.errored_by_another(1);
    assert_eq!(server.change(DEAL, 2), 1);
    assert!(server.select(&get()).is_empty() && server.records[0].error);
}

#[test]
fn f18_a_list_filters_by_process_and_lane_and_counts() {
    let mut server = Server::default();
    server.change(DEAL, 1);
    let (process, _) = reserve(&mut server, &get());
    server.change(OTHER, 2);
    let reserved = [Term::Process(Compare::Above, vec![0])];
    assert_eq!(ids(&server.list(&reserved, 0).0), [1]);
    let free = [Term::Process(Compare::Is, vec![0]), Term::Error(false)];
    let (rows, total) = server.list(&free, 0);
    assert_eq!((ids(&rows), total), (vec![2], 1));
    let above = [Term::Process(Compare::Above, vec![process])];
    assert_eq!(server.list(&above, 0).1, 0);
    assert_eq!(server.list(&[Term::Id(Compare::UpTo, vec![1])], 0).1, 1);
    assert_eq!(server.list(&[], 1).0.len(), 1);
}
