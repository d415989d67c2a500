//! One HTTP request from its arrival to its end.

use std::sync::Arc;

use crate::batch;
use crate::error::{Answered, RestError};
use crate::fault::FaultKind;
use crate::oauth::Standing;
use crate::php::{Php, PhpArray};
use crate::portal::{Caller, Portal};
use crate::request::{Outcome, Request};
use crate::schedule::Errand;

/// The name under which faults strike the exchange of tokens.
pub(crate) const OAUTH: &str = "oauth.token";

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=UTF-8";
const PROXY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// What a request has come to before its answer goes out.
#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) status: u16,
    pub(crate) body: Php,
    pub(crate) elapsed_ms: u64,
    /// Whether the server stopped within it, so that no answer goes out.
    pub(crate) cut: bool,
}

impl Execution {
    pub(crate) fn refused(error: RestError) -> Execution {
        Execution { status: error.status, body: error.body().into(), elapsed_ms: 0, cut: false }
    }

    fn outcome(self) -> Outcome {
        if self.cut {
            return Outcome::NoAnswer { executed: true, hang_ms: self.elapsed_ms };
        }
        Outcome::Answer {
            status: self.status,
            content_type: JSON,
            body: self.body.json(),
            delay_ms: self.elapsed_ms,
        }
    }
}

/// Where a path leads.
enum Route {
    Method { method: String, webhook: Option<(String, String)> },
    OAuth,
    Nowhere,
}

impl Route {
    fn of(path: &str) -> Route {
        let path = path.split('?').next().unwrap_or_default().trim_matches('/');
        let plain = |name: &str| {
            let name = name.trim_end_matches(".json").trim_end_matches(".xml");
            name.to_ascii_lowercase()
        };
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["oauth", "token"] => Route::OAuth,
            ["rest", method] => Route::Method { method: plain(method), webhook: None },
            ["rest", user, code, method] => {
                let webhook = Some(((*user).to_owned(), (*code).to_owned()));
                Route::Method { method: plain(method), webhook }
            }
            _ => Route::Nowhere,
        }
    }
}

impl Portal {
    /// Takes one HTTP request at a time in milliseconds since the epoch and says what becomes of it.
    ///
    /// `/rest/<method>` wants the token as `auth` (or `access_token`) among the parameters, and the source key as
    /// `auth_connector` beside it (F23, F24). `/rest/<user>/<code>/<method>` is a webhook: refused for `event.*`
    /// (F21). `/oauth/token/` exchanges tokens (F34). Any other path answers 404 with an HTML page.
    pub fn handle(&mut self, request: &Request, now: u64) -> Outcome {
        self.advance(now);
        if self.now < self.refused_until {
            return Outcome::Refused;
        }
        match Route::of(&request.path) {
            Route::OAuth => self.exchange(&request.params),
            Route::Method { method, webhook } => self.hit(request, &method, webhook),
            Route::Nowhere => Outcome::Answer {
                status: 404,
                content_type: HTML,
                body: "<html><body><h1>404 Not Found</h1></body></html>".to_owned(),
                delay_ms: 0,
            },
        }
    }

    fn exchange(&mut self, params: &Php) -> Outcome {
        let struck = self.faults.strike(&[OAUTH.to_owned()], false);
        if let Some(outcome) = self.before(&struck).or_else(|| not_executed(&struck)) {
            return outcome;
        }
        let execution = match self.oauth.grant(params, self.now) {
            Ok(user) => {
                self.ledger.token_refreshes += 1;
                let tokens = self.oauth.issue(&user, &mut self.random, self.now);
                let body = tokens.answer(&self.settings, &self.member);
                Execution { status: 200, body, elapsed_ms: 0, cut: false }
            }
            Err((status, code, text)) => Execution::refused(RestError::new(status, code, text)),
        };
        after(&struck, execution)
    }

    fn hit(
        &mut self,
        request: &Request,
        method: &str,
        webhook: Option<(String, String)>,
    ) -> Outcome {
        let mut methods = vec![method.to_owned()];
        if method == "batch" {
            methods
                .extend(batch::commands(&request.params).into_iter().map(|(_, method, _)| method));
        }
        *self.ledger.requests.entry(method.to_owned()).or_insert(0) += 1;
        let struck = self.faults.strike(&methods, false);
        if let Some(outcome) = self.before(&struck) {
            return outcome;
        }
        let bucket = self.buckets.entry(request.source.clone()).or_default();
        if !bucket.admit(self.settings.limits, self.now) {
            self.ledger.bucket_violations += 1;
            return Execution::refused(RestError::bucket()).outcome();
        }
        if let Some(outcome) = not_executed(&struck) {
            return outcome;
        }
        let caller = match self.caller(request, webhook) {
            Ok(caller) => caller,
            Err(error) => return after(&struck, Execution::refused(error)),
        };
        let mut dies_after = usize::MAX;
        for kind in &struck {
            let errand = || Errand::Request {
                method: method.to_owned(),
                params: request.params.clone(),
                caller: caller.clone(),
            };
            if let FaultKind::ExecutedLate { after_ms, hang_ms } = kind {
                self.schedule.add(self.now.saturating_add(*after_ms), errand());
                return Outcome::NoAnswer { executed: false, hang_ms: *hang_ms };
            } else if let FaultKind::ExecutedTwice { after_ms } = kind {
                self.schedule.add(self.now.saturating_add(*after_ms), errand());
            } else if let FaultKind::BatchDies { after_calls } = kind {
                dies_after = *after_calls;
            }
        }
        after(&struck, self.execute(method, &request.params, &caller, dies_after))
    }

    /// What happens just before a request arrives, or keeps it from arriving.
    fn before(&mut self, struck: &[FaultKind]) -> Option<Outcome> {
        for kind in struck {
            if let FaultKind::ExpireTokens = kind {
                self.oauth.expire();
            } else if let FaultKind::RemoveBindings = kind {
                self.bindings.clear();
            } else if let FaultKind::SetPlan(plan) = kind {
                self.settings.plan = *plan;
            } else if let FaultKind::Robot(robot) = kind {
                self.robots.push(robot.clone());
            } else if let FaultKind::RefuseConnections { for_ms } = kind {
                self.refused_until = self.now.saturating_add(*for_ms);
                return Some(Outcome::Refused);
            } else if let FaultKind::RequestLost { hang_ms } = kind {
                return Some(Outcome::NoAnswer { executed: false, hang_ms: *hang_ms });
            }
        }
        None
    }

    /// Who calls, or why the call is refused.
    fn caller(&mut self, request: &Request, webhook: Option<(String, String)>) -> Answered<Caller> {
        let params = &request.params;
        let connector = params.get("auth_connector").map(Php::text).unwrap_or_default();
        if !connector.is_empty() && !self.settings.plan.auth_connector.allowed() {
            return Err(RestError::licence());
        }
        let connector: Arc<str> = connector.into();
        let wrong = || RestError::new(401, "NO_AUTH_FOUND", "Wrong authorization data");
        if let Some((user, code)) = webhook {
            let known = self.webhooks.get(&code).is_some_and(|owner| *owner == user);
            let caller = Caller { user, application: false, connector };
            return if known { Ok(caller) } else { Err(wrong()) };
        }
        let token = params.get("auth").or_else(|| params.get("access_token"));
        let token = token.map(Php::text).filter(|token| !token.is_empty()).ok_or_else(wrong)?;
        match self.oauth.standing(&token, self.now) {
            Standing::Valid(user) => Ok(Caller { user, application: true, connector }),
            Standing::Expired => {
                Err(RestError::new(401, "expired_token", "The access token provided has expired."))
            }
            Standing::Unknown => {
                Err(RestError::new(401, "invalid_token", "Unable to get application by token"))
            }
        }
    }

    /// Executes a request to its end: events that it raised reach the queues only then (F25).
    pub(crate) fn execute(
        &mut self,
        method: &str,
        params: &Php,
        caller: &Caller,
        dies_after: usize,
    ) -> Execution {
        let execution = if method == "batch" {
            self.batch(params, caller, dies_after)
        } else {
            let called = self.call(method, params, caller, self.now, false);
            let cut = called.elapsed_ms > self.settings.request_limit_ms;
            match called.answered {
                Ok(reply) => {
                    let mut body = PhpArray::new();
                    body.set("result", reply.result);
                    if let Some(next) = reply.next {
                        body.set("next", next);
                    }
                    if let Some(total) = reply.total {
                        body.set("total", total);
                    }
                    body.set("time", called.time);
                    let body = reply.body.unwrap_or(body.into());
                    Execution { status: 200, body, elapsed_ms: called.elapsed_ms, cut }
                }
                Err(error) => {
                    let refused = Execution::refused(error);
                    Execution { elapsed_ms: called.elapsed_ms, cut, ..refused }
                }
            }
        };
        self.flush();
        execution
    }
}

/// Answers in place of an execution.
fn not_executed(struck: &[FaultKind]) -> Option<Outcome> {
    struck.iter().find_map(|kind| {
        let error = if let FaultKind::QueryLimit = kind {
            RestError::bucket()
        } else if let FaultKind::Overload = kind {
            RestError::overload()
        } else if let FaultKind::Error { status, code, description } = kind {
            RestError::new(*status, code.as_str(), description.as_str())
        } else if let FaultKind::Html { status, executed: false } = kind {
            return Some(html(*status, 0));
        } else if let FaultKind::Redirect { status } = kind {
            return Some(html(*status, 0));
        } else {
            return None;
        };
        Some(Execution::refused(error).outcome())
    })
}

fn html(status: u16, delay_ms: u64) -> Outcome {
    Outcome::Answer { status, content_type: HTML, body: PROXY_PAGE.to_owned(), delay_ms }
}

/// What the faults make of an answer on its way out.
fn after(struck: &[FaultKind], execution: Execution) -> Outcome {
    let mut outcome = execution.outcome();
    for kind in struck {
        outcome = spoil(kind, outcome);
    }
    outcome
}

fn spoil(kind: &FaultKind, outcome: Outcome) -> Outcome {
    let Outcome::Answer { status, content_type, body, delay_ms } = outcome else { return outcome };
    if let FaultKind::AnswerLost { hang_ms } = kind {
        Outcome::NoAnswer { executed: true, hang_ms: *hang_ms }
    } else if let FaultKind::BatchDies { .. } = kind {
        Outcome::NoAnswer { executed: true, hang_ms: delay_ms }
    } else if let FaultKind::Html { status, .. } = kind {
        html(*status, delay_ms)
    } else if let FaultKind::Delay { ms } = kind {
        Outcome::Answer { status, content_type, body, delay_ms: delay_ms.saturating_add(*ms) }
    } else if let FaultKind::GiantAnswer { bytes } = kind {
        Outcome::Giant { bytes: *bytes, delay_ms }
    } else if let FaultKind::TruncatedJson { keep } = kind {
        let body = body.chars().take(*keep).collect();
        Outcome::Answer { status, content_type, body, delay_ms }
    } else if let FaultKind::CutBody { keep } = kind {
        let declared = body.len();
        let mut sent = body.into_bytes();
        sent.truncate((*keep).min(declared.saturating_sub(1)));
        Outcome::CutBody { status, content_type, sent, declared, delay_ms }
    } else {
        Outcome::Answer { status, content_type, body, delay_ms }
    }
}
