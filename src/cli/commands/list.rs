//! `list`: lists modules.

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::wire::Modules;

/// Print the hash and path of every module
///
/// Prints lines of `<hash>` tab `/<path>`, sorted by path; nothing for an unknown directory. JSON: {"/<path>":"<hash>",…}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// List only the modules in this directory
    #[arg(default_value = "/", value_parser = TreePath::parse)]
    prefix: TreePath,
    #[command(flatten)]
    read: ReadArgs,
}

impl ListArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let modules = settings.open()?.list(&revision, &self.prefix)?;
        if out.is_json() {
            return out.json(&Modules(&modules));
        }
        for (path, hash) in modules {
            out.text(format_args!("{hash}\t{path}\n"))?;
        }
        Ok(())
    }
}
