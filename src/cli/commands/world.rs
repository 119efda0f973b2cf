//! `world`: finds the modules that fit a world.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::stream_copy::read_error;
use crate::names::{ModuleHash, ModulePath, ModuleRef, TreePath, printable};
use crate::remote::StoreOperations;
use crate::store::{COMPONENT_HEAD_BYTES, Revision, TargetWorld, chain, is_component};

/// The largest part of FILE that is read, in bytes. More than any world may have.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Find the components that fit a world
///
/// A component fits if it imports nothing else than the world and exports all that the world exports; versions match if they are
/// compatible. Prints a line of `<hash>` tab `/<path>` for each component that fits, sorted by path. With the path of a module that does
/// not fit, prints the reasons instead, one per line. Reads all modules at or below the path; a remote store sends them.
/// JSON: [{"path":"/…","hash":"…","reasons":["…"]}]; the reasons are empty if the component fits
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct WorldArgs {
    /// Read the world from this file, in WIT or as a WIT package in WebAssembly; `-` reads standard input
    file: PathBuf,
    /// The name of the world in the file, if there are several
    name: Option<String>,
    /// Look only at this module or directory
    #[arg(long, value_name = "PATH", default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    #[command(flatten)]
    read: ReadArgs,
}

impl WorldArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let parsed = TargetWorld::parse(&source(&self.file)?, self.name.as_deref());
        let world = parsed.map_err(|source| Error::World {
            path: self.file.clone(),
            source,
        })?;
        let store = settings.open()?;
        let store = store.as_ref();
        let revision = store.pin(&revision)?;
        let modules = store.list(&revision, &self.path)?;
        let mut checks = Vec::new();
        if let ([], Ok(path)) = (&*modules, ModulePath::try_from(self.path)) {
            let hash = store.hash(&revision, &ModuleRef::Path(path.clone()))?;
            let reasons = misfits(store, &revision, &world, &path)?;
            checks.push((path, hash, reasons));
        }
        for (path, hash) in modules {
            let reasons = misfits(store, &revision, &world, &path)?;
            if reasons.is_empty() {
                checks.push((path, hash, reasons));
            }
        }
        print(&checks, out)
    }
}

/// Prints the checked modules.
fn print(checks: &[(ModulePath, ModuleHash, Vec<String>)], out: &mut Output) -> Result<()> {
    if out.is_json() {
        let mut array = out.array();
        for (path, hash, reasons) in checks {
            let (path, hash) = (path.to_string(), hash.to_string());
            array.push(&json!({ "path": path, "hash": hash, "reasons": reasons }))?;
        }
        return array.end();
    }
    for (path, hash, reasons) in checks {
        if reasons.is_empty() {
            out.text(format_args!("{hash}\t{path}\n"))?;
        }
        for reason in reasons {
            out.text(format_args!("{}\n", printable(reason)))?;
        }
    }
    Ok(())
}

/// Returns the reasons why a module does not fit a world; none if it does.
fn misfits(
    store: &dyn StoreOperations,
    revision: &Revision,
    world: &TargetWorld,
    path: &ModulePath,
) -> Result<Vec<String>> {
    let mut module = store.find(revision, &ModuleRef::Path(path.clone()))?;
    let mut bytes = Vec::new();
    let mut head = Read::by_ref(&mut module).take(COMPONENT_HEAD_BYTES);
    head.read_to_end(&mut bytes).map_err(read_error)?;
    // The rest of a core module, which fits no world, is not read.
    if is_component(&bytes) {
        module.read_to_end(&mut bytes).map_err(read_error)?;
    }
    let misfits = world.misfits(&bytes);
    Ok(misfits.unwrap_or_else(|error| vec![chain(&error)]))
}

/// Reads the file with the world.
fn source(path: &Path) -> Result<Vec<u8>> {
    let mut source = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().take(FILE_BYTES_MAX).read_to_end(&mut source)
    } else {
        File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut source))
    };
    match read {
        Ok(_) => Ok(source),
        Err(source) => Err(Error::Input {
            path: path.to_owned(),
            source,
        }),
    }
}
