//! The format of a scenario file; `README.md` explains it to authors.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use b24_offline_emulator::{Feature, Limits, Personality, Plan};
use serde::Deserialize;
use serde_json::{Map, Value};

pub mod condition;
pub mod expect;
pub mod options;
pub mod rule;
pub mod step;

use expect::Expect;
use options::Options;
use rule::Rule;
use step::Step;

/// One scenario: a portal, how `listen` is started, what happens, what has to come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// One sentence.
    pub title: String,
    /// What a passed run proves.
    pub shows: String,
    /// On which portals it is played; both if left out.
    #[serde(default = "both")]
    pub personalities: Vec<Personality>,
    /// Whether it waits for a real minute; such tests take no turn from the others.
    #[serde(default)]
    pub waits_a_minute: bool,
    /// The portal before the first step.
    #[serde(default)]
    pub portal: PortalSetup,
    /// The auth file before the first step.
    #[serde(default)]
    pub auth: AuthSetup,
    /// The options of `listen`.
    pub listen: Options,
    /// What the handler of `--exec` does; a change that no rule is for is done.
    #[serde(default)]
    pub handler: Vec<Rule>,
    /// What happens, one after the other; a start and an end with 0 if left out.
    #[serde(default = "plain")]
    pub steps: Vec<Step>,
    /// What has to hold at the end.
    #[serde(default)]
    pub expect: Expect,
}

fn both() -> Vec<Personality> {
    vec![Personality::Documented, Personality::Source]
}

fn plain() -> Vec<Step> {
    vec![Step::Start(step::Start::default()), Step::Exit(step::Exit::default())]
}

/// The portal before the first step. It answers at once.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSetup {
    /// Its plan; all features if left out.
    pub plan: PlanName,
    /// Its bucket; none if left out.
    pub limits: Option<Limits>,
    /// The events that an earlier run has bound for the connector of `[listen]`; all events of `[listen]` if left out.
    pub bound: Option<Vec<String>>,
    /// The objects that people made since then.
    pub objects: Vec<Objects>,
}

/// Objects of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// Such as `crm.deal` or `crm.item:1220`.
    pub kind: String,
    /// How many; their ids count from 1 in each kind.
    #[serde(default = "one")]
    pub count: usize,
    /// Their fields, as the portal names them.
    #[serde(default)]
    pub fields: Map<String, Value>,
}

fn one() -> usize {
    1
}

/// The features of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanName {
    /// All features.
    #[default]
    Full,
    /// No reservation: `rest_offline_extended` is off.
    NoReservation,
    /// No connectors: `rest_auth_connector` is off.
    NoConnector,
    /// Neither.
    Basic,
    /// All features, told as a self-hosted portal does.
    SelfHosted,
}

impl PlanName {
    /// What the emulator is told.
    #[must_use]
    pub fn plan(self) -> Plan {
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

/// The auth file before the first step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthSetup {
    /// There is none.
    pub missing: bool,
    /// Fields that it lacks.
    pub without: Vec<String>,
    /// Further texts that nothing may show, such as a password in an address.
    pub secrets: Vec<String>,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// A file that can't be read, a field that is not known here, a scenario that makes no sense.
    pub fn read(path: &Path) -> Result<Scenario> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("{} can't be read", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Scenario::parse(&name, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`Scenario::read`].
    ///
    /// ```
    /// use b24_offline_conformance::Scenario;
    /// let text = r#"
    ///     title = "Deals are drained."
    ///     shows = "Nothing is lost."
    ///     listen.events = ["ONCRMDEALADD"]
    ///     [[portal.objects]]
    ///     kind = "crm.deal"
    /// "#;
    /// assert_eq!(Scenario::parse("drain", text).unwrap().steps.len(), 2);
    /// assert!(Scenario::parse("drain", &format!("{text}\ncolour = 1")).is_err());
    /// ```
    pub fn parse(name: &str, text: &str) -> Result<Scenario> {
        let parsed: Result<Scenario, _> = toml::from_str(text);
        let mut scenario = parsed.with_context(|| format!("the scenario {name}"))?;
        name.clone_into(&mut scenario.name);
        scenario.check().with_context(|| format!("the scenario {name}"))?;
        Ok(scenario)
    }

    /// All `*.toml` files of a folder, by name.
    ///
    /// # Errors
    /// As [`Scenario::read`]; a folder without any.
    pub fn read_all(folder: &Path) -> Result<Vec<Scenario>> {
        let listed = fs::read_dir(folder)
            .with_context(|| format!("the folder {} can't be read", folder.display()))?;
        let mut scenarios = Vec::new();
        for entry in listed {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "toml") {
                scenarios.push(Scenario::read(&path)?);
            }
        }
        ensure!(!scenarios.is_empty(), "there is no scenario in {}", folder.display());
        scenarios.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(scenarios)
    }

    /// What no type can say.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most steps need no check")]
    fn check(&self) -> Result<()> {
        ensure!(self.title.ends_with('.'), "the title is no sentence");
        ensure!(!self.shows.trim().is_empty(), "'shows' is empty");
        ensure!(!self.personalities.is_empty(), "it is played on no portal");
        ensure!(!self.listen.events().is_empty(), "[listen] names no event");
        let mut options = vec![self.listen.clone()];
        let mut running = Vec::new();
        for step in &self.steps {
            match step {
                Step::Start(start) => {
                    ensure!(!running.contains(&&start.name), "'{}' runs already", start.name);
                    running.push(&start.name);
                    options.push(start.listen.over(&self.listen));
                }
                Step::Exit(step::Exit { name, .. }) | Step::Kill(name) => {
                    let Some(at) = running.iter().position(|other| *other == name) else {
                        bail!("'{name}' does not run when it is to end");
                    };
                    running.remove(at);
                }
                Step::Fault(fault) => fault.check()?,
                _ => {}
            }
        }
        ensure!(running.is_empty(), "{running:?} never ends: add an exit or a kill");
        let no_handler = options.iter().all(|options| !options.runs_handler());
        ensure!(
            self.handler.is_empty() || !no_handler,
            "there are rules, but no output = \"exec\""
        );
        Ok(())
    }
}
