//! `version`: one of the versions of a path.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModulePath;

/// Print one version of a path
///
/// Prints `<hash>` tab `commit: <commit>`. JSON: {"hash":"…","commit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionArgs {
    /// Which version: 0 is the oldest
    index: usize,
    /// The path
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    reading: ReadArgs,
}

impl VersionArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let version = settings.open()?.version(&at, &self.path, self.index)?;
        let (hash, commit) = (version.hash.to_string(), version.commit.to_string());
        match out.is_json() {
            true => out.json(&json!({ "hash": hash, "commit": commit })),
            false => out.text(format_args!("{hash}\tcommit: {commit}\n")),
        }
    }
}
