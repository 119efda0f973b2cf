//! `remove`: removes modules.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_effect::effect;
use crate::cli::change_line::print_change;
use crate::cli::change_report::{ChangeVerb, report_effect};
use crate::cli::exit::{Error, Result};
use crate::cli::expected_module::ExpectedModule;
use crate::cli::if_match::expected_hash;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{HashRef, ModulePattern, ModuleRef};
use crate::remote::{self, preview_removal};
use crate::store::{self, DirectoryRemoval, PathChange, PathCondition, Precondition, Revision};
use crate::wire::PathDiff;

/// Remove modules
///
/// Removes the modules at paths, or with a hash from every path that has it, in one commit. A glob, as in gitignore(5), is compared with
/// the paths in the store, so quote it; it must match at least one path. Old versions are kept. Prints nothing, and reports the commit and
/// the number of removed modules on standard error. JSON: {"commit":"…","branch":"…","changed":true}; with --dry-run
/// [{"path":"/…","action":"removed", "hash":"…"},…]
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The modules' paths, hashes or digests, or globs
    #[arg(required = true, value_name = "PATH|HASH|GLOB", value_parser = ModulePattern::parse)]
    names: Vec<ModulePattern>,
    /// Remove directories with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// Fail unless the path has the module with this hash or digest; only for one path
    #[arg(long, value_name = "HASH", value_parser = HashRef::parse)]
    if_match: Option<HashRef>,
    /// Change nothing; print the modules that would be removed, as `diff` does
    #[arg(long, conflicts_with = "if_match")]
    dry_run: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RemoveArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        if self.dry_run {
            return self.dry_run(settings, out);
        }
        let mut change = settings.change(self.write.clone())?;
        let mut expected = None;
        if let Some(hash) = self.if_match {
            if !matches!(self.names.as_slice(), [name] if name.glob().is_none()) {
                return Err(Error::Usage("--if-match is for one path"));
            }
            let hash = expected_hash(settings, hash)?;
            change.precondition = Precondition::module(hash);
            if let Some(ModuleRef::Path(path)) = self.names[0].name() {
                expected = Some(ExpectedModule::new(
                    change.branch.as_ref(),
                    path,
                    PathCondition::Module(hash),
                ));
            }
        }
        let directories = self.directories();
        let store = settings.open_existing()?;
        let removed = match self.names.as_slice() {
            [pattern]
                if pattern.glob().is_none()
                    && let Some(name) = pattern.name() =>
            {
                store.remove(&change, name, directories)
            }
            patterns => store.remove_selected(&change, patterns, directories),
        };
        let removed = removed.map_err(|error| match &expected {
            Some(expected) => expected.explain(store.as_ref(), error),
            None => suggest_recursive(error),
        })?;
        let effect = effect(store.as_ref(), settings, &removed, None);
        let verb = (ChangeVerb::Committed, &removed);
        report_effect(settings, out, verb, json!({}), effect)
    }

    fn directories(&self) -> DirectoryRemoval {
        if self.recursive {
            DirectoryRemoval::Recursive
        } else {
            DirectoryRemoval::Refuse
        }
    }

    fn dry_run(&self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_existing()?;
        let branch = settings.remember(Revision::Branch(settings.branch()?));
        let directories = self.directories();
        let removed = preview_removal(store.as_ref(), &branch, &self.names, directories);
        let removed = removed.map_err(suggest_recursive)?;
        let changes = removed.into_iter().map(|(path, hash)| PathChange {
            path,
            old: Some(hash),
            new: None,
        });
        if out.is_json() {
            let mut array = out.array();
            for change in changes {
                if let Some(diff) = PathDiff::new(&change, None) {
                    array.push(&diff)?;
                }
            }
            return array.end();
        }
        for change in changes {
            print_change(&change, out)?;
        }
        Ok(())
    }
}

/// Converts an error of the removal. If the path is a directory, the new error suggests the option `--recursive`.
fn suggest_recursive(error: remote::Error) -> Error {
    match error {
        remote::Error::Store(store::Error::DirectoryNotRemoved(path)) => Error::NotRecursive(path),
        error => error.into(),
    }
}
