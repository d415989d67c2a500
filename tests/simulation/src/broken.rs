//! Machines that are wrong on purpose: each must be caught.

use anyhow::Result;
use b24_offline_core::Defect;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::law::Breach;
use crate::life::live;
use crate::plan::Plan;
use crate::run::kept_plans;
use crate::world::{Keep, Maker};

/// So many lives are lived with a defect before it counts as not caught.
const MOST: u64 = 20_000;

/// How a defect was caught.
#[derive(Debug)]
struct Catch {
    defect: Defect,
    /// The name of a kept life, or a seed.
    life: String,
    breach: Breach,
    lives: u64,
}

/// Lives with each defect until a promise breaks; `true` when all were caught.
pub(crate) fn run(only: Option<&str>) -> Result<bool> {
    std::panic::set_hook(Box::new(|_| {}));
    let kept = kept_plans()?;
    let defects: Vec<Defect> = Defect::ALL
        .iter()
        .copied()
        .filter(|defect| only.is_none_or(|only| format!("{defect:?}").eq_ignore_ascii_case(only)))
        .collect();
    let mut missed = 0;
    for defect in &defects {
        match catch(*defect, &kept) {
            Some(catch) => println!(
                "{:<22} {:<13} {} ({} lives): {}",
                format!("{:?}", catch.defect),
                format!("{:?}", catch.breach.law),
                catch.life,
                catch.lives,
                catch.breach.what
            ),
            None => {
                missed += 1;
                println!("{:<22} NOT CAUGHT: {}", format!("{defect:?}"), defect.words());
            }
        }
    }
    println!("{} defects, {} caught by the simulation", defects.len(), defects.len() - missed);
    Ok(missed == 0)
}

fn catch(defect: Defect, kept: &[(String, Plan)]) -> Option<Catch> {
    let maker = Maker { defect: Some(defect) };
    for (place, (name, plan)) in kept.iter().enumerate() {
        if let Some(breach) = live(plan, maker, Keep::default()).breach {
            let lives = place as u64 + 1;
            return Some(Catch { defect, life: name.clone(), breach, lives });
        }
    }
    let next = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let caught: Mutex<Option<(u64, Breach)>> = Mutex::new(None);
    let working = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                working.fetch_add(1, Ordering::Relaxed);
                while !over.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= MOST {
                        break;
                    }
                    if let Some(breach) = live(&Plan::short(seed), maker, Keep::default()).breach {
                        over.store(true, Ordering::Relaxed);
                        let mut caught =
                            caught.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        // the lowest seed, whichever thread was first
                        if caught.as_ref().is_none_or(|(earlier, _)| seed < *earlier) {
                            *caught = Some((seed, breach));
                        }
                    }
                }
            });
        }
    });
    let caught = caught.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    caught.map(|(seed, breach)| Catch {
        defect,
        life: format!("seed {seed}"),
        breach,
        lives: next.load(Ordering::Relaxed),
    })
}
