//! Putting the layers together.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::error::{Error, first_paragraph};
use super::file::{self, Entry};
use super::flags::{Fault, Flag};
use super::layers::{Layers, Set};
use super::origin::Origin;
use crate::cli::args::CommandLine;
use crate::cli::commands::Command;
use crate::cli::settings::variable;

/// The flags that say one thing together: who gives one of them means the other not to count.
const VERBOSITY: [&str; 2] = ["verbose", "quiet"];

/// Reads the arguments, and for a server what its environment and its file add to them.
///
/// # Errors
/// What is refused, and where it stands.
pub(in crate::cli) fn read(args: Vec<OsString>) -> Result<CommandLine, Error> {
    let Some(given) = given_to_server(&args) else {
        return Ok(parse(&args, &[])?.0);
    };
    let named = given.get_one::<PathBuf>("config").cloned();
    let path = named.or_else(|| variable("WASMSTORE_CONFIG").map(PathBuf::from));
    let flags = Flag::all();
    let (entries, is_exposed) = entries(&flags, &given, path.as_deref())?;
    let parsed = parse(&args, &entries);
    let (mut parsed, matches) = parsed.map_err(|error| blame(error, &args, &entries))?;
    if let Some(Command::Server(server)) = &mut parsed.command {
        let matches = matches.subcommand_matches("server");
        let set = matches.map(|matches| set(&flags, matches, &entries));
        server.layers = Layers {
            args,
            file: path,
            is_exposed,
            set: set.unwrap_or_default(),
        };
    }
    Ok(parsed)
}

/// What the environment and the file add to the arguments; whether the file should not be read by so many.
fn entries<'f>(
    flags: &'f [Flag],
    given: &ArgMatches,
    path: Option<&Path>,
) -> Result<(Vec<Entry<'f>>, bool), Error> {
    let is_given = |flag: &Flag| {
        let is = |id| given.value_source(id) == Some(ValueSource::CommandLine);
        let is_verbosity = VERBOSITY.contains(&flag.name());
        is(flag.id()) || is_verbosity && VERBOSITY.into_iter().any(is)
    };
    let mut entries = Vec::new();
    for flag in flags.iter().filter(|flag| !is_given(flag)) {
        entries.extend(from_environment(flag)?);
    }
    let Some(path) = path else {
        return Ok((entries, false));
    };
    let file = file::read(path, flags)?;
    for entry in file.entries {
        let is_set = |other: &Entry<'_>| other.flag.id() == entry.flag.id();
        if !is_given(entry.flag) && !entries.iter().any(is_set) {
            entries.push(entry);
        }
    }
    Ok((entries, file.is_exposed))
}

/// All that is set, in the order of the flags.
fn set(flags: &[Flag], matches: &ArgMatches, entries: &[Entry<'_>]) -> Vec<Set> {
    let sets = flags.iter().filter_map(|flag| {
        let entry = entries.iter().find(|entry| entry.flag.id() == flag.id());
        let origin = match entry {
            Some(entry) => entry.origin.clone(),
            None => Origin::Flag(flag.name().to_owned()),
        };
        Set::of(flag, matches, origin)
    });
    sets.collect()
}

/// What the arguments give to `server`, if it is that which they call. They need not be right by themselves, as what they need may
/// stand in another layer.
fn given_to_server(args: &[OsString]) -> Option<ArgMatches> {
    // Most calls are not of it, and need not be parsed twice.
    args.iter().find(|arg| *arg == "server")?;
    let lenient = CommandLine::command().ignore_errors(true);
    let mut matches = lenient.try_get_matches_from(args).ok()?;
    let (name, given) = matches.remove_subcommand()?;
    (name == "server").then_some(given)
}

fn from_environment(flag: &Flag) -> Result<Option<Entry<'_>>, Error> {
    let Some(name) = flag.variable() else {
        return Ok(None);
    };
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    let origin = Origin::Variable(name);
    match flag.check(&value) {
        Ok(()) => Ok(Some(Entry {
            flag,
            origin,
            words: vec![flag.with(&value)],
        })),
        Err(Fault::Name(source)) => Err(Error::Name {
            variable: name,
            source,
        }),
        Err(Fault::Other(fault)) => Err(Error::Malformed { origin, fault }),
    }
}

/// Parses the arguments with those of the entries behind them, but before what no flag can follow.
fn parse(args: &[OsString], entries: &[Entry<'_>]) -> Result<(CommandLine, ArgMatches), Error> {
    let end = args.iter().position(|arg| arg == OsStr::new("--"));
    let (before, behind) = args.split_at(end.unwrap_or(args.len()));
    let words = entries.iter().flat_map(|entry| &entry.words);
    let all = before.iter().chain(words).chain(behind);
    let matches = CommandLine::command().try_get_matches_from(all);
    let matches = matches.map_err(Error::Arguments)?;
    let args = CommandLine::from_arg_matches(&matches).map_err(Error::Arguments)?;
    Ok((args, matches))
}

/// Finds the entry at fault: the one without which, and without those below it, the rest would do.
fn blame(error: Error, args: &[OsString], entries: &[Entry<'_>]) -> Error {
    let Error::Arguments(refusal) = &error else {
        return error;
    };
    let mut counts = (0..entries.len()).rev();
    match counts.find(|count| parse(args, &entries[..*count]).is_ok()) {
        None => error,
        Some(count) => Error::Malformed {
            origin: entries[count].origin.clone(),
            fault: format!(
                "`{}`: {}",
                entries[count].flag.name(),
                first_paragraph(refusal)
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Values of all kinds; a flag that takes none of them needs one more here.
    const SAMPLES: [&str; 9] = [
        "true",
        "8",
        "\"http://a\"",
        "\"a,b\"",
        "\"main\"",
        "\"redirect\"",
        "\"auto\"",
        "\"1h\"",
        "[]",
    ];

    #[test]
    fn every_flag_of_the_server_is_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wasmstore.toml");
        let args = ["wasmstore".as_ref(), "server".as_ref(), "--config".as_ref()];
        let args: Vec<OsString> = args
            .into_iter()
            .chain([path.as_os_str()])
            .map(Into::into)
            .collect();
        let flags = Flag::all();
        assert!(flags.len() >= 40, "{}", flags.len());
        for flag in &flags {
            let name = flag.name();
            let takes = |sample: &&&str| {
                fs::write(&path, format!("{name} = {sample}\n")).unwrap();
                file::read(&path, &flags).is_ok()
            };
            let sample = SAMPLES
                .iter()
                .find(takes)
                .unwrap_or_else(|| panic!("{name}"));
            let layers = match read(args.clone()).map(|args| args.command) {
                Ok(Some(Command::Server(server))) => server.layers,
                Ok(other) => panic!("{name}: {other:?}"),
                // It needs another one, which clap has looked for in vain.
                Err(Error::Malformed { fault, .. }) if fault.contains("required") => continue,
                Err(error) => panic!("{name} = {sample}: {error}"),
            };
            let set: Vec<_> = layers.set.iter().map(|set| set.key.as_str()).collect();
            assert_eq!(set, [name], "{sample}");
            assert_eq!(layers.set[0].origin, Origin::Line(path.clone(), 1));
        }
    }
}
