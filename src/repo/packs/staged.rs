//! Objects that wait in memory for the pack that makes them durable.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gix::objs::Kind;
use tempfile::NamedTempFile;

use crate::repo::error::Result;
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::pack::Pack;
use crate::repo::packs::writer::PackWriter;

/// Objects for one pack, each once, in the order in which they came.
#[derive(Default)]
pub(crate) struct Staged {
    objects: Vec<(gix::ObjectId, Arc<StagedObject>)>,
    ids: HashSet<gix::ObjectId>,
    size_bytes: usize,
}

/// An object that is deflated by whoever has the time to, at the latest when it is written.
pub(crate) struct StagedObject {
    /// Before it is deflated, in bytes.
    size_bytes: usize,
    state: Mutex<State>,
}

enum State {
    Plain(Kind, Vec<u8>),
    PackEntry(PackEntry),
}

impl StagedObject {
    /// Deflates it, unless that was done.
    pub(crate) fn compress(&self) -> Result<()> {
        self.with_entry(|_| Ok(()))
    }

    fn with_entry(&self, and: impl FnOnce(&PackEntry) -> Result<()>) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Plain(kind, bytes) = &*state {
            *state = State::PackEntry(PackEntry::new(*kind, bytes)?);
        }
        match &*state {
            State::PackEntry(deflated) => and(deflated),
            State::Plain(..) => unreachable!("BUG: it was deflated above"),
        }
    }
}

impl Staged {
    pub(crate) fn contains(&self, id: &gix::oid) -> bool {
        self.ids.contains(id)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = gix::ObjectId> {
        self.ids.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// What they take before they are deflated, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Adds an object, unless it is there.
    pub(crate) fn add(&mut self, id: gix::ObjectId, kind: Kind, bytes: &[u8]) {
        if !self.ids.contains(&id) {
            let object = StagedObject {
                size_bytes: bytes.len(),
                state: Mutex::new(State::Plain(kind, bytes.to_owned())),
            };
            self.push(id, Arc::new(object));
        }
    }

    /// Adds what another one holds; the bytes are shared.
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

    /// The objects but for the first `count`.
    pub(crate) fn after(&self, count: usize) -> Vec<Arc<StagedObject>> {
        let objects = self.objects.iter().skip(count);
        objects.map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Deflates all of them.
    pub(crate) fn compress(&self) -> Result<()> {
        self.objects
            .iter()
            .try_for_each(|(_, object)| object.compress())
    }

    /// Writes a durable pack of them into the repository at `root`, in the files of `prepared` as far as they go.
    pub(crate) fn write(
        &self,
        root: &Path,
        format: gix::hash::Kind,
        files: Vec<NamedTempFile>,
    ) -> Result<Pack> {
        let tmp = root.join("wasmstore/tmp");
        let mut pack = PackWriter::with_files(files, &tmp, format, self.objects.len())?;
        for (id, object) in &self.objects {
            object.with_entry(|deflated| pack.add(*id, deflated))?;
        }
        pack.install(root)
    }
}
