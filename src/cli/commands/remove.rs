//! `remove`: removes modules.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::{Error, Result};
use crate::cli::if_match::expected_hash;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{HashRef, ModulePattern};
use crate::remote;
use crate::store::{self, DirectoryRemoval, Precondition};

/// Remove modules
///
/// Removes the modules at paths, or with a hash from every path that has it, in one commit. A glob, as in gitignore(5), is compared with the
/// paths in the store, so quote it; it must match something. Old versions are kept. Prints nothing, and reports the commit on standard error.
/// JSON: {"commit":"…","branch":"…","changed":true}
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
    #[command(flatten)]
    write: WriteArgs,
}

impl RemoveArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut change = settings.change(self.write)?;
        if let Some(hash) = self.if_match {
            if !matches!(self.names.as_slice(), [name] if name.glob().is_none()) {
                return Err(Error::Usage("--if-match is for one path"));
            }
            change.precondition = Precondition::module(expected_hash(settings, hash)?);
        }
        let directories = if self.recursive {
            DirectoryRemoval::Recursive
        } else {
            DirectoryRemoval::Refuse
        };
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
        match removed {
            Err(remote::Error::Store(store::Error::DirectoryNotRemoved(path))) => {
                Err(Error::NotRecursive(path))
            }
            other => report(settings, out, (ChangeVerb::Committed, &other?), json!({})),
        }
    }
}
