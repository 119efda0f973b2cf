//! `find`: the bytes of a module.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::cli::args::Reading;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
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
        write(&file, &module.bytes).map_err(|source| Error::OutputFile {
            path: file.clone(),
            source,
        })?;
        match out.is_json() {
            true => {
                out.json(&json!({ "hash": hash, "size": size, "file": file.to_string_lossy() }))
            }
            false => Ok(()),
        }
    }
}

/// Writes a regular file whole or not at all, anything else (a pipe, a device) as it comes.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (path, permissions) = match fs::metadata(path) {
        Ok(there) if !there.is_file() => return fs::write(path, bytes),
        // The file that a symbolic link leads to, not the link.
        Ok(there) => (fs::canonicalize(path)?, Some(there.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(error),
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(&path)?;
    Ok(())
}
