//! `list`: the modules of a tree.

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::wire::Modules;

/// Print the hash and path of every module
///
/// Prints `<hash>` tab `/<path>` lines, sorted by path; none for an unknown folder. JSON: {"/<path>":"<hash>",…}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// List only what is in this folder
    #[arg(default_value = "/", value_parser = TreePath::parse)]
    prefix: TreePath,
    #[command(flatten)]
    reading: ReadArgs,
}

impl ListArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let modules = settings.open()?.list(&at, &self.prefix)?;
        if out.is_json() {
            return out.json(&Modules(&modules));
        }
        for (path, hash) in modules {
            out.text(format_args!("{hash}\t{path}\n"))?;
        }
        Ok(())
    }
}
