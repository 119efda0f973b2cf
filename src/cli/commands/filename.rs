//! `filename`: writes a module to a file in the store's directory, and prints the name of the file.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print the name of a read-only file that contains a module
///
/// The file is in the store's directory, and you may delete it. Prints its absolute path. JSON: {"filename":"/…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FilenameArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    read: ReadArgs,
}

impl FilenameArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let file = settings.open_local()?.filename(&revision, &self.name)?;
        let file =
            std::path::absolute(&file).map_err(|source| Error::Input { path: file, source })?;
        if out.is_json() {
            return out.json(&json!({ "filename": file.to_string_lossy() }));
        }
        match file.to_str() {
            Some(text) => out.text(format_args!("{text}"))?,
            None => out.bytes(file.as_os_str().as_encoded_bytes())?,
        }
        out.line("")
    }
}
