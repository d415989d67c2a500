//! `listen`: drains a queue and hands changes to a handler.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use b24_offline::{
    Handle, Handler, HttpSettings, HttpTransport, OAuthFile, OpenError, Queue, RunError,
    SqliteJournal,
};

use crate::exec::Exec;
use crate::follow_up::{FollowUp, Writes};
use crate::log::Log;
use crate::options::Listen;
use crate::signals::Signals;
use crate::stdout_lines::StdoutLines;

type ListenQueue = Queue<HttpTransport<OAuthFile>, Option<SqliteJournal>>;

/// A failure before anything was sent: a sentence and the exit code.
struct Refused {
    why: String,
    code: u8,
}

/// Wrong usage or configuration.
fn wrong(why: impl ToString) -> Refused {
    Refused { why: why.to_string(), code: 2 }
}

/// Runs to the end and gives the exit code.
pub(crate) async fn run(options: Listen) -> u8 {
    let log = Arc::new(Log::new(options.log));
    // before the first reservation, so that no signal ends the program without settling
    let signals = Signals::new();
    match open(&options, &log) {
        Ok(queue) => drain(options, queue, signals, log).await,
        Err(refused) => {
            log.error(&refused.why);
            refused.code
        }
    }
}

fn open(options: &Listen, log: &Arc<Log>) -> Result<ListenQueue, Refused> {
    if !options.jsonl && options.exec.is_none() {
        return Err(wrong(
            "nothing would receive the changes; give --jsonl to print them, or --exec COMMAND to \
             run a program for each batch",
        ));
    }
    let endpoint = options.endpoint().map_err(wrong)?;
    let ca = options.ca.as_deref().map(read_ca).transpose()?;
    let http = HttpSettings { ca, ..HttpSettings::default() };
    let auth = OAuthFile::open(&options.auth, &endpoint, &http).map_err(wrong)?;
    log.hide(auth.clone());
    let mut config_error = None;
    let mut builder = Queue::builder(auth).http(http);
    if let Some(path) = &options.journal {
        builder = builder.journal(path);
    } else {
        log.info(
            "there is no journal: nothing is lost, but a restart delivers again what was in hand \
             and drives parked changes again; give --journal PATH to avoid that",
        );
    }
    let reporter = log.clone();
    let queue = builder
        .configure(|config| config_error = options.configure(config).err())
        .on_report(move |report| reporter.report(&report));
    if let Some(error) = config_error {
        return Err(wrong(error));
    }
    queue
        .open()
        .map_err(|error: OpenError| Refused { why: error.to_string(), code: error.exit_code() })
}

fn read_ca(path: &Path) -> Result<Vec<u8>, Refused> {
    let sentence = |error| {
        let path = path.display();
        wrong(format!(
            "the certificate authorities in {path} can't be read ({error}); name a PEM file"
        ))
    };
    std::fs::read(path).map_err(sentence)
}

async fn drain(options: Listen, queue: ListenQueue, signals: Signals, log: Arc<Log>) -> u8 {
    let closed = Arc::new(AtomicBool::new(false));
    let running = Arc::new(Mutex::new(BTreeSet::new()));
    let handle = queue.handle();
    let run = Run { queue, handle: handle.clone(), signals, log: log.clone() };
    let code = match options.exec {
        Some(command) => {
            let handler = Exec::new(command, log.clone(), running.clone());
            run.drive(handler, options.write_back).await
        }
        None => {
            let handler = StdoutLines::new(closed.clone(), handle);
            run.drive(handler, options.write_back).await
        }
    };
    let left = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for pid in left {
        log.warning(&format!(
            "the handler still runs as process {pid}; its changes will be delivered again"
        ));
    }
    if closed.load(Ordering::Relaxed) {
        log.error(
            "standard output was closed; the lines that were not taken come again at the next start",
        );
        return 1;
    }
    code
}

/// A queue and what ends it.
struct Run {
    queue: ListenQueue,
    handle: Handle,
    signals: Signals,
    log: Arc<Log>,
}

impl Run {
    /// The first signal stops the queue in an orderly way, the second at once.
    async fn drive(self, inner: impl Handler, field: Option<String>) -> u8 {
        let Run { queue, handle, mut signals, log } = self;
        let writes = Arc::new(Writes::default());
        let handler = FollowUp {
            inner,
            field,
            handle: handle.clone(),
            log: log.clone(),
            writes: writes.clone(),
        };
        let ended = queue.run(handler);
        tokio::pin!(ended);
        let mut asked = false;
        loop {
            tokio::select! {
                outcome = &mut ended => {
                    writes.finish().await;
                    return code(outcome, &log);
                }
                () = signals.next() => {
                    if asked {
                        log.warning("stopped at once; the next start carries on without loss");
                        return 1;
                    }
                    asked = true;
                    log.info("stopping: what was judged is settled; a second signal ends at once");
                    handle.stop();
                }
            }
        }
    }
}

fn code<T>(outcome: Result<T, RunError>, log: &Log) -> u8 {
    match outcome {
        Ok(_) => 0,
        Err(error) => {
            if let RunError::Misuse(_) = error {
                log.error(&error.to_string());
            }
            // a failure was reported by the machine's own notice
            error.exit_code()
        }
    }
}
