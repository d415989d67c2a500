//! `emulator`: serves an emulated portal.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use b24_offline_emulator::server::{Running, ServeError, ServeOptions, serve};
use b24_offline_emulator::{Feature, Personality, Plan, Settings};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::limits::LimitsName;
use crate::signals::Signals;

/// Serves an emulated portal for trials and tests
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Where plain HTTP listens on this machine; 0 takes a free port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// Serves HTTPS too, on a free port
    #[arg(long)]
    tls: bool,

    /// Serves HTTPS too, on this port
    #[arg(long, value_name = "PORT")]
    tls_port: Option<u16>,

    /// Whom the portal follows where the documentation and the server's source differ
    #[arg(long, value_enum, default_value_t = PersonalityName::Documented)]
    personality: PersonalityName,

    /// Which features the portal's plan has
    #[arg(long, value_enum, default_value_t = PlanName::Full)]
    plan: PlanName,

    /// The portal's bucket of requests: 2/s and 50, 5/s and 250, none
    #[arg(long, value_enum, default_value_t = LimitsName::Standard)]
    limits: LimitsName,

    /// What all that is random in the portal is made of
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Writes an auth file of the administrator, as `listen --auth` reads it
    #[arg(long, value_name = "FILE")]
    auth_out: Option<PathBuf>,

    /// Writes the certificate of the authority that HTTPS uses, as `listen --ca` reads it
    #[arg(long, value_name = "FILE")]
    ca_out: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
When it is ready it prints one JSON line: {\"http\": URL, \"https\": URL or null, \"control\": URL}.
Under the control address are routes that make objects and faults and tell what was lost, such as
  curl -s -d '{\"kind\": \"crm.deal\", \"count\": 3}' http://localhost:8300/control/objects/create
  curl -s http://localhost:8300/control/audit
GET /control/ lists them all. The audit only knows the deliveries that it is told of, as lines that
`listen --jsonl` wrote:
  curl -s --data-binary @lines http://localhost:8300/control/delivered

Example, over HTTPS:
  b24-offline emulator --port 8300 --tls-port 8301 --auth-out auth.json --ca-out ca.pem
  b24-offline listen --endpoint https://localhost:8301/rest/ --ca ca.pem --auth auth.json \\
    --event ONCRMDEALADD --jsonl";

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PersonalityName {
    /// The official documentation
    Documented,
    /// The server's own source
    Source,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PlanName {
    /// All features
    Full,
    /// No reservation: rest_offline_extended is off
    NoReservation,
    /// No connectors: rest_auth_connector is off
    NoConnector,
    /// Neither
    Basic,
    /// All features, told as a self-hosted portal does
    SelfHosted,
}

/// Serves until a signal and gives the exit code.
pub(crate) async fn run(options: Options) -> u8 {
    if options.ca_out.is_some() && !options.tls && options.tls_port.is_none() {
        eprintln!(
            "b24-offline: error: without HTTPS there is no certificate for --ca-out; give --tls or \
             --tls-port too"
        );
        return 2;
    }
    match serve_until_signal(&options).await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("b24-offline: error: {error:#}{}", options.advice(&error));
            1
        }
    }
}

async fn serve_until_signal(options: &Options) -> anyhow::Result<()> {
    let mut signals = Signals::new();
    let running = serve(options.served()).await?;
    if let Some(path) = &options.auth_out {
        write_auth(path, &running)?;
    }
    let url = |scheme: &str, address: SocketAddr, path: &str| {
        format!("{scheme}://localhost:{}/{path}/", address.port())
    };
    let ready = json!({
        "http": url("http", running.http, "rest"),
        "https": running.https.map(|address| url("https", address, "rest")),
        "control": url("http", running.http, "control"),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    signals.next().await;
    running.shutdown().await;
    Ok(())
}

impl Options {
    /// What to do about an error.
    fn advice(&self, error: &anyhow::Error) -> &'static str {
        match error.downcast_ref() {
            Some(ServeError::Listen { address, .. }) if Some(address.port()) == self.tls_port => {
                "; choose another --tls-port"
            }
            Some(ServeError::Listen { .. }) => "; choose another --port",
            Some(_) | None => "",
        }
    }

    fn served(&self) -> ServeOptions {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut settings = Settings {
            personality: self.personality.personality(),
            plan: self.plan.plan(),
            limits: self.limits.limits(),
            ..Settings::default()
        };
        if let Some(seed) = self.seed {
            settings.seed = seed;
        }
        ServeOptions {
            settings,
            http: local(self.port),
            https: self.tls_port.or(self.tls.then_some(0)).map(local),
            ca_file: self.ca_out.clone(),
            ..ServeOptions::default()
        }
    }
}

impl PersonalityName {
    pub(crate) fn personality(self) -> Personality {
        match self {
            PersonalityName::Documented => Personality::Documented,
            PersonalityName::Source => Personality::Source,
        }
    }
}

impl PlanName {
    fn plan(self) -> Plan {
        let (offline_extended, auth_connector) = match self {
            PlanName::Full => (Feature::On, Feature::On),
            PlanName::NoReservation => (Feature::Off, Feature::On),
            PlanName::NoConnector => (Feature::On, Feature::Off),
            PlanName::Basic => (Feature::Off, Feature::Off),
            PlanName::SelfHosted => (Feature::SelfHosted, Feature::SelfHosted),
        };
        Plan { offline_extended, auth_connector }
    }
}

/// The pair of the administrator, for the safest scheme that is served; readable by its owner only.
pub(crate) fn write_auth(path: &Path, running: &Running) -> anyhow::Result<()> {
    let (scheme, address) = match running.https {
        Some(address) => ("https", address),
        None => ("http", running.http),
    };
    let document = running.with_portal(|portal, _| {
        let tokens = portal.issue_token("1");
        portal.auth_document(&tokens, &format!("{scheme}://localhost:{}", address.port()))
    });
    let document = serde_json::Value::Object(document);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error| anyhow::anyhow!("{} can't be written: {error}", path.display());
    let mut file = options.open(path).map_err(failed)?;
    writeln!(file, "{document:#}").map_err(failed)
}
