//! The flags of `server`, as clap knows them: each is a key of the file.

use std::any::TypeId;
use std::borrow::Cow;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::cli::args::CommandLine;
use crate::cli::secret::Secret;
use crate::cli::server_settings::TlsFiles;
use crate::cli::store_location::StoreLocation;
use crate::names;

/// The flags that are no settings of a server: they say what is done, or nothing to it.
const NOT_SETTINGS: [&str; 6] = ["author", "check", "config", "help", "json", "version"];

/// The variables that stand between a flag and the file.
const VARIABLES: [(&str, &str); 6] = [
    ("root", "WASMSTORE_ROOT"),
    ("branch", "WASMSTORE_BRANCH"),
    ("host", "WASMSTORE_HOST"),
    ("port", "WASMSTORE_PORT"),
    ("auth", "WASMSTORE_AUTH"),
    ("tls", "WASMSTORE_TLS"),
];

/// A flag of `server`, or one that all commands have.
pub(super) struct Flag {
    arg: Arg,
    name: String,
}

/// How a flag is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Without a value.
    Switch,
    /// Without a value, several times.
    Count,
    /// With a value.
    One,
    /// With a value, several times.
    Many,
}

/// Why a parser refused a value. Nothing of a URL is repeated.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is no name of its kind.
    Name(names::Error),
    /// Anything else.
    Other(String),
}

impl Flag {
    /// Every flag that is a setting of a server.
    pub fn all() -> Vec<Self> {
        let command = CommandLine::command();
        let server = command.find_subcommand("server");
        let own = server.into_iter().flat_map(Command::get_arguments);
        let of_all = command.get_arguments().filter(|arg| arg.is_global_set());
        let flags = own.chain(of_all).filter_map(|arg| {
            let name = arg.get_long()?.to_owned();
            let arg = arg.clone();
            Some(Self { arg, name })
        });
        flags
            .filter(|flag| !NOT_SETTINGS.contains(&flag.name()))
            .collect()
    }

    /// Its long name, without dashes.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name that clap has for it.
    pub fn id(&self) -> &str {
        self.arg.get_id().as_str()
    }

    /// The variable that does the same.
    pub fn variable(&self) -> Option<&'static str> {
        let mut variables = VARIABLES.iter();
        let (_, variable) = variables.find(|(flag, _)| *flag == self.name)?;
        Some(variable)
    }

    /// How it is written.
    pub fn kind(&self) -> Kind {
        match self.arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => Kind::Switch,
            ArgAction::Count => Kind::Count,
            ArgAction::Append => Kind::Many,
            _ => Kind::One,
        }
    }

    /// Says whether its value is a secret as a whole.
    pub fn is_secret(&self) -> bool {
        self.is::<Secret>()
    }

    /// Says whether its value is a number and nothing else.
    pub fn is_number(&self) -> bool {
        self.is::<u8>()
            || self.is::<u16>()
            || self.is::<u32>()
            || self.is::<u64>()
            || self.is::<usize>()
            || self.is::<i32>()
            || self.is::<i64>()
    }

    /// Says whether its parser takes any text, a number included, which is not meant then.
    pub fn is_text(&self) -> bool {
        self.is::<String>()
            || self.is::<Secret>()
            || self.is::<PathBuf>()
            || self.is::<StoreLocation>()
            || self.is::<TlsFiles>()
    }

    fn is<T: 'static>(&self) -> bool {
        self.parser().type_id() == TypeId::of::<T>()
    }

    fn parser(&self) -> &ValueParser {
        self.arg.get_value_parser()
    }

    /// Has the flag's parser judge a value.
    pub fn check(&self, value: &OsStr) -> Result<(), Fault> {
        let only = Arg::new("value").long("value").action(ArgAction::Set);
        let only = only.value_parser(self.parser().clone());
        let judge = Command::new("").no_binary_name(true).arg(only);
        let judged = judge.try_get_matches_from([word("value", value)]);
        judged.map(drop).map_err(|error| fault(&error))
    }

    /// A value, which was judged, with its file names taken from `folder`.
    pub fn rooted<'v>(&self, value: &'v OsStr, folder: &Path) -> Cow<'v, OsStr> {
        let is_folder = || {
            matches!(
                StoreLocation::parse(value.into()),
                Ok(StoreLocation::Directory(_))
            )
        };
        if self.is::<PathBuf>() || (self.is::<StoreLocation>() && is_folder()) {
            return Cow::Owned(folder.join(value).into());
        }
        match value.to_str().map(TlsFiles::parse) {
            Some(Ok(files)) if self.is::<TlsFiles>() => {
                let mut both = OsString::from(folder.join(files.key));
                both.push(",");
                both.push(folder.join(files.certificate));
                Cow::Owned(both)
            }
            _ => Cow::Borrowed(value),
        }
    }

    /// The flag as an argument, without a value.
    pub fn bare(&self) -> OsString {
        format!("--{}", self.name).into()
    }

    /// The flag as an argument, with a value.
    pub fn with(&self, value: &OsStr) -> OsString {
        word(&self.name, value)
    }
}

fn word(name: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(format!("--{name}="));
    word.push(value);
    word
}

/// clap's own text quotes the value, which may be a secret.
fn fault(error: &clap::Error) -> Fault {
    let source = error.source();
    if let Some(name) = source.and_then(|source| source.downcast_ref::<names::Error>()) {
        return match name {
            names::Error::Url { fault, .. } | names::Error::ServerUrl { fault, .. } => {
                Fault::Other(format!("the URL {fault}"))
            }
            name => Fault::Name(name.clone()),
        };
    }
    Fault::Other(match (error.kind(), source) {
        (_, Some(source)) => source.to_string(),
        (ErrorKind::InvalidUtf8, None) => "it is not UTF-8".to_owned(),
        (_, None) => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(values)) if !values.is_empty() => {
                format!("it is one of {}", values.join(", "))
            }
            _ if error.kind() == ErrorKind::InvalidValue => "it is empty".to_owned(),
            _ => "it is not taken".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_are_those_that_the_help_names() {
        for flag in Flag::all() {
            let help = flag.arg.get_help().unwrap().to_string();
            let told = help.split("[env: ").nth(1);
            let told = told.map(|rest| rest.trim_end_matches(']'));
            assert_eq!(flag.variable(), told, "{}", flag.name());
        }
    }

    #[test]
    fn file_names_are_taken_from_the_folder_of_the_file() {
        let flags = Flag::all();
        let flag = |name| flags.iter().find(|flag| flag.name() == name).unwrap();
        for (name, value, wanted) in [
            ("auth-file", "keys", "/etc/keys"),
            ("auth-file", "/keys", "/keys"),
            ("root", "../db", "/etc/../db"),
            ("tls", "k,/c", "/etc/k,/c"),
            ("host", "localhost", "localhost"),
        ] {
            let rooted = flag(name).rooted(OsStr::new(value), Path::new("/etc"));
            assert_eq!(rooted, OsStr::new(wanted), "{name}");
        }
        let beside = flag("auth-file").rooted(OsStr::new("keys"), Path::new(""));
        assert_eq!(beside, OsStr::new("keys"));
    }
}
