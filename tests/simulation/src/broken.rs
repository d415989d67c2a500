//! Machines that are wrong on purpose: each must be caught.

use anyhow::Result;
use b24_offline_core::Defect;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::law::Breach;
use crate::life::live;
use crate::plan::Plan;
use crate::run::{keep, kept_plans};
use crate::shrink::shrink;
use crate::world::{Keep, Maker};

/// So many lives are lived with a defect before it is given to the model check.
const MOST: u64 = 500;

/// How a defect was caught.
#[derive(Debug)]
struct Catch {
    defect: Defect,
    /// The name of a kept life, or a seed.
    life: String,
    /// Unless it is kept already.
    plan: Option<Plan>,
    breach: Breach,
    lives: u64,
}

/// Lives with each defect until a promise breaks; `true` when all were caught.
pub(crate) fn run(only: Option<&str>, keeps: bool) -> Result<bool> {
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
            Some(catch) => {
                println!(
                    "{:<22} {:<13} {} ({} lives): {}",
                    format!("{:?}", catch.defect),
                    format!("{:?}", catch.breach.law),
                    catch.life,
                    catch.lives,
                    catch.breach.what
                );
                if let Some(plan) = catch.plan.filter(|_| keeps) {
                    let maker = Maker { defect: Some(*defect) };
                    let small = shrink(&plan, maker, catch.breach.law);
                    keep(&small, &format!("catches-{defect:?}"))?;
                }
            }
            None => match b24_offline_model::caught(*defect)? {
                Some(story) => println!(
                    "{:<22} {:<13} the model: {} steps in the world {}",
                    format!("{defect:?}"),
                    format!("{:?}", story.broken.0),
                    story.steps.len(),
                    story.world
                ),
                None => {
                    missed += 1;
                    println!("{:<22} NOT CAUGHT: {}", format!("{defect:?}"), defect.words());
                }
            },
        }
    }
    println!("{} defects, {} caught", defects.len(), defects.len() - missed);
    Ok(missed == 0)
}

fn catch(defect: Defect, kept: &[(String, Plan)]) -> Option<Catch> {
    let maker = Maker { defect: Some(defect) };
    // the one that was kept for this defect first
    let own = |(name, _): &&(String, Plan)| *name == format!("catches-{defect:?}").to_lowercase();
    let others = kept.iter().filter(|life| !own(life));
    for (place, (name, plan)) in kept.iter().filter(own).chain(others).enumerate() {
        if let Some(breach) = live(plan, maker, Keep::default()).breach {
            let lives = place as u64 + 1;
            return Some(Catch { defect, life: name.clone(), plan: None, breach, lives });
        }
    }
    let next = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let caught: Mutex<Option<(u64, Breach)>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
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
        plan: Some(Plan::short(seed)),
        breach,
        lives: next.load(Ordering::Relaxed),
    })
}
