//! Objects that wait in memory, deflated, for the pack that makes them durable.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::deflated::Deflated;
use super::error::Result;
use super::pack_file::PackWriter;
use super::packs::Pack;

/// Objects for one pack, each once, in the order in which they came.
#[derive(Default)]
pub(super) struct Staged {
    objects: Vec<(gix::ObjectId, Arc<Deflated>)>,
    ids: HashSet<gix::ObjectId>,
    size_bytes: usize,
}

impl Staged {
    pub(super) fn contains(&self, id: &gix::oid) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = gix::ObjectId> {
        self.ids.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What the pack will take, in bytes.
    pub(super) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub(super) fn add(&mut self, id: gix::ObjectId, object: Arc<Deflated>) {
        if self.ids.insert(id) {
            self.size_bytes += object.bytes.len();
            self.objects.push((id, object));
        }
    }

    /// Adds what another one holds; the bytes are shared.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (id, object) in &other.objects {
            self.add(*id, Arc::clone(object));
        }
    }

    /// Writes a durable pack of them into the repository at `root`.
    pub(super) fn write(&self, root: &Path, format: gix::hash::Kind) -> Result<Pack> {
        let tmp = root.join("wasmstore/tmp");
        let mut pack = PackWriter::new(&tmp, format, self.objects.len())?;
        for (id, object) in &self.objects {
            pack.add(*id, object)?;
        }
        pack.install(root)
    }
}
