//! The options of `listen`, and the configuration that they make.

use std::path::PathBuf;

use b24_offline::{
    BatchSize, Config, Connector, Durability, Endpoint, EndpointError, EventName, InvalidValue,
    Millis, Mode, OnReject, Retrieve, Until,
};
use clap::{Args, ValueEnum};

use crate::limits::LimitsName;

/// Drains a queue and hands each change to a handler
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Listen {
    /// The portal's REST base, such as https://portal.example/rest/
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: String,

    /// Lets --endpoint and the token endpoint be plain http, on addresses of this machine only
    #[arg(long)]
    pub(crate) allow_http: bool,

    /// JSON file with access_token, refresh_token, client_id, client_secret, oauth_url; renewed
    /// tokens are written back
    #[arg(long, value_name = "FILE")]
    pub(crate) auth: PathBuf,

    /// Further certificate authorities in PEM form, for a self-hosted portal or the emulator
    #[arg(long, value_name = "FILE", env = "B24_OFFLINE_CA")]
    pub(crate) ca: Option<PathBuf>,

    /// The source key: a queue of its own, which leaves out what is written with the same key
    #[arg(long, value_name = "NAME")]
    connector: Option<String>,

    /// An event to record and deliver, such as ONCRMDEALUPDATE; repeat it for more
    #[arg(long = "event", value_name = "NAME", required = true)]
    events: Vec<String>,

    /// Where the journal lies (SQLite); without it a restart drives parked changes again
    #[arg(long, value_name = "PATH")]
    pub(crate) journal: Option<PathBuf>,

    /// Writes each change as one JSON line to standard output; a line written counts as done
    #[arg(long, conflicts_with = "exec")]
    pub(crate) jsonl: bool,

    /// Starts COMMAND through the shell for each batch, with the changes as JSON lines on its
    /// standard input; see below for its answer
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exec: Option<String>,

    /// Ends with 0 once nothing is left to do
    #[arg(long)]
    until_empty: bool,

    /// How long an empty queue is left alone, 0.01 to 86400 [default: 5];
    /// while nothing comes, up to six times as long and at most a minute
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    poll: Option<Millis>,

    /// How long between two searches for reservations that nobody owns, 0.01 to 86400
    /// [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    sweep: Option<Millis>,

    /// The delay before a change's second attempt, at most 3600; it doubles with each further one
    /// [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    retry_delay: Option<Millis>,

    /// How many attempts a change has before it is rejected, 1 to 1000 [default: 5]
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,

    /// The portal's bucket of requests to keep to: 2/s and 50, 5/s and 250, none
    #[arg(long, value_enum, default_value_t = LimitsName::Standard)]
    limits: LimitsName,

    /// What becomes of a rejected change: parked, or registered with event.offline.error first
    #[arg(long, value_enum, default_value_t = OnRejectName::Park)]
    on_reject: OnRejectName,

    /// Reservation, or lossless deletion, which needs --journal; auto goes by the portal's plan
    #[arg(long, value_enum, default_value_t = ModeName::Auto)]
    mode: ModeName,

    /// How the data is read: many objects a call, one by one, or not at all
    #[arg(long, value_enum, default_value_t = RetrieveName::List)]
    retrieve: RetrieveName,

    /// The most records reserved at once, 1 to 2250 [default: adaptive]
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,

    /// Writes FIELD of each object back to the portal after its change was judged done
    #[arg(long, value_name = "FIELD")]
    pub(crate) write_back: Option<String>,

    /// The form of the notices on standard error
    #[arg(long, value_enum, default_value_t = LogForm::Text)]
    pub(crate) log: LogForm,
}

const AFTER_HELP: &str = "\
A change on one line:
  {\"key\": \"812@…\", \"object\": {\"kind\": \"crm.deal\", \"id\": \"123\"},
   \"events\": [\"ONCRMDEALUPDATE\"], \"state\": \"present\", \"data\": {…}, \"changed_at\": \"…\",
   \"attempt\": 1, \"origin\": \"fresh\"}
The answer of --exec: exit code 0 and no output means all done. A line on standard output singles
out one change, all others are done; any other exit or output is a failed attempt of all of them,
and they are tried again as long as --attempts allows:
  {\"key\": \"812@…\", \"verdict\": \"retry\", \"after\": 60}
  {\"key\": \"812@…\", \"verdict\": \"reject\", \"reason\": \"no such customer\"}

SIGINT or SIGTERM stops in an orderly way: nothing new is reserved, the running handlers have 30 s,
what they judged is settled. A second signal, a second or more after the first, ends at once with 1.
Handlers that are given up get SIGTERM, their changes come again at the next start.

Examples:
  b24-offline listen --endpoint https://portal.example/rest/ --auth auth.json \\
    --event ONCRMDEALADD --event ONCRMDEALUPDATE --journal queue.db --jsonl
  b24-offline listen --endpoint https://portal.example/rest/ --auth auth.json \\
    --event ONCRMCONTACTUPDATE --connector warehouse --journal queue.db --exec ./to-warehouse

Exit codes: 0 done, 1 unexpected failure, 2 wrong usage or configuration, 3 sign in again,
4 rights or plan missing, 5 another process holds the journal, 6 the portal is gone or moved.
After any end the next start carries on without loss.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnRejectName {
    Park,
    Register,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    Reserve,
    Delete,
    Auto,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RetrieveName {
    List,
    Get,
    None,
}

/// The form of the notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogForm {
    /// One sentence a line
    Text,
    /// One JSON object a line
    Json,
}

impl Listen {
    /// The checked address.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        if self.allow_http {
            Endpoint::parse_with_http(&self.endpoint)
        } else {
            Endpoint::parse(&self.endpoint)
        }
    }

    /// What is wrong with options that make no sense together, or no sense at all.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !self.jsonl && self.exec.is_none() {
            return Err("nothing would receive the changes; give --jsonl to print them, or \
                        --exec COMMAND to run a program for each batch");
        }
        if self.exec.as_ref().is_some_and(|command| command.trim().is_empty()) {
            return Err("the command of --exec is empty, so every change would count as done; \
                        name a program");
        }
        let Some(field) = &self.write_back else { return Ok(()) };
        if field.trim().is_empty() {
            return Err("the field of --write-back is empty; name one, or leave the option out");
        }
        if matches!(self.retrieve, RetrieveName::None) {
            return Err("--write-back writes what was read, and --retrieve none reads nothing; \
                        leave one of them out");
        }
        Ok(())
    }

    /// The configuration of the machine; the journal is told to the builder.
    pub(crate) fn configure(&self, config: &mut Config) -> Result<(), InvalidValue> {
        config.events = self.events.iter().map(EventName::new).collect::<Result<_, _>>()?;
        config.connector = self.connector.as_ref().map(Connector::new).transpose()?;
        config.journal =
            if self.journal.is_some() { Durability::Durable } else { Durability::None };
        config.until = if self.until_empty { Until::Empty } else { Until::Stopped };
        config.poll = self.poll.unwrap_or(config.poll);
        config.sweep = self.sweep.unwrap_or(config.sweep);
        config.retry.first_delay = self.retry_delay.unwrap_or(config.retry.first_delay);
        config.retry.attempts = self.attempts.unwrap_or(config.retry.attempts);
        config.batch_size = self.batch_size.map_or(config.batch_size, BatchSize::Fixed);
        config.limits = self.limits.kept_to();
        config.on_reject = match self.on_reject {
            OnRejectName::Park => OnReject::Park,
            OnRejectName::Register => OnReject::Register,
        };
        config.mode = match self.mode {
            ModeName::Auto => Mode::Auto,
            ModeName::Reserve => Mode::Reserve,
            ModeName::Delete => Mode::Delete,
        };
        config.retrieve = match self.retrieve {
            RetrieveName::List => Retrieve::List,
            RetrieveName::Get => Retrieve::Get,
            RetrieveName::None => Retrieve::None,
        };
        Ok(())
    }
}

fn seconds(text: &str) -> Result<Millis, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err("seconds from 0 on, fractions allowed".to_owned());
    }
    // within the range above nothing is cut off but fractions of a millisecond
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let millis = (seconds * 1_000.0).round() as u64;
    Ok(Millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_may_have_fractions() {
        assert_eq!(seconds("0.25"), Ok(Millis(250)));
        assert_eq!(seconds("5"), Ok(Millis(5_000)));
        for wrong in ["-1", "NaN", "inf", "5s", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
