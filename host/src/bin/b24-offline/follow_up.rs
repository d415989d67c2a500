//! `--write-back`: after a change was judged done, a field of its object is written back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use b24_offline::{
    Batch, Change, Handle, Handler, ObjectId, Verdict, Verdicts, WriteError, WriteResult,
    why_not_written_back, write_back,
};
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
        let why = why_not_written_back(change, field)?;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(change.object.kind.clone()).then_some(why)
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
        let mut open = self.writes.open();
        // results of earlier writes are not kept
        while open.try_join_next().is_some() {}
        for change in
            batch.changes.iter().filter(|change| verdicts.of(&change.key) == Some(&Verdict::Done))
        {
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

fn tell(log: &Log, object: &ObjectId, result: Result<WriteResult, WriteError>) {
    let trouble = match result {
        Ok(result) => result.trouble(),
        Err(error) => Some(format!("has no result: {error}")),
    };
    let Some(why) = trouble else { return };
    log.warning(&format!("the write-back of {object} {why}"));
}

#[cfg(test)]
mod tests {
    use b24_offline::{Origin, State};

    use super::*;

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
