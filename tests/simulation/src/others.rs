//! Other consumers of the queue: dead ones, one that leaves errors, one that is alive.

use b24_offline_core::Consumers;
use b24_offline_emulator::Php;
use serde_json::Value;

use crate::marks::Mark;
use crate::plan::KINDS;
use crate::witness::Object;
use crate::world::World;

/// What a consumer that is alive holds.
#[derive(Debug)]
pub(crate) struct Other {
    process: String,
    ids: Vec<u64>,
    objects: Vec<Object>,
}

impl World {
    /// Another consumer's call, from another address.
    fn other_calls(&mut self, method: &str, params: Php) -> Value {
        let connector = self.connector();
        let request = self.transport.authorised(method, params, connector);
        let outcome = self.portal.handle(&request.from_address("other"), self.now);
        outcome.json().unwrap_or_default()
    }

    /// Another consumer reserves records of a lane.
    fn other_gets(&mut self, errored: bool, limit: u64) -> (String, Vec<Value>) {
        self.transport.refresh(&mut self.portal, self.now);
        // the portal deletes them by their age as soon as they are reserved
        let old = (self.now / 1_000).saturating_sub(29 * 86_400);
        self.others_took_old |= self.portal.oldest_free().is_some_and(|changed| changed < old);
        let params = Php::map([
            ("clear", Php::from("0")),
            ("limit", Php::from(limit.to_string())),
            ("error", Php::from(if errored { "1" } else { "0" })),
        ]);
        let answer = self.other_calls("event.offline.get", params);
        let rows = answer["result"]["events"].as_array().cloned().unwrap_or_default();
        let process = answer["result"]["process_id"].as_str().unwrap_or_default().to_owned();
        (process, rows)
    }

    /// Another consumer reserves records and is never seen again; or registers them as errors before.
    pub(crate) fn orphan(&mut self, errored: bool, limit: u64, registers: bool) {
        let (process, rows) = self.other_gets(errored, limit);
        let ids = rows.iter().filter_map(|row| row["ID"].as_str()?.parse::<u64>().ok());
        if !registers {
            let kept =
                if errored { &mut self.witness.errored_orphans } else { &mut self.witness.orphans };
            kept.extend(ids);
            return;
        }
        self.witness.dark.extend(ids);
        // an error for a record that a third one has taken over would destroy its next change (F16)
        let held = self.portal.queue();
        let stolen = |row: &Value| {
            let id = row["ID"].as_str().and_then(|id| id.parse::<u64>().ok());
            !held.iter().any(|held| Some(held.id) == id && held.process_id == process)
        };
        if process.is_empty() || rows.is_empty() || rows.iter().any(stolen) {
            return;
        }
        let messages = rows.iter().filter_map(|row| row["MESSAGE_ID"].as_str());
        let params = Php::map([
            ("process_id", Php::from(process)),
            ("message_id", Php::list(messages.map(Php::from))),
        ]);
        self.other_calls("event.offline.error", params);
    }

    /// A consumer that is alive reserves records, and holds them for less than its lease.
    pub(crate) fn other_reserves(&mut self, limit: u64, holds: u64) {
        if self.settings.consumers == Consumers::Sole {
            return;
        }
        let (process, rows) = self.other_gets(false, limit);
        // a fault may show a record that there is not
        let held = self.portal.queue();
        let is_there = |id: &u64| held.iter().any(|row| row.id == *id);
        let ids = rows.iter().filter_map(|row| row["ID"].as_str()?.parse().ok());
        let ids: Vec<u64> = ids.filter(is_there).collect();
        if ids.is_empty() {
            return;
        }
        let objects = rows.iter().filter_map(object_of_row).collect();
        let until = self.now + holds;
        // what was listed to be deleted is delivered whoever else has taken it meanwhile
        if !self.has_deleted() {
            self.witness.leased.extend(ids.iter().map(|id| (*id, until)));
        }
        self.others.insert(until, Other { process, ids, objects });
    }

    /// It reads what it holds, fills the other system, and clears.
    pub(crate) fn other_clears(&mut self) {
        let Some((_, other)) = self.others.pop_first() else { return };
        self.tell(|| format!("another consumer applies and clears {:?}", other.ids));
        for (kind, id) in &other.objects {
            self.code.apply_elsewhere(kind, id, &mut self.portal, self.now);
        }
        self.transport.refresh(&mut self.portal, self.now);
        let params = Php::map([
            ("process_id", Php::from(other.process)),
            ("id", Php::list(other.ids.iter().map(|id| Php::from(id.to_string())))),
        ]);
        let answer = self.other_calls("event.offline.clear", params);
        self.witness.marks.met_if(Mark::OtherAlive, answer["result"] == true);
    }
}

/// The object of a row, of the kinds that are named by their events and an id.
fn object_of_row(row: &Value) -> Option<Object> {
    let event = row["EVENT_NAME"].as_str()?;
    let kind = match event {
        _ if event.starts_with("ONCRMDEAL") => KINDS[0],
        _ if event.starts_with("ONCRMCONTACT") => KINDS[1],
        _ if event.starts_with("ONCRMDYNAMICITEM") => KINDS[2],
        _ if event.starts_with("ONTASK") => KINDS[3],
        _ if event.starts_with("ONCRMCURRENCY") => KINDS[4],
        _ if event.starts_with("ONUSER") => KINDS[5],
        _ => return None,
    };
    let data = &row["EVENT_DATA"];
    let places = [
        &data["FIELDS"]["ID"],
        &data["FIELDS_AFTER"]["ID"],
        &data["FIELDS_BEFORE"]["ID"],
        &data["ID"],
    ];
    let id = places.into_iter().find(|id| id.is_string() || id.is_number())?;
    let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    Some((kind.to_owned(), id))
}
