//! `copy`: copies modules and directories.

use crate::cli::exit::Result;
use crate::cli::expected_module::explained;
use crate::cli::output::Output;
use crate::cli::relocation_args::RelocationArgs;
use crate::cli::relocation_report::report_relocation;
use crate::cli::settings::Settings;

/// Copy modules and directories, in one commit
///
/// Fails if a module would be replaced, unless --force is given. Each path has its own versions: those of SRC are not copied. A glob, as in
/// gitignore(5), is compared with the paths in the store, so quote it; it must match at least one path that is not in DEST yet. Prints
/// nothing, and reports the commit, the number of copied modules and their new path on standard error. JSON: {"commit":"…","branch":"…",
/// "changed":true,"modules":N,"to":"/…"}; "to" is the path of the only module, or the directory that has them all. "modules" and "to" are
/// left out if nothing changed, for thousands of modules, and if the key does not allow reads
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CopyArgs {
    #[command(flatten)]
    paths: RelocationArgs,
}

impl CopyArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let (relocation, change, expected) = self.paths.into_parts(settings)?;
        let store = settings.open_existing()?;
        let published = store.copy_modules(&change, &relocation);
        let published = explained(published, store.as_ref(), expected.as_ref())?;
        report_relocation(settings, out, store.as_ref(), ("copied", &published))
    }
}
