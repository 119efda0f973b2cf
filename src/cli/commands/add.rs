//! `add`: stores modules at paths.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::ValueHint;
use serde_json::json;

use crate::cli::add_target::{AddTarget, files_in, other_module_on_disk};
use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::content_name::read_file;
use crate::cli::dry_run::{print, to_json};
use crate::cli::exit::{Error, Result};
use crate::cli::expected_module::{ExpectedModule, explained};
use crate::cli::if_match::expected_hash;
use crate::cli::misplaced_arguments::{is_swapped, path_is_also_file_note};
use crate::cli::output::{Output, print_note};
use crate::cli::pinned_input::{check, open_pinned};
use crate::cli::put_files::put_files;
use crate::cli::settings::Settings;
use crate::config::ModuleLimits;
use crate::names::{Digest, HashRef, ModuleHash, ModulePath};
use crate::remote::{ModuleSource, dry_run, put_if_absent};
use crate::store::{EntityTags, PathCondition, PathConditions, Precondition, Revision, sha256};

const ONE_MODULE: &str = "--if-match works only with one FILE, not with a DIRECTORY";
const ONE_DIGEST: &str =
    "--digest works only with one FILE, not with a DIRECTORY: add each file with its own --digest";

/// Store a module at a path, or several in a directory
///
/// Validates each module first, including function bodies. If the path already has the same bytes, no commit is made. Prints the hash.
/// With several files, or a DIRECTORY that ends with a slash, stores each file under its name in this directory of the store, in one
/// commit. If one of the files is not valid, stores none of them. Prints a line of `<hash>` tab `/<path>` for each. `import` stores
/// everything below a directory on disk. If the precondition of --if-absent or --if-match does not hold, exits with code 4 (conflict) and
/// changes nothing. The precondition is checked in the same atomic step as the change. If the file does not have the digest of --digest,
/// exits with code 3, and stores and sends nothing. Reports the commit on standard error. JSON:
/// {"hash":"…","path":"/…","commit":"…","branch":"…","changed":true}; for a directory
/// {"modules":{"/<path>":"<hash>",…},"commit":"…","branch":"…","changed":true}. With --dry-run, for each module {"path":"/…",
/// "action":"added"|"updated"|"unchanged","kind":"module"|"component","size":N,"hash":"…","digest":"sha256:…","import_count":N,"export_count":N},
/// and if it is updated
/// "replaces":"<hash>","verdict":"same"|"compatible"|"breaking","reasons":{"breaking":["…"],"compatible":["…"],"left_out":N}
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "wasmstore add <FILE> [PATH]\n       wasmstore add <FILE>... <DIRECTORY>/"
)]
pub(in crate::cli) struct AddArgs {
    /// Read the module from this file; `-` reads standard input
    file: PathBuf,
    /// Store FILE at this path [default: the name of FILE]; or further files, and then the DIRECTORY. If a file on disk has the name of
    /// PATH, write PATH with a leading slash
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    more: Vec<OsString>,
    /// Fail if a path already has a module with other bytes; a module with the same bytes is not an error
    #[arg(long, conflicts_with = "if_match")]
    if_absent: bool,
    /// Fail unless the path has the module with this hash or digest
    #[arg(long, value_name = "HASH", value_parser = HashRef::parse)]
    if_match: Option<HashRef>,
    /// Fail unless the file has this SHA-256 digest, which `info` prints; with or without `sha256:`
    #[arg(long, value_name = "DIGEST", value_parser = Digest::parse)]
    digest: Option<Digest>,
    /// Change nothing; print the properties of the module, and whether it can stand in for the module that it would replace
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl AddArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let second = other_module_on_disk(&self.file, &self.more);
        let second = second.map(|second| path_is_also_file_note(&self.file, &second, settings));
        self.check_one_module()?;
        if self.dry_run {
            self.dry_run(settings, out)?;
        } else {
            self.store(settings, out)?;
        }
        match second {
            Some(note) if !settings.is_quiet() => print_note(&note),
            _ => {}
        }
        Ok(())
    }

    /// Checks that only one module is stored if an option is about one module.
    fn check_one_module(&self) -> Result<()> {
        let reason = match (self.if_match, self.digest) {
            (Some(_), _) => ONE_MODULE,
            (None, Some(_)) => ONE_DIGEST,
            (None, None) => return Ok(()),
        };
        match AddTarget::parse(self.file.clone(), self.more.clone())? {
            AddTarget::Module { .. } => Ok(()),
            AddTarget::Directory { .. } => Err(Error::Usage(reason)),
        }
    }

    fn store(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut change = settings.change(self.write)?;
        let (file, path) = match AddTarget::parse(self.file, self.more)? {
            AddTarget::Module { file, path } => (file, path),
            AddTarget::Directory { files, directory } => {
                let mut files = files_in(directory, files)?;
                files.conditions = path_conditions(self.if_absent);
                return put_files(settings, out, "add", &change, &files);
            }
        };
        let progress = settings.progress();
        let (mut stdin, mut opened);
        let source = if let Some(digest) = self.digest {
            let opened_file = open_pinned(&file, digest);
            let (input, bytes) = opened_file.map_err(|error| if_swapped(error, path.as_ref()))?;
            opened = progress.reader("add", input, Some(bytes));
            ModuleSource::File(&mut opened, bytes, Some(digest))
        } else if file == Path::new("-") {
            stdin = progress.reader("add", io::stdin(), None);
            ModuleSource::Stream(&mut stdin, None)
        } else {
            let opened_file = open(&file);
            let (input, bytes) = opened_file.map_err(|error| if_swapped(error, path.as_ref()))?;
            opened = progress.reader("add", input, bytes);
            match bytes {
                Some(bytes) => ModuleSource::File(&mut opened, bytes, None),
                None => ModuleSource::Stream(&mut opened, None),
            }
        };
        let path = path_of(&file, path)?;
        let if_match = self.if_match.map(|hash| expected_hash(settings, hash));
        let condition = condition(self.if_absent, if_match.transpose()?);
        change.precondition = condition.map(precondition).unwrap_or_default();
        let store = settings.open_or_create()?;
        let stored = if self.if_absent {
            put_if_absent(store.as_ref(), &change, &path, source)
        } else {
            store.put(&change, &path, source)
        };
        let expected = condition
            .map(|condition| ExpectedModule::new(change.branch.as_ref(), &path, condition));
        let stored = explained(stored, store.as_ref(), expected.as_ref())?;
        if !out.is_json() {
            out.line(stored.value)?;
        }
        let fields = json!({ "hash": stored.value.to_string(), "path": path.to_string() });
        report(settings, out, (ChangeVerb::Committed, &stored), fields)
    }

    fn dry_run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let if_match = self.if_match.map(|hash| expected_hash(settings, hash));
        let condition = condition(self.if_absent, if_match.transpose()?);
        let target = AddTarget::parse(self.file, self.more)?;
        let is_module = matches!(target, AddTarget::Module { .. });
        let files = match target {
            AddTarget::Module { file, path } => vec![(path_of(&file, path)?, file)],
            AddTarget::Directory { files, directory } => {
                files_in(directory, files)?.files().to_vec()
            }
        };
        let store = settings.open()?;
        let branch = settings.branch()?;
        let revision = settings.remember(Revision::Branch(branch.clone()));
        let mut runs = Vec::with_capacity(files.len());
        for (path, file) in files {
            let bytes = match file == Path::new("-") {
                true => read_stdin()?,
                false => {
                    let second = is_module.then_some(&path);
                    read_file(&file).map_err(|error| if_swapped(error, second))?
                }
            };
            let name = if is_module {
                path.to_string()
            } else {
                file.display().to_string()
            };
            if let Some(expected) = self.digest {
                let digest = Digest::from_bytes(sha256(&bytes));
                check(&file.to_string_lossy(), expected, digest)?;
            }
            let module = (&*name, &*bytes);
            let run = dry_run(store.as_ref(), &revision, &path, module, condition);
            let expected =
                condition.map(|condition| ExpectedModule::new(branch.as_ref(), &path, condition));
            runs.push(explained(run, store.as_ref(), expected.as_ref())?);
        }
        if out.is_json() {
            let values: Vec<_> = runs.iter().map(to_json).collect();
            return match values.as_slice() {
                [value] if is_module => out.json(value),
                values => out.json(&values),
            };
        }
        runs.iter().try_for_each(|run| print(run, out))
    }
}

fn read_stdin() -> Result<Vec<u8>> {
    let bytes_max = ModuleLimits::default().module_bytes_max;
    let mut bytes = Vec::new();
    let read = io::stdin().take(bytes_max + 1).read_to_end(&mut bytes);
    read.map_err(Error::Interrupted)?;
    Ok(bytes)
}

/// Returns the conditions for storing several modules. With `--if-absent`, every path must be absent.
pub(super) fn path_conditions(if_absent: bool) -> PathConditions {
    if if_absent {
        PathConditions::all_absent()
    } else {
        PathConditions::default()
    }
}

/// Returns the condition of `--if-absent` or `--if-match` for one path.
pub(super) fn condition(if_absent: bool, if_match: Option<ModuleHash>) -> Option<PathCondition> {
    match if_match {
        Some(hash) => Some(PathCondition::Module(hash)),
        None => if_absent.then_some(PathCondition::Absent),
    }
}

/// Returns the precondition of a request that stores one module.
fn precondition(condition: PathCondition) -> Precondition {
    match condition {
        PathCondition::Module(hash) => Precondition::module(hash),
        PathCondition::Absent => Precondition {
            if_none_match: Some(EntityTags::Any),
            ..Precondition::default()
        },
    }
}

/// Opens an input file. Also returns its length, if that is known. Fails for a directory, because this error must be reported before a
/// store is created.
fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // Some file systems, such as the one at /proc, report length 0 for files that are not empty.
        let is_known = metadata.is_file() && metadata.len() > 0;
        Ok((file, is_known.then_some(metadata.len())))
    });
    opened.map_err(|source| Error::Input {
        path: path.to_owned(),
        source,
    })
}

/// Converts the error of the first argument, if the second is probably the file.
fn if_swapped(error: Error, second: Option<&ModulePath>) -> Error {
    match (error, second) {
        (Error::Input { path: file, source }, Some(path)) if is_swapped(&file, path) => {
            let path = path.clone();
            Error::SwappedFile { file, path, source }
        }
        (error, _) => error,
    }
}

/// Returns the module path for a file: `path`, or else the name of the file.
fn path_of(file: &Path, path: Option<ModulePath>) -> Result<ModulePath> {
    if let Some(path) = path {
        return Ok(path);
    }
    if file == Path::new("-") {
        return Err(Error::Usage("`add -` needs a PATH"));
    }
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::FileName(file.to_owned()))?;
    Ok(ModulePath::parse(name)?)
}
