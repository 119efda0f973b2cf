//! `backup`: writes the whole store to an archive.

use std::io::BufWriter;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::output_file::{self, WriteFailure};
use crate::cli::settings::Settings;

/// Write a consistent copy of the whole store to an archive
///
/// The store may be in use. Unpacking the archive into an empty directory restores the store. Prints nothing. JSON: {"file":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BackupArgs {
    /// Write this gzipped tar archive; it appears only when it is complete
    #[arg(value_name = "FILE.tar.gz")]
    file: PathBuf,
}

impl BackupArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_local()?;
        let counter = settings.progress().counter("backup");
        output_file::write(&self.file, |file| {
            let backup = store.backup(BufWriter::new(file), || counter.inc(1));
            backup.map_err(|error| WriteFailure::Content(error.into()))
        })?;
        counter.finish_and_clear();
        out.json_only(&json!({ "file": self.file.to_string_lossy() }))
    }
}
