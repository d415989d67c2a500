//! The queue as a user's program sees it.

use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use b24_offline_core::{
    Config, ConfigError, Connector, Durability, End, EventName, Failure, InvalidValue,
    JournalContents, Machine, Misuse, Redrive, Status, Until, WriteResult,
};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::auth::AuthSource;
use crate::clock::{Clock, SystemClock};
use crate::drive::{Command, Parts, drive};
use crate::endpoint::portal_of;
use crate::handler::Handler;
use crate::http::{HttpError, HttpSettings};
use crate::journal::{Journal, JournalError, SqliteJournal};
use crate::report::Report;
use crate::transport::{HttpTransport, Transport};

/// The offline-event queue of one application on one portal, ready to be run.
///
/// [`Queue::builder`] makes one over HTTP with a SQLite journal; [`Queue::with_parts`] one of any
/// transport, journal and clock. Dropping the future of [`Queue::run`] is the same as a crash: the
/// next start on the same journal carries on without loss.
///
/// ```no_run
/// use b24_offline::{Change, Endpoint, HttpSettings, OAuthFile, Queue, Verdict, each};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::parse("https://portal.example/rest/")?;
/// let auth = OAuthFile::open("auth.json", &endpoint, &HttpSettings::default())?;
/// let queue = Queue::builder(auth)
///     .events(["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE"])
///     .connector("warehouse")
///     .journal("queue.db")
///     .open()?;
/// let store = |change: Change| async move {
///     println!("{}", change.json_line());
///     Verdict::Done
/// };
/// queue.run(each(store)).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a queue does nothing until it is run"]
pub struct Queue<T, J, C = SystemClock> {
    machine: Machine,
    transport: T,
    journal: J,
    clock: C,
    report: Arc<dyn Fn(Report) + Send + Sync>,
    handle: Handle,
    commands: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
}

/// Speaks to a running queue; its clones speak to the same one.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
}

/// Why a queue can't be opened, in a sentence that says what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// A name of an event or the connector is wrong.
    #[error(transparent)]
    Value(#[from] InvalidValue),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// HTTP can't be spoken.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl OpenError {
    /// The exit code of the `listen` programs: 5 for a journal in use, 2 for all that the user
    /// configured, 1 for the rest.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            OpenError::Journal(JournalError::InUse { .. }) => 5,
            OpenError::Http(HttpError::Client(_)) => 1,
            OpenError::Value(_)
            | OpenError::Config(_)
            | OpenError::Journal(_)
            | OpenError::Http(HttpError::Ca) => 2,
        }
    }
}

/// Why a queue ended without having been asked to.
#[derive(Debug, Error)]
pub enum RunError {
    /// It can't go on without a person; nothing is lost.
    #[error("{0}")]
    Failed(Failure),
    /// A mistake in this crate.
    #[error("the drive loop broke its contract, which is a mistake in b24-offline: {0}")]
    Misuse(#[from] Misuse),
}

impl RunError {
    /// The exit code of the `listen` programs.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            RunError::Failed(failure) => failure.exit_code(),
            RunError::Misuse(_) => 1,
        }
    }
}

/// Why a write was not even tried.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The parameters are not the JSON text of an object.
    #[error("the parameters of {method} are not the JSON text of an object")]
    Params {
        /// The method.
        method: String,
    },
    /// The queue has ended, or ended before there was a result: the write was perhaps executed.
    #[error("the queue ended before the result of {method} was known")]
    Ended {
        /// The method.
        method: String,
    },
}

/// Collects what a [`Queue`] over HTTP needs. Every default is that of [`Config::new`], without a
/// journal.
#[must_use = "nothing happens before open"]
pub struct QueueBuilder<A> {
    auth: A,
    config: Config,
    journal: Option<PathBuf>,
    http: HttpSettings,
    report: Arc<dyn Fn(Report) + Send + Sync>,
    wrong: Option<InvalidValue>,
}

impl Queue<(), ()> {
    /// Starts with the authorisation, which also names the portal.
    pub fn builder<A: AuthSource>(auth: A) -> QueueBuilder<A> {
        let mut config = Config::new(portal_of(auth.base_url()), Vec::new());
        config.journal = Durability::None;
        QueueBuilder {
            auth,
            config,
            journal: None,
            http: HttpSettings::default(),
            report: Arc::new(|_| {}),
            wrong: None,
        }
    }
}

impl<A: AuthSource> QueueBuilder<A> {
    /// Events to be recorded and delivered, such as `ONCRMDEALUPDATE`; they add up.
    pub fn events<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        for name in names {
            match EventName::new(name) {
                Ok(event) => self.config.events.push(event),
                Err(wrong) => self.wrong = self.wrong.or(Some(wrong)),
            }
        }
        self
    }

    /// The source key: a queue of its own that leaves out this program's own writes (F23).
    pub fn connector(mut self, name: impl Into<String>) -> Self {
        match Connector::new(name) {
            Ok(connector) => self.config.connector = Some(connector),
            Err(wrong) => self.wrong = self.wrong.or(Some(wrong)),
        }
        self
    }

    /// Where the journal lies: a SQLite file, made where it is missing.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.journal = Durability::Durable;
        self.journal = Some(path.into());
        self
    }

    /// Ends the run by itself when the queue is empty.
    pub fn until_empty(mut self) -> Self {
        self.config.until = Until::Empty;
        self
    }

    /// Changes anything else of the configuration.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// How HTTP is spoken.
    pub fn http(mut self, http: HttpSettings) -> Self {
        self.http = http;
        self
    }

    /// Called with everything a person may want to know; it should return at once.
    pub fn on_report(mut self, report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        self.report = Arc::new(report);
        self
    }

    /// Opens the journal and checks everything; nothing is sent yet.
    ///
    /// # Errors
    /// [`OpenError`]: a wrong name or configuration, or a journal that is in use, unusable or
    /// another queue's.
    pub fn open(self) -> Result<Queue<HttpTransport<A>, Option<SqliteJournal>>, OpenError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong.into());
        }
        let transport = HttpTransport::new(self.auth, &self.http)?;
        let (journal, contents) = match self.journal {
            Some(path) => {
                let (journal, contents) = SqliteJournal::open(path, None)?;
                (Some(journal), contents)
            }
            None => (None, JournalContents::default()),
        };
        let queue = Queue::with_parts(self.config, contents, transport, journal, SystemClock)?;
        Ok(Queue { report: self.report, ..queue })
    }
}

impl<T: Transport, J: Journal, C: Clock> Queue<T, J, C> {
    /// A queue of one's own parts. `contents` is what the journal holds; without a journal
    /// `config.journal` must be [`Durability::None`].
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration is wrong or the journal is another queue's.
    pub fn with_parts(
        config: Config,
        contents: JournalContents,
        transport: T,
        journal: J,
        clock: C,
    ) -> Result<Queue<T, J, C>, ConfigError> {
        // keyed anew in each process
        let seed = RandomState::new().build_hasher().finish();
        let machine = Machine::open(config, contents, seed, clock.now())?;
        let (sender, commands) = mpsc::unbounded_channel();
        let (status, watched) = watch::channel(machine.status());
        let handle = Handle { commands: sender, status: watched };
        let report = Arc::new(|_| {});
        Ok(Queue { machine, transport, journal, clock, report, handle, commands, status })
    }

    /// Called with everything a person may want to know; it should return at once.
    pub fn on_report(self, report: impl Fn(Report) + Send + Sync + 'static) -> Self {
        Queue { report: Arc::new(report), ..self }
    }

    /// Speaks to the queue while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Drains the queue until [`Handle::stop`], or until it is empty where that was asked for.
    ///
    /// # Errors
    /// [`RunError`] when it can't go on without a person.
    pub async fn run(self, handler: impl Handler) -> Result<End, RunError> {
        let Queue { machine, transport, journal, clock, report, handle, commands, status } = self;
        // a handle kept here would keep the commands open
        drop(handle);
        let (transport, handler) = (Arc::new(transport), Arc::new(handler));
        let parts = Parts { transport: transport.clone(), journal, clock, handler, report };
        let ended = drive(machine, parts, commands, status).await;
        transport.finish().await;
        match ended? {
            End::Failed(failure) => Err(RunError::Failed(failure)),
            end @ (End::Empty | End::Stopped) => Ok(end),
        }
    }
}

impl Handle {
    /// Says that there may be new records: they are looked for at once.
    pub fn nudge(&self) {
        self.give(Command::Nudge);
    }

    /// Ends the run: nothing new is reserved, the running handler is waited for (30 s at most),
    /// what was judged is settled.
    pub fn stop(&self) {
        self.give(Command::Stop);
    }

    /// Drives parked objects again.
    pub fn redrive(&self, which: Redrive) {
        self.give(Command::Redrive(which));
    }

    /// Calls a modifying method with the queue's connector, so that the change does not come back,
    /// within the queue's budget of requests. `params` is the JSON text of an object. The write is
    /// queued when this is called; it is never repeated.
    ///
    /// # Errors
    /// [`WriteError`] when it was not tried, or the queue ended first.
    pub fn write(
        &self,
        method: impl Into<String>,
        params: impl Into<String>,
    ) -> impl Future<Output = Result<WriteResult, WriteError>> + Send + 'static {
        let (method, params) = (method.into(), params.into());
        let (answer, result) = oneshot::channel();
        let object = serde_json::from_str::<serde_json::Map<_, _>>(&params).is_ok();
        if object {
            self.give(Command::Write { method: method.clone(), params, answer });
        }
        async move {
            if !object {
                return Err(WriteError::Params { method });
            }
            result.await.map_err(|_| WriteError::Ended { method })
        }
    }

    /// How the queue is doing; cheap.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    fn give(&self, command: Command) {
        // a queue that has ended needs no command
        let _ = self.commands.send(command);
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({:?})", self.status.borrow().phase)
    }
}

impl<T, J, C> std::fmt::Debug for Queue<T, J, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue({:?})", self.handle)
    }
}

impl<A> std::fmt::Debug for QueueBuilder<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
