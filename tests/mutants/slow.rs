//! Scenes of many cases.

#[path = "../tests/attack.rs"]
mod attack;
#[path = "../tests/attack_crash.rs"]
mod attack_crash;
#[path = "../tests/attack_two.rs"]
mod attack_two;
#[path = "../tests/cost.rs"]
mod cost;
#[path = "../tests/cycle/main.rs"]
mod cycle;
#[path = "../tests/deletion.rs"]
mod deletion;
#[path = "../tests/drain.rs"]
mod drain;
#[path = "../tests/evidence.rs"]
mod evidence;
#[path = "../tests/faults.rs"]
mod faults;
#[path = "../tests/shared/main.rs"]
mod shared;
