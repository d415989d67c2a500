//! The user's code: what receives changes and judges them.

use std::future::Future;
use std::sync::Arc;

use b24_offline_core::{Batch, Change, Judgement, Verdict, Verdicts};
use tokio::task::JoinSet;

/// Receives batches of changes. A closure `|batch| async { … }` is one; [`each`] makes one of a
/// closure for single changes.
///
/// Up to four batches are handled side by side, no object in two of them. A handler that panics,
/// leaves changes unnamed or names others has those changes given to it again.
///
/// ```
/// use b24_offline::{Batch, Handler, Verdict, Verdicts};
///
/// struct Print;
///
/// impl Handler for Print {
///     async fn handle(&self, batch: Batch) -> Verdicts {
///         for change in &batch.changes {
///             println!("{}", change.json_line());
///         }
///         Verdicts::All { verdict: Verdict::Done, except: vec![] }
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Makes the changes safe in the other system, and says which of them are. It takes as long as
    /// it takes; meanwhile its objects are not delivered again.
    fn handle(&self, batch: Batch) -> impl Future<Output = Verdicts> + Send;

    /// Called when the verdicts of a batch have been taken: the place to start what should follow.
    fn judged(&self, batch: &Batch, verdicts: &Verdicts) {
        let _ = (batch, verdicts);
    }
}

impl<F, Judging> Handler for F
where
    F: Fn(Batch) -> Judging + Send + Sync + 'static,
    Judging: Future<Output = Verdicts> + Send,
{
    fn handle(&self, batch: Batch) -> impl Future<Output = Verdicts> + Send {
        self(batch)
    }
}

/// A handler of single changes; made by [`each`].
pub struct Each<F> {
    judge: Arc<F>,
    at_once: usize,
}

/// Makes a handler of a closure that judges one change. One after the other of a batch is given to
/// it; [`Each::at_once`] raises that. A panic is a failure of its change only.
///
/// ```
/// use b24_offline::{Change, Verdict, each};
/// let handler = each(|change: Change| async move {
///     println!("{} is {:?}", change.object, change.state);
///     Verdict::Done
/// });
/// let faster = handler.at_once(8);
/// ```
pub fn each<F, Judging>(judge: F) -> Each<F>
where
    F: Fn(Change) -> Judging + Send + Sync + 'static,
    Judging: Future<Output = Verdict> + Send + 'static,
{
    Each { judge: Arc::new(judge), at_once: 1 }
}

impl<F> Each<F> {
    /// How many changes of a batch are judged side by side; at least 1.
    #[must_use]
    pub fn at_once(self, at_once: usize) -> Each<F> {
        Each { at_once: at_once.max(1), ..self }
    }
}

impl<F> std::fmt::Debug for Each<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Each {{ at_once: {} }}", self.at_once)
    }
}

impl<F, Judging> Handler for Each<F>
where
    F: Fn(Change) -> Judging + Send + Sync + 'static,
    Judging: Future<Output = Verdict> + Send + 'static,
{
    async fn handle(&self, batch: Batch) -> Verdicts {
        let mut waiting = batch.changes.into_iter();
        let mut running = JoinSet::new();
        let mut named = Vec::new();
        loop {
            while running.len() < self.at_once {
                let Some(change) = waiting.next() else { break };
                let judge = self.judge.clone();
                running.spawn(async move {
                    let key = change.key.clone();
                    Judgement { key, verdict: judge(change).await }
                });
            }
            match running.join_next().await {
                Some(Ok(judgement)) => named.push(judgement),
                // a panic: its change stays unnamed
                Some(Err(_)) => {}
                None => return Verdicts::Some(named),
            }
        }
    }
}

/// Lets the handler judge a batch; whatever it does, each change gets exactly one verdict. The
/// text says what was wrong with the handler.
pub(crate) async fn judge<H: Handler>(handler: Arc<H>, batch: Batch) -> (Verdicts, Option<String>) {
    let given = batch.clone();
    // a task of its own, so that a panic ends here; dropped with this future
    let mut task = JoinSet::new();
    task.spawn(async move { handler.handle(batch).await });
    match task.join_next().await {
        Some(Ok(verdicts)) => {
            let complete = verdicts.complete(&given);
            (complete.verdicts, complete.wrong)
        }
        Some(Err(_)) | None => (all(again(), Vec::new()), Some("it panicked".into())),
    }
}

fn all(verdict: Verdict, except: Vec<Judgement>) -> Verdicts {
    Verdicts::All { verdict, except }
}

fn again() -> Verdict {
    Verdict::Retry { after: None }
}

#[cfg(test)]
mod tests {
    use b24_offline_core::{BatchId, ObjectId, Origin, State};

    use super::*;

    fn batch(keys: &[&str]) -> Batch {
        let change = |key: &&str| Change {
            key: (*key).into(),
            object: ObjectId::new("crm.deal", *key),
            events: vec![],
            state: State::Unread,
            data: None,
            changed_at: String::new(),
            attempt: 1,
            origin: Origin::Fresh,
        };
        Batch { id: BatchId(1), changes: keys.iter().map(change).collect() }
    }

    fn named(keys: &[&str], verdict: &Verdict) -> Vec<Judgement> {
        keys.iter().map(|key| Judgement { key: (*key).into(), verdict: verdict.clone() }).collect()
    }

    #[tokio::test]
    async fn a_panic_fails_its_change_only() {
        let handler = each(|change: Change| async move {
            assert_ne!(change.key, "b", "the handler stumbles over b");
            Verdict::Done
        });
        let (verdicts, _) = judge(Arc::new(handler), batch(&["a", "b", "c"])).await;
        assert_eq!(verdicts, all(again(), named(&["a", "c"], &Verdict::Done)));
    }

    #[tokio::test]
    async fn a_panic_of_a_batch_fails_the_batch() {
        let handler = |batch: Batch| async move {
            assert!(batch.changes.is_empty(), "the handler stumbles");
            Verdicts::Some(vec![])
        };
        let (verdicts, why) = judge(Arc::new(handler), batch(&["a"])).await;
        assert_eq!(verdicts, all(again(), vec![]));
        assert_eq!(why.as_deref(), Some("it panicked"));
    }

    #[tokio::test]
    async fn unnamed_changes_come_again() {
        let handler = |_| async { Verdicts::Some(named(&["a"], &Verdict::Done)) };
        let (verdicts, why) = judge(Arc::new(handler), batch(&["a", "b"])).await;
        assert_eq!((verdicts, why), (all(again(), named(&["a"], &Verdict::Done)), None));
    }

    #[tokio::test]
    async fn a_wrong_name_or_one_named_twice_fails_the_batch() {
        for keys in [["a", "x"], ["a", "a"]] {
            let handler = move |_| async move { all(Verdict::Done, named(&keys, &Verdict::Done)) };
            let (verdicts, why) = judge(Arc::new(handler), batch(&["a", "b"])).await;
            assert_eq!(verdicts, all(again(), vec![]));
            assert!(why.unwrap().contains(keys[1]));
        }
    }

    #[tokio::test]
    async fn changes_are_judged_side_by_side_up_to_the_limit() {
        let barrier = Arc::new(tokio::sync::Barrier::new(3));
        let handler = each(move |_| {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
                Verdict::Done
            }
        });
        let (verdicts, _) =
            judge(Arc::new(handler.at_once(3)), batch(&["a", "b", "c", "d", "e", "f"])).await;
        let Verdicts::All { except, .. } = verdicts else { panic!("{verdicts:?}") };
        assert_eq!(except.len(), 6);
    }
}
