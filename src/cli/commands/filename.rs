//! `filename`: a module as a file on disk.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print the name of a read-only file with a module's bytes
///
/// The file lies in the store's own folder and may be deleted. Prints its name. JSON: {"filename":"/…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FilenameArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    #[command(flatten)]
    reading: ReadArgs,
}

impl FilenameArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let file = settings.open_local()?.filename(&at, &self.name)?;
        let file =
            std::path::absolute(&file).map_err(|source| Error::Input { path: file, source })?;
        if out.is_json() {
            return out.json(&json!({ "filename": file.to_string_lossy() }));
        }
        out.bytes(file.as_os_str().as_encoded_bytes())?;
        out.line("")
    }
}
