//! `contains`: whether a module is there.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print whether a module is there
///
/// Prints `true` or `false`, and exits with 0 either way. JSON: {"contains":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ContainsArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    reading: ReadArgs,
}

impl ContainsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let contains = settings.open()?.contains(&at, &self.name)?;
        match out.is_json() {
            true => out.json(&json!({ "contains": contains })),
            false => out.line(contains),
        }
    }
}
