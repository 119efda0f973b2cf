//! Reports errors of the command line in the form of all other errors: one line with the error, and one with a hint.

use std::error::Error as _;
use std::num::{IntErrorKind, ParseIntError};

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::usage_hints;
use crate::names::nearest;

/// Names of commands in other tools, each with the command of wasmstore that does the same.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("cat", "find"),
    ("checkout", "restore"),
    ("cp", "copy"),
    ("delete", "remove"),
    ("download", "find"),
    ("dump", "export"),
    ("fetch", "find"),
    ("get", "find"),
    ("history", "log"),
    ("inspect", "info"),
    ("link", "set"),
    ("ls", "list"),
    ("move", "mv"),
    ("new", "init"),
    ("publish", "add"),
    ("pull", "find"),
    ("push", "add"),
    ("put", "add"),
    ("rename", "mv"),
    ("revert", "rollback"),
    ("rm", "remove"),
    ("serve", "server"),
    ("undo", "rollback"),
    ("upload", "add"),
];

/// The hint for `wasmstore status`. Other tools have such a command, but wasmstore does not.
const OVERVIEW: &str = "`wasmstore` without a command prints an overview of the store";

/// An error of the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UsageError {
    /// The error message, a lower-case fragment.
    pub message: String,
    /// The hint: what the user can do about the error.
    pub hint: String,
}

impl UsageError {
    /// Describes an error of clap. `command` is the command that the arguments `args` select, and `words` are its words without the
    /// program's name.
    pub fn new(error: &clap::Error, (words, args): (&str, &[String]), command: &Command) -> Self {
        let mut guess = None;
        let invalid = || text(error, ContextKind::InvalidArg);
        let message = match error.kind() {
            ErrorKind::InvalidSubcommand => {
                let unknown = text(error, ContextKind::InvalidSubcommand);
                guess = similar_command(&unknown, command);
                let group = words.strip_prefix("help").unwrap_or(words).trim_start();
                format!("there is no command `{}`", join(group, &unknown))
            }
            ErrorKind::UnknownArgument => {
                let unknown = invalid();
                guess = similar_option(&unknown, command);
                if unknown.starts_with('-') {
                    format!("`{}` has no option {unknown}", name_of(words))
                } else {
                    format!("there is an argument too many: {unknown:?}")
                }
            }
            ErrorKind::MissingRequiredArgument => {
                format!("`{words}` needs {}", missing(words, &invalid()))
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                format!("`{words}` needs one of the commands {}", visible(command))
            }
            ErrorKind::InvalidValue if text(error, ContextKind::InvalidValue).is_empty() => {
                format!("{} needs a value", invalid())
            }
            ErrorKind::InvalidValue => {
                guess = error.get(ContextKind::SuggestedValue).map(plain);
                let valid = text(error, ContextKind::ValidValue);
                invalid_value(error, &format!("not one of {valid}"))
            }
            ErrorKind::ValueValidation => {
                let reason = error.source().map(|source| reason(source, &invalid()));
                invalid_value(error, &reason.unwrap_or_default())
            }
            ErrorKind::ArgumentConflict => conflict(error),
            ErrorKind::NoEquals => format!("{} needs a value after `=`", invalid()),
            ErrorKind::TooManyValues => format!("{} has too many values", invalid()),
            ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
                format!("{} has too few values", invalid())
            }
            ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
            _ => first_line(error),
        };
        let is_status = text(error, ContextKind::InvalidSubcommand) == "status";
        let hint = usage_hints::find(words, &value_of(error), args)
            .or_else(|| guess.map(|guess| format!("did you mean '{guess}'?")))
            .or_else(|| (is_status && words.is_empty()).then(|| OVERVIEW.to_owned()))
            .unwrap_or_else(|| usage(error, words));
        Self { message, hint }
    }
}

/// Returns the words of the command that the arguments select, such as `bucket probe` (without the program's name), and the command.
pub(super) fn selected<'c>(root: &'c mut Command, args: &[String]) -> (String, &'c Command) {
    root.build();
    let (mut words, mut command, mut is_value) = (Vec::new(), &*root, false);
    for arg in args.iter().skip(1) {
        if std::mem::take(&mut is_value) {
            continue;
        }
        if let Some(inner) = command.find_subcommand(arg) {
            words.push(arg.as_str());
            command = inner;
        } else if !arg.starts_with('-') || arg == "--" {
            break;
        } else {
            let mut options = command.get_opts();
            is_value = options.any(|option| arg.strip_prefix("--") == option.get_long());
        }
    }
    (words.join(" "), command)
}

/// Returns a detail that clap recorded about an error, as text. A list is joined with commas.
fn text(error: &clap::Error, kind: ContextKind) -> String {
    error.get(kind).map(plain).unwrap_or_default()
}

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(texts) => texts.join(", "),
        value => value.to_string(),
    }
}

fn join(words: &str, word: &str) -> String {
    format!("{words} {word}").trim_start().to_owned()
}

/// Returns the name of a command for a message: its words, or the name of the program if there are none.
fn name_of(words: &str) -> &str {
    if words.is_empty() { "wasmstore" } else { words }
}

/// Returns the missing arguments. If `copy` and `mv` get one argument, clap takes it as the last one, but the user has given the first.
fn missing(words: &str, invalid: &str) -> String {
    match (words, invalid) {
        ("copy" | "mv", "<SRC>...") => "<DEST>".to_owned(),
        (_, invalid) => invalid.to_owned(),
    }
}

/// Returns the argument or the value that clap rejected.
fn value_of(error: &clap::Error) -> String {
    match text(error, ContextKind::InvalidValue) {
        value if value.is_empty() => text(error, ContextKind::InvalidArg),
        value => value,
    }
}

fn invalid_value(error: &clap::Error, reason: &str) -> String {
    let value = text(error, ContextKind::InvalidValue);
    let argument = text(error, ContextKind::InvalidArg);
    format!("invalid value {value:?} for {}: {reason}", short(&argument))
}

/// Returns the name of an option without the placeholder of its value. Returns a positional argument unchanged.
fn short(argument: &str) -> &str {
    match argument.strip_prefix("--") {
        Some(_) => argument.split([' ', '=']).next().unwrap_or(argument),
        None => argument,
    }
}

/// Returns the reason why a value of `argument` was rejected. Replaces the standard library's texts about numbers, which do not say what is
/// expected.
fn reason(error: &(dyn std::error::Error + 'static), argument: &str) -> String {
    let Some(number) = error.downcast_ref::<ParseIntError>() else {
        return match error.to_string() {
            text if text.ends_with("expected a whole number") => text + unit(argument),
            text => text,
        };
    };
    let fault = match number.kind() {
        IntErrorKind::PosOverflow => "the number is too large",
        IntErrorKind::NegOverflow => "the number is too small",
        _ => return format!("expected a whole number{}, 0 or more", unit(argument)),
    };
    fault.to_owned()
}

/// Returns the unit of an option's value, such as ` of seconds`; empty for a plain number.
fn unit(argument: &str) -> &'static str {
    let units = [
        ("<SECONDS>", " of seconds"),
        ("<BYTES>", " of bytes"),
        ("<MIB>", " of MiB"),
    ];
    let unit = units.iter().find(|(name, _)| argument.ends_with(name));
    unit.map_or("", |(_, unit)| unit)
}

fn conflict(error: &clap::Error) -> String {
    let argument = text(error, ContextKind::InvalidArg);
    let others = text(error, ContextKind::PriorArg);
    match others.as_str() {
        "" => format!("{argument} cannot be used with the other arguments"),
        others if others == argument => format!("{argument} is given more than once"),
        others => format!("{argument} cannot be used together with {others}"),
    }
}

fn visible(command: &Command) -> String {
    let commands = command.get_subcommands();
    let names = commands.filter(|inner| !inner.is_hide_set());
    let names = names.map(Command::get_name).filter(|name| *name != "help");
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the command that the user probably means: the command in [`OTHER_NAMES`] for the unknown name, or one with a similar name.
fn similar_command(unknown: &str, command: &Command) -> Option<String> {
    let visible = visible(command);
    let names: Vec<_> = visible.split(", ").collect();
    let known = OTHER_NAMES.iter().find(|(other, _)| *other == unknown);
    // If `command` is a group such as `mirror`, the command from `OTHER_NAMES` may not be in this group.
    let known = known
        .map(|(_, ours)| *ours)
        .filter(|name| names.contains(name));
    let name = known.or_else(|| nearest(unknown, &names))?;
    Some(name.to_owned())
}

/// Returns the option with a similar name. clap's own suggestion is not used, because it may have little in common with the name.
fn similar_option(unknown: &str, command: &Command) -> Option<String> {
    let unknown = unknown.strip_prefix("--")?;
    let names: Vec<_> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .collect();
    nearest(unknown, &names).map(|name| format!("--{name}"))
}

/// Returns the usage on one line, followed by the `--help` call that shows more.
fn usage(error: &clap::Error, words: &str) -> String {
    let usage = text(error, ContextKind::Usage);
    // Further lines of clap's usage show other forms of the call.
    let usage = usage.trim_start().lines().next().unwrap_or_default();
    let usage: Vec<_> = usage.split_whitespace().skip(2).collect();
    let help = join("wasmstore", &join(words, "--help"));
    if usage.is_empty() {
        return format!("`{help}` shows how to use it");
    }
    format!("usage: wasmstore {}; `{help}` shows more", usage.join(" "))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
