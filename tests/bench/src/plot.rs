//! Cost against backlog as an SVG picture, readable on light and on dark ground.

use std::fmt::Write;

use crate::book::{Book, Chapter};
use crate::cost::PER_THOUSAND;
use crate::figure::{Figure, Part, real, shown};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 470.0;
/// The ground of the curves: left, top, right, bottom.
const GROUND: [f64; 4] = [78.0, 52.0, 560.0, 400.0];
/// Where the list of names begins, and how far its lines are apart.
const NAMES: f64 = 586.0;
const LINE: f64 = 24.0;

/// The backlog that the list of names gives each cost of.
const TOLD_AT: u64 = 5_000;

/// Hues that are told apart on white and on black, also by most who see fewer.
const HUES: [&str; 5] = ["#3b82d0", "#d9662c", "#b8860b", "#b65fc0", "#7f8a99"];
/// Ours have one of their own.
const OUR_HUE: &str = "#0f9d76";

/// The style: the reader's system says whether the ground is light or dark.
const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-size: 16px; font-weight: 600 }
    .faint { fill: #57606a; font-size: 12px }
    .grid { stroke: #d0d7de; stroke-width: 1 }
    .ground { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .faint { fill: #9aa4af }
      .grid { stroke: #3a424c }
      .ground { fill: #0d1117 }
    }";

/// The costs of one client, by backlog.
#[derive(Debug, Clone, PartialEq)]
struct Curve {
    name: String,
    points: Vec<(u64, f64)>,
}

impl Curve {
    /// The cost at the backlog that the names tell, or at the largest one.
    fn told(&self) -> f64 {
        let at = self.points.iter().find(|(changes, _)| *changes == TOLD_AT);
        at.or(self.points.last()).map_or(0.0, |(_, cost)| *cost)
    }
}

/// The picture of what the book holds; none when nothing was measured at two backlogs.
#[must_use]
pub fn cost_against_backlog(book: &Book) -> Option<String> {
    let figures = |part| book.parts.get(&part).map_or(&[][..], |held: &Chapter| &held.figures);
    let mut curves = curves(figures(Part::A));
    curves.retain(|curve| curve.points.len() > 1);
    if curves.is_empty() {
        return None;
    }
    let known: Vec<String> = curves.iter().map(|curve| curve.name.clone()).collect();
    let others = self::curves(figures(Part::B)).into_iter();
    // ours are drawn as curves already, by the machine that they share
    curves
        .extend(others.filter(|curve| {
            !known.contains(&curve.name) && !curve.name.starts_with("b24-offline")
        }));
    curves.sort_by(|left, right| right.told().total_cmp(&left.told()));
    Some(picture(&curves))
}

/// Costs by who has them, in the order in which they come; hosts share the machine's curve and are left out.
fn curves(figures: &[Figure]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for figure in figures.iter().filter(|figure| figure.unit == PER_THOUSAND) {
        let Some(changes) = figure.changes.filter(|_| !figure.who.starts_with("listen")) else {
            continue;
        };
        let point = (changes, figure.value);
        match curves.iter_mut().find(|curve| curve.name == figure.who) {
            Some(curve) => curve.points.push(point),
            None => curves.push(Curve { name: figure.who.clone(), points: vec![point] }),
        }
    }
    curves
}

/// A logarithmic scale in both directions.
struct Scale {
    most_changes: f64,
    least: f64,
    most: f64,
}

impl Scale {
    fn of(curves: &[Curve]) -> Scale {
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let changes = points().map(|(changes, _)| real(*changes)).fold(10.0, f64::max);
        let least = points().map(|(_, cost)| *cost).fold(1.0, f64::min);
        let most = points().map(|(_, cost)| *cost).fold(10.0, f64::max);
        Scale { most_changes: changes, least: least.log10().floor(), most: most.log10().ceil() }
    }

    fn x(&self, changes: f64) -> f64 {
        let [left, _, right, _] = GROUND;
        left + changes.log10() / self.most_changes.log10() * (right - left)
    }

    fn y(&self, cost: f64) -> f64 {
        let [_, top, _, bottom] = GROUND;
        bottom - (cost.log10() - self.least) / (self.most - self.least) * (bottom - top)
    }
}

fn picture(curves: &[Curve]) -> String {
    let scale = Scale::of(curves);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Requests per 1,000 changes against the number of waiting changes\">\n  \
         <style>{STYLE}\n  </style>\n  <rect class=\"ground\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\"/>\n"
    );
    let [left, _, _, bottom] = GROUND;
    text(&mut svg, left, 28.0, "title", "start", "What a change costs, by how many wait");
    axes(&mut svg, &scale);
    let middle = GROUND[1] + (bottom - GROUND[1]) / 2.0;
    // writing to a String does not fail, here and below
    let _ = writeln!(
        svg,
        "  <text x=\"24\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 24 \
         {middle})\">requests per 1,000 changes</text>"
    );
    text(&mut svg, left + 241.0, 446.0, "", "middle", "changes that wait");
    let is_told = |curve: &Curve| curve.points.iter().any(|(changes, _)| *changes == TOLD_AT);
    let title = if curves.iter().all(is_told) {
        format!("requests per 1,000 at {} changes", shown(real(TOLD_AT)))
    } else {
        "requests per 1,000 at the largest backlog".to_owned()
    };
    text(&mut svg, NAMES, GROUND[1] + 4.0, "faint", "start", &title);
    // ours and theirs have hues and marks of their own, in the order of the list
    let (mut ours, mut theirs) = (0, 0);
    for (line, curve) in curves.iter().enumerate() {
        if curve.name.starts_with("machine") {
            draw(&mut svg, &scale, curve, line, (OUR_HUE, ours));
            ours += 1;
        } else {
            let hue = HUES.get(theirs % HUES.len()).copied().unwrap_or_default();
            draw(&mut svg, &scale, curve, line, (hue, theirs / HUES.len()));
            theirs += 1;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String, scale: &Scale) {
    let [left, top, right, bottom] = GROUND;
    let mut rule = |x1: f64, y1: f64, x2: f64, y2: f64| {
        let _ = writeln!(
            svg,
            "  <line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    };
    let tens = |power: i32| 10_f64.powi(power);
    // each power of ten that lies on the ground
    let costs = (-3..9).map(tens).filter(|cost| (scale.least..=scale.most).contains(&cost.log10()));
    let changes = (0..9).map(tens).filter(|changes| *changes <= scale.most_changes);
    let (costs, changes): (Vec<f64>, Vec<f64>) = (costs.collect(), changes.collect());
    costs.iter().for_each(|cost| rule(left, scale.y(*cost), right, scale.y(*cost)));
    changes.iter().for_each(|changes| rule(scale.x(*changes), top, scale.x(*changes), bottom));
    for cost in costs {
        text(svg, left - 8.0, scale.y(cost) + 4.0, "faint", "end", &plain(cost));
    }
    for changes in changes {
        text(svg, scale.x(changes), bottom + 20.0, "faint", "middle", &plain(changes));
    }
}

/// A power of ten as it is written.
fn plain(power: f64) -> String {
    if power < 1.0 { format!("{power}") } else { shown(power) }
}

/// A curve, or marks where there is one point alone, and its line in the list of names. Ours are drawn heavier.
fn draw(svg: &mut String, scale: &Scale, curve: &Curve, line: usize, look: (&str, usize)) {
    let (hue, shape) = look;
    let width = if curve.name.starts_with("machine") { 3 } else { 2 };
    let place = |(changes, cost): &(u64, f64)| (scale.x(real(*changes)), scale.y(*cost));
    let path: Vec<String> =
        curve.points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    if path.len() > 1 {
        let _ = writeln!(
            svg,
            "  <polyline fill=\"none\" stroke=\"{hue}\" stroke-width=\"{width}\" points=\"{}\"/>",
            path.join(" ")
        );
    }
    for (x, y) in curve.points.iter().map(place) {
        mark(svg, x, y, hue, shape);
    }
    let y = GROUND[1] + LINE * (1.2 + real(line as u64));
    mark(svg, NAMES + 5.0, y - 4.0, hue, shape);
    let told = format!("{}  {}", shown(curve.told()), curve.name);
    text(svg, NAMES + 18.0, y, "", "start", &told);
}

/// A mark of one of three shapes: curves of one hue differ in it.
fn mark(svg: &mut String, x: f64, y: f64, hue: &str, shape: usize) {
    let _ = match shape % 3 {
        0 => writeln!(svg, "  <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{hue}\"/>"),
        1 => writeln!(
            svg,
            "  <rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"none\" \
             stroke=\"{hue}\" stroke-width=\"2\"/>",
            x - 4.0,
            y - 4.0
        ),
        _ => writeln!(
            svg,
            "  <path d=\"M{:.1} {:.1}l5 9h-10z\" fill=\"none\" stroke=\"{hue}\" \
             stroke-width=\"2\"/>",
            x,
            y - 6.0
        ),
    };
}

fn text(svg: &mut String, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "  <text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn book() -> Book {
        let figure = |who: &str, changes, cost| Figure::new(who, cost, PER_THOUSAND).with(changes);
        let chapter = |figures| Chapter {
            title: String::new(),
            commit: String::new(),
            quick: false,
            notes: Vec::new(),
            figures,
        };
        let ours = vec![
            figure("machine, defaults", 50, 100.0),
            figure("machine, defaults", 5_000, 1.6),
            figure("listen of native", 5_000, 1.6),
            Figure::new("machine, defaults", 8.0, "virtual seconds").with(5_000),
        ];
        let theirs = vec![figure("b24-offline", 5_000, 1.6), figure("sdk <x>, best", 5_000, 1.4)];
        Book { parts: BTreeMap::from([(Part::A, chapter(ours)), (Part::B, chapter(theirs))]) }
    }

    #[test]
    fn it_shows_each_client_once_with_its_cost() {
        let svg = cost_against_backlog(&book()).unwrap();
        assert_eq!(svg.matches("<polyline").count(), 1);
        assert!(
            svg.contains(">1.60  machine, defaults<") && svg.contains(">1.40  sdk &lt;x>, best<")
        );
        assert!(!svg.contains("listen of native") && !svg.contains(">1.60  b24-offline<"));
        assert!(svg.contains("requests per 1,000 changes<") && svg.contains(">changes that wait<"));
        assert!(svg.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn the_scale_is_logarithmic_and_holds_every_point() {
        let scale = Scale::of(&curves(&book().parts[&Part::A].figures));
        assert_eq!((scale.x(1.0), scale.x(5_000.0)), (GROUND[0], GROUND[2]));
        assert_eq!((scale.y(1.0), scale.y(100.0)), (GROUND[3], GROUND[1]));
        assert!((scale.y(10.0) - (GROUND[1] + GROUND[3]) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn one_backlog_alone_makes_no_picture() {
        assert_eq!(cost_against_backlog(&Book::default()), None);
    }
}
