//! CPU of the machine alone, beside a plain parse of the same answers.
//!
//! `cargo bench -p b24-offline-bench --bench core`; `cargo xtask bench --only c` puts both side by side. A session of a
//! machine that drains 5,000 deals is recorded first. `machine` gives its inputs to a new machine, from `open` to its
//! end, and drops each step; `parse` makes a `serde_json::Value` of each answer of the portal and drops it.
//!
//! What counts is the CPU time of the thread, which does not grow while other programs have the processor.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use b24_offline_bench::deal;
use b24_offline_bench::session::{Session, parse};
use b24_offline_core::BatchSize;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize as Inputs, Criterion, Throughput, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

const CHANGES: u64 = 5_000;

/// CPU time of this thread.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap())
    }

    fn end(&self, began: Duration) -> Duration {
        self.start() - began
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_secs_f64() * 1e9
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn sessions() -> [(&'static str, Session); 3] {
    let small = json!({ "TITLE": "Pumps and fittings, second delivery" });
    let record = |fields, size| Session::record(CHANGES, fields, size).unwrap();
    [
        ("small", record(&small, BatchSize::Adaptive)),
        ("2KB", record(&deal::fields(), BatchSize::Adaptive)),
        ("2KB-2250", record(&deal::fields(), BatchSize::Fixed(2_250))),
    ]
}

fn core(criterion: &mut Criterion<Cpu>) {
    for (name, session) in sessions() {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(CHANGES));
        group.sample_size(20).measurement_time(Duration::from_secs(4));
        group.bench_function("machine", |bencher| {
            let inputs = || session.inputs.clone();
            bencher.iter_batched(
                inputs,
                |inputs| session.replay(inputs).unwrap(),
                Inputs::PerIteration,
            );
        });
        group.bench_function("parse", |bencher| {
            bencher.iter(|| parse(black_box(&session).bodies()).unwrap());
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(Cpu);
    targets = core
}
criterion_main!(benches);
