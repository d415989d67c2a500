//! `--jsonl`: each change as one JSON line on standard output.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use b24_offline::{Batch, Handle, Handler, Verdict, Verdicts};
use tokio::sync::Mutex;

/// Writes the lines; a batch's lines stand together.
#[derive(Debug)]
pub(crate) struct StdoutLines {
    turn: Mutex<()>,
    closed: Arc<AtomicBool>,
    handle: Handle,
}

impl StdoutLines {
    /// `closed` is set, and the queue stopped, when standard output is closed.
    pub(crate) fn new(closed: Arc<AtomicBool>, handle: Handle) -> StdoutLines {
        StdoutLines { turn: Mutex::new(()), closed, handle }
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
        let verdict = match written.await {
            Ok(Ok(())) => Verdict::Done,
            // which lines still went through is not known
            Ok(Err(_)) | Err(_) => {
                self.closed.store(true, Ordering::Relaxed);
                self.handle.stop();
                Verdict::Retry { after: None }
            }
        };
        Verdicts::All { verdict, except: Vec::new() }
    }
}
