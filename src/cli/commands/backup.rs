//! `backup`: writes the whole store to an archive.

use std::io::BufWriter;
use std::path::PathBuf;

use indicatif::HumanBytes;
use serde_json::json;

use crate::cli::change_report::print_line;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::output_file::{self, WriteFailure};
use crate::cli::settings::Settings;

/// Write a consistent copy of the whole store to an archive
///
/// The store may be in use. Unpacking the archive into an empty directory restores the store. Prints nothing, and
/// reports the size of the archive on standard error. JSON: {"file":"…","archive_bytes":N,"unpacked_bytes":N}
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
        let mut sizes = None;
        output_file::write(&self.file, |file| {
            let backup = store.backup(BufWriter::new(file), || counter.inc(1));
            sizes = Some(backup.map_err(|error| WriteFailure::Content(error.into()))?);
            Ok(())
        })?;
        counter.finish_and_clear();
        let Some(sizes) = sizes else { return Ok(()) };
        let file = self.file.to_string_lossy();
        out.json_only(&json!({
            "file": file,
            "archive_bytes": sizes.archive_bytes,
            "unpacked_bytes": sizes.unpacked_bytes,
        }))?;
        let archive = HumanBytes(sizes.archive_bytes);
        let unpacked = HumanBytes(sizes.unpacked_bytes);
        let line = format!("wrote {file}: {archive}, {unpacked} unpacked");
        print_line(settings, out, &line)
    }
}
