//! `wit`: prints the WIT of a module.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::content_name::{ContentName, describe};
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;

/// Print the WIT of a module
///
/// Prints as text the interfaces and the world of a component, of a WIT package, or of a core module that embeds a world. A text of more
/// than 512 KiB is cut, and its last line is a comment that says so. JSON: {"wit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WitArgs {
    /// The module's path, hash or digest; or a file on disk, which begins with `./`, `../` or `file:`
    #[arg(value_name = "PATH|HASH|FILE", value_parser = ContentName::parse)]
    name: ContentName,
    #[command(flatten)]
    read: ReadArgs,
}

impl WitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let wit = match &self.name {
            ContentName::Module(name) => {
                let revision = settings.revision(&self.read)?;
                settings.open()?.wit(&revision, name)?
            }
            ContentName::File(file) => describe(file, &self.read)?.wit(&file.to_string_lossy())?,
        };
        if out.is_json() {
            out.json(&json!({ "wit": wit }))
        } else {
            out.text(format_args!("{wit}"))
        }
    }
}
