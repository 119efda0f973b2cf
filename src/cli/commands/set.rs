//! `set`: puts a stored module at another path.

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{HashRef, ModulePath};

/// Put a stored module at another path
///
/// The module may be one that no branch has any more, as long as gc has not deleted it. Prints nothing.
/// JSON: {"hash":"…","path":"/…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetArgs {
    /// The module's hash or digest
    #[arg(value_parser = HashRef::parse)]
    hash: HashRef,
    /// Put it at this path
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    write: WriteArgs,
}

impl SetArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let hash = store.set(&change, &self.hash, &self.path)?;
        out.json_only(&json!({ "hash": hash.to_string(), "path": self.path.to_string() }))
    }
}
