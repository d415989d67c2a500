//! What asks the program to end, and what it asks of the handlers that it gives up.

/// SIGINT and SIGTERM, or Ctrl-C.
pub(crate) struct Signals {
    #[cfg(unix)]
    both: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> Signals {
        use tokio::signal::unix::{SignalKind, signal};
        let both = signal(SignalKind::interrupt()).and_then(|interrupt| {
            signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate))
        });
        // where no signal can be caught they end the program, which loses nothing either
        Signals { both: both.ok() }
    }

    /// Returns at the next signal.
    pub(crate) async fn next(&mut self) {
        match &mut self.both {
            Some((interrupt, terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Signals {
        Signals {}
    }

    /// Returns at the next signal.
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Sends SIGTERM to a process group; `false` where that can't be done.
#[cfg(unix)]
pub(crate) fn end_group(group: u32) -> bool {
    // the shell that started the handler has this built in
    let mut kill = std::process::Command::new("sh");
    kill.args(["-c", "kill -s TERM -- \"-$0\" 2> /dev/null", &group.to_string()]);
    kill.status().is_ok_and(|status| status.success())
}

#[cfg(not(unix))]
pub(crate) fn end_group(_: u32) -> bool {
    false
}
