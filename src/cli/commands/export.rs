//! `export`: writes a branch as files.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Write every module of a branch to a file at its path
///
/// Prints nothing to standard output, and the number of modules to standard error. JSON: {"directory":"…","modules":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// Write to this directory, which must be missing or empty [default: the name of the branch]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

impl ExportArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        let dir = match (self.output, settings.branch()?) {
            (Some(dir), _) => dir,
            (None, Some(branch)) => PathBuf::from(branch.as_str()),
            (None, None) => PathBuf::from(store.default_branch()?.as_str()),
        };
        let bar = settings.progress().bar("export");
        let count = store.export(&revision, &dir, &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        if out.is_json() {
            return out.json(&json!({ "directory": dir.to_string_lossy(), "modules": count }));
        }
        if !settings.is_quiet() {
            let _ = writeln!(std::io::stderr(), "exported {count} modules to {dir:?}");
        }
        Ok(())
    }
}
