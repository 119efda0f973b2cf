//! Progress bars, on a terminal only.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::settings::Settings;

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

fn shown(settings: &Settings, doing: &'static str, template: &str) -> ProgressBar {
    if settings.is_quiet() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).expect("BUG: the template is well-formed");
    ProgressBar::new(0).with_style(style).with_message(doing)
}
