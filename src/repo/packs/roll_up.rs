//! Rolling up: many small packs become one, so that an object is found soon however many batches were published.
//!
//! Packs are of the same level when they have as many objects, to the power of 64. As soon as 64 of one level are there they are
//! copied, not deflated again, into one of the next level, beside readers and writers. What was copied is deleted by the next
//! roll-up: a reader may still be about to open it. `ROOT/wasmstore/rolled-up` names it until then.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::lifecycle::locks::Locks;
use crate::repo::lifecycle::open::Repository;
use crate::repo::packs::copy::Source;
use crate::repo::packs::dir::{Pack, packs_in, remove_packs};
use crate::repo::packs::writer::PackWriter;
use crate::repo::refs::durable_tips::Known;

/// How many packs of one level are rolled up.
const PACKS_MIN: usize = 64;
/// How large a pack may be to be rolled up once more, in bytes.
const PACK_BYTES_MAX: u64 = 64 << 20;
/// After how many batches of this process the packs are counted; the first one counts too, so that a command does it.
const BATCHES: usize = 16;

/// The rolling up of one process: one thread at a time, which ends by itself.
#[derive(Default)]
pub(crate) struct RollUp {
    batches: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// A command that ends waits until its roll-up is done.
impl Drop for RollUp {
    fn drop(&mut self) {
        let thread = self
            .thread
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ = thread.join();
        }
    }
}

impl Repository {
    /// Rolls packs up if there are enough of them, in a thread beside; after a batch was published.
    pub(crate) fn roll_up_when_due(&self) {
        let batches = self.roll_up.batches.fetch_add(1, Ordering::Relaxed);
        if !batches.is_multiple_of(BATCHES) {
            return;
        }
        let mut thread = self
            .roll_up
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_running = thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if is_running || !matches!(due(self.root()), Ok(Some(_))) {
            return;
        }
        let Some(format) = self.format() else {
            return;
        };
        let work = Work {
            root: self.root().to_owned(),
            format,
            locks: self.locks.clone(),
            durable: Arc::clone(&self.durable),
        };
        let spawned = std::thread::Builder::new()
            .name("roll-up".to_owned())
            .spawn(move || {
                if let Err(error) = work.run() {
                    tracing::error!(%error, "could not roll packs up");
                }
            });
        *thread = spawned.ok();
    }
}

/// What a roll-up needs of the repository.
struct Work {
    root: PathBuf,
    format: gix::hash::Kind,
    locks: Locks,
    durable: Arc<Mutex<Known>>,
}

impl Work {
    fn run(&self) -> Result<()> {
        // Beside a backup, and beside the first phase of a `gc`: however long they take, packs do not become too many.
        let Some(_one) = self.locks.try_roll_up()? else {
            return Ok(());
        };
        let _lock = self.locks.writing()?;
        self.delete_rolled_up()?;
        let Some(packs) = due(&self.root)? else {
            return Ok(());
        };
        let mut sources = Vec::with_capacity(packs.len());
        for pack in &packs {
            match Source::open(pack, self.format) {
                Ok(Some(source)) => sources.push(source),
                // One that cannot be read must not keep the others apart.
                Err(error) => tracing::error!(?pack, %error, "a pack is damaged"),
                Ok(None) => {}
            }
        }
        if sources.len() < PACKS_MIN / 2 {
            return Ok(());
        }
        let pack = self.copy(&sources)?;
        self.known().packs.extend(pack.names());
        tracing::debug!(packs = sources.len(), "rolled up");
        self.note(&pack, &sources)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self, sources: &[Source]) -> Result<Pack> {
        let mut ids = HashSet::new();
        let all = sources.iter().flat_map(|source| &source.entries);
        let count = all.filter(|entry| ids.insert(entry.id)).count();
        let tmp = self.root.join("wasmstore/tmp");
        let mut writer = PackWriter::new(&tmp, self.format, count)?;
        for source in sources {
            for entry in &source.entries {
                if ids.remove(&entry.id) {
                    source.copy(entry, &mut writer)?;
                }
            }
        }
        writer.install(&self.root)
    }

    /// Writes down what was copied and where to. A note that is lost only means that the same is copied again.
    fn note(&self, pack: &Pack, sources: &[Source]) -> Result<()> {
        let copied = sources.iter().map(|source| &source.pack);
        let names = std::iter::once(pack).chain(copied.filter(|copied| *copied != pack));
        let text: String = names.map(|pack| format!("{}\n", pack.checksum())).collect();
        let note = note_path(&self.root);
        step("write roll-up note")
            .and_then(|()| fs::write(&note, text))
            .map_err(Error::io("write", &note))
    }

    /// Deletes what the last roll-up copied, if all of it is in the pack that it was copied to.
    fn delete_rolled_up(&self) -> Result<()> {
        let packs = rolled_up(&self.root);
        if let Some((to, copied)) = packs.split_first()
            && to.is_complete()
            && let Some(index) = to.index(self.format)?
        {
            let mut replaced = Vec::new();
            for pack in copied {
                let is_replaced = |old: gix_pack::index::File| {
                    old.iter().all(|entry| index.lookup(entry.oid).is_some())
                };
                // One without its index was about to be deleted when its deleter died.
                if pack.index(self.format)?.is_none_or(is_replaced) {
                    replaced.push(pack.clone());
                }
            }
            // Of a pack that is deleted the index goes first.
            let [_, by] = to.names();
            let names = replaced.iter().flat_map(Pack::names);
            self.known()
                .replaced
                .extend(names.map(|name| (name, by.clone())));
            remove_packs(&self.root, &replaced)?;
        }
        crate::repo::fs::remove_if_there(&note_path(&self.root))
    }
}

/// The packs to roll up now: those of the lowest level that has enough of them.
fn due(root: &Path) -> Result<Option<Vec<Pack>>> {
    let rolled_up = rolled_up(root);
    let mut levels = BTreeMap::<u32, Vec<Pack>>::new();
    for pack in packs_in(root)? {
        let is_small =
            fs::metadata(pack.part("pack")).is_ok_and(|file| file.len() <= PACK_BYTES_MAX);
        if is_small && pack.is_complete() && !rolled_up.contains(&pack) {
            let index_bytes = fs::metadata(pack.part("idx")).map_or(0, |file| file.len());
            levels.entry(level(index_bytes)).or_default().push(pack);
        }
    }
    Ok(levels.into_values().find(|packs| packs.len() >= PACKS_MIN))
}

/// How often 64 fits into the number of objects in an index of that size, about: 8 + 1,024 + 28 for each + 40 bytes, with SHA-1.
fn level(index_bytes: u64) -> u32 {
    let objects = index_bytes.saturating_sub(1072) / 28;
    objects.max(1).ilog(PACKS_MIN as u64)
}

/// The pack that others were copied to by the last roll-up, and those, as far as the note tells.
fn rolled_up(root: &Path) -> Vec<Pack> {
    let text = fs::read_to_string(note_path(root)).unwrap_or_default();
    text.lines()
        .filter(|line| gix::ObjectId::from_hex(line.as_bytes()).is_ok())
        .map(|checksum| Pack::named(root, checksum))
        .collect()
}

fn note_path(root: &Path) -> PathBuf {
    root.join("wasmstore/rolled-up")
}
