//! Packed refs: git clone and git pack-refs make them, a store has none.
//!
//! With `packed-refs` present, writers that delete and update at the same time lose each other's work.

use std::fs;
use std::path::Path;

use super::durable::{sync_dir, sync_dirs_up_to, write_file};
use super::error::{Error, Result};
use super::open::Repository;

impl Repository {
    /// Moves every packed ref to a file of its own, and removes `packed-refs`; under `refs.lock`.
    pub(super) fn unpack_refs(&self) -> Result<()> {
        let packed = self.root().join("packed-refs");
        if !packed.exists() {
            return Ok(());
        }
        let repo = self.local_for("packed-refs")?;
        if let Some(buffer) = repo
            .refs
            .open_packed_buffer()
            .map_err(Error::database("read packed-refs"))?
        {
            for reference in buffer.iter().map_err(Error::database("read packed-refs"))? {
                let reference = reference.map_err(Error::database("read packed-refs"))?;
                let path = self.root().join(
                    gix::path::from_bstr(reference.name.as_bstr())
                        .map_err(Error::database("name a packed ref"))?,
                );
                if !path.exists() {
                    self.write_ref(&path, reference.target())?;
                }
            }
        }
        fs::remove_file(&packed).map_err(Error::io("remove", &packed))?;
        sync_dir(self.root())
    }

    fn write_ref(&self, path: &Path, target: gix::ObjectId) -> Result<()> {
        let folder = path.parent().expect("BUG: a ref has a folder");
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        fs::create_dir_all(self.tmp_dir()).map_err(Error::io("create", self.tmp_dir()))?;
        write_file(&self.tmp_dir(), path, format!("{target}\n").as_bytes())?;
        sync_dirs_up_to(folder, self.root())
    }
}
