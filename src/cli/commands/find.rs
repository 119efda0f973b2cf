//! `find`: the bytes of a module.

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::cli::args::Reading;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::output_file;
use crate::cli::settings::Settings;
use crate::names::ModuleRef;

/// Print a module's bytes
///
/// Prints the bytes as they are; with --output nothing. JSON: {"hash":"…","size":N,"base64":"…"}, where with --output
/// "file":"…" takes the place of the bytes
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Find {
    /// The module's path, hash or digest
    #[arg(value_name = "PATH|HASH", value_parser = ModuleRef::parse)]
    name: ModuleRef,
    /// Write the bytes to this file, whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

impl Find {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let module = settings.open()?.find(&at, &self.name)?;
        let (hash, size) = (module.hash.to_string(), module.bytes.len());
        let Some(file) = self.output else {
            return match out.is_json() {
                true => {
                    let base64 = BASE64_STANDARD.encode(&module.bytes);
                    out.json(&json!({ "hash": hash, "size": size, "base64": base64 }))
                }
                false => out.bytes(&module.bytes),
            };
        };
        output_file::write(&file, |to| Ok(to.write_all(&module.bytes)?))?;
        match out.is_json() {
            true => {
                out.json(&json!({ "hash": hash, "size": size, "file": file.to_string_lossy() }))
            }
            false => Ok(()),
        }
    }
}
