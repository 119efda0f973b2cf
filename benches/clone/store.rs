//! The store that is cloned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::modules::{module, spread};
use crate::options::Options;

/// How many modules are in a folder.
const FOLDER: u64 = 100;
/// How many commits there are besides the first.
const COMMITS: u64 = 100;

/// A store on the disk.
pub struct Store {
    pub root: PathBuf,
    wasmstore: PathBuf,
}

impl Store {
    /// Makes one in a new folder.
    pub fn make(options: &Options, dir: &Path) -> Result<Self> {
        let store = Self {
            root: dir.join("store"),
            wasmstore: options.wasmstore.clone(),
        };
        let files = dir.join("modules");
        for n in 0..options.modules {
            let folder = files.join(format!("d{:03}", n / FOLDER));
            fs::create_dir_all(&folder)?;
            let size_bytes = 200 + spread(n) as usize % 9_800;
            let name = format!("m{:02}.wasm", n % FOLDER);
            fs::write(folder.join(name), module(n, size_bytes))?;
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

    /// Makes one pack of all.
    pub fn collect(&self) -> Result<()> {
        self.run(&["gc", "--keep-history"]).map(drop)
    }

    /// The commit that all clones have to reach.
    pub fn tip(&self) -> Result<String> {
        let tip = self.run(&["snapshot"])?;
        Ok(tip.trim_end().to_owned())
    }

    /// The program, on this store.
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
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("wasmstore {args:?}: {said}").into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}
