//! `remove`: removes modules.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;
use crate::remote;
use crate::store::{self, DirectoryRemoval};

/// Remove a module
///
/// Removes the module at a path, or with a hash from every path that has it, in one commit. Old versions are kept. Prints nothing, and
/// reports the commit on standard error. JSON: {"commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    /// Remove a directory with everything in it
    #[arg(long)]
    recursive: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RemoveArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let directories = if self.recursive {
            DirectoryRemoval::Recursive
        } else {
            DirectoryRemoval::Refuse
        };
        let removed = settings
            .open_existing()?
            .remove(&change, &self.name, directories);
        match removed {
            Err(remote::Error::Store(store::Error::DirectoryNotRemoved(path))) => {
                Err(Error::NotRecursive(path))
            }
            other => report(settings, out, (ChangeVerb::Committed, &other?), json!({})),
        }
    }
}
