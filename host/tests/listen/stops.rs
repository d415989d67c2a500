//! Signals, kills, restarts, a second process, a closed standard output.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use b24_offline_emulator::Settings;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::served::{
    Served, assert_code, both, ended, finish, lines_of, pid, settings, signal, text, until,
};

/// A handler that says that it has begun, then waits until somebody opens `go`.
const WAITS: &str = "cat > batch.$$; touch began; cat go > /dev/null; cat batch.$$ >> done.jsonl";

async fn waiting_portal() -> Served {
    waiting_portal_on(settings()).await
}

async fn waiting_portal_on(settings: Settings) -> Served {
    let served = Served::start(settings).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(50);
    let made = std::process::Command::new("mkfifo").arg(served.path("go")).status().unwrap();
    assert!(made.success());
    served
}

/// Lets the handlers that wait go on, and all later ones.
fn let_go(served: &Served) {
    let go = served.path("go");
    let open = std::fs::OpenOptions::new().write(true).open(&go).unwrap();
    std::fs::remove_file(&go).unwrap();
    std::fs::write(&go, "").unwrap();
    drop(open);
}

async fn begun(served: &Served) {
    let began = served.path("began");
    until("the handler begins", || began.exists()).await;
}

async fn drain_the_rest(served: &Served) {
    let output = finish(served.listen(&["--exec", "cat >> done.jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    let lines = lines_of(&served.path("done.jsonl")).join("\n");
    served.told(&lines);
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_the_handler_and_settles_what_it_judged() {
    for settings in both() {
        sigterm_settles_on(settings).await;
    }
}

async fn sigterm_settles_on(settings: Settings) {
    let served = waiting_portal_on(settings).await;
    let child = served.listen(&["--exec", WAITS, "--batch-size", "20"]).spawn().unwrap();
    begun(&served).await;
    signal("TERM", &pid(&child));
    let_go(&served);
    let output = ended(child).await;
    assert_code(&output, 0);
    let judged = lines_of(&served.path("done.jsonl")).len();
    assert!(judged > 0, "{}", text(&output.stderr));
    // what was judged is cleared, nothing of it is reserved any more
    assert_eq!(served.people(|portal, _| portal.queue_len()), 50 - judged);
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_of_the_terminal_does_not_reach_the_handler() {
    let served = waiting_portal().await;
    let mut command = served.listen(&["--exec", WAITS]);
    command.process_group(0);
    let child = command.spawn().unwrap();
    begun(&served).await;
    signal("INT", &format!("-{}", pid(&child)));
    let_go(&served);
    let output = ended(child).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("stopping") && !said.contains("handler failed"), "{said}");
    assert!(!lines_of(&served.path("done.jsonl")).is_empty());
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_without_loss() {
    let served = waiting_portal().await;
    let handler = format!("trap 'touch given-up; exit' TERM; {WAITS}");
    let mut child = served.listen(&["--exec", &handler]).spawn().unwrap();
    begun(&served).await;
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    signal("TERM", &pid(&child));
    while !said.next_line().await.unwrap().unwrap().contains("stopping") {}
    assert_code(&signalled_until_it_ends(child).await, 1);
    let mut rest = String::new();
    said.into_inner().read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("stopped at once") && rest.contains("told to end (SIGTERM)"), "{rest}");
    // the changes of the handler that was given up come again, and not while it still has them
    let given_up = served.path("given-up");
    until("the handler ends", || given_up.exists()).await;
    drain_the_rest(&served).await;
}

/// Repeats a signal as a person does to whom nothing seems to happen.
async fn signalled_until_it_ends(mut child: Child) -> Output {
    let pid = pid(&child);
    let mut again = tokio::time::interval(Duration::from_millis(300));
    loop {
        tokio::select! {
            outcome = child.wait() => {
                outcome.unwrap();
                return ended(child).await;
            }
            _ = again.tick() => signal("TERM", &pid),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_sent_twice_at_once_counts_as_one() {
    let served = waiting_portal().await;
    let child = served.listen(&["--exec", WAITS]).spawn().unwrap();
    begun(&served).await;
    // as `timeout` and a terminal's group do
    signal("TERM", &pid(&child));
    signal("INT", &pid(&child));
    signal("TERM", &pid(&child));
    let_go(&served);
    let output = ended(child).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert_eq!(said.matches("stopping").count(), 1, "{said}");
    assert!(!lines_of(&served.path("done.jsonl")).is_empty());
    drain_the_rest(&served).await;
}

async fn killed_and_restarted(served: &Served, start: impl Fn() -> Command) {
    for _ in 0..3 {
        let mut child = start().spawn().unwrap();
        begun(served).await;
        child.kill().await.unwrap();
        std::fs::remove_file(served.path("began")).unwrap();
    }
    let reserved = served.people(|portal, _| portal.audit().reserved_records);
    assert!(reserved > 0, "the kill came too late to prove anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_and_restart_with_a_journal() {
    for settings in both() {
        let served = waiting_portal_on(settings).await;
        let arguments = ["--exec", "cat > /dev/null; touch began; cat go", "--batch-size", "20"];
        killed_and_restarted(&served, || served.listen(&arguments)).await;
        drain_the_rest(&served).await;
        assert_eq!(served.audit().regressions, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_and_restart_without_a_journal() {
    let served = waiting_portal().await;
    let endpoint = format!("http://{}/rest/", served.running.http);
    let handler = ["--exec", "cat > /dev/null; touch began; cat go", "--batch-size", "20"];
    let start = || {
        let mut command = served.bare(&["--endpoint", &endpoint, "--allow-http"]);
        command.args(handler);
        command
    };
    killed_and_restarted(&served, start).await;
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_lines() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(400);
    let mut all = String::new();
    for _ in 0..3 {
        let arguments = ["--jsonl", "--batch-size", "25"];
        let mut child = served.listen(&arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..60 {
            all.push_str(&(lines.next_line().await.unwrap().unwrap() + "\n"));
        }
        child.kill().await.unwrap();
        // what stood in the pipe was written and flushed, so it was received
        let mut rest = String::new();
        lines.into_inner().read_to_string(&mut rest).await.unwrap();
        all.push_str(rest.rsplit_once('\n').map_or("", |(whole, _)| whole));
        all.push('\n');
    }
    let output = finish(served.listen(&["--jsonl", "--until-empty"])).await;
    assert_code(&output, 0);
    all.push_str(&text(&output.stdout));
    served.told(&all.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n"));
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_journal_is_refused() {
    let served = waiting_portal().await;
    let child = served.listen(&["--exec", WAITS]).spawn().unwrap();
    begun(&served).await;
    let second = finish(served.listen(&["--jsonl", "--until-empty"])).await;
    assert_code(&second, 5);
    let said = text(&second.stderr);
    assert!(said.contains(&format!("process {}", pid(&child))), "{said}");
    signal("TERM", &pid(&child));
    let_go(&served);
    assert_code(&ended(child).await, 0);
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_output_ends_with_1_and_loses_nothing() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(30);
    let mut command = served.listen(&["--jsonl"]);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = ended(child).await;
    assert_code(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains("standard output was closed"), "{said}");
    drain_the_rest(&served).await;
}

// only Linux has a device that is always full
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_standard_output_that_is_full_is_not_called_closed() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(30);
    let mut command = served.listen(&["--jsonl"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = ended(command.spawn().unwrap()).await;
    assert_code(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains("standard output takes no more (No space left"), "{said}");
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_nobody_reads_does_not_hold_the_program() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    // one line that no pipe holds
    let fields = serde_json::json!({ "TITLE": "x".repeat(1_000_000) });
    served.people(|portal, now| portal.create("crm.deal", fields, now)).unwrap();
    let mut child = served.listen(&["--jsonl"]).spawn().unwrap();
    let mut unread = child.stdout.take().unwrap();
    unread.read_exact(&mut [0; 100]).await.unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    signal("TERM", &pid(&child));
    while !said.next_line().await.unwrap().unwrap().contains("stopping") {}
    assert_code(&signalled_until_it_ends(child).await, 1);
    drain_the_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_journal_is_salvaged_and_the_work_goes_on() {
    let served = waiting_portal().await;
    let mut child = served.listen(&["--exec", WAITS]).spawn().unwrap();
    begun(&served).await;
    child.kill().await.unwrap();
    let journal = served.path("queue.db");
    remove_log(&journal);
    std::fs::write(&journal, b"torn to pieces").unwrap();
    // by its bare name, as a person in its folder names it
    let endpoint = format!("http://{}/rest/", served.running.http);
    let arguments = ["--endpoint", &endpoint, "--allow-http", "--journal", "queue.db"];
    let mut command = served.bare(&arguments);
    command.args(["--exec", "cat >> done.jsonl", "--until-empty"]);
    let output = finish(command).await;
    assert_code(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("resync") && said.contains("journal"), "{said}");
    assert_eq!(std::fs::read(served.path("queue.db.damaged-1")).unwrap(), b"torn to pieces");
    served.told(&lines_of(&served.path("done.jsonl")).join("\n"));
    served.assert_drained();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_with_1_and_loses_nothing() {
    let served = Served::start(settings()).await;
    served.bind(&["ONCRMDEALADD"], "");
    served.deals(400);
    let arguments = ["--exec", "cat >> done.jsonl", "--batch-size", "5", "--until-empty"];
    let listen = served.listen(&arguments);
    // files of at most 40 KiB, told by an error and not by a signal
    let mut limited = Command::new("sh");
    limited.args(["-c", r#"trap "" XFSZ; ulimit -f 80; exec "$0" "$@""#]);
    limited.arg(listen.as_std().get_program()).args(listen.as_std().get_args());
    limited.current_dir(served.path("")).kill_on_drop(true);
    let output = finish(limited).await;
    assert_code(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains("the journal can't be written"), "{said}");
    assert!(served.audit().free_records > 0, "the disk was never full");
    drain_the_rest(&served).await;
}

fn remove_log(journal: &Path) {
    for end in ["-wal", "-shm"] {
        let mut name = journal.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
}
