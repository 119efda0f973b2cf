//! `find`: the bytes of a module.

use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::output_file;
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::cli::stream_copy;
use crate::names::ModuleRef;

/// Print a module's bytes
///
/// Prints the bytes as they are; with --output nothing. JSON: {"hash":"…","size":N,"base64":"…"}, where with --output
/// "file":"…" takes the place of the bytes
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FindArgs {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    /// Write the bytes to this file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadArgs,
}

impl FindArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let store = settings.open()?;
        let found = store.find(&at, &self.name)?;
        let (hash, size) = (found.hash.to_string(), found.size_bytes);
        let mut source = progress::reading(settings, "find", found, Some(size));
        let Some(file) = self.output else {
            if !out.is_json() {
                return stream_copy::to_output(&mut source, out);
            }
            let mut bytes = Vec::new();
            source
                .read_to_end(&mut bytes)
                .map_err(stream_copy::unreadable)?;
            let base64 = BASE64_STANDARD.encode(&bytes);
            return out.json(&json!({ "hash": hash, "size": size, "base64": base64 }));
        };
        output_file::write(&file, |to| stream_copy::to_file(&mut source, to))?;
        match out.is_json() {
            true => {
                out.json(&json!({ "hash": hash, "size": size, "file": file.to_string_lossy() }))
            }
            false => Ok(()),
        }
    }
}
