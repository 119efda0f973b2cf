//! `hash`: prints the hash of a module.

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
    /// The module's path, hash or digest, or the digest of its OCI manifest
    #[arg(value_name = "PATH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    read: ReadArgs,
}

impl HashArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let hash = settings.open()?.hash(&revision, &self.name)?;
        out.json_or_line(&json!({ "hash": hash.to_string() }), hash)
    }
}
