//! `remove`: take modules away.

use crate::cli::args::WriteArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;
use crate::remote;
use crate::store::{self, DirectoryRemoval};

/// Remove a module
///
/// By its path, or by its hash from every path that has it, in one commit. Its versions stay. Prints nothing. JSON: {}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RemoveArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    /// If PATH is a directory, remove everything in it
    #[arg(long)]
    recursive: bool,
    #[command(flatten)]
    writing: WriteArgs,
}

impl RemoveArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        let folders = match self.recursive {
            true => DirectoryRemoval::Recursive,
            false => DirectoryRemoval::Refuse,
        };
        let removed = settings
            .open_existing()?
            .remove(&change, &self.name, folders);
        match removed {
            Err(remote::Error::Store(store::Error::DirectoryNotRemoved(path))) => {
                Err(Error::NotRecursive(path))
            }
            other => {
                other?;
                out.nothing()
            }
        }
    }
}
