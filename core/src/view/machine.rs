//! The machine itself.

use super::{Asking, Book, Machine, OpenCall, PhaseState};
use crate::clock::Moment;
use crate::view::{Frame, Sink, View};

impl Machine {
    /// When the round on its way was sent.
    pub(crate) fn round_sent(&self) -> Option<Moment> {
        self.calls.values().find_map(|call| match &call.what {
            Asking::Round(round) => Some(round.sent),
            Asking::Write(_) => None,
        })
    }

    /// Times and comparisons that lie between the parts.
    fn between(&self, frame: &Frame, to: &mut dyn Sink) {
        let come = |at: Option<Moment>| at.is_none_or(|at| at <= frame.now);
        come(self.settle_by()).view(frame, to);
        come(self.linger_ends()).view(frame, to);
        let patience = self.reserve.patience_ends(self.handler.last_delivered);
        (self.lane.delivered() > 0 && patience <= frame.now).view(frame, to);
        if frame.ends {
            self.has_seen_empty().view(frame, to);
            self.has_looked_with_sweep().view(frame, to);
            self.reserve.has_seen_empty().view(frame, to);
            (self.reserve.last_unknown > 0).view(frame, to);
        }
    }
}

impl View for Machine {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Machine {
            config: _,
            registry: _,
            phase,
            check,
            lane,
            settle,
            handler,
            reserve,
            sweep,
            deletion,
            mode,
            leases,
            // only told of
            watch: _,
            // delays the user's writes, never a delivery; the model writes nothing
            cycle: _,
            writes,
            ledger,
            pace,
            calls,
            rebind,
            suspect,
            expired,
            read_cap,
            together,
            broken: _,
            memory,
            book,
        } = self;
        phase.view(frame, to);
        check.view(frame, to);
        lane.view(frame, to);
        settle.view(frame, to);
        handler.view(frame, to);
        reserve.view(frame, to);
        sweep.view(frame, to);
        deletion.view(frame, to);
        to.number(mode.map_or(9, |mode| mode as u64));
        leases.view(frame, to);
        writes.view(frame, to);
        ledger.view(frame, to);
        pace.view(frame, to);
        to.number(calls.len() as u64);
        for (id, call) in calls.iter() {
            to.local(id.0);
            call.view(frame, to);
        }
        rebind.view(frame, to);
        suspect.view(frame, to);
        expired.view(frame, to);
        // every size from that of the world on acts alike, and a halving starts from the objects read
        (*read_cap).min(16).view(frame, to);
        together.view(frame, to);
        memory.view(frame, to);
        book.view(frame, to);
        self.between(frame, to);
    }
}

impl View for Book {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        // the portal's clock only says what is old, and what is old the model's times tell
        let Book {
            clock: _,
            random: _,
            counters: _,
            waiting: _,
            rounds: _,
            next_id: _,
            ahead: _,
            effects,
        } = self;
        // none is left between two steps
        to.number(effects.len() as u64);
    }
}

impl View for PhaseState {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        match self {
            PhaseState::Checking => to.number(0),
            PhaseState::Running => to.number(1),
            // the model never stops a machine, so how long ago is left out
            PhaseState::Stopping { since: _ } => to.number(2),
            PhaseState::Closing(end) => {
                to.number(4);
                to.number(u64::from(end.exit_code()));
            }
            PhaseState::Ended(end) => {
                to.number(3);
                to.number(u64::from(end.exit_code()));
            }
        }
    }
}

impl View for OpenCall {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let OpenCall { what, deadline } = self;
        frame.due(*deadline, to);
        match what {
            Asking::Round(round) => {
                to.number(0);
                round.view(frame, to);
            }
            Asking::Write(write) => {
                to.number(1);
                write.view(frame, to);
            }
        }
    }
}
