//! The store that is cloned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::modules::{module, spread};
use crate::options::Options;

/// The number of modules in a directory.
const DIRECTORY_MODULES: u64 = 100;
/// The number of commits after the import.
const COMMITS: u64 = 100;

/// A store on disk.
pub struct Store {
    pub root: PathBuf,
    wasmstore: PathBuf,
}

impl Store {
    /// Creates a store in the directory `dir`, and fills it.
    pub fn create(options: &Options, dir: &Path) -> Result<Self> {
        let store = Self {
            root: dir.join("store"),
            wasmstore: options.wasmstore.clone(),
        };
        let files = dir.join("modules");
        for n in 0..options.modules {
            let directory = files.join(format!("d{:03}", n / DIRECTORY_MODULES));
            fs::create_dir_all(&directory)?;
            let size_bytes = 200 + spread(n) as usize % 9_800;
            let name = format!("m{:02}.wasm", n % DIRECTORY_MODULES);
            fs::write(directory.join(name), module(n, size_bytes))?;
        }
        store.run(&["import", &files.display().to_string()])?;
        let file = files.join("new.wasm");
        for n in 0..COMMITS {
            fs::write(&file, module(options.modules + n, 4096))?;
            store.run(&["add", &file.display().to_string(), "new.wasm"])?;
        }
        fs::remove_dir_all(files)?;
        Ok(store)
    }

    /// Packs all objects into one pack.
    pub fn gc(&self) -> Result<()> {
        self.run(&["gc", "--keep-history"]).map(drop)
    }

    /// Returns the tip of the default branch, which every clone must have.
    pub fn tip(&self) -> Result<String> {
        Ok(self.run(&["snapshot"])?.trim_end().to_owned())
    }

    /// Returns a command of `wasmstore` on this store.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.wasmstore);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WASMSTORE_") {
                command.env_remove(name);
            }
        }
        command.arg("--root").arg(&self.root).arg("--quiet");
        command
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.command().args(args).output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("wasmstore {args:?}: {stderr}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}
