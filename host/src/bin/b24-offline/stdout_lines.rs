//! `--jsonl`: each change as one JSON line on standard output.

use std::io::{Error, Write};
use std::sync::{Arc, OnceLock};

use b24_offline::{Batch, Handle, Handler, Verdict, Verdicts};
use tokio::sync::Mutex;

/// Writes the lines; a batch's lines stand together.
#[derive(Debug)]
pub(crate) struct StdoutLines {
    turn: Mutex<()>,
    refused: Arc<OnceLock<Error>>,
    handle: Handle,
}

impl StdoutLines {
    /// `refused` is set, and the queue stopped, when standard output takes no more.
    pub(crate) fn new(refused: Arc<OnceLock<Error>>, handle: Handle) -> StdoutLines {
        StdoutLines { turn: Mutex::new(()), refused, handle }
    }
}

impl Handler for StdoutLines {
    async fn handle(&self, batch: Batch) -> Verdicts {
        let _turn = self.turn.lock().await;
        let written = tokio::task::spawn_blocking(move || {
            let mut out = std::io::stdout().lock();
            for change in &batch.changes {
                writeln!(out, "{}", change.json_line())?;
            }
            out.flush()
        });
        let verdict = match written.await.map_err(Error::other).flatten() {
            Ok(()) => Verdict::Done,
            // which lines still went through is not known
            Err(error) => {
                // the first error is the cause
                let _ = self.refused.set(error);
                self.handle.stop();
                Verdict::Retry { after: None }
            }
        };
        Verdicts::All { verdict, except: Vec::new() }
    }
}
