//! The arguments of `copy` and `mv`.

use super::args::WriteArgs;
use super::exit::{Error, Result};
use super::expected_module::ExpectedModule;
use super::if_match::expected_hash;
use super::settings::Settings;
use crate::names::{Destination, HashRef, ModulePath, TreePattern};
use crate::store::{Change, ExistingModules, PathCondition, Precondition, Relocation};

#[derive(Debug, clap::Args)]
pub(super) struct RelocationArgs {
    /// The paths of modules and directories, or globs
    #[arg(required = true, value_name = "SRC", value_parser = TreePattern::parse)]
    sources: Vec<TreePattern>,
    /// The new path; if it is an existing directory, or ends with a slash, each SRC keeps its name in this directory. To copy or move what is
    /// in a directory into another one, and to fail if it is there already, write 'SRC/*' DEST/
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
    /// Returns the copy or move to make; the branch, author, message and precondition of its commit; and the module that is expected at the
    /// only source.
    ///
    /// # Errors
    /// `--if-match` is given, but there are several sources or the source is a glob.
    pub fn into_parts(
        self,
        settings: &Settings,
    ) -> Result<(Relocation, Change, Option<ExpectedModule>)> {
        let mut change = settings.change(self.write)?;
        let mut expected = None;
        if let Some(hash) = self.if_match {
            let is_one = matches!(self.sources.as_slice(), [source] if source.glob().is_none());
            if !is_one {
                return Err(Error::Usage("--if-match is for one SRC"));
            }
            let hash = expected_hash(settings, hash)?;
            change.precondition = Precondition::module(hash);
            let path = self.sources[0].path().cloned();
            let path = path.and_then(|path| ModulePath::try_from(path).ok());
            expected = path.map(|path| {
                ExpectedModule::new(change.branch.as_ref(), &path, PathCondition::Module(hash))
            });
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
        Ok((relocation, change, expected))
    }
}
