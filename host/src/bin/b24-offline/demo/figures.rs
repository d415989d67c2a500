//! What came of it: a table for people, one line for programs.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use b24_offline_emulator::Audit;
use serde_json::json;

use super::Options;
use super::documented::Documented;
use super::scene::Scene;
use super::show::grouped;

/// The figures of one demonstration. Those of losses, cycles and requests are the portal's.
#[derive(Debug)]
pub(crate) struct Figures {
    audit: Audit,
    delivered: u64,
    retried: u64,
    written: u64,
    lost_answers: u64,
    crashes: u64,
    adopted: u64,
    repeated: u64,
    seconds: f64,
    seed: u64,
    documented: Documented,
}

impl Figures {
    pub(crate) fn new(
        scene: &Scene,
        options: &Options,
        seconds: f64,
        documented: &Documented,
    ) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            audit: scene.audit(),
            delivered: scene.delivered(),
            retried: read(&scene.counts.retried),
            written: read(&scene.counts.written),
            lost_answers: read(&scene.counts.lost_answers),
            crashes: read(&scene.counts.crashes),
            adopted: read(&scene.counts.adopted),
            repeated: read(&scene.counts.repeated),
            seconds,
            seed: options.seed,
            documented: *documented,
        }
    }

    /// Every change was delivered or parked, no own write came back, and the limit was kept to.
    pub(crate) fn is_clean(&self) -> bool {
        let audit = &self.audit;
        audit.lost.is_empty()
            && self.delivered + audit.parked == audit.changes
            && self.cycles() == 0
            && audit.bucket_violations == 0
    }

    /// Own writes that came back.
    fn cycles(&self) -> u64 {
        self.audit.own_writes_returned.values().sum()
    }

    /// One line of JSON.
    pub(crate) fn json_line(&self) -> String {
        let audit = &self.audit;
        let line = json!({
            "changes": audit.changes,
            "delivered": self.delivered,
            "deliveries": audit.deliveries,
            "repeated": self.repeated,
            "parked": audit.parked,
            "lost": audit.lost.len(),
            "cycles": self.cycles(),
            "requests": audit.requests,
            "requests_per_1000_changes": tenths(audit.requests_per_1000_changes),
            "documented_loop_requests": self.documented.requests,
            "documented_loop_seconds": self.documented.seconds,
            "bucket_violations": audit.bucket_violations,
            "written_back": self.written,
            "retried": self.retried,
            "lost_answers": self.lost_answers,
            "crashes": self.crashes,
            "adopted": self.adopted,
            "token_refreshes": audit.token_refreshes,
            "seconds": tenths(self.seconds),
            "seed": self.seed,
        });
        format!("{line}\n")
    }

    /// A table with a remark for each figure.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("\n");
        for (name, figure, remark) in self.rows() {
            // writing to a String cannot fail
            let _ = writeln!(text, "{}", format!("{name:<28} {figure:>9}   {remark}").trim_end());
        }
        let _ = writeln!(
            text,
            "\nlost, cycles and requests are counted by the emulated portal, not by the consumer.\n\
             * measured without faults: event.offline.get with 50 records, one get for each object, \
             event.offline.clear,\n  on a second emulated portal with the same changes at the same \
             rate and a turned clock."
        );
        text
    }

    fn rows(&self) -> [(&'static str, String, String); 12] {
        let (audit, documented) = (&self.audit, &self.documented);
        let lost = u64::try_from(audit.lost.len()).unwrap_or(u64::MAX);
        let row = |name, figure: u64, remark: &str| (name, grouped(figure), remark.to_owned());
        let deliveries = format!(
            "in {} deliveries: what waits together of one object is one",
            grouped(audit.deliveries)
        );
        let writes = format!("own writes that came back, of {}", grouped(self.written));
        let paced = format!("requests, in {} at the portal's limit", span(documented.seconds));
        let per_1000 = format!("{:.1}", audit.requests_per_1000_changes);
        [
            row("changes", audit.changes, "made by people on the portal"),
            row("delivered", self.delivered, &deliveries),
            row("parked", audit.parked, "refused for good by the target, kept and reported"),
            row("lost", lost, "objects whose last change was neither delivered nor parked"),
            row("cycles", self.cycles(), &writes),
            row(
                "delivered again",
                self.repeated,
                "after the crash: at least once, never not at all",
            ),
            row(
                "found again",
                self.adopted,
                "records whose reservation was lost with an answer or a crash",
            ),
            row("requests", audit.requests, "most of them batches of up to 50 calls"),
            ("requests per 1,000 changes", per_1000, String::new()),
            row(
                "requests refused",
                audit.bucket_violations,
                "by the portal, for exceeding its limit",
            ),
            row("the documented loop *", documented.requests, &paced),
            ("time", format!("{:.1} s", self.seconds), String::new()),
        ]
    }
}

fn tenths(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_told_in_hours() {
        let shown = [59, 119, 600, 10_000].map(span);
        assert_eq!(shown, ["59 s", "119 s", "10 min", "2 h 46 min"]);
    }
}
