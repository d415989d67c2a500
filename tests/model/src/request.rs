//! A request on its way through the portal.

use std::sync::Arc;

use crate::server::{Get, Record, Server};
use crate::wire::{Answer, Op};

/// A batch, and how far the portal has come with it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The sub-calls with their names.
    pub ops: Arc<Vec<(String, Op)>>,
    /// How many were executed.
    pub at: usize,
    /// What a `get` in two steps has selected and not yet marked.
    pub selected: Option<Vec<u64>>,
    /// The answers so far.
    pub answers: Vec<Answer>,
    /// It can be executed until then, in milliseconds (F31).
    pub until: u64,
}

/// Where others may come between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Breaks {
    /// Between the two steps of a `get`.
    pub in_get: bool,
    /// Between two sub-calls.
    pub between: bool,
}

impl Request {
    /// Whether all of it was executed.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.ops.len()
    }

    /// Whether nothing of it was executed.
    #[must_use]
    pub(crate) fn is_new(&self) -> bool {
        self.at == 0 && self.selected.is_none()
    }

    /// Whether an `error` is in it that may still be executed.
    pub(crate) fn errors_to_come(&self) -> impl Iterator<Item = &Op> {
        self.ops.iter().skip(self.at).map(|(_, op)| op).filter(|op| matches!(op, Op::Error(..)))
    }

    /// The next sub-call is a `get` that deletes, and dies after it has marked (F7).
    pub(crate) fn half(&mut self, server: &mut Server) {
        if let Some((_, Op::Get(get))) = self.ops.get(self.at) {
            let (ids, process) = (server.select(get), server.fresh());
            server.mark(&ids, process, &Get { clear: false, ..get.clone() });
        }
    }

    /// Executes up to the next break, at most `most` sub-calls; gives the records that were deleted.
    pub(crate) fn advance(
        &mut self,
        server: &mut Server,
        breaks: Breaks,
        most: usize,
    ) -> Vec<Record> {
        let mut gone = Vec::new();
        while let Some((_, op)) = self.ops.get(self.at).filter(|_| self.at < most) {
            if let Op::Get(get) = op
                && get.process.is_none()
                && may(get, server)
                && self.selected.is_none()
            {
                self.selected = Some(server.select(get));
                if breaks.in_get {
                    break;
                }
            }
            let answer = execute(op, self.selected.take(), server, &mut gone);
            self.answers.push(answer);
            self.at += 1;
            if breaks.between {
                break;
            }
        }
        gone
    }
}

/// Reserving needs the plan's feature (F11).
fn may(get: &Get, server: &Server) -> bool {
    get.clear || server.extended
}

fn execute(
    op: &Op,
    selected: Option<Vec<u64>>,
    server: &mut Server,
    gone: &mut Vec<Record>,
) -> Answer {
    match op {
        Op::Feature(extended) => Answer::Feature(!extended || server.extended),
        Op::Bindings => Answer::Bindings,
        Op::Get(get) if !may(get, server) => Answer::Failed("WRONG_LICENSE"),
        Op::Get(get) => {
            let (process, (rows, deleted)) = match get.process {
                Some(process) => (process, server.read_again(process, get)),
                None => {
                    let process = server.fresh();
                    let selected = selected.unwrap_or_default();
                    (process, server.mark(&selected, process, get))
                }
            };
            gone.extend(deleted);
            Answer::Got(process, rows)
        }
        Op::List { filter, start } => {
            let (rows, total) = server.list(filter, *start);
            Answer::Listed(rows, total)
        }
        Op::Clear(process, named) => {
            gone.extend(server.clear(*process, named));
            Answer::True
        }
        Op::Error(process, messages) => {
            gone.extend(server.error(*process, messages));
            Answer::True
        }
        Op::ReadMany(objects) => {
            let version = |object: &u8| server.versions.get(usize::from(*object)).copied();
            Answer::Objects(objects.iter().filter_map(|id| Some((*id, version(id)?))).collect())
        }
        Op::ReadOne(object) => {
            let version = server.versions.get(usize::from(*object)).copied().unwrap_or_default();
            Answer::Object(*object, version)
        }
    }
}
