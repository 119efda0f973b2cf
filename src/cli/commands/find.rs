//! `find`: prints a module.

use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::output_file;
use crate::cli::settings::Settings;
use crate::cli::stream_copy::{copy_to_file, copy_to_output, read_error};
use crate::names::ModuleRef;

/// Print a module's bytes
///
/// Prints the bytes unchanged, but not to a terminal; with --output, prints nothing. JSON: {"hash":"…","size":N,"base64":"…"}; with
/// --output, "file":"…" replaces "base64"
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FindArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    /// Write the module to this file, atomically
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

impl FindArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        let found = store.find(&revision, &self.name)?;
        let (hash, size) = (found.hash.to_string(), found.size_bytes);
        let mut source = settings.progress().reader("find", found, Some(size));
        let Some(file) = self.output else {
            if !out.is_json() {
                if out.is_terminal() {
                    return Err(Error::BinaryToTerminal(self.name.to_string()));
                }
                return copy_to_output(&mut source, out);
            }
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(read_error)?;
            let base64 = BASE64_STANDARD.encode(&bytes);
            return out.json(&json!({ "hash": hash, "size": size, "base64": base64 }));
        };
        output_file::write(&file, |output| copy_to_file(&mut source, output))?;
        out.json_only(&json!({ "hash": hash, "size": size, "file": file.to_string_lossy() }))
    }
}
