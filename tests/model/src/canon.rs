//! The canonical form of a world: ids renamed in their order, objects and consumers exchangeable, and a
//! fingerprint of 128 bits of it.

use b24_offline_core::view::{self, Sink};
use b24_offline_core::{ObjectId, RecordId};

use crate::calendar;
use crate::server::{EVENTS, Message};
use crate::wire;

/// A fingerprint; two worlds with the same one count as the same.
pub(crate) type Print = u128;

#[derive(Debug, Clone, Copy)]
enum Token {
    Number(u64),
    Text(u64),
    Record(u64),
    Process(u64),
    Time(u64),
    Local(u64),
    Object(u8),
    Message(Message),
    Data(u8, u8),
    BeginSet,
    Item,
    EndSet,
}

/// Gathers a world, then gives its fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Canon {
    tokens: Vec<Token>,
    records: Vec<u64>,
    processes: Vec<u64>,
    times: Vec<u64>,
    locals: Vec<u64>,
    /// Tells one consumer's own ids from another's.
    scope: u64,
    rows: Vec<(u64, u128)>,
    now: u64,
    /// Whether it counts that a change happened in the present second.
    fine: bool,
}

/// The bits of a [`Token::Local`] that are the id.
const LOCAL_BITS: u32 = 48;
/// A number that is mixed into each kind of token.
const KINDS: u128 = 1 << 64;

impl Canon {
    /// The reservations as they stand, by process_id: what a machine has seen of one is compared with that.
    pub(crate) fn reservations(&mut self, records: &[crate::server::Record]) {
        self.rows.clear();
        for record in records.iter().filter(|record| record.process != 0) {
            if !self.rows.iter().any(|(process, _)| *process == record.process) {
                let of = records.iter().filter(|other| other.process == record.process);
                let row =
                    |of: &crate::server::Record| (RecordId(of.id), calendar::text(of.changed));
                self.rows.push((record.process, view::of_rows(of.map(row))));
            }
        }
    }

    /// Begins a world at this time, in seconds; `fine`: it counts that a change happened in this very second.
    pub(crate) fn begin(&mut self, now: u64, fine: bool) {
        for list in [&mut self.records, &mut self.processes, &mut self.times, &mut self.locals] {
            list.clear();
        }
        self.tokens.clear();
        (self.scope, self.now, self.fine) = (0, now, fine);
    }

    /// The next consumer follows: its ids are its own.
    pub(crate) fn next_consumer(&mut self) {
        self.scope += 1;
    }

    /// An object by number.
    pub(crate) fn object_number(&mut self, object: u8) {
        self.tokens.push(Token::Object(object));
    }

    /// A process_id by number.
    pub(crate) fn process_number(&mut self, process: u64) {
        if process == 0 {
            self.tokens.push(Token::Number(0));
        } else {
            self.tokens.push(Token::Process(process));
            self.processes.push(process);
        }
    }

    /// A time of change in seconds.
    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.tokens.push(Token::Time(seconds));
        self.times.push(seconds);
    }

    /// A MESSAGE_ID by number.
    pub(crate) fn message_number(&mut self, message: Message) {
        self.tokens.push(Token::Message(message));
    }

    /// The least fingerprint under all exchanges of objects.
    pub(crate) fn print(&mut self, objects: u8) -> Print {
        for list in [&mut self.records, &mut self.processes, &mut self.times, &mut self.locals] {
            list.sort_unstable();
            list.dedup();
        }
        let straight = self.hash(&[0, 1]);
        if objects < 2 { straight } else { straight.min(self.hash(&[1, 0])) }
    }

    fn hash(&self, names: &[u8; 2]) -> Print {
        let mut at = 0;
        self.hash_run(&mut at, names)
    }

    /// Hashes up to the end of the present set or item.
    fn hash_run(&self, at: &mut usize, names: &[u8; 2]) -> Print {
        let mut hash: Print = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834;
        while let Some(token) = self.tokens.get(*at) {
            if matches!(token, Token::EndSet | Token::Item) {
                break;
            }
            *at += 1;
            if !matches!(token, Token::BeginSet) {
                hash = mix(hash, self.value(*token, names));
                continue;
            }
            let mut items = Vec::new();
            while matches!(self.tokens.get(*at), Some(Token::Item)) {
                *at += 1;
                items.push(self.hash_run(at, names));
            }
            items.sort_unstable();
            hash = mix(hash, 12 * KINDS + items.len() as u128);
            hash = items.into_iter().fold(hash, mix);
            *at += 1;
        }
        hash
    }

    fn value(&self, token: Token, names: &[u8; 2]) -> u128 {
        let rank = |list: &[u64], value: u64| list.partition_point(|other| *other < value) as u128;
        let name = |object: u8| u128::from(names.get(usize::from(object)).copied().unwrap_or(9));
        match token {
            Token::Number(number) => u128::from(number),
            Token::Text(hash) => KINDS + u128::from(hash),
            Token::Record(id) => 2 * KINDS + rank(&self.records, id),
            Token::Process(id) => 3 * KINDS + rank(&self.processes, id),
            Token::Time(at) => {
                let age = self.now.saturating_sub(at);
                let class = u128::from(age > 0 && self.fine)
                    + u128::from(age > 29 * 86_400)
                    + u128::from(age > crate::server::LIFE);
                4 * KINDS + rank(&self.times, at) * 8 + class
            }
            Token::Local(id) => {
                let first = id >> LOCAL_BITS << LOCAL_BITS;
                5 * KINDS + rank(&self.locals, id) - rank(&self.locals, first)
            }
            Token::Object(object) => 6 * KINDS + name(object),
            Token::Message(message) => {
                7 * KINDS + name(message.object) * u128::from(EVENTS) + u128::from(message.event)
            }
            Token::Data(object, version) => 8 * KINDS + name(object) * 256 + u128::from(version),
            Token::BeginSet | Token::Item | Token::EndSet => 9 * KINDS,
        }
    }
}

fn mix(hash: Print, value: u128) -> Print {
    let hash = (hash ^ value).wrapping_mul(0xda94_2042_e4dd_58b5_2360_ed05_1fc6_5da4_u128 | 1);
    let hash = hash ^ (hash >> 71);
    let hash = hash.wrapping_mul(0x4528_21e6_38d0_1377_be54_66cf_34e9_0c6d_u128);
    hash ^ (hash >> 67)
}

fn text_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Sink for Canon {
    fn number(&mut self, number: u64) {
        self.tokens.push(Token::Number(number));
    }

    fn text(&mut self, text: &str) {
        self.tokens.push(Token::Text(text_hash(text)));
    }

    fn record(&mut self, id: RecordId) {
        if id.0 == 0 {
            self.tokens.push(Token::Number(0));
        } else {
            self.tokens.push(Token::Record(id.0));
            self.records.push(id.0);
        }
    }

    fn process(&mut self, id: &str) {
        match wire::process(id) {
            Ok(process) => self.process_number(process),
            Err(_) => self.text(id),
        }
    }

    fn message(&mut self, id: &str) {
        match wire::message(id) {
            Ok(message) => self.message_number(message),
            Err(_) => self.text(id),
        }
    }

    fn time(&mut self, text: &str) {
        match calendar::seconds(text) {
            Some(seconds) => self.seconds(seconds),
            None => self.text(text),
        }
    }

    fn object(&mut self, object: &ObjectId) {
        match wire::object(&object.id) {
            Ok(number) => self.object_number(number),
            Err(_) => self.text(&object.to_string()),
        }
    }

    fn data(&mut self, text: &str) {
        match wire::data(text) {
            Some((object, version)) => self.tokens.push(Token::Data(object, version)),
            None => self.text(text),
        }
    }

    fn print(&mut self, print: u128) {
        let known = wire::every_data().find(|(_, text)| view::of_data(text) == Some(print));
        match known {
            Some(((object, version), _)) => self.tokens.push(Token::Data(object, version)),
            None => self.tokens.push(Token::Number(print as u64)),
        }
    }

    fn watched(&mut self, id: &str, seen: Option<u128>) {
        self.process(id);
        let process = wire::process(id).unwrap_or_default();
        let now = self.rows.iter().find(|(known, _)| *known == process).map(|(_, print)| *print);
        // rows only ever leave a reservation: one that differs never is as it was again
        self.number(match seen {
            None => 0,
            Some(seen) if Some(seen) == now => 1,
            Some(_) => 2,
        });
    }

    fn local(&mut self, id: u64) {
        let id = (self.scope << LOCAL_BITS) | id;
        self.tokens.push(Token::Local(id));
        self.locals.push(id);
    }

    fn begin_set(&mut self) {
        self.tokens.push(Token::BeginSet);
    }

    fn begin_item(&mut self) {
        self.tokens.push(Token::Item);
    }

    fn end_set(&mut self) {
        self.tokens.push(Token::EndSet);
    }
}
