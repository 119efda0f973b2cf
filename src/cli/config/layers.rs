//! What was set, and by which layer.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::Value;

use super::flags::{Flag, Kind};
use super::origin::Origin;
use super::read::read;
use crate::cli::commands::Command;
use crate::cli::commands::ServerArgs;
use crate::cli::exit;
use crate::cli::secret::HIDDEN;
use crate::names::redact;

/// Where the settings of a server come from.
#[derive(Clone, Default)]
pub(in crate::cli) struct Layers {
    /// The arguments as they were given.
    pub(super) args: Vec<OsString>,
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Whether the file holds secrets that others can read.
    pub(super) is_exposed: bool,
    /// All that is set.
    pub set: Vec<Set>,
}

/// A setting that somebody set.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Set {
    /// The flag's long name.
    pub key: String,
    /// What it is set to, without secrets.
    pub value: Value,
    /// By whom.
    pub origin: Origin,
}

impl Layers {
    /// The server as it would be if it were started now, where a file has a say in it.
    ///
    /// # Errors
    /// The file, or what it says together with the arguments, is refused now.
    pub fn read_again(&self) -> exit::Result<Option<ServerArgs>> {
        if self.file.is_none() {
            return Ok(None);
        }
        match read(self.args.clone())?.command {
            Some(Command::Server(server)) => Ok(Some(server)),
            _ => Ok(None),
        }
    }

    /// Says where the setting comes from that an error is about, if that is not plain from the command line.
    pub fn blame(&self, key: &str, error: exit::Error) -> exit::Error {
        let set = self.set.iter().find(|set| set.key == key);
        let place = match set.map(|set| &set.origin) {
            None | Some(Origin::Flag(_)) => return error,
            Some(Origin::Variable(name)) => (*name).to_owned(),
            Some(origin @ Origin::Line(..)) => format!("{origin}: `{key}`"),
        };
        exit::Error::Set {
            place,
            source: Box::new(error),
        }
    }

    /// Warns of what others can read.
    pub fn warn(&self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.is_exposed) {
            tracing::warn!("{file:?} holds keys or passwords, and others can read it: chmod 600");
        }
    }
}

/// The arguments may hold secrets.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut layers = f.debug_struct("Layers");
        layers.field("file", &self.file).finish_non_exhaustive()
    }
}

impl Set {
    /// What `matches` have of a flag; `None` if nobody set it.
    pub(super) fn of(flag: &Flag, matches: &ArgMatches, origin: Origin) -> Option<Self> {
        if matches.value_source(flag.id()) != Some(ValueSource::CommandLine) {
            return None;
        }
        let values = matches.get_raw(flag.id()).into_iter().flatten();
        let mut values = values.map(|value| shown(flag, &value.to_string_lossy()));
        let value = match flag.kind() {
            Kind::Switch => Value::Bool(true),
            Kind::Count => matches.get_count(flag.id()).into(),
            Kind::One => values.next()?,
            Kind::Many => values.collect(),
        };
        Some(Self {
            key: flag.name().to_owned(),
            value,
            origin,
        })
    }
}

fn shown(flag: &Flag, value: &str) -> Value {
    match value.parse::<i64>() {
        _ if flag.is_secret() => HIDDEN.into(),
        Ok(number) if !flag.is_text() => number.into(),
        _ => redact(value).into(),
    }
}
