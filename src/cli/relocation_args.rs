//! The arguments of `copy` and `mv`.

use super::args::WriteArgs;
use crate::names::{Destination, TreePath};
use crate::store::{ExistingModules, Relocation};

#[derive(Debug, clap::Args)]
pub(super) struct RelocationArgs {
    /// The paths of modules and directories
    #[arg(required = true, value_name = "SRC", value_parser = TreePath::parse)]
    sources: Vec<TreePath>,
    /// The new path; in an existing directory, and in one that you write with a slash at its end, each SRC keeps its name
    #[arg(value_name = "DEST", value_parser = Destination::parse)]
    destination: Destination,
    /// Replace modules that are there already
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RelocationArgs {
    /// Returns what is copied or moved, and the arguments of the commit.
    pub fn into_parts(self) -> (Relocation, WriteArgs) {
        let relocation = Relocation {
            sources: self.sources,
            destination: self.destination,
            existing: if self.force {
                ExistingModules::Replace
            } else {
                ExistingModules::Refuse
            },
        };
        (relocation, self.write)
    }
}
