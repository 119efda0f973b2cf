//! `backup`: the whole store in one file.

use std::io::BufWriter;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::output_file::{self, Failed};
use crate::cli::progress;
use crate::cli::settings::Settings;

/// Write a consistent copy of the whole store to an archive
///
/// The store may be in use. Unpacked into an empty folder the archive is the store. Prints nothing. JSON: {"file":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BackupArgs {
    /// The archive, a gzipped tar; it appears when it is complete
    #[arg(value_name = "FILE.tar.gz")]
    file: PathBuf,
}

impl BackupArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_local()?;
        let counter = progress::counter(settings, "backup");
        output_file::write(&self.file, |to| {
            let backup = store.backup(BufWriter::new(to), || counter.inc(1));
            backup.map_err(|error| Failed::Content(error.into()))
        })?;
        counter.finish_and_clear();
        match out.is_json() {
            true => out.json(&json!({ "file": self.file.to_string_lossy() })),
            false => Ok(()),
        }
    }
}
