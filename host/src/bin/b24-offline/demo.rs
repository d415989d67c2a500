//! `demo`: an emulated portal drained in this process, while much goes wrong on purpose.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use b24_offline::{Endpoint, HttpSettings, HttpTransport, OAuthFile, Queue, SqliteJournal};
use b24_offline_emulator::Settings;
use b24_offline_emulator::server::{ServeOptions, serve};
use clap::Args;
use tokio::task::{JoinSet, spawn_blocking};

mod documented;
mod figures;
mod people;
mod scene;
mod show;
mod target;

use crate::emulator::{PersonalityName, write_auth};
use crate::limits::LimitsName;
use crate::signals::Signals;
use documented::Documented;
use figures::Figures;
use people::{KINDS, People};
use scene::Scene;
use show::Show;
use target::Target;

/// The source key of the queue and of the writes.
const CONNECTOR: &str = "warehouse";
/// While the queue is drained, people make at most so many changes a second.
const CHANGES_PER_SECOND: u64 = 1_000;
/// They need at least so long for them.
const AT_WORK_SECONDS: u64 = 2;
/// They do it in portions, so often.
const PORTION: Duration = Duration::from_millis(50);

/// Drains 20,000 changes of an emulated portal while much goes wrong on purpose, and shows that
/// nothing is lost
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// How many changes people make on the portal, 200 to 1000000
    #[arg(long, value_name = "N", default_value_t = 20_000,
        value_parser = clap::value_parser!(u64).range(200..=1_000_000))]
    changes: u64,

    /// What the changes and all that is random in the portal are made of
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Whom the portal follows where the documentation and the server's source differ
    #[arg(long, value_enum, default_value_t = PersonalityName::Documented)]
    personality: PersonalityName,

    /// The portal's bucket of requests: 2/s and 50, 5/s and 250, none
    #[arg(long, value_enum, default_value_t = LimitsName::Standard)]
    limits: LimitsName,

    /// Ends with one JSON line on standard output in place of the table
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
It needs no portal and no network: the portal is emulated in this process, and what drains its queue
is the same that `listen` runs, over HTTP. What was lost and what came back is the portal's own
account, not the consumer's.

Exit codes: 0 every change was delivered or parked, no own write came back and the portal refused no
request for its limit, 1 otherwise.";

impl Options {
    fn settings(&self) -> Settings {
        Settings {
            personality: self.personality.personality(),
            limits: self.limits.limits(),
            seed: self.seed,
            ..Settings::default()
        }
    }

    fn people(&self) -> People {
        People::new(self.seed, self.changes)
    }

    fn rate(&self) -> Rate {
        let before = self.changes * 3 / 5;
        let rest = self.changes - before;
        Rate { before, per_second: (rest / AT_WORK_SECONDS).clamp(1, CHANGES_PER_SECOND) }
    }
}

/// When people make their changes.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// So many wait when the draining begins.
    before: u64,
    /// So many follow each second.
    per_second: u64,
}

impl Rate {
    /// How many are made by then.
    fn made_after(self, milliseconds: u64) -> u64 {
        self.before + self.per_second * milliseconds / 1_000
    }
}

/// Runs to the end and gives the exit code.
pub(crate) async fn run(options: Options) -> u8 {
    let mut signals = Signals::new();
    let outcome = tokio::select! {
        outcome = play(&options) => outcome,
        () = signals.next() => Err(anyhow::anyhow!("stopped before its end")),
    };
    match outcome {
        Ok(figures) => {
            let text = if options.json { figures.json_line() } else { figures.table() };
            // nobody is left to be told that standard output is closed
            let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
            u8::from(!figures.is_clean())
        }
        Err(error) => {
            eprintln!("b24-offline: error: {error:#}");
            1
        }
    }
}

async fn play(options: &Options) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir()?;
    let served = ServeOptions {
        settings: options.settings(),
        http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        ..ServeOptions::default()
    };
    let portal = serve(served).await?;
    let auth_file = folder.path().join("auth.json");
    write_auth(&auth_file, &portal)?;
    let scene = Arc::new(Scene::new(portal, Show::new(options.changes), options.changes));
    let (mut people, rate) = (options.people(), options.rate());
    scene.bind();
    scene.change(&mut people, rate.before);
    let waiting = show::grouped(rate.before);
    let port = scene.portal.http.port();
    scene.show.say(&format!(
        "{waiting} changes wait on an emulated portal at http://localhost:{port}/, more are being \
         made; its queue is drained over HTTP"
    ));
    let (settings, rival) = (options.settings(), options.people());
    let documented = spawn_blocking(move || Documented::measure(settings, rival, rate));
    let mut at_work = JoinSet::new();
    at_work.spawn(make_the_rest(scene.clone(), people, rate));
    drain(&scene, &auth_file, &folder.path().join("queue.db"), options.limits).await?;
    let seconds = scene.show.elapsed().as_secs_f64();
    scene.show.end();
    let documented = documented.await??;
    Ok(Figures::new(&scene, options, seconds, &documented))
}

/// People go on while the queue is drained.
async fn make_the_rest(scene: Arc<Scene>, mut people: People, rate: Rate) {
    let (began, mut portions) = (Instant::now(), tokio::time::interval(PORTION));
    loop {
        portions.tick().await;
        let passed = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = rate.made_after(passed).saturating_sub(people.made());
        scene.change(&mut people, due);
        scene.tell_of_lost_answer();
    }
}

/// Runs consumers until the queue is empty: each that is killed has a successor on its journal.
async fn drain(
    scene: &Arc<Scene>,
    auth_file: &Path,
    journal: &Path,
    limits: LimitsName,
) -> anyhow::Result<()> {
    let endpoint = format!("http://localhost:{}/rest/", scene.portal.http.port());
    let endpoint = Endpoint::parse_with_http(&endpoint)?;
    loop {
        let auth = OAuthFile::open(auth_file, &endpoint, &HttpSettings::default())?;
        let queue = open(scene, auth, journal, limits)?;
        let target = Target::new(scene.clone(), queue.handle());
        tokio::select! {
            ended = queue.run(target) => {
                ended?;
                if scene.all_changes_are_made() {
                    return Ok(());
                }
            }
            () = scene.killed() => {
                scene.tell_of_lost_answer();
                scene.show.say(
                    "the consumer was killed in the middle of a batch, and another started on its \
                     journal",
                );
            }
        }
    }
}

type DemoQueue = Queue<HttpTransport<OAuthFile>, Option<SqliteJournal>>;

fn open(
    scene: &Arc<Scene>,
    auth: OAuthFile,
    journal: &Path,
    limits: LimitsName,
) -> anyhow::Result<DemoQueue> {
    let told = scene.clone();
    let queue = Queue::builder(auth)
        .events(KINDS.iter().flat_map(people::Kind::events))
        .connector(CONNECTOR)
        .journal(journal)
        .until_empty()
        .configure(|config| config.limits = limits.kept_to())
        .on_report(move |report| told.heard(&report))
        .open()?;
    Ok(queue)
}
