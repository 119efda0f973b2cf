//! `add`: put a module at a path.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::names::ModulePath;

/// Put a module at a path, and print its hash
///
/// The module is validated first, function bodies included. The same bytes at the same path make no commit. Prints the hash.
/// JSON: {"hash":"…","path":"/…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AddArgs {
    /// Read the module from this file, or from standard input if it is `-`
    file: PathBuf,
    /// Put it at this path; by default at the file's name
    #[arg(value_parser = ModulePath::parse)]
    path: Option<ModulePath>,
    #[command(flatten)]
    writing: WriteArgs,
}

impl AddArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.writing)?;
        let (mut source, bytes, path): (Box<dyn Read>, _, _) = if self.file == Path::new("-") {
            let needed = Error::Usage("`add -` needs the PATH to put the module at");
            let source = progress::reading(settings, "add", io::stdin(), None);
            (Box::new(source), None, self.path.ok_or(needed)?)
        } else {
            let (source, bytes) = open(&self.file)?;
            let source = progress::reading(settings, "add", source, bytes);
            let path = self.path.map_or_else(|| named_like(&self.file), Ok)?;
            (Box::new(source), bytes, path)
        };
        let store = settings.open_or_create()?;
        let hash = store.put(&change, &path, &mut source, bytes)?;
        match out.is_json() {
            true => out.json(&json!({ "hash": hash.to_string(), "path": path.to_string() })),
            false => out.line(hash),
        }
    }
}

/// Opens what can be read, and says how many bytes a regular file has; a folder is told here, before a store is created for it.
fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let opened = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        match metadata.is_dir() {
            true => Err(io::ErrorKind::IsADirectory.into()),
            // Some file systems say 0 of files that have something in them.
            false => Ok((
                file,
                Some(metadata.len()).filter(|bytes| metadata.is_file() && *bytes > 0),
            )),
        }
    });
    opened.map_err(|source| Error::Input {
        path: path.to_owned(),
        source,
    })
}

fn named_like(file: &Path) -> Result<ModulePath> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::FileName(file.to_owned()))?;
    Ok(ModulePath::parse(name)?)
}
