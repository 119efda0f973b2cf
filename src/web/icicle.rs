//! The icicle chart of the sizes of a module's parts, and the table below the chart.

use maud::{Markup, html};

use super::format::{bytes, percent};
use super::size_tree::Part;

/// The height of a level of the chart, in pixels.
const LEVEL_HEIGHT: usize = 30;

/// The minimum width of a part for which its label is drawn, in percent of the width of the chart.
const LABEL_MIN: f64 = 3.0;

/// A part and its position in the chart.
struct Placed<'p> {
    part: &'p Part,
    level: usize,
    /// The left edge of the part, in percent of the width of the chart.
    left: f64,
    /// The width of the part, in percent of the width of the chart.
    width: f64,
}

/// Draws the parts of a module as an icicle chart: the whole module is at the top, and functions are at the bottom. Each part links to its
/// row in [`size_table`].
pub(super) fn icicle(whole: &Part) -> Markup {
    let placed = place_all(whole);
    let levels = placed
        .iter()
        .map(|placed| placed.level + 1)
        .max()
        .unwrap_or(1);
    html! {
        svg.icicle height=(levels * LEVEL_HEIGHT) role="group" aria-label="Chart of the sizes; each part leads to its row in the table of all parts" {
            @for (id, Placed { part, level, left, width }) in placed.iter().enumerate() {
                @let description = format!("{}: {}, {}", part.label, bytes(part.bytes), percent(part.bytes, whole.bytes));
                svg x=(format!("{left:.3}%")) y=(level * LEVEL_HEIGHT) width=(format!("{width:.3}%")) height=(LEVEL_HEIGHT - 1) {
                    a class=(part.class) href=(format!("#part-{id}")) data-level=(level) tabindex=(if id == 0 { "0" } else { "-1" }) aria-label=(description) {
                        title { (description) }
                        rect width="100%" height="100%" {}
                        @if *width >= LABEL_MIN { text x="6" y="19" { (part.label) } }
                    }
                }
            }
        }
    }
}

/// Renders the table of the parts in the chart.
pub(super) fn size_table(whole: &Part) -> Markup {
    html! {
        div.tall.scroll tabindex="0" role="region" aria-label="Table of the sizes" {
            table {
                caption.sr { "The parts of the module by size" }
                thead { tr { th scope="col" { "Part" } th.num scope="col" { "Size" } th.num scope="col" { "Share" } th.wide { span.sr { "Share as a bar" } } } }
                tbody {
                    @for (id, Placed { part, level, .. }) in place_all(whole).iter().enumerate() {
                        tr id=(format!("part-{id}")) class=(format!("depth{level}")) {
                            th scope="row" { bdi { (part.label) } }
                            td.num { (bytes(part.bytes)) }
                            td.num { (percent(part.bytes, whole.bytes)) }
                            td.wide { (bar(part.bytes, whole.bytes)) }
                        }
                    }
                }
            }
        }
    }
}

/// Draws the share of `part` in `whole` as a bar.
pub(super) fn bar(part: u64, whole: u64) -> Markup {
    let share = part as f64 / whole.max(1) as f64 * 100.0;
    html! {
        svg.bar aria-hidden="true" { rect width=(format!("{share:.2}%")) height="100%" {} }
    }
}

/// Computes the positions of a part and of all parts below it. In the result, a part comes before the parts below it.
fn place_all(whole: &Part) -> Vec<Placed<'_>> {
    let mut placed = Vec::new();
    place(whole, 0, (0.0, 100.0), &mut placed);
    placed
}

fn place<'p>(
    part: &'p Part,
    level: usize,
    (left, width): (f64, f64),
    placed: &mut Vec<Placed<'p>>,
) {
    placed.push(Placed {
        part,
        level,
        left,
        width,
    });
    // If the sizes of the parts add up to more than the whole, because a malicious module lies about its sizes, they are scaled down.
    let sum: u64 = part.parts.iter().map(|part| part.bytes).sum();
    let all = sum.max(part.bytes).max(1) as f64;
    let mut next = left;
    for child in &part.parts {
        let child_width = child.bytes as f64 / all * width;
        place(child, level + 1, (next, child_width), placed);
        next += child_width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: u64, parts: Vec<Part>) -> Part {
        Part {
            label: format!("p{bytes}"),
            bytes,
            class: "k-code",
            parts,
        }
    }

    #[test]
    fn parts_lie_below_the_part_that_they_are_in() {
        let whole = part(
            100,
            vec![part(60, vec![part(30, vec![])]), part(20, vec![])],
        );
        let placed = place_all(&whole);
        let found: Vec<_> = placed
            .iter()
            .map(|p| (p.part.bytes, p.level, p.left, p.width))
            .collect();
        assert_eq!(
            found,
            [
                (100, 0, 0.0, 100.0),
                (60, 1, 0.0, 60.0),
                (30, 2, 0.0, 30.0),
                (20, 1, 60.0, 20.0)
            ]
        );
        let chart = icicle(&whole).0;
        assert_eq!(chart.matches("<a ").count(), 4);
        assert!(!chart.contains("style="), "{chart}");
    }
}
