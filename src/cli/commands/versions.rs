//! `versions`: lists the versions of a path.

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModulePath;
use crate::store;
use crate::wire::AsString;

/// Print the versions of a path
///
/// Prints lines of `<hash>` tab `commit: <commit>`, oldest first, each hash once. A path that has been removed still has its versions.
/// JSON: [["<hash>","<commit>"],…]
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionsArgs {
    /// The path of the module
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    read: ReadArgs,
}

impl VersionsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let versions = settings.open()?.versions(&revision, &self.path)?;
        if versions.is_empty() {
            return Err(Error::Store(store::Error::NeverExisted(
                self.path.to_string(),
            )));
        }
        if out.is_json() {
            let pair =
                |version: &store::Version| (AsString(version.hash), AsString(version.commit));
            return out.json(&versions.iter().map(pair).collect::<Vec<_>>());
        }
        for version in versions {
            out.text(format_args!(
                "{}\tcommit: {}\n",
                version.hash, version.commit
            ))?;
        }
        Ok(())
    }
}
