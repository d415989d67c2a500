//! Whole lives of a queue and its client, each made from one seed.

mod faults;
mod handler;
mod journal;
mod law;
mod life;
mod marks;
mod plan;
mod random;
mod wire;
mod witness;
mod world;

fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let (from, to, long) = (args[0], args[1], args.get(2).copied().unwrap_or(0));
    let begun = std::time::Instant::now();
    let mut marks = marks::Marks::default();
    let mut calls = 0;
    let mut span = 0;
    let mut bad = std::collections::BTreeMap::new();
    for seed in from..to {
        let plan = if long > 0 { plan::Plan::long(seed) } else { plan::Plan::short(seed) };
        let one = to == from + 1;
        let life = life::live(&plan, world::Maker::default(), world::Keep { story: one, trace: false });
        if one { println!("{}\n{:?}", life.story, plan.settings); }
        calls += life.calls; span += life.span;
        marks.add(&life.marks);
        if let Some(b) = life.breach { bad.entry(b.law).or_insert_with(Vec::new).push((seed, plan.happenings.len(), b)); }
    }
    for (law, list) in bad { println!("{law:?} {}", list.len()); for (s, n, b) in list.iter().take(6) { println!("  {s} ({n}) {b}"); } }
    println!("missed {:?}", marks.missed());
    let t = begun.elapsed();
    println!("{calls} calls {} days {:?} {} us/call", span / 86_400_000, t, t.as_micros() as u64 / calls.max(1));
}
