//! Objects in memory that wait for the pack that makes them durable.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gix::objs::Kind;
use tempfile::NamedTempFile;

use crate::repo::error::Result;
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::writer::PackWriter;

/// Objects for one pack, each once, in the order in which they were added.
#[derive(Default)]
pub(crate) struct StagedObjects {
    objects: Vec<(gix::ObjectId, Arc<StagedObject>)>,
    ids: HashSet<gix::ObjectId>,
    size_bytes: usize,
}

/// An object in memory. Any thread that waits for the batch may compress it. If none has done so, the thread that writes the pack
/// compresses it.
pub(crate) struct StagedObject {
    /// The size of the object before compression, in bytes.
    size_bytes: usize,
    state: Mutex<State>,
}

enum State {
    Plain(Kind, Vec<u8>),
    Compressed(PackEntry),
}

impl StagedObject {
    /// Compresses the object unless it is compressed already.
    pub(crate) fn compress(&self) -> Result<()> {
        self.with_entry(|_| Ok(()))
    }

    /// Calls `visit` with the compressed object.
    fn with_entry(&self, visit: impl FnOnce(&PackEntry) -> Result<()>) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Plain(kind, bytes) = &*state {
            *state = State::Compressed(PackEntry::new(*kind, bytes)?);
        }
        match &*state {
            State::Compressed(entry) => visit(entry),
            State::Plain(..) => unreachable!("BUG: it was compressed above"),
        }
    }
}

impl StagedObjects {
    pub(crate) fn contains(&self, id: &gix::oid) -> bool {
        self.ids.contains(id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = gix::ObjectId> {
        self.ids.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the number of objects.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns the total size of the objects before compression, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Adds an object unless it was added before.
    pub(crate) fn add(&mut self, id: gix::ObjectId, kind: Kind, bytes: &[u8]) {
        if !self.ids.contains(&id) {
            let object = StagedObject {
                size_bytes: bytes.len(),
                state: Mutex::new(State::Plain(kind, bytes.to_owned())),
            };
            self.push(id, Arc::new(object));
        }
    }

    /// Adds the objects of `other`. The bytes are shared, not copied.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (id, object) in &other.objects {
            self.push(*id, Arc::clone(object));
        }
    }

    fn push(&mut self, id: gix::ObjectId, object: Arc<StagedObject>) {
        if self.ids.insert(id) {
            self.size_bytes += object.size_bytes;
            self.objects.push((id, object));
        }
    }

    /// Returns all objects but the first `count`, in the order in which they were added.
    pub(crate) fn after(&self, count: usize) -> Vec<Arc<StagedObject>> {
        let objects = self.objects.iter().skip(count);
        objects.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Compresses all objects.
    pub(crate) fn compress(&self) -> Result<()> {
        self.objects
            .iter()
            .try_for_each(|(_, object)| object.compress())
    }

    /// Writes the objects into a durable pack of the repository at `root`. The pack is written to `files`, which are new and empty. If
    /// there are fewer than two, the missing files are created.
    pub(crate) fn write(
        &self,
        root: &Path,
        format: gix::hash::Kind,
        files: Vec<NamedTempFile>,
    ) -> Result<Pack> {
        let tmp = root.join("wasmstore/tmp");
        let mut pack = PackWriter::with_files(files, &tmp, format, self.objects.len())?;
        for (id, object) in &self.objects {
            object.with_entry(|entry| pack.add(*id, entry))?;
        }
        pack.install(root)
    }
}
