//! `wit`: prints the WIT of a module.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print the WIT of a module
///
/// Prints as text the interfaces and the world of a component, of a WIT package, or of a core module that embeds a world. A text of more
/// than 512 KiB is cut, and its last line is a comment that says so. JSON: {"wit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WitArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    read: ReadArgs,
}

impl WitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let wit = settings.open()?.wit(&revision, &self.name)?;
        if out.is_json() {
            out.json(&json!({ "wit": wit }))
        } else {
            out.text(format_args!("{wit}"))
        }
    }
}
