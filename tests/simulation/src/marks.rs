//! Rare situations, counted where they really happened: a run that misses one has proved too little.

macro_rules! marks {
    ($($name:ident: $words:literal),+ $(,)?) => {
        /// A rare situation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Mark {
            $($name),+
        }

        impl Mark {
            pub(crate) const ALL: &'static [Mark] = &[$(Mark::$name),+];

            pub(crate) fn words(self) -> &'static str {
                match self {
                    $(Mark::$name => $words),+
                }
            }
        }
    };
}

marks! {
    GetLost: "the answer of a get was lost, its records reserved",
    ClearLost: "the answer of a clear was lost",
    ErrorLost: "the answer of an error was lost",
    SweepLost: "the answer of a sweep was lost",
    ReadLost: "the answer of a reading was lost",
    WriteLost: "the answer of a write was lost",
    BindLost: "the answer of a bind was lost",
    BatchCut: "a batch died between two sub-calls",
    LateGet: "a get ran after its call was given up or once more",
    LateGetAfterSweep: "a late get reserved records after a sweep that its loss had called for",
    LateClear: "a clear ran late or once more and found records",
    LateError: "an error ran late or once more and changed the queue",
    HtmlAnswer: "HTML answered in place of the portal",
    CutJson: "an answer's JSON ended early",
    CutBody: "a connection ended within a body",
    GiantAnswer: "an answer was larger than is taken",
    Refused: "a connection was refused",
    QueryLimit: "503: the bucket was full",
    Overload: "503: the portal was overloaded",
    OperatingLimit: "429: a method had used up its operating time",
    OperatingBatch: "429 for a whole batch",
    TokenRefreshed: "a token expired and was renewed in mid-run",
    AnswerTwice: "an answer came twice",
    AnswerToDead: "an answer came after its call was given up",
    Adopted: "records without an owner were adopted",
    AdoptedMany: "more than a page of records was adopted at once",
    AdoptedHuge: "two thousand records and more were adopted in one sweep",
    OrphanDone: "an orphan of another consumer was delivered and done",
    ErroredOrphanDone: "an orphan of the error lane was adopted, delivered and done",
    DarkObject: "a record that another tool had left in the error lane was done",
    Stolen: "another consumer marked records between the two steps of a get",
    Parked: "a change was parked",
    ParkedWithoutJournal: "a change was parked without a journal",
    ParkedAgain: "a newer change of a parked object was parked in its place",
    ParkedLaterDone: "a later change of a parked object was done and the parked one cleared",
    Registered: "a change was registered with error",
    RegisteredParked: "a registered change was driven again, failed and was parked",
    RegisteredDone: "a registered change was driven again and done",
    RestartAtRest: "a restart found an object at rest",
    ChangedAtRest: "an object changed while it was at rest",
    Redriven: "the user had parked objects driven again, and one was done",
    RedrivenParked: "an object that the user had driven again was parked again",
    UsedUp: "a change was parked because its attempts were used up",
    RetryJoined: "an attempt was repeated together with a newer record",
    Merged: "several records of an object became one change",
    NewerWaited: "a newer record waited for an open delivery",
    SameKeyAgain: "a change that was done came once more under the same key",
    Gone: "an object was delivered as gone",
    Unread: "a change was delivered unread",
    BackAgain: "an object that was gone came back",
    Unreadable: "an object could not be read",
    HandlerDown: "the user's code was taken as down",
    HandlerUp: "the user's code worked again",
    HungOthersDone: "others were done while a delivery hung",
    TwoParts: "a batch was judged in two parts",
    CrashDelivering: "a crash with a delivery open",
    CrashApplied: "a crash after a change was applied and before its verdict",
    CrashCalling: "a crash with a call on its way",
    CrashSaving: "a crash before a save was durable",
    CrashSaved: "a crash after a save was durable and before it was told",
    CrashChecking: "a crash before the first check was through",
    CrashBetween: "a crash between two effects of one step",
    RestartParked: "a restart found parked objects in the journal",
    SaveFailed: "a save failed and the machine ended",
    JournalTorn: "a torn entry was noticed",
    ResyncTold: "the user was told that a resync is needed",
    RolledBack: "a start found an older journal than the last one left",
    JournalGone: "a start found no journal while records were reserved",
    Stopped: "the machine ended because it was asked to",
    StopWaited: "a stop waited for an open delivery",
    EndedEmpty: "the machine ended on an empty queue",
    PlanLost: "the plan lost reservation in mid-run",
    BindingsLost: "bindings were lost, bound again and reported",
    ClockBack: "the clock went back with a call on its way",
    ClockAhead: "the clock went ahead with a call on its way",
    SleptOver: "the host slept for longer than a call may take",
    OwnChange: "a rule changed an object because of our own write",
    OwnReturned: "without a connector our own write came back",
    WriteUnknown: "a write's outcome was unknown",
    WriteRefused: "a write was refused",
    WriteAlone: "a write that fits no batch went alone",
    WriteNotSent: "a write was surely not sent",
    MethodLimited: "the machine let one method wait",
    BackedOffLong: "the machine backed off for half a minute and more",
    Reached: "the portal was reached again",
    Deletion: "listed records were deleted by their ids",
    DeletionLost: "the answer of a deletion was lost",
    ModeChanged: "the plan changed and with it the way of working",
    Kept: "records were written to the journal for their age",
    OtherAlive: "another consumer held records and cleared them",
    SecondReading: "an object was delivered again because it differed before its clear",
    Aged: "a reserved record was deleted by its age",
    ParkedAged: "a parked record aged out",
    ManyReservations: "more reservations were known than a sweep lists one by one",
    SweptInPages: "a sweep needed several pages",
}

/// How often each was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks(Vec<u64>);

impl Default for Marks {
    fn default() -> Marks {
        Marks(vec![0; Mark::ALL.len()])
    }
}

impl Marks {
    pub(crate) fn met(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    pub(crate) fn met_if(&mut self, mark: Mark, met: bool) {
        self.0[mark as usize] += u64::from(met);
    }

    pub(crate) fn count(&self, mark: Mark) -> u64 {
        self.0[mark as usize]
    }

    pub(crate) fn add(&mut self, other: &Marks) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum += more;
        }
    }

    pub(crate) fn missed(&self) -> Vec<Mark> {
        Mark::ALL.iter().copied().filter(|mark| self.count(*mark) == 0).collect()
    }
}
