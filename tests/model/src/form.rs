//! The canonical form of a world.

use b24_offline_core::view::{Sink, journal_entry};
use b24_offline_core::{JournalEntry, ObjectId, RecordId};

use crate::bounds::Left;
use crate::canon::{Canon, Print};
use crate::consumer::{Consumer, Given};
use crate::request::Request;
use crate::server::{Get, Named, Record, Term};
use crate::wire::{Answer, Op};
use crate::world::World;

impl World {
    /// The fingerprint of the canonical form.
    pub(crate) fn print(&self, canon: &mut Canon) -> Print {
        canon.begin(self.now / 1_000, self.bounds.left.months > 0 || self.bounds.delete);
        let Left { changes, crashes, faults, failures, errors, redrives, months, plans } =
            self.left;
        for left in [changes, crashes, faults, failures, errors, redrives, months, plans] {
            canon.number(u64::from(left));
        }
        canon.number(u64::from(self.server.extended));
        canon.begin_set();
        for object in 0..self.bounds.objects {
            canon.begin_item();
            canon.object_number(object);
            for list in [&self.server.versions, &self.target, &self.done, &self.judged] {
                canon.number(list.get(usize::from(object)).map_or(0, |value| u64::from(*value)));
            }
        }
        canon.end_set();
        canon_records(canon, &self.server.records);
        if self.shared {
            canon.reservations(&self.server.records);
        }
        canon.begin_set();
        for consumer in &self.consumers {
            canon.begin_item();
            canon.next_consumer();
            consumer.machine.view(canon);
            canon.number(consumer.wake.map_or(99, |wake| wake.reason as u64));
            canon.begin_set();
            for (key, value) in consumer.journal.iter() {
                canon.begin_item();
                let (key, value) = (key.clone(), value.clone());
                journal_entry(&JournalEntry { key, value }, canon);
            }
            canon.end_set();
            canon_consumer(canon, consumer);
        }
        canon.end_set();
        canon.begin_set();
        for request in &self.late {
            canon.begin_item();
            canon_request(canon, request);
        }
        canon.end_set();
        canon.print(self.bounds.objects)
    }
}

fn canon_records(canon: &mut Canon, records: &[Record]) {
    canon.number(records.len() as u64);
    for record in records {
        let Record { id, message, changed, version, process, error } = record;
        canon.record(RecordId(*id));
        canon.message_number(*message);
        canon.seconds(*changed);
        canon.number(u64::from(*version));
        canon.process_number(*process);
        canon.number(u64::from(*error));
    }
}

fn canon_consumer(canon: &mut Canon, consumer: &Consumer) {
    canon.number(u64::from(consumer.flight.is_some()));
    if let Some(flight) = &consumer.flight {
        canon.local(flight.call.0);
        canon_request(canon, &flight.request);
    }
    canon.number(consumer.saves.len() as u64);
    for save in &consumer.saves {
        canon.local(save.id.0);
        canon.begin_set();
        for put in &save.puts {
            canon.begin_item();
            journal_entry(put, canon);
        }
        for key in &save.deletes {
            canon.begin_item();
            match key.split_once('/') {
                Some(("reservation", process)) => canon.process(process),
                Some(("object", name)) => {
                    let (kind, id) = name.split_once('/').unwrap_or((name, ""));
                    canon.object(&ObjectId::new(kind, id));
                }
                _ => canon.text(key),
            }
        }
        canon.end_set();
    }
    canon.begin_set();
    for (id, given) in &consumer.batches {
        canon.begin_item();
        canon.local(id.0);
        canon.begin_set();
        for Given { key: _, object, version } in given {
            canon.begin_item();
            canon.object_number(*object);
            canon.number(u64::from(*version));
        }
        canon.end_set();
    }
    canon.end_set();
    canon.number(u64::from(consumer.blind));
    canon.begin_set();
    for (process, message) in &consumer.unsure {
        canon.begin_item();
        canon.process_number(*process);
        canon.message_number(*message);
    }
    canon.end_set();
}

fn canon_request(canon: &mut Canon, request: &Request) {
    let Request { ops, at, selected, answers, until: _ } = request;
    canon.number(*at as u64);
    canon.number(ops.len() as u64);
    for (_, op) in ops.iter() {
        canon_op(canon, op);
    }
    canon.number(selected.as_ref().map_or(0, |ids| ids.len() as u64 + 1));
    for id in selected.iter().flatten() {
        canon.record(RecordId(*id));
    }
    for answer in answers {
        canon_answer(canon, answer);
    }
}

fn canon_op(canon: &mut Canon, op: &Op) {
    match op {
        Op::Feature(extended) => canon.number(u64::from(*extended)),
        Op::Bindings => canon.number(2),
        Op::Get(Get { process, clear, error, limit, filter }) => {
            canon.number(3);
            canon.process_number(process.unwrap_or_default());
            let flags = [process.is_some(), *clear, *error];
            flags.into_iter().for_each(|flag| canon.number(u64::from(flag)));
            canon.number(*limit as u64);
            canon_filter(canon, filter);
        }
        Op::List { filter, start } => {
            canon.number(4);
            canon_filter(canon, filter);
            canon.number(*start as u64);
        }
        Op::Clear(process, named) => {
            canon.number(5);
            canon.process_number(*process);
            match named {
                Named::All => canon.number(0),
                Named::Ids(ids) => {
                    canon.number(ids.len() as u64);
                    ids.iter().for_each(|id| canon.record(RecordId(*id)));
                }
                Named::Messages(messages) => {
                    messages.iter().for_each(|message| canon.message_number(*message));
                }
            }
        }
        Op::Error(process, messages) => {
            canon.number(6);
            canon.process_number(*process);
            messages.iter().for_each(|message| canon.message_number(*message));
        }
        Op::ReadMany(objects) => {
            canon.number(7);
            objects.iter().for_each(|object| canon.object_number(*object));
        }
        Op::ReadOne(object) => {
            canon.number(8);
            canon.object_number(*object);
        }
    }
}

fn canon_filter(canon: &mut Canon, filter: &[Term]) {
    canon.number(filter.len() as u64);
    for term in filter {
        match term {
            Term::Id(compare, ids) => {
                canon.number(*compare as u64);
                ids.iter().for_each(|id| canon.record(RecordId(*id)));
            }
            Term::Process(compare, processes) => {
                canon.number(10 + *compare as u64);
                processes.iter().for_each(|process| canon.process_number(*process));
            }
            Term::Message(messages) => {
                canon.number(20);
                messages.iter().for_each(|message| canon.message_number(*message));
            }
            Term::Event(events) => events.iter().for_each(|e| canon.number(30 + u64::from(*e))),
            Term::Error(error) => canon.number(40 + u64::from(*error)),
        }
    }
}

fn canon_answer(canon: &mut Canon, answer: &Answer) {
    match answer {
        Answer::Feature(allowed) => canon.number(u64::from(*allowed)),
        Answer::Bindings => canon.number(2),
        Answer::True => canon.number(3),
        Answer::Got(process, records) => {
            canon.number(4);
            // the name of an empty reservation means nothing
            canon.process_number(if records.is_empty() { 0 } else { *process });
            canon_records(canon, records);
        }
        Answer::Listed(records, total) => {
            canon.number(5);
            canon_records(canon, records);
            canon.number(*total as u64);
        }
        Answer::Objects(objects) => {
            canon.number(6);
            for (object, version) in objects {
                canon.object_number(*object);
                canon.number(u64::from(*version));
            }
        }
        Answer::Object(object, version) => {
            canon.number(7);
            canon.object_number(*object);
            canon.number(u64::from(*version));
        }
        Answer::Failed(code) => canon.text(code),
    }
}
