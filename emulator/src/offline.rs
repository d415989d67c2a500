//! The methods `event.offline.*` (F5–F19).

use std::sync::Arc;

use crate::call::Reply;
use crate::error::{Answered, RestError};
use crate::fault::Intrusion;
use crate::php::{Php, PhpArray};
use crate::portal::{Caller, Portal};
use crate::queue::select::{Filter, Order, Reach, parse_order};
use crate::queue::{Connector, ProcessId, Row, hex};
use crate::settings::Personality;
use crate::time;

/// Records of a page of `event.offline.list`, and the default `limit` of `event.offline.get`.
const PAGE: usize = 50;

struct Get {
    clear: bool,
    limit: usize,
    error: bool,
    process: Option<ProcessId>,
    filter: Filter,
    order: Order,
}

impl Portal {
    pub(crate) fn offline_get(
        &mut self,
        caller: &Caller,
        params: &Php,
        intrusions: &[Intrusion],
    ) -> Answered<Reply> {
        self.need_administrator(caller)?;
        let get = self.read_get(params)?;
        let fresh = get.process.is_none();
        let process = match &get.process {
            Some(process) => process.clone(),
            None => self.mark(caller, &get, intrusions),
        };
        let queue = &caller.connector;
        let ids = self.table.select_process(
            queue,
            &process,
            get.error,
            &get.filter,
            &get.order,
            get.limit,
        );
        let events = Php::list(ids.iter().filter_map(|id| Some(self.event(self.table.row(*id)?))));
        // a re-read that finds nothing deletes nothing; one that finds anything deletes the whole reservation (F8)
        if get.clear && !ids.is_empty() {
            for id in self.table.of_process(queue, &process) {
                self.table.remove(id);
            }
        }
        if fresh {
            self.steal_marks();
        }
        let named = if get.clear && fresh { Php::Null } else { Php::from(process.as_ref()) };
        Ok(Reply::rows(Php::map([("process_id", named), ("events", events)]), ids.len()))
    }

    fn read_get(&self, params: &Php) -> Answered<Get> {
        let number = |name: &str, default| params.get_any_case(name).map_or(default, Php::int);
        let clear = number("clear", 1) != 0;
        if !clear && !self.settings.plan.offline_extended.allowed() {
            return Err(RestError::licence());
        }
        let limit = usize::try_from(number("limit", 50)).unwrap_or_default();
        if limit == 0 {
            return Err(RestError::argument("limit", "The limit must be positive"));
        }
        let process = read_process(params)?;
        let reach = match &process {
            Some(_) => Reach::Reading,
            None => Reach::Marking(self.settings.personality),
        };
        let zone = self.settings.utc_offset_minutes;
        Ok(Get {
            clear,
            limit,
            error: number("error", 0) != 0,
            process,
            filter: Filter::parse(params.get_any_case("filter"), reach, zone)?,
            order: parse_order(params.get_any_case("order"), reach)?,
        })
    }

    /// Marks free records with a fresh process_id (F7). In the source the ids are selected and then marked in two
    /// steps, and another consumer can come between (F13).
    fn mark(&mut self, caller: &Caller, get: &Get, intrusions: &[Intrusion]) -> ProcessId {
        let process: ProcessId = Arc::from(self.random.code());
        let queue = &caller.connector;
        let two_steps = self.settings.personality == Personality::Source;
        if !two_steps {
            intrusions.iter().for_each(|intrusion| self.intrude(queue, get, intrusion));
        }
        let ids = self.table.select_free(queue, get.error, &get.filter, &get.order, get.limit);
        if two_steps {
            intrusions.iter().for_each(|intrusion| self.intrude(queue, get, intrusion));
        }
        self.table.mark(&ids, &process);
        process
    }

    /// Another consumer of the same queue, or people, act between two steps of a `get`.
    fn intrude(&mut self, queue: &Connector, get: &Get, intrusion: &Intrusion) {
        let limit = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        let select = |portal: &Portal, most: u64| {
            portal.table.select_free(queue, get.error, &get.filter, &get.order, limit(most))
        };
        match intrusion {
            Intrusion::Get { limit } => {
                let (ids, process) = (select(self, *limit), self.random.code());
                self.table.mark(&ids, &process.as_str().into());
                self.others.push((process, ids));
            }
            Intrusion::GetLast { limit } => {
                let (ids, process) = (select(self, *limit), self.random.code());
                if self.settings.personality == Personality::Documented {
                    self.table.mark(&ids, &process.as_str().into());
                }
                self.others.push((process.clone(), ids.clone()));
                self.stealing.push((process, ids));
            }
            Intrusion::GetAndError { limit } => {
                let process: ProcessId = Arc::from(self.random.code());
                let ids = select(self, *limit);
                self.table.mark(&ids, &process);
                let message = |id: &u64| self.table.row(*id).map(|row| row.message);
                let messages: Vec<u128> = ids.iter().filter_map(message).collect();
                for message in messages {
                    self.register_error(queue, &process, message);
                }
            }
            Intrusion::Deed(deed) => self.act(deed),
        }
    }

    /// The other consumer's later mark overtakes ours (F13).
    fn steal_marks(&mut self) {
        for (process, ids) in std::mem::take(&mut self.stealing) {
            self.table.mark(&ids, &process.as_str().into());
        }
    }

    pub(crate) fn offline_clear(&mut self, caller: &Caller, params: &Php) -> Answered<Reply> {
        self.need_administrator(caller)?;
        let process = read_process(params)?.ok_or_else(|| RestError::missing("process_id"))?;
        let ids = read_ids(params)?;
        let messages = read_messages(params, true)?.unwrap_or_default();
        let queue = &caller.connector;
        let by_id = match self.settings.personality {
            Personality::Documented => !ids.is_empty(),
            Personality::Source => messages.is_empty() && !ids.is_empty(),
        };
        let held = |portal: &Portal, id: &u64| {
            let row = portal.table.row(*id);
            row.is_some_and(|row| row.process == process && row.connector == *queue)
        };
        let gone: Vec<u64> = if by_id {
            ids.into_iter().filter(|id| held(self, id)).collect()
        } else if messages.is_empty() {
            // an empty list is no restriction (F15)
            self.table.of_process(queue, &process)
        } else {
            let parsed = messages.iter().filter_map(|text| u128::from_str_radix(text, 16).ok());
            parsed.filter_map(|message| self.table.by_key(queue, message, &process)).collect()
        };
        gone.iter().for_each(|id| self.table.remove(*id));
        Ok(Reply::rows(Php::Bool(true), gone.len()))
    }

    pub(crate) fn offline_error(&mut self, caller: &Caller, params: &Php) -> Answered<Reply> {
        self.need_administrator(caller)?;
        let process = read_process(params)?.ok_or_else(|| RestError::missing("process_id"))?;
        let messages =
            read_messages(params, false)?.ok_or_else(|| RestError::missing("message_id"))?;
        self.ledger.error_calls += 1;
        let queue = &caller.connector;
        for message in messages.iter().filter_map(|text| u128::from_str_radix(text, 16).ok()) {
            self.register_error(queue, &process, message);
        }
        Ok(Reply::rows(Php::Bool(true), messages.len()))
    }

    /// Of the copies with ERROR 0 the one under this process_id becomes an error, the others are deleted. Nobody asks
    /// whether the process_id still holds one (F16).
    fn register_error(&mut self, queue: &Connector, process: &ProcessId, message: u128) {
        for id in self.table.copies(queue, message) {
            let Some(row) = self.table.row(id).filter(|row| !row.error) else { continue };
            if row.process == *process {
                self.table.set_error(id);
            } else {
                self.table.remove(id);
            }
        }
    }

    pub(crate) fn offline_list(&mut self, caller: &Caller, params: &Php) -> Answered<Reply> {
        self.need_administrator(caller)?;
        let zone = self.settings.utc_offset_minutes;
        let filter = Filter::parse(params.get_any_case("filter"), Reach::Listing, zone)?;
        let order = parse_order(params.get_any_case("order"), Reach::Listing)?;
        let start = params.get_any_case("start").map_or(0, Php::int);
        let start = usize::try_from(start).unwrap_or_default();
        let (ids, total) = self.table.page(&caller.connector, &filter, &order, start, PAGE);
        let rows = ids.iter().filter_map(|id| {
            let row = self.table.row(*id)?;
            let mut event = self.event(row);
            event.set("PROCESS_ID", row.process.as_ref());
            event.set("ERROR", u8::from(row.error).to_string());
            Some(event)
        });
        let next = start + ids.len();
        Ok(Reply {
            total: Some(total),
            next: (next < total && !ids.is_empty()).then_some(next),
            ..Reply::rows(Php::list(rows), ids.len())
        })
    }

    fn event(&self, row: &Row) -> PhpArray {
        let mut event = PhpArray::new();
        event.set("ID", row.id.to_string());
        event.set("TIMESTAMP_X", time::iso(row.changed, self.settings.utc_offset_minutes));
        event.set("EVENT_NAME", row.event.as_ref());
        event.set("EVENT_DATA", row.data.clone());
        if !row.additional.is_null() {
            event.set("EVENT_ADDITIONAL", row.additional.clone());
        }
        event.set("MESSAGE_ID", hex(row.message));
        event
    }

    fn need_administrator(&self, caller: &Caller) -> Answered<()> {
        if self.is_administrator(&caller.user) {
            Ok(())
        } else {
            Err(RestError::denied("Access denied!"))
        }
    }
}

fn read_process(params: &Php) -> Answered<Option<ProcessId>> {
    match params.get_any_case("process_id") {
        None => Ok(None),
        Some(Php::Array(_)) => {
            Err(RestError::argument("process_id", "The process_id must be text"))
        }
        Some(scalar) => Ok(Some(scalar.text().into())),
    }
}

fn read_ids(params: &Php) -> Answered<Vec<u64>> {
    let refused = || RestError::argument("id", "Each id must be a positive number");
    let Some(given) = params.get_any_case("id") else { return Ok(Vec::new()) };
    let given = given.as_array().ok_or_else(refused)?;
    let positive = |value: &Php| u64::try_from(value.int()).ok().filter(|id| *id > 0);
    given.values().map(|value| positive(value).ok_or_else(refused)).collect()
}

fn read_messages(params: &Php, whole: bool) -> Answered<Option<Vec<String>>> {
    let refused = |text: &str| RestError::argument("message_id", text);
    let Some(given) = params.get_any_case("message_id") else { return Ok(None) };
    let given = given.as_array().ok_or_else(|| refused("The message_id must be an array"))?;
    let texts: Vec<String> = given.values().map(Php::text).collect();
    if whole && texts.iter().any(|text| text.chars().count() != 32) {
        return Err(refused("Each message_id must have 32 characters"));
    }
    Ok(Some(texts))
}
