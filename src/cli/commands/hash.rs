//! `hash`: the hash of a module.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print a module's hash
///
/// Prints the git blob id. JSON: {"hash":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct HashArgs {
    /// The module's path; a hash or digest answers its own module's hash
    #[arg(value_name = "PATH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    reading: ReadArgs,
}

impl HashArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let hash = settings.open()?.hash(&at, &self.name)?;
        match out.is_json() {
            true => out.json(&json!({ "hash": hash.to_string() })),
            false => out.line(hash),
        }
    }
}
