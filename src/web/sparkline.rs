//! Line charts that show how the size of a module changed.

use maud::{Markup, html};

use super::format::bytes;

/// The width and height of the chart, in units of the SVG.
const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 24.0;
/// The space above and below the line, in units of the SVG.
const MARGIN: f64 = 3.0;

/// Draws the sizes of a module as a small chart in a table. The sizes are in bytes, oldest first. Draws nothing if there are fewer than
/// two.
pub(super) fn sparkline(sizes: &[u64]) -> Markup {
    let [first, .., last] = sizes else {
        return html! {};
    };
    let label = format!(
        "{} sizes, from {} to {}",
        sizes.len(),
        bytes(*first),
        bytes(*last)
    );
    line("spark", sizes, &label)
}

/// Draws the sizes of a module as a chart that is as wide as its card. Draws nothing if there are fewer than two.
pub(super) fn growth_line(sizes: &[u64]) -> Markup {
    let [first, .., last] = sizes else {
        return html! {};
    };
    let label = format!(
        "The size over {} versions, from {} to {}",
        sizes.len(),
        bytes(*first),
        bytes(*last)
    );
    line("growth", sizes, &label)
}

fn line(class: &str, sizes: &[u64], label: &str) -> Markup {
    let (low, high) = sizes.iter().fold((u64::MAX, 0), |(low, high), size| {
        (low.min(*size), high.max(*size))
    });
    let range = (high - low).max(1) as f64;
    let step = WIDTH / (sizes.len() - 1).max(1) as f64;
    // If all sizes are equal, draws the line in the middle.
    let height_of = |size: u64| match high == low {
        true => HEIGHT / 2.0,
        false => HEIGHT - MARGIN - (size - low) as f64 / range * (HEIGHT - 2.0 * MARGIN),
    };
    let mut path = String::new();
    for (at, size) in sizes.iter().enumerate() {
        let command = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!(
            "{command}{:.1} {:.1}",
            at as f64 * step,
            height_of(*size)
        ));
    }
    let area = format!("{path}V{HEIGHT}H0Z");
    html! {
        svg class=(class) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            path.area d=(area) {}
            path d=(path) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_needs_two_sizes() {
        assert_eq!(sparkline(&[]).0, "");
        assert_eq!(sparkline(&[5]).0, "");
        let two = sparkline(&[5, 10]).0;
        assert!(two.contains("M0.0 21.0L100.0 3.0"), "{two}");
        assert!(
            sparkline(&[7, 7, 7])
                .0
                .contains("M0.0 12.0L50.0 12.0L100.0 12.0")
        );
        assert!(sparkline(&[0, u64::MAX]).0.contains("L100.0 3.0"));
    }
}
