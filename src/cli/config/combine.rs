//! Merges the three layers of settings: a flag overrides an environment variable, and the variable overrides the configuration file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::Value;

use super::error::ConfigError;
use super::file::{ConfigFile, Key};
use super::file_value::FileValue;
use super::source::{SettingSources, Source, SourcedSetting};
use super::value::{InvalidValue, SettingValue};
use crate::cli::environment::variable;

/// The flags that have an environment variable, each with the variable. A test checks that the help text of the flag names the variable.
const VARIABLES: [(&str, &str); 7] = [
    ("bucket", "WASMSTORE_BUCKET"),
    ("root", "WASMSTORE_ROOT"),
    ("branch", "WASMSTORE_BRANCH"),
    ("host", "WASMSTORE_HOST"),
    ("port", "WASMSTORE_PORT"),
    ("auth", "WASMSTORE_AUTH"),
    ("tls", "WASMSTORE_TLS"),
];

/// Merges the flags, the environment variables and the configuration file, one setting at a time.
///
/// Each method receives the field that clap has filled with the flag's value or default. If the flag was not given, the method
/// replaces the default by the value of the variable, or else by the value in the file.
pub(super) struct Combine<'a> {
    flags: &'a ArgMatches,
    file: &'a ConfigFile,
    settings: Vec<SourcedSetting>,
}

/// A field of the server's arguments that holds a setting: of the type `T`, or `Option<T>` for a setting without a default.
pub(super) trait SettingField<T> {
    /// Replaces the value of the setting.
    fn set(&mut self, value: T);
    /// Returns the value of the setting, if it has one.
    fn get(&self) -> Option<&T>;
}

impl<T: SettingValue> SettingField<T> for T {
    fn set(&mut self, value: T) {
        *self = value;
    }

    fn get(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T: SettingValue> SettingField<T> for Option<T> {
    fn set(&mut self, value: T) {
        *self = Some(value);
    }

    fn get(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// Combines each named field of `args`, which has the value of a flag, with the environment variable and the key of the configuration file
/// for the same setting.
macro_rules! combine_fields {
    ($combine:ident, $args:ident, $file:ident: $($field:ident),* $(,)?) => {
        $($combine.setting(stringify!($field), &mut $args.$field, $file.$field.take())?;)*
    };
}
pub(super) use combine_fields;

impl<'a> Combine<'a> {
    /// Starts a merge of `flags` with the environment variables and the configuration file. `file` is needed for the line numbers of its
    /// keys.
    pub fn new(flags: &'a ArgMatches, file: &'a ConfigFile) -> Self {
        Self {
            flags,
            file,
            settings: Vec::new(),
        }
    }

    /// Combines a setting that has one value.
    ///
    /// # Errors
    /// The value of the variable is invalid.
    pub fn setting<T: SettingValue>(
        &mut self,
        id: &str,
        field: &mut impl SettingField<T>,
        file: Key<T>,
    ) -> Result<(), ConfigError> {
        let source = if self.is_given(id) {
            flag(id)
        } else if let Some((name, text)) = variable_of(id) {
            field.set(T::parse_os(&text).map_err(|reason| invalid_variable(name, reason))?);
            Source::Variable(name)
        } else if let Some(key) = file {
            let source = self.file.source_at(key.span().start);
            let FileValue(value) = key.into_inner();
            field.set(value);
            source
        } else {
            return Ok(());
        };
        let value = field.get().map_or(Value::Null, T::shown);
        self.record(id, value, source);
        Ok(())
    }

    /// Combines a switch, a flag without a value. `false` in the file means the same as a missing key, because no flag can express `false`.
    pub fn switch(&mut self, id: &str, field: &mut bool, file: Key<bool>) {
        let file = file.filter(|key| key.get_ref().0);
        if let Some(source) = self.flag_or_line(id, &file) {
            *field = true;
            self.record(id, true.into(), source);
        }
    }

    /// Combines a setting that is a list. If the flag is given, its list replaces the list in the file; the two lists are not joined.
    pub fn list<T: SettingValue>(&mut self, id: &str, field: &mut Vec<T>, file: Key<Vec<T>>) {
        let file = file.filter(|key| !key.get_ref().0.is_empty());
        if let Some(source) = self.flag_or_line(id, &file) {
            if let (false, Some(key)) = (self.is_given(id), file) {
                *field = key.into_inner().0;
            }
            let values = field.iter().map(SettingValue::shown).collect();
            self.record(id, values, source);
        }
    }

    /// Combines `--verbose` and `--quiet`. They are one setting: a flag for one of them overrides both keys of the file.
    pub fn verbosity(
        &mut self,
        (verbose, quiet): (&mut u8, &mut bool),
        (file_verbose, file_quiet): (Key<u8>, Key<bool>),
    ) {
        let is_given = self.is_given("verbose") || self.is_given("quiet");
        let file_verbose = file_verbose.filter(|key| !is_given && key.get_ref().0 > 0);
        let file_quiet = file_quiet.filter(|_| !is_given);
        if let Some(source) = self.flag_or_line("verbose", &file_verbose) {
            if let Some(key) = file_verbose {
                *verbose = key.into_inner().0;
            }
            self.record("verbose", (*verbose).into(), source);
        }
        self.switch("quiet", quiet, file_quiet);
    }

    /// Returns the source of the setting named `key`, which must have been combined before; `None` if the setting has its default value.
    pub fn source(&self, key: &str) -> Option<&Source> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        Some(&setting.source)
    }

    /// Returns the sources of all settings that were combined. `file` is the path of the configuration file.
    pub fn finish(self, file: Option<PathBuf>) -> SettingSources {
        SettingSources {
            file,
            is_exposed: self.file.is_exposed,
            settings: self.settings,
        }
    }

    fn flag_or_line<T>(&self, id: &str, file: &Key<T>) -> Option<Source> {
        if self.is_given(id) {
            return Some(flag(id));
        }
        let key = file.as_ref()?;
        Some(self.file.source_at(key.span().start))
    }

    fn is_given(&self, id: &str) -> bool {
        self.flags.value_source(id) == Some(ValueSource::CommandLine)
    }

    fn record(&mut self, id: &str, value: Value, source: Source) {
        let key = long_name(id);
        self.settings.push(SourcedSetting { key, value, source });
    }
}

fn flag(id: &str) -> Source {
    Source::Flag(long_name(id))
}

/// Returns the name and the value of the environment variable for the flag with this id, if the variable is set.
fn variable_of(id: &str) -> Option<(&'static str, OsString)> {
    let (_, name) = VARIABLES.iter().find(|(flag, _)| *flag == id)?;
    Some((name, variable(name)?))
}

/// Returns the long name of the flag whose field is called `id`.
fn long_name(id: &str) -> String {
    id.replace('_', "-")
}

fn invalid_variable(variable: &'static str, reason: InvalidValue) -> ConfigError {
    match reason {
        InvalidValue::Name(source) => ConfigError::Name { variable, source },
        InvalidValue::Other(fault) => ConfigError::Invalid {
            origin: Source::Variable(variable),
            fault,
        },
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::cli::args::GlobalArgs;
    use crate::cli::config::ServerArgs;

    #[test]
    fn help_texts_name_the_variables() {
        let command = ServerArgs::augment_args(GlobalArgs::augment_args(Command::new("")));
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            if ServerArgs::NOT_SETTINGS.contains(&id) {
                continue;
            }
            let help = arg.get_help().unwrap().to_string();
            let named = help.split("[env: ").nth(1);
            let named = named.map(|rest| rest.trim_end_matches(']'));
            let variable = VARIABLES.iter().find(|(flag, _)| *flag == id);
            assert_eq!(variable.map(|(_, name)| *name), named, "{id}");
        }
    }
}
