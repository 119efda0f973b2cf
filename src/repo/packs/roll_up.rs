//! Roll-ups: many small packs are copied into one, so that looking up an object stays fast however many batches were published.
//!
//! The level of a pack is the logarithm to base 64 of its number of objects, rounded down. As soon as 64 packs of one level exist, they are
//! copied, without recompression, into one pack of the next level, while readers and writers continue. Only the next roll-up deletes the
//! copied packs, because a reader may still be about to open them. Until then `ROOT/wasmstore/rolled-up` lists them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::remove_if_there;
use crate::repo::locks::Locks;
use crate::repo::objects::gix_handle::HandleVersion;
use crate::repo::packs::copy::SourcePack;
use crate::repo::packs::pack::{Pack, packs_in, remove_packs};
use crate::repo::packs::writer::PackWriter;
use crate::sharing::write_shared;

/// The minimum number of packs of one level for a roll-up of that level.
pub(crate) const PACKS_MIN: usize = 64;
/// The size above which a pack is not rolled up any more, in bytes.
pub(crate) const PACK_BYTES_MAX: u64 = 64 << 20;
/// The number of published batches of changes after which the packs are counted again. The first count is at the first batch of the
/// process, so that a command that publishes only one batch counts the packs, too.
const BATCHES: usize = 16;

/// The pack files that this process knows to be durable.
#[derive(Default)]
pub(crate) struct DurablePacks {
    /// The names of those files in `objects/pack` that this process knows to be durable.
    pub files: HashSet<OsString>,
    /// The version of the gix handle when deleted files were last removed from `files`.
    pub cleaned_at: HandleVersion,
    /// Whether `files` may have names of packs that gix has not opened. If such a pack is deleted, comparing the existing packs with those
    /// that gix has opened does not show that `files` is outdated.
    pub has_unlisted: bool,
    /// Names of files that this process deleted from `objects/pack` because all of their objects are in another pack. Each maps to the file
    /// name of the other pack's index.
    pub replaced: HashMap<OsString, OsString>,
}

/// The roll-ups of one process. A roll-up copies many small packs into one larger pack. At most one thread at a time performs a roll-up,
/// and the thread ends when the roll-up is done.
pub(crate) struct RollUp {
    root: PathBuf,
    locks: Locks,
    durable: Arc<Mutex<DurablePacks>>,
    batches: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for RollUp {
    /// Waits for the thread that copies small packs into a larger one (a roll-up): a command that exits must not interrupt it.
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

impl RollUp {
    pub(crate) fn new(root: &Path, locks: Locks, durable: Arc<Mutex<DurablePacks>>) -> Self {
        Self {
            root: root.to_owned(),
            locks,
            durable,
            batches: AtomicUsize::default(),
            thread: Mutex::default(),
        }
    }

    /// If there are enough small packs, starts a thread that copies them into one larger pack (a roll-up). Called after each batch of
    /// changes.
    pub(crate) fn start_when_due(&self, format: Option<gix::hash::Kind>) {
        let batches = self.batches.fetch_add(1, Ordering::Relaxed);
        if !batches.is_multiple_of(BATCHES) {
            return;
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let is_running = thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if is_running || !matches!(packs_due(&self.root), Ok(Some(_))) {
            return;
        }
        let Some(format) = format else {
            return;
        };
        let job = Job {
            root: self.root.clone(),
            format,
            locks: self.locks.clone(),
            durable: Arc::clone(&self.durable),
        };
        let spawned = std::thread::Builder::new()
            .name("roll-up".to_owned())
            .spawn(move || {
                if let Err(error) = job.run() {
                    tracing::error!(%error, "failed to roll packs up");
                }
            });
        *thread = spawned.ok();
    }
}

/// One roll-up, which copies many small packs into one, with the data that its thread needs.
struct Job {
    root: PathBuf,
    format: gix::hash::Kind,
    locks: Locks,
    durable: Arc<Mutex<DurablePacks>>,
}

impl Job {
    fn run(&self) -> Result<()> {
        // `backup.lock` is not taken, so that roll-ups continue during a long backup or the first phase of a long `gc`; otherwise there
        // would be too many packs.
        let Some(_roll_up) = self.locks.try_roll_up()? else {
            return Ok(());
        };
        let _lock = self.locks.writing()?;
        self.delete_rolled_up()?;
        let Some(packs) = packs_due(&self.root)? else {
            return Ok(());
        };
        let mut sources = Vec::with_capacity(packs.len());
        for pack in &packs {
            match SourcePack::open(pack, self.format) {
                Ok(Some(source)) => sources.push(source),
                // One damaged pack must not prevent the roll-up of the others.
                Err(error) => tracing::error!(?pack, %error, "a pack is damaged"),
                Ok(None) => {}
            }
        }
        if sources.len() < PACKS_MIN / 2 {
            return Ok(());
        }
        let pack = copy_all(&self.root, self.format, &sources)?;
        {
            let mut durable = self.durable();
            durable.files.extend(pack.names());
            durable.has_unlisted = true;
        }
        tracing::debug!(packs = sources.len(), "rolled up");
        self.write_note(&pack, &sources)
    }

    fn durable(&self) -> MutexGuard<'_, DurablePacks> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the file `rolled-up`. It has one checksum per line: first of the new pack, then of the packs that were copied into it. The
    /// file is not fsynced: if it is lost, the packs are copied again.
    fn write_note(&self, pack: &Pack, sources: &[SourcePack]) -> Result<()> {
        let copied = sources.iter().map(|source| &source.pack);
        let names = std::iter::once(pack).chain(copied.filter(|copied| *copied != pack));
        let text: String = names.map(|pack| format!("{}\n", pack.checksum())).collect();
        let note = note_path(&self.root);
        step("write roll-up note")
            .and_then(|()| write_shared(&note, text))
            .map_err(Error::io("write", &note))
    }

    /// Deletes each pack that the last roll-up copied into a larger pack, if all of its objects are in the larger pack.
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
                // If a pack has no index, its deletion was interrupted.
                if pack.index(self.format)?.is_none_or(is_replaced) {
                    replaced.push(pack.clone());
                }
            }
            let [_, index_name] = to.names();
            let names = replaced.iter().flat_map(Pack::names);
            self.durable()
                .replaced
                .extend(names.map(|name| (name, index_name.clone())));
            remove_packs(&self.root, &replaced)?;
        }
        remove_if_there(&note_path(&self.root))
    }
}

/// Copies the objects of several packs, each once, into a new durable pack of the repository at `root`.
pub(crate) fn copy_all(
    root: &Path,
    format: gix::hash::Kind,
    sources: &[SourcePack],
) -> Result<Pack> {
    let mut ids = HashSet::new();
    let all = sources.iter().flat_map(|source| &source.entries);
    let count = all.filter(|entry| ids.insert(entry.id)).count();
    let mut writer = PackWriter::new(&root.join("wasmstore/tmp"), format, count)?;
    for source in sources {
        for entry in &source.entries {
            if ids.remove(&entry.id) {
                source.copy(entry, &mut writer)?;
            }
        }
    }
    writer.install(root)
}

/// Returns the small packs to copy into one larger pack now. The packs are grouped into levels by their number of objects; all packs of the
/// lowest level that has enough packs are returned. Returns `None` if no level has enough.
fn packs_due(root: &Path) -> Result<Option<Vec<Pack>>> {
    let rolled_up = rolled_up(root);
    let mut levels = BTreeMap::<u32, Vec<Pack>>::new();
    let rolled_up: HashSet<String> = rolled_up.iter().map(Pack::checksum).collect();
    for pack in packs_in(root)? {
        if rolled_up.contains(&pack.checksum()) {
            continue;
        }
        let length = |part| fs::metadata(pack.part(part)).map(|file| file.len());
        if let (Ok(pack_bytes), Ok(index_bytes)) = (length("pack"), length("idx"))
            && pack_bytes <= PACK_BYTES_MAX
        {
            levels.entry(level(index_bytes)).or_default().push(pack);
        }
    }
    Ok(levels.into_values().find(|packs| packs.len() >= PACKS_MIN))
}

/// Estimates a pack's level (the logarithm of its number of objects to base 64, rounded down) from the size of its index. With SHA-1, an
/// index has 28 bytes for each object, an 8-byte header, a fan-out table of 1,024 bytes, and 40 bytes of checksums.
fn level(index_bytes: u64) -> u32 {
    let objects = index_bytes.saturating_sub(1072) / 28;
    objects.max(1).ilog(PACKS_MIN as u64)
}

/// Reads the file `rolled-up`: first the pack into which the last roll-up copied many small packs, then these small packs.
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
