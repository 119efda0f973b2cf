//! Progress bars on standard error. They appear only on a terminal, and not with `--quiet`.

use std::io::{IsTerminal, Read};
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressBarIter, ProgressStyle};

/// The time between two redraws of a spinner whose operation does not report progress.
const TICK: Duration = Duration::from_millis(100);
/// The size of the smallest input for which progress is shown, in bytes. A smaller one is read too quickly.
const BYTES_MIN: u64 = 8 << 20;

/// The visible progress bars of this process. Set once there is one.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Clears the visible progress bars, runs `print`, and draws the bars again below its output. Whatever is written to a terminal must be
/// written by such a `print`: otherwise the bar of that moment stays on the screen above it. `print` must not call this function.
pub(super) fn without_bars<R>(print: impl FnOnce() -> R) -> R {
    match BARS.get() {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}

/// A factory for progress bars, which are either all visible or all hidden.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    is_visible: bool,
}

impl Progress {
    /// Creates a factory for progress bars. The bars are hidden if `is_quiet` is set or standard error is not a terminal.
    pub fn new(is_quiet: bool) -> Self {
        Self {
            is_visible: !is_quiet && std::io::stderr().is_terminal(),
        }
    }

    /// Returns a bar that is labeled with `operation`. The caller sets the number of steps when it is known.
    pub fn bar(self, operation: &'static str) -> ProgressBar {
        self.with_template(operation, "{msg} {wide_bar} {pos}/{len}")
    }

    /// Returns a counter, for an operation whose length is unknown.
    pub fn counter(self, operation: &'static str) -> ProgressBar {
        self.with_template(operation, "{msg} {pos}")
    }

    /// Returns a spinner with the elapsed time, for an operation that can report only that it continues.
    pub fn spinner(self, operation: &'static str) -> ProgressBar {
        self.with_template(operation, "{spinner} {msg} {elapsed}")
    }

    /// Returns a spinner that moves by itself, for an operation that reports nothing.
    pub fn ticking_spinner(self, operation: &'static str) -> ProgressBar {
        let spinner = self.spinner(operation);
        if !spinner.is_hidden() {
            spinner.enable_steady_tick(TICK);
        }
        spinner
    }

    /// Wraps `source` in a reader that shows progress: a bar if the length is known, else the number of bytes. For a short input it shows
    /// nothing.
    pub fn reader<R: Read>(
        self,
        operation: &'static str,
        source: R,
        length: Option<u64>,
    ) -> ProgressBarIter<R> {
        let bar = match length {
            Some(bytes) if bytes < BYTES_MIN => ProgressBar::hidden(),
            Some(bytes) => {
                let bar = self.with_template(operation, "{msg} {wide_bar} {bytes}/{total_bytes}");
                bar.set_length(bytes);
                bar
            }
            None => self.with_template(operation, "{msg} {bytes}"),
        };
        bar.wrap_read(source)
    }

    fn with_template(self, operation: &'static str, template: &str) -> ProgressBar {
        if !self.is_visible {
            return ProgressBar::hidden();
        }
        let style =
            ProgressStyle::with_template(template).expect("BUG: the template is well-formed");
        let bar = ProgressBar::new(0)
            .with_style(style)
            .with_message(operation);
        BARS.get_or_init(MultiProgress::new).add(bar)
    }
}
