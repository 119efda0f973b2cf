//! `copy`: copies modules and directories.

use serde_json::json;

use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::relocation_args::RelocationArgs;
use crate::cli::settings::Settings;

/// Copy modules and directories, in one commit
///
/// Fails if a module would be replaced, unless --force is given. Each path has its own versions: those of SRC are not copied. A glob, as in
/// gitignore(5), is compared with the paths in the store, so quote it; it must match at least one path that is not in DEST yet. Prints
/// nothing, and reports the commit on standard error. JSON: {"commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CopyArgs {
    #[command(flatten)]
    paths: RelocationArgs,
}

impl CopyArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let (relocation, change) = self.paths.into_parts(settings)?;
        let store = settings.open_existing()?;
        let published = store.copy_modules(&change, &relocation)?;
        report(
            settings,
            out,
            (ChangeVerb::Committed, &published),
            json!({}),
        )
    }
}
