//! Progress bars, on a terminal only.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::settings::Settings;

/// How often what does not tell that it goes on is shown to.
const TICK: Duration = Duration::from_millis(100);
/// The smallest file whose reading takes long enough to be shown.
const BYTES_MIN: u64 = 8 << 20;

/// A bar on standard error for `doing`, whose length comes with its first step; hidden if nobody would see it.
pub(super) fn bar(settings: &Settings, doing: &'static str) -> ProgressBar {
    shown(settings, doing, "{msg} {wide_bar} {pos}/{len}")
}

/// A counter on standard error for `doing`, where the end is not known; hidden if nobody would see it.
pub(super) fn counter(settings: &Settings, doing: &'static str) -> ProgressBar {
    shown(settings, doing, "{msg} {pos}")
}

/// The time that `doing` takes, on standard error, where nothing else is known; hidden if nobody would see it.
pub(super) fn spinner(settings: &Settings, doing: &'static str) -> ProgressBar {
    shown(settings, doing, "{spinner} {msg} {elapsed}")
}

/// The same for what does not tell that it goes on: it ticks on its own.
pub(super) fn busy(settings: &Settings, doing: &'static str) -> ProgressBar {
    let spinner = spinner(settings, doing);
    if !spinner.is_hidden() {
        spinner.enable_steady_tick(TICK);
    }
    spinner
}

/// Reads `source` with a bar on standard error for `doing`: of its bytes if it has so many, and of what came where nobody knows how
/// many will. What is read at once has none.
pub(super) fn reading<R: Read>(
    settings: &Settings,
    doing: &'static str,
    source: R,
    bytes: Option<u64>,
) -> impl Read {
    let bar = match bytes {
        Some(bytes) if bytes < BYTES_MIN => ProgressBar::hidden(),
        Some(bytes) => {
            let bar = shown(settings, doing, "{msg} {wide_bar} {bytes}/{total_bytes}");
            bar.set_length(bytes);
            bar
        }
        None => shown(settings, doing, "{msg} {bytes}"),
    };
    bar.wrap_read(source)
}

fn shown(settings: &Settings, doing: &'static str, template: &str) -> ProgressBar {
    if settings.is_quiet() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("BUG: the template is well-formed");
    ProgressBar::new(0).with_style(style).with_message(doing)
}
