//! Notices on standard error, one line each, never a token in them.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use b24_offline::{Notice, OAuthFile, Report, Severity};
use serde_json::{Map, Value, json};

use crate::options::LogForm;

/// Writes notices.
#[derive(Debug)]
pub(crate) struct Log {
    form: LogForm,
    auth: OnceLock<OAuthFile>,
}

impl Log {
    pub(crate) fn new(form: LogForm) -> Log {
        Log { form, auth: OnceLock::new() }
    }

    /// From here on, tokens and secrets of this file are hidden, should a portal repeat them.
    pub(crate) fn hide(&self, auth: OAuthFile) {
        // told once at the start
        let _ = self.auth.set(auth);
    }

    pub(crate) fn report(&self, report: &Report) {
        let fields = match report {
            Report::Notice(notice) => fields(notice),
            Report::HandlerFailed { changes, why } => {
                let mut fields = Map::new();
                fields.insert("notice".into(), json!("handler_failed"));
                fields.insert("changes".into(), json!(changes));
                fields.insert("why".into(), json!(why));
                fields
            }
        };
        self.write(report.severity(), &report.to_string(), fields);
    }

    pub(crate) fn info(&self, sentence: &str) {
        self.write(Severity::Info, sentence, Map::new());
    }

    pub(crate) fn warning(&self, sentence: &str) {
        self.write(Severity::Warning, sentence, Map::new());
    }

    pub(crate) fn error(&self, sentence: &str) {
        self.write(Severity::Error, sentence, Map::new());
    }

    fn write(&self, severity: Severity, sentence: &str, fields: Map<String, Value>) {
        let line = match self.form {
            LogForm::Text => text(severity, sentence),
            LogForm::Json => json_line(severity, sentence, fields),
        };
        let line = match self.auth.get() {
            Some(auth) => auth.redact(&line),
            None => line,
        };
        // nobody is left to be told that standard error is closed
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

fn text(severity: Severity, sentence: &str) -> String {
    let loud = match severity {
        Severity::Info => "",
        Severity::Warning => "warning: ",
        Severity::Error => "error: ",
    };
    format!("b24-offline: {loud}{}", sentence.replace(char::is_control, " "))
}

fn json_line(severity: Severity, sentence: &str, mut fields: Map<String, Value>) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    fields.insert("at".into(), json!(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)));
    fields.insert("severity".into(), json!(severity));
    fields.insert("message".into(), json!(sentence));
    Value::Object(fields).to_string()
}

fn fields(notice: &Notice) -> Map<String, Value> {
    match serde_json::to_value(notice) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use b24_offline::Failure;

    use super::*;

    #[test]
    fn a_notice_is_one_line_in_both_forms() {
        assert_eq!(text(Severity::Warning, "a\nb"), "b24-offline: warning: a b");
        let line = json_line(Severity::Error, "a\nb", Map::new());
        assert!(!line.contains('\n'), "{line}");
    }

    #[test]
    fn the_json_form_names_the_notice() {
        let fields = fields(&Notice::Adopted { records: 3 });
        assert_eq!((&fields["notice"], &fields["records"]), (&json!("adopted"), &json!(3)));
        let failed = super::fields(&Notice::Failed(Failure::NotAdministrator));
        assert_eq!(failed["notice"], json!("failed"));
        assert_eq!(failed["failure"], json!("not_administrator"));
    }
}
