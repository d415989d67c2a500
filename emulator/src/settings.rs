//! What kind of portal it is: personality, plan, limits, costs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the documentation and the server's own source disagree, whom the portal follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personality {
    /// The official documentation (F4: 30 days, F6: filters on TIMESTAMP_X, F13: disjoint batches, F15: `id` wins,
    /// F25: the application's own change comes back).
    #[default]
    Documented,
    /// The server's own source (F4: 2,952,000 s, F6: no filter on TIMESTAMP_X, F13: two-step marking, F15:
    /// `message_id` wins, F25: the application's own change is skipped).
    Source,
}

/// Whether the plan has a feature, as `feature.get` tells it (F22).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// `{"value": "Y"}`.
    #[default]
    On,
    /// `{"value": "N"}`.
    Off,
    /// `{"value": true}`, the older form of "on".
    OnAsBoolean,
    /// `{"value": false}`, the older form of "off".
    OffAsBoolean,
    /// `{"value": "en_selfhosted"}`: a self-hosted portal, always allowed.
    SelfHosted,
}

impl Feature {
    /// Whether calls that need the feature are allowed.
    pub fn allowed(self) -> bool {
        match self {
            Feature::On | Feature::OnAsBoolean | Feature::SelfHosted => true,
            Feature::Off | Feature::OffAsBoolean => false,
        }
    }
}

/// The features of the plan that the offline queue depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// `rest_offline_extended`: reservation with `clear=0` (F11).
    pub offline_extended: Feature,
    /// `rest_auth_connector`: queues with a source (F24).
    pub auth_connector: Feature,
}

/// The leaky bucket (F29).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// Leaks 2 requests a second, blocks above 50.
    #[default]
    Standard,
    /// Leaks 5 requests a second, blocks above 250.
    Enterprise,
    /// No bucket.
    Off,
}

/// Whom the run time of a batch's sub-calls is charged to (F30).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Each sub-call to its own method, `batch` itself is exempt (documentation and source).
    #[default]
    Methods,
    /// All of it to `batch` (measured on a live portal).
    Batch,
    /// No counters at all: answers carry neither `operating` nor `operating_reset_at`, nothing is refused.
    Absent,
}

/// The operating limit (F30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Operating {
    /// Run time of one method within ten minutes after which its next call is refused, in milliseconds.
    pub limit_ms: u64,
    /// How a batch is charged.
    pub charge: Charge,
}

impl Default for Operating {
    fn default() -> Operating {
        Operating { limit_ms: 480_000, charge: Charge::default() }
    }
}

/// The run time of a method: `base_ms` and, for each row it returns or touches, `per_row_us`. Nothing is random,
/// so one seed and one sequence of calls give one sequence of answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Costs {
    /// Milliseconds of each method call.
    pub base_ms: u64,
    /// Microseconds of each row returned, changed or deleted.
    pub per_row_us: u64,
    /// Milliseconds that a call takes on top, by method name in lower case.
    pub extra_ms: BTreeMap<String, u64>,
}

impl Default for Costs {
    fn default() -> Costs {
        Costs { base_ms: 20, per_row_us: 300, extra_ms: BTreeMap::new() }
    }
}

/// Everything that is decided before the portal opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Documentation or source.
    pub personality: Personality,
    /// The plan's features.
    pub plan: Plan,
    /// The leaky bucket.
    pub limits: Limits,
    /// The operating limit.
    pub operating: Operating,
    /// The run time of methods.
    pub costs: Costs,
    /// Where ids of processes, tokens and codes come from.
    pub seed: u64,
    /// How many variables of a form or of a sub-call's query string are read; the rest is cut silently.
    pub max_input_vars: usize,
    /// The longest a request may run, in milliseconds (F31).
    pub request_limit_ms: u64,
    /// The portal's host name, as it stands in answers of the OAuth server.
    pub domain: String,
    /// Whether the portal's addresses in those answers are `https://`; a real portal knows no other.
    pub tls: bool,
    /// The portal's time zone, minutes east of UTC; 0 gives `+00:00`.
    pub utc_offset_minutes: i16,
    /// What the application may use: `crm`, `task`, `user`, … (`insufficient_scope`, F33).
    pub scopes: Vec<String>,
}

impl Settings {
    /// The address under which the portal answers REST.
    pub(crate) fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}/rest/", self.domain)
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let scopes = [
            "crm",
            "task",
            "tasks",
            "user",
            "sonet",
            "sonet_group",
            "sale",
            "booking",
            "calendar",
            "log",
        ];
        Settings {
            personality: Personality::default(),
            plan: Plan::default(),
            limits: Limits::default(),
            operating: Operating::default(),
            costs: Costs::default(),
            seed: 0,
            max_input_vars: 1_000,
            request_limit_ms: 60_000,
            domain: "portal.example".to_owned(),
            tls: true,
            utc_offset_minutes: 0,
            scopes: scopes.map(str::to_owned).to_vec(),
        }
    }
}
