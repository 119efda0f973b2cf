//! The arguments of `copy` and `mv`.

use super::args::WriteArgs;
use crate::names::{Destination, TreePath};
use crate::store::{ExistingModules, Relocation};

#[derive(Debug, clap::Args)]
pub(super) struct RelocationArgs {
    /// The paths of modules and directories
    #[arg(required = true, value_name = "SRC", value_parser = TreePath::parse)]
    sources: Vec<TreePath>,
    /// The new path; if it is an existing directory, or ends with a slash, each SRC keeps its name in this directory
    #[arg(value_name = "DEST", value_parser = Destination::parse)]
    destination: Destination,
    /// Replace modules that already exist at the new paths
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl RelocationArgs {
    /// Returns the description of the copy or move, and the arguments of the commit.
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
