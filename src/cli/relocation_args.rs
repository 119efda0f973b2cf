//! The arguments of `copy` and `mv`.

use super::args::WriteArgs;
use super::exit::{Error, Result};
use super::if_match::expected_hash;
use super::settings::Settings;
use crate::names::{Destination, HashRef, TreePattern};
use crate::store::{Change, ExistingModules, Precondition, Relocation};

#[derive(Debug, clap::Args)]
pub(super) struct RelocationArgs {
    /// The paths of modules and directories, or globs
    #[arg(required = true, value_name = "SRC", value_parser = TreePattern::parse)]
    sources: Vec<TreePattern>,
    /// The new path; if it is an existing directory, or ends with a slash, each SRC keeps its name in this directory
    #[arg(value_name = "DEST", value_parser = Destination::parse)]
    destination: Destination,
    /// Replace modules that already exist at the new paths
    #[arg(short, long)]
    force: bool,
    /// Fail unless SRC is the module with this hash or digest; only for one SRC
    #[arg(long, value_name = "HASH", value_parser = HashRef::parse)]
    if_match: Option<HashRef>,
    #[command(flatten)]
    write: WriteArgs,
}

impl RelocationArgs {
    /// Returns the copy or move to make, and the branch, author, message and precondition of its commit.
    ///
    /// # Errors
    /// `--if-match` is given, but there are several sources or the source is a glob.
    pub fn into_parts(self, settings: &Settings) -> Result<(Relocation, Change)> {
        let mut change = settings.change(self.write)?;
        if let Some(hash) = self.if_match {
            let is_one = matches!(self.sources.as_slice(), [source] if source.glob().is_none());
            if !is_one {
                return Err(Error::Usage("--if-match is for one SRC"));
            }
            change.precondition = Precondition::module(expected_hash(settings, hash)?);
        }
        let relocation = Relocation {
            sources: self.sources,
            destination: self.destination,
            existing: if self.force {
                ExistingModules::Replace
            } else {
                ExistingModules::Refuse
            },
        };
        Ok((relocation, change))
    }
}
