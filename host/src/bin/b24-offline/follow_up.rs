//! `--write-back`: after a change was judged done, a field of its object is written back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use b24_offline::{
    Batch, Change, Handle, Handler, ObjectId, State, Verdict, Verdicts, WriteError, WriteResult,
    write_back,
};
use serde_json::{Map, Value};
use tokio::task::JoinSet;

use crate::log::Log;

/// A handler whose done changes are followed by a write, where a field was named.
#[derive(Debug)]
pub(crate) struct FollowUp<H> {
    pub(crate) inner: H,
    pub(crate) field: Option<String>,
    pub(crate) handle: Handle,
    pub(crate) log: Arc<Log>,
    pub(crate) writes: Arc<Writes>,
    pub(crate) unwritten: Unwritten,
}

/// The kinds of whose objects nothing can be written back; each is told of once.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(Mutex<BTreeSet<String>>);

impl Unwritten {
    /// Why a change has no write-back, if that is news.
    fn news(&self, change: &Change, field: &str) -> Option<String> {
        // what is gone or could not be read has nothing to be written
        let data = change.data.as_ref().filter(|_| change.state == State::Present)?;
        let kind = &change.object.kind;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.insert(kind.clone()) {
            return None;
        }
        let has_field = serde_json::from_str::<Map<String, Value>>(data)
            .is_ok_and(|data| data.contains_key(field));
        Some(if has_field {
            format!("{kind} has no method that writes a field back; nothing is written")
        } else {
            format!("{kind} has no field '{field}' to write back; nothing is written")
        })
    }
}

/// The writes that have no result yet.
#[derive(Debug, Default)]
pub(crate) struct Writes(Mutex<JoinSet<()>>);

impl Writes {
    /// Waits until each has its result, or its queue has ended.
    pub(crate) async fn finish(&self) {
        let mut open = std::mem::take(&mut *self.open());
        while open.join_next().await.is_some() {}
    }

    fn open(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H: Handler> Handler for FollowUp<H> {
    fn handle(&self, batch: Batch) -> impl Future<Output = Verdicts> + Send {
        self.inner.handle(batch)
    }

    fn judged(&self, batch: &Batch, verdicts: &Verdicts) {
        self.inner.judged(batch, verdicts);
        let Some(field) = &self.field else { return };
        let done = done(verdicts);
        let mut open = self.writes.open();
        // results of earlier writes are not kept
        while open.try_join_next().is_some() {}
        for change in batch.changes.iter().filter(|change| done(&change.key)) {
            let Some(call) = write_back(change, field, &[]) else {
                if let Some(news) = self.unwritten.news(change, field) {
                    self.log.warning(&news);
                }
                continue;
            };
            let writing = self.handle.write(call.method, call.params);
            let (object, log) = (change.object.clone(), self.log.clone());
            open.spawn(async move { tell(&log, &object, writing.await) });
        }
    }
}

/// Tells whether a change was judged done.
fn done(verdicts: &Verdicts) -> impl Fn(&str) -> bool {
    let (others, named) = match verdicts {
        Verdicts::Some(named) => (false, named),
        Verdicts::All { verdict, except } => (*verdict == Verdict::Done, except),
    };
    let differ: BTreeSet<String> = named
        .iter()
        .filter(|judgement| (judgement.verdict == Verdict::Done) != others)
        .map(|judgement| judgement.key.clone())
        .collect();
    move |key| others != differ.contains(key)
}

fn tell(log: &Log, object: &ObjectId, result: Result<WriteResult, WriteError>) {
    let why = match result {
        Ok(WriteResult::Done { .. }) => return,
        Ok(WriteResult::Refused { code, description }) => {
            format!("was refused: {code} {description}")
        }
        Ok(WriteResult::NotSent { why }) => format!("was not sent: {why}"),
        Ok(WriteResult::Unknown) => {
            "was perhaps made: its answer was lost, and it is not repeated".to_owned()
        }
        Err(error) => format!("has no result: {error}"),
    };
    log.warning(&format!("the write-back of {object} {why}"));
}

#[cfg(test)]
mod tests {
    use b24_offline::{Judgement, Origin};

    use super::*;

    #[test]
    fn only_done_changes_are_followed() {
        let judgement = |key: &str, verdict| Judgement { key: key.into(), verdict };
        let retry = Verdict::Retry { after: None };
        let except = vec![judgement("a", retry.clone()), judgement("b", Verdict::Done)];
        let verdicts = Verdicts::All { verdict: Verdict::Done, except };
        assert_eq!(["a", "b", "c"].map(done(&verdicts)), [false, true, true]);
        let except = vec![judgement("b", Verdict::Done)];
        let verdicts = Verdicts::All { verdict: retry, except };
        assert_eq!(["a", "b"].map(done(&verdicts)), [false, true]);
    }

    #[test]
    fn what_can_not_be_written_is_told_once_for_each_kind() {
        let change = |kind: &str, state, data: Option<&str>| Change {
            key: "1@a".into(),
            object: ObjectId::new(kind, "1"),
            events: vec![],
            state,
            data: data.map(str::to_owned),
            changed_at: String::new(),
            attempt: 1,
            origin: Origin::Fresh,
        };
        let unwritten = Unwritten::default();
        let news = |kind, state, data| unwritten.news(&change(kind, state, data), "TITLE");
        assert_eq!(news("a", State::Gone, None), None);
        assert_eq!(news("a", State::Unread, None), None);
        let told = news("a", State::Present, Some(r#"{"NAME":"x"}"#));
        assert!(told.unwrap().contains("a has no field 'TITLE'"));
        assert_eq!(news("a", State::Present, Some("{}")), None);
        let told = news("b", State::Present, Some(r#"{"TITLE":"x"}"#));
        assert!(told.unwrap().contains("b has no method"));
    }
}
