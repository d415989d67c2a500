//! What became of the user's writes.

use crate::failure::Failure;
use crate::input::{NotSent, Reply};
use crate::machine::Machine;
use crate::step::{Effect, WriteResult, Written};
use crate::wire::{Answered, ApiError, Class, answer};
use crate::write::Write;

impl Machine {
    pub(crate) fn write_replied(&mut self, write: Write, reply: Reply) {
        match reply {
            Reply::NotSent(NotSent::SignInAgain { why }) => {
                self.write_put_back(write);
                self.fail(Failure::SignInAgain { why });
            }
            Reply::NotSent(NotSent::Network { why } | NotSent::Refused { why }) => {
                self.written(&write, WriteResult::NotSent { why: why.clone() });
                self.back_off(why);
            }
            Reply::Unknown { .. } => {
                self.reserve.last_busy = self.book.rounds.saturating_add(1);
                self.written(&write, WriteResult::Unknown);
            }
            Reply::Answer { status, body } => match answer::read(status, &body) {
                Answered::Result { result, .. } => {
                    self.reserve.last_busy = self.book.rounds.saturating_add(1);
                    self.written(&write, WriteResult::Done { result: result.get().to_owned() });
                }
                Answered::Error(error) => self.write_refused(write, &error),
                Answered::Moved | Answered::Lost { .. } => {
                    self.written(&write, WriteResult::Unknown)
                }
            },
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "every other error concerns it alone")]
    fn write_refused(&mut self, write: Write, error: &ApiError) {
        match error.class {
            class if class.is_passing() => {
                let method = write.method.clone();
                self.write_put_back(write);
                self.common_error(&method, error);
            }
            Class::Server => self.written(&write, WriteResult::Unknown),
            _ => self.written(
                &write,
                WriteResult::Refused {
                    code: error.code.clone(),
                    description: error.description.clone(),
                },
            ),
        }
    }

    /// It was surely not executed, and will be sent again, in its place.
    pub(crate) fn write_put_back(&mut self, write: Write) {
        self.write_answered(&write, false);
        self.writes.put_back(write);
    }

    pub(crate) fn written(&mut self, write: &Write, result: WriteResult) {
        let executed = matches!(result, WriteResult::Done { .. } | WriteResult::Unknown);
        self.write_answered(write, executed);
        let write = write.id;
        self.writes.close(write);
        if matches!(result, WriteResult::Done { .. }) {
            self.book.counters.written = self.book.counters.written.saturating_add(1);
        }
        self.effect(Effect::Written(Written { write, result }));
    }
}
