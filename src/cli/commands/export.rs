//! `export`: a branch as files.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::progress;
use crate::cli::settings::Settings;

/// Write every module of a branch to a file of its path
///
/// Prints nothing; tells on standard error how many there were. JSON: {"directory":"…","modules":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// Write below this folder, which must be missing or empty; by default one of the branch's name
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadArgs,
}

impl ExportArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let store = settings.open()?;
        let dir = match (self.output, settings.branch()?) {
            (Some(dir), _) => dir,
            (None, Some(branch)) => PathBuf::from(branch.as_str()),
            (None, None) => PathBuf::from(store.default_branch()?.as_str()),
        };
        let bar = progress::bar(settings, "export");
        let count = store.export(&at, &dir, &mut |done, all| {
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
