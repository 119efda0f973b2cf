//! `world`: finds the modules that fit a world.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::{TreePath, printable};
use crate::store::{WorldCheck, WorldSource};
use crate::wire::WorldCheckJson;

/// The maximum number of bytes that are read from FILE. The limit on the size of a world's definition is lower, so a file of which only
/// this part is read is rejected.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Find the components that fit a world
///
/// A component fits if it imports only what the world imports, and exports everything that the world exports; versions match if they are
/// compatible. Prints a line of `<hash>` tab `/<path>` for each component that fits, sorted by path. If --path is a module that does not
/// fit, prints the reasons instead, one per line.
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
        let world = WorldSource::parse(source(&self.file)?, self.name);
        let world = world.map_err(|source| Error::World {
            path: self.file.clone(),
            source,
        })?;
        let store = settings.open()?;
        // Components are printed while they are found, because checking all of them takes time.
        let find = |visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>| {
            store.world(&revision, &world, &self.path, visit)
        };
        if out.is_json() {
            let mut array = out.array();
            show_each(find, |check| array.push(&WorldCheckJson::from(check)))?;
            return array.end();
        }
        show_each(find, |check| print(&check, out))
    }
}

/// Prints a component that fits, or the reasons why a module does not fit.
fn print(check: &WorldCheck, out: &mut Output) -> Result<()> {
    if check.reasons.is_empty() {
        return out.text(format_args!("{}\t{}\n", check.hash, check.path));
    }
    let mut reasons = check.reasons.iter();
    reasons.try_for_each(|reason| out.text(format_args!("{}\n", printable(reason))))
}

/// Reads the file that defines the world.
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
