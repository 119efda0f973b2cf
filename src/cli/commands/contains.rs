//! `contains`: prints whether a module exists.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print whether a module exists
///
/// Prints `true` or `false`, and exits with 0 in both cases. JSON: {"contains":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ContainsArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    read: ReadArgs,
}

impl ContainsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let contains = settings.open()?.contains(&revision, &self.name)?;
        out.json_or_line(&json!({ "contains": contains }), contains)
    }
}
