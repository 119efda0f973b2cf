//! Whether to color.

use std::ffi::OsString;

use super::settings::variable;

/// When to color what goes to a stream: `Auto` is on a terminal that is not dumb, unless `NO_COLOR` is set; `CLICOLOR_FORCE`
/// counts as a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

/// What a piece of text tells of, and its color says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something that is new.
    Added,
    /// Something that is gone.
    Removed,
    /// Something that is another than before.
    Changed,
}

impl Tone {
    /// `text` in green, red or yellow.
    pub fn color(self, text: &str) -> String {
        let code = match self {
            Self::Added => 32,
            Self::Removed => 31,
            Self::Changed => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl When {
    /// What `args` ask for, as far as can be seen before they are parsed.
    pub fn asked(args: &[OsString]) -> Self {
        let mut args = args.iter().filter_map(|arg| arg.to_str()).skip(1);
        let mut asked = Self::default();
        while let Some(arg) = args.next() {
            let value = match arg.strip_prefix("--color") {
                _ if arg == "--" => break,
                Some("") => args.next(),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            if let Some(value) = value {
                asked = clap::ValueEnum::from_str(value, false).unwrap_or_default();
            }
        }
        asked
    }

    /// Says whether to color a stream that is a terminal or not.
    pub fn is_on(self, is_terminal: bool) -> bool {
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
    fn the_asked_color_is_seen_in_both_spellings() {
        for (args, wanted) in [
            (&["wasmstore", "list"][..], When::Auto),
            (&["wasmstore", "--color", "never", "list"], When::Never),
            (&["wasmstore", "list", "--color=always"], When::Always),
            (&["wasmstore", "--color", "odd"], When::Auto),
            (&["wasmstore", "--color"], When::Auto),
            (&["wasmstore", "list", "--", "--color=never"], When::Auto),
        ] {
            let args: Vec<_> = args.iter().map(OsString::from).collect();
            assert_eq!(When::asked(&args), wanted, "{args:?}");
        }
    }

    #[test]
    fn always_and_never_mind_no_terminal() {
        assert!(When::Always.is_on(false));
        assert!(!When::Never.is_on(true));
        assert!(!When::Auto.is_on(false));
    }
}
