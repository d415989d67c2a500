//! What became of a call: each sub-call of a batch is judged alone.

use crate::clock::Moment;
use crate::defect::Defect;
use crate::failure::Failure;
use crate::id::CallId;
use crate::input::{Lost, NotSent, Reply};
use crate::lane::Stage;
use crate::machine::{Asking, Machine, PhaseState};
use crate::notice::Notice;
use crate::retrieve::Reading;
use crate::round::{Ask, Asked, Round};
use crate::step::WriteResult;
use crate::time::Millis;
use crate::wire::answer::Timing;
use crate::wire::{Answered, ApiError, BatchAnswer, Class, SubAnswer, answer};

/// 48 lists of 50 objects.
pub(crate) const MOST_OBJECTS: usize = 2_400;
/// So long something else than a portal may answer before the start is given up.
pub(crate) const NOT_A_PORTAL: Millis = Millis::seconds(60);
/// So many rounds in a row may say that a fresh token has expired.
const MOST_EXPIRED: u32 = 5;

/// So often a batch must fail with an object, and succeed without it, to count as a failed reading.
const MOST_STRIKES: u32 = 3;

/// How a sub-call ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Surely not executed; it will be asked again.
    NotExecuted,
    /// Perhaps executed, perhaps later.
    Unknown,
}

impl Machine {
    pub(crate) fn replied(&mut self, id: CallId, reply: Reply) {
        // a second answer, or one that comes after the call was given up, counts for nothing
        let Some(call) = self.calls.remove(&id) else { return };
        match call.what {
            Asking::Round(round) => self.round_replied(round, reply),
            Asking::Write(write) => self.write_replied(write, reply),
        }
    }

    fn round_replied(&mut self, round: Round, reply: Reply) {
        match reply {
            Reply::NotSent(NotSent::SignInAgain { why }) => {
                self.miss_all(round, &Miss::NotExecuted);
                self.fail(Failure::SignInAgain { why });
            }
            Reply::NotSent(NotSent::Network { why } | NotSent::Refused { why }) => {
                self.miss_all(round, &Miss::NotExecuted);
                self.back_off(why);
            }
            Reply::Unknown { why } => self.round_lost(round, why, None),
            Reply::Answer { status, body } => match answer::read(status, &body) {
                Answered::Moved => {
                    self.miss_all(round, &Miss::NotExecuted);
                    let why = format!("it answers with a redirect, HTTP {status}");
                    self.fail(Failure::PortalGone { why });
                }
                Answered::Lost { how, why } => self.round_lost(round, how, Some(why)),
                Answered::Error(error) => self.round_refused(round, error),
                Answered::Result { result, timing } => match BatchAnswer::read(result) {
                    Some(batch) => self.round_answered(round, &batch, timing),
                    None => {
                        let why = "an answer that is not a batch's".to_owned();
                        self.round_lost(round, Lost::NotThePortal, Some(why));
                    }
                },
            },
        }
    }

    /// The outcome of every sub-call is unknown.
    fn round_lost(&mut self, round: Round, how: Lost, why: Option<String>) {
        let why = why.unwrap_or_else(|| match how {
            Lost::TimedOut => "the portal did not answer in time".into(),
            Lost::Broken => "the answer broke off".into(),
            Lost::TooLarge => "the answer is larger than is taken".into(),
            Lost::NotThePortal => "something else than the portal answered".into(),
        });
        if self.phase == PhaseState::Checking && how == Lost::NotThePortal && !self.check.again {
            let now = self.now();
            self.check.not_a_portal.get_or_insert((now, why.clone()));
            self.check_for_a_portal(now);
        }
        let (objects, first) = round.objects();
        if objects == 1 && self.read_cap <= 1 {
            self.suspect = first;
        }
        if objects > 0 {
            self.read_cap = (self.read_cap.min(objects) / 2).max(1);
        }
        if round.reserves() {
            self.reserve.shrink();
        }
        self.miss_all(round, &Miss::Unknown);
        self.back_off(why);
    }

    /// What answers at the start is not a portal.
    pub(crate) fn check_for_a_portal(&mut self, now: Moment) {
        if self.phase != PhaseState::Checking {
            return;
        }
        let over = |(since, _): &&(Moment, String)| since.plus(NOT_A_PORTAL) <= now;
        if let Some(why) = self.check.not_a_portal.as_ref().filter(over).map(|(_, why)| why.clone())
        {
            self.fail(Failure::NotAPortal { why });
        }
    }

    /// The batch as a whole was refused.
    fn round_refused(&mut self, round: Round, error: ApiError) {
        self.check.not_a_portal = None;
        let connects = self.phase != PhaseState::Checking || self.check.is_known();
        if error.class == Class::Server {
            let why = format!("the portal failed: {}", error.code);
            self.round_lost(round, Lost::NotThePortal, Some(why));
            return;
        }
        self.miss_all(round, &Miss::NotExecuted);
        match (error.class, self.config.connector.clone()) {
            (Class::Licence, Some(connector)) if connects => {
                if self.phase == PhaseState::Checking {
                    self.fail(Failure::PlanWithoutConnector { connector });
                } else {
                    self.check_again();
                    self.back_off("the portal's plan has changed".into());
                }
            }
            (Class::Operating, _) => self.limited("batch"),
            _ => self.common_error("batch", &error),
        }
    }

    /// What an error means whatever was asked; ends or slows down.
    pub(crate) fn common_error(&mut self, method: &str, error: &ApiError) {
        let words = || format!("{} {}", error.code, error.description).trim().to_owned();
        match error.class {
            Class::Expired => {
                self.together.expired = true;
                self.expired = self.expired.saturating_add(1);
                if self.expired >= MOST_EXPIRED {
                    let why = "the portal takes no fresh token".to_owned();
                    self.fail(Failure::SignInAgain { why });
                } else {
                    self.back_off("the token has expired".into());
                }
            }
            Class::SignIn => self.fail(Failure::SignInAgain { why: words() }),
            Class::Webhook => self.fail(Failure::Webhook),
            Class::NotAdministrator => self.fail(Failure::NotAdministrator),
            Class::Scope => self.fail(Failure::ScopeMissing { method: method.into() }),
            Class::PortalGone => self.fail(Failure::PortalGone { why: words() }),
            Class::Bucket => {
                let now = self.now();
                self.pace.bucket_full(now);
                self.book.counters.refused = self.book.counters.refused.saturating_add(1);
                self.back_off("the portal's limit of requests is reached".into());
            }
            Class::Operating => self.limited(method),
            Class::Licence
            | Class::Server
            | Class::NotFound
            | Class::UnknownEvent
            | Class::AlreadyBound
            | Class::NoSuchMethod
            | Class::Other => {
                self.trouble(method, format!("the portal refuses {method}: {}", words()));
            }
        }
    }

    fn limited(&mut self, method: &str) {
        if self.has(Defect::IgnoreOperating) {
            return;
        }
        let (now, portal) = (self.now(), self.book.portal_now());
        if let Some(delay) = self.pace.limited(method, now, portal) {
            self.notice(Notice::MethodLimited { method: method.into(), delay });
        }
    }

    /// One method fails: it alone waits, unless it is the batch itself.
    pub(crate) fn trouble(&mut self, method: &str, why: String) {
        if method == "batch" {
            self.back_off(why);
            return;
        }
        let now = self.now();
        self.together.troubled.insert(method.to_owned());
        if !self.pace.is_limited(method, now) {
            let delay = self.pace.method_failed(method, now, &mut self.book.random);
            self.notice(Notice::BackingOff { delay, why });
        }
    }

    pub(crate) fn back_off(&mut self, why: String) {
        let now = self.now();
        self.together.failed = true;
        if self.pace.is_backing_off(now) || matches!(self.phase, PhaseState::Ended(_)) {
            return;
        }
        let delay = self.pace.failed(now, &mut self.book.random);
        self.notice(Notice::BackingOff { delay, why });
    }

    /// The plan may have changed: nothing more is reserved before it is known.
    pub(crate) fn check_again(&mut self) {
        if self.phase == PhaseState::Running {
            self.check = crate::check::Check { again: true, ..Default::default() };
            self.phase = PhaseState::Checking;
        }
    }

    fn miss_all(&mut self, round: Round, miss: &Miss) {
        let miss = if self.has(Defect::UnknownIsNotExecuted) { &Miss::NotExecuted } else { miss };
        if *miss == Miss::Unknown {
            self.book.counters.unknown = self.book.counters.unknown.saturating_add(1);
            self.reserve.last_unknown = self.reserve.last_unknown.max(round.number);
        }
        for asked in round.asks {
            self.missed(asked.ask, miss);
        }
    }

    pub(crate) fn missed(&mut self, ask: Ask, miss: &Miss) {
        let now = self.now();
        match (ask, miss) {
            (Ask::Get { .. }, Miss::Unknown) if !self.has(Defect::RetryGet) => {
                self.reserve.after_sweep = true;
                self.sweep.demand(now);
            }
            (Ask::Error { key, .. }, miss)
                if *miss == Miss::NotExecuted || self.has(Defect::RepeatError) =>
            {
                self.lane.set_stage(&key, Stage::ErrorDue);
            }
            (Ask::Error { key, .. }, _) => self.rest(&key),
            (Ask::Write(write), Miss::Unknown) => {
                self.reserve.last_busy = self.book.rounds.saturating_add(1);
                self.written(&write, WriteResult::Unknown);
            }
            (Ask::Write(write), Miss::NotExecuted) => self.write_put_back(write),
            (Ask::Read(reading), _) => self.lane_unread(&reading),
            (Ask::Delete(run), Miss::NotExecuted) => self.deletion.again(run),
            (Ask::Delete(run), Miss::Unknown) => {
                self.deletion.lost(run, now);
                // it marks before it deletes, and may have died between (F7)
                self.sweep.demand(now);
            }
            (Ask::Bind(event), _) => self.rebind.missed(&event),
            (
                Ask::Get { .. }
                | Ask::Feature(_)
                | Ask::Bindings
                | Ask::Clear { .. }
                | Ask::List(_)
                | Ask::Lag
                | Ask::Sweep(_)
                | Ask::Probe { .. },
                _,
            ) => {}
        }
    }

    fn lane_unread(&mut self, reading: &Reading) {
        for key in reading.keys() {
            self.lane.unread_again(&key);
        }
    }

    /// The batch was executed, at least in part.
    fn round_answered(&mut self, round: Round, batch: &BatchAnswer<'_>, timing: Timing) {
        let (objects, _) = round.objects();
        if let Some(key) = self.suspect.take() {
            self.suspected(&key);
        } else if objects > 0 {
            self.read_cap = self.read_cap.saturating_mul(2).min(MOST_OBJECTS);
        }
        self.check.not_a_portal = None;
        self.book.portal_is_at(timing.started);
        self.note_operating(&round, batch, timing);
        self.reserve.took(objects, timing.duration);
        let number = round.number;
        self.begin_answers(&round);
        let mut missing = false;
        let mut executed = Vec::new();
        for Asked { name, method, ask } in round.asks {
            match batch.get(&name) {
                SubAnswer::Result { result, total } => {
                    self.answered(ask, result, total, number, timing.duration);
                    executed.push(method);
                }
                SubAnswer::Error(error) => self.sub_refused(ask, &method, &error, number),
                SubAnswer::Missing => {
                    missing = true;
                    self.missed(ask, &Miss::Unknown);
                }
            }
        }
        if missing {
            self.book.counters.unknown = self.book.counters.unknown.saturating_add(1);
            self.reserve.last_unknown = self.reserve.last_unknown.max(number);
            self.back_off("the portal answered a batch in part only".into());
        }
        for method in executed {
            if !self.together.troubled.contains(&method) {
                self.pace.method_answered(&method);
            }
        }
        self.round_succeeded();
        self.end_answers(number);
    }

    /// The portal works, if nothing in the round said otherwise.
    fn round_succeeded(&mut self) {
        if !self.together.expired {
            self.expired = 0;
        }
        let failing = self.pace.failures();
        if !self.together.failed && self.pace.succeeded() && failing > 1 {
            self.notice(Notice::Reached);
        }
    }

    /// A batch that read this object alone failed, and the next one without it did not. That may
    /// be chance once.
    fn suspected(&mut self, key: &crate::record::Key) {
        let strikes = self.lane.update(key, |work| {
            work.tries.strikes = work.tries.strikes.saturating_add(1);
            work.tries.strikes
        });
        if strikes.is_some_and(|strikes| strikes >= MOST_STRIKES) {
            self.unreadable(key, "every batch that reads it fails".into());
        }
    }

    /// The rest after an `error` counts from its answer: the transport may have sent it late.
    pub(crate) fn rest(&mut self, key: &crate::record::Key) {
        let until = self.now().plus(crate::round::REST);
        self.lane.set_stage(key, Stage::Resting { until });
    }

    /// One sub-call was refused: an error that concerns it alone, or everything.
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other error concerns it alone")]
    fn sub_refused(&mut self, ask: Ask, method: &str, error: &ApiError, number: u64) {
        match error.class {
            Class::Server => {
                self.reserve.last_unknown = self.reserve.last_unknown.max(number);
                if let Ask::Read(reading) = ask {
                    self.reading_refused(&reading, error);
                } else {
                    self.missed(ask, &Miss::Unknown);
                    self.trouble(method, format!("the portal failed at {method}"));
                }
            }
            class if class.is_passing() => {
                self.missed(ask, &Miss::NotExecuted);
                self.common_error(method, error);
            }
            _ => self.refused(ask, method, error),
        }
    }

    fn refused(&mut self, ask: Ask, method: &str, error: &ApiError) {
        match ask {
            Ask::Read(reading) => {
                if matches!(error.class, Class::Scope | Class::SignIn | Class::PortalGone) {
                    self.lane_unread(&reading);
                    self.common_error(method, error);
                } else {
                    self.reading_refused(&reading, error);
                }
            }
            Ask::Write(write) => self.written(
                &write,
                WriteResult::Refused {
                    code: error.code.clone(),
                    description: error.description.clone(),
                },
            ),
            Ask::Feature(feature) if error.class != Class::Scope => {
                // an old portal without this method: the calls themselves will tell
                self.feature_known(feature, true);
            }
            Ask::Bind(event) => self.bind_refused(&event, error),
            Ask::Get { .. } if error.class == Class::Licence => {
                self.check_again();
                self.check.refused = true;
                self.back_off("the portal's plan has changed".into());
            }
            Ask::Error { key, .. } => {
                self.rest(&key);
                self.common_error(method, error);
            }
            Ask::Delete(run) => {
                self.deletion.again(run);
                self.common_error(method, error);
            }
            Ask::Feature(_)
            | Ask::Bindings
            | Ask::Clear { .. }
            | Ask::Get { .. }
            | Ask::List(_)
            | Ask::Lag
            | Ask::Sweep(_)
            | Ask::Probe { .. } => self.common_error(method, error),
        }
    }
}
