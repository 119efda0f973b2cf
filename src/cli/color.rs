//! The value of `--color`, and the colors of diffs.

use std::ffi::OsString;

use super::environment::variable;

/// The value of `--color`. With `Auto`, color is enabled if the output is a terminal and `TERM` is not `dumb`, or if `CLICOLOR_FORCE` is
/// set. If `NO_COLOR` is set, `Auto` disables color in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// The color of a line in the output of `diff` and `show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiffColor {
    /// Green, for an added item.
    Added,
    /// Red, for a removed item.
    Removed,
    /// Yellow, for an updated item.
    Updated,
}

impl DiffColor {
    /// The ANSI escape sequence that resets the color.
    pub const END: &str = "\u{1b}[0m";

    /// Returns the ANSI escape sequence that selects this color.
    pub fn start(self) -> &'static str {
        match self {
            Self::Added => "\u{1b}[32m",
            Self::Removed => "\u{1b}[31m",
            Self::Updated => "\u{1b}[33m",
        }
    }
}

impl ColorChoice {
    /// Finds the value of `--color` in arguments that are not parsed yet, because the help and the errors of parsing are colored too.
    pub fn from_args(args: &[OsString]) -> Self {
        let mut args = args.iter().filter_map(|arg| arg.to_str()).skip(1);
        let mut choice = Self::default();
        while let Some(arg) = args.next() {
            let value = match arg.strip_prefix("--color") {
                _ if arg == "--" => break,
                Some("") => args.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            if let Some(value) = value {
                choice = clap::ValueEnum::from_str(value, false).unwrap_or_default();
            }
        }
        choice
    }

    /// Returns whether to color the output to a stream. `is_terminal` says whether the stream is a terminal.
    pub fn is_enabled(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if variable("NO_COLOR").is_some() => false,
            Self::Auto => {
                variable("CLICOLOR_FORCE").is_some_and(|force| force != "0")
                    || is_terminal && variable("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_found_in_both_spellings() {
        for (args, expected) in [
            (&["wasmstore", "list"][..], ColorChoice::Auto),
            (
                &["wasmstore", "--color", "never", "list"],
                ColorChoice::Never,
            ),
            (
                &["wasmstore", "list", "--color=always"],
                ColorChoice::Always,
            ),
            (&["wasmstore", "--color", "odd"], ColorChoice::Auto),
            (&["wasmstore", "--color"], ColorChoice::Auto),
            (
                &["wasmstore", "list", "--", "--color=never"],
                ColorChoice::Auto,
            ),
        ] {
            let args: Vec<_> = args.iter().map(OsString::from).collect();
            assert_eq!(ColorChoice::from_args(&args), expected, "{args:?}");
        }
    }

    #[test]
    fn always_and_never_ignore_the_terminal() {
        assert!(ColorChoice::Always.is_enabled(false));
        assert!(!ColorChoice::Never.is_enabled(true));
        assert!(!ColorChoice::Auto.is_enabled(false));
    }
}
