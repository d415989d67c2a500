//! `listen`: drains a queue and hands changes to a handler.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use b24_offline::{
    Handle, Handler, HttpSettings, HttpTransport, OAuthFile, OpenError, Queue, RunError,
    SqliteJournal,
};

use crate::exec::Exec;
use crate::follow_up::{FollowUp, Unwritten, Writes};
use crate::log::Log;
use crate::options::Listen;
use crate::signals::{Signals, end_group};
use crate::stdout_lines::StdoutLines;

/// Signals closer than this to the first are the same request, sent twice: to the program and to its
/// group, as `timeout` does.
const ONE_REQUEST: Duration = Duration::from_secs(1);

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
    options.check().map_err(wrong)?;
    let endpoint = options.endpoint().map_err(wrong)?;
    let ca = options.ca.as_deref().map(read_ca).transpose()?;
    let http = HttpSettings { ca, ..HttpSettings::default() };
    let auth = OAuthFile::open(&options.auth, &endpoint, &http).map_err(wrong)?;
    log.hide(auth.clone());
    if options.journal.as_deref().is_some_and(|journal| is_same_file(journal, &options.auth)) {
        return Err(wrong("the journal and the auth file are one file; name another journal"));
    }
    let mut config_error = None;
    let mut builder = Queue::builder(auth).http(http);
    if let Some(path) = &options.journal {
        builder = builder.journal(path);
    }
    let reporter = log.clone();
    let queue = builder
        .configure(|config| config_error = options.configure(config).err())
        .on_report(move |report| reporter.report(&report));
    if let Some(error) = config_error {
        return Err(wrong(error));
    }
    let refused = |error: OpenError| Refused { why: error.to_string(), code: error.exit_code() };
    let queue = queue.open().map_err(refused)?;
    if options.journal.is_none() {
        log.info(
            "there is no journal: nothing is lost, but a restart delivers again what was in hand \
             and drives parked changes again; give --journal PATH to avoid that",
        );
    }
    Ok(queue)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
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
    let refused = Arc::new(OnceLock::new());
    let running = Arc::new(Mutex::new(BTreeSet::new()));
    let handle = queue.handle();
    let run = Run { queue, handle: handle.clone(), signals, log: log.clone() };
    let code = match options.exec {
        Some(command) => {
            let handler = Exec::new(command, log.clone(), running.clone());
            run.drive(handler, options.write_back).await
        }
        None => {
            let handler = StdoutLines::new(refused.clone(), handle);
            run.drive(handler, options.write_back).await
        }
    };
    let left = running.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for pid in left {
        let became = if end_group(pid) { "was told to end (SIGTERM)" } else { "still runs" };
        log.warning(&format!(
            "the handler that is process {pid} {became}; its changes will be delivered again"
        ));
    }
    if let Some(error) = refused.get() {
        let what = what_happened(error);
        log.error(&format!("{what}; the lines that were not taken come again at the next start"));
        return 1;
    }
    code
}

/// What happened to standard output.
fn what_happened(error: &Error) -> String {
    if error.kind() == ErrorKind::BrokenPipe {
        return "standard output was closed".to_owned();
    }
    format!("standard output takes no more ({error})")
}

/// A queue and what ends it.
struct Run {
    queue: ListenQueue,
    handle: Handle,
    signals: Signals,
    log: Arc<Log>,
}

impl Run {
    /// The first signal stops the queue in an orderly way, a later one at once.
    async fn drive(self, inner: impl Handler, field: Option<String>) -> u8 {
        let Run { queue, handle, mut signals, log } = self;
        let writes = Arc::new(Writes::default());
        let handler = FollowUp {
            inner,
            field,
            handle: handle.clone(),
            log: log.clone(),
            writes: writes.clone(),
            unwritten: Unwritten::default(),
        };
        let ended = queue.run(handler);
        tokio::pin!(ended);
        let mut asked: Option<Instant> = None;
        loop {
            tokio::select! {
                outcome = &mut ended => {
                    writes.finish().await;
                    return code(outcome, &log);
                }
                () = signals.next() => match asked {
                    Some(asked) if asked.elapsed() < ONE_REQUEST => {}
                    Some(_) => {
                        log.warning("stopped at once; the next start carries on without loss");
                        return 1;
                    }
                    None => {
                        asked = Some(Instant::now());
                        log.info(
                            "stopping: what was judged is settled; a second signal, a second or \
                             more from now, ends at once",
                        );
                        handle.stop();
                    }
                },
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
