//! The operations of one store, one after another.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmstore::config::Options;
use wasmstore::names::{Digest, HashRef, ModulePath, ModuleRef, TreePath};
use wasmstore::store::{Change, Revision, Store};
use wasmstore::wasm;

use crate::Result;
use crate::catch_up::catch_up;
use crate::samples::{Times, all, sample};
use crate::shape::Shape;

const OPENINGS: usize = 5;
const PUTS: u64 = 50;
const ROLLBACKS: usize = 5;
const PAGE: usize = 100;

/// What was measured of one store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Measured {
    pub open_find: Times,
    pub catch_up: Duration,
    pub find: Times,
    pub find_again: Times,
    pub by_hash: Times,
    pub by_digest: Times,
    pub list: Times,
    pub versions: Times,
    /// The first change since git wrote the store.
    pub first_put: Duration,
    pub put: Times,
    pub rollback: Times,
    /// The memory of the process, and the most that it ever was; none where the system does not tell.
    pub rss_kib: Option<(u64, u64)>,
}

/// Measures the store at `root`, which is of this shape and was never indexed.
pub fn measure(root: &Path, shape: Shape, samples: u64) -> Result<Measured> {
    let some = shape.some(samples + 1);
    let (paths, numbers): (Vec<_>, Vec<_>) = some.into_iter().unzip();
    let names: Vec<_> = paths.iter().cloned().map(ModuleRef::Path).collect();
    let open = || Store::open(root, Options::default());
    let at = Revision::default();
    let first = names.iter().rev().take(OPENINGS);
    let open_find = all(first, |name| Ok(open()?.find(&at, name)?))?;
    let store = open()?;
    let find = |name| Ok(store.find(&at, name)?);
    let measured = Measured {
        open_find,
        catch_up: catch_up(&store)?,
        find: sample(&names, find)?,
        find_again: sample(&names, find)?,
        by_hash: by_hash(&store, &names)?,
        by_digest: by_digest(&store, shape, &numbers)?,
        list: list(&store, &paths)?,
        versions: sample(&paths, |path| versions(&store, shape, path))?,
        first_put: put(&store, shape, 0..1)?.median,
        put: put(&store, shape, 1..=PUTS)?,
        rollback: rollback(&store, shape, &paths)?,
        rss_kib: None,
    };
    Ok(Measured {
        rss_kib: memory("VmRSS:").zip(memory("VmHWM:")),
        ..measured
    })
}

fn by_hash(store: &Store, names: &[ModuleRef]) -> Result<Times> {
    let at = Revision::default();
    let hashes = names.iter().map(|name| Ok(store.hash(&at, name)?));
    let hashes = hashes.collect::<Result<Vec<_>>>()?;
    sample(hashes, |hash| {
        let found = store.hash(&at, &ModuleRef::Hash(HashRef::Hash40(hash)))?;
        expect(found == hash, "a hash is another's")
    })
}

fn by_digest(store: &Store, shape: Shape, numbers: &[u64]) -> Result<Times> {
    let digests = numbers.iter().map(|n| {
        let digest = Digest::from_bytes(wasm::sha256(&shape.module(*n)));
        ModuleRef::Hash(HashRef::Digest(digest))
    });
    let digests: Vec<_> = digests.collect();
    sample(&digests, |name| Ok(store.hash(&Revision::default(), name)?))
}

fn list(store: &Store, paths: &[ModulePath]) -> Result<Times> {
    let pages = paths.iter().map(|after| {
        // `/m/ab` of a fan, `/m` where there is nothing else.
        let folders = (after.segments().count() - 1).min(2);
        let folder: Vec<_> = after.segments().take(folders).collect();
        Ok((TreePath::parse(&folder.join("/"))?, after))
    });
    let pages = pages.collect::<Result<Vec<_>>>()?;
    sample(&pages, |(folder, after)| {
        Ok(store.list_page(&Revision::default(), folder, Some(after), PAGE)?)
    })
}

fn versions(store: &Store, shape: Shape, path: &ModulePath) -> Result<()> {
    let found = store.versions(&Revision::default(), &shape.versioned(path))?;
    expect(
        found.len() == shape.versions(),
        "there are other versions than were made",
    )
}

fn put(store: &Store, shape: Shape, new: impl Iterator<Item = u64>) -> Result<Times> {
    all(new, |n| {
        let n = shape.count + n;
        let put = store.put(&Change::default(), &shape.path(n), &shape.module(n)[..])?;
        expect(put.has_moved, "a put made no commit")
    })
}

fn rollback(store: &Store, shape: Shape, paths: &[ModulePath]) -> Result<Times> {
    all(paths.iter().take(ROLLBACKS), |path| {
        let path = shape.versioned(path);
        let done = store.rollback(&Change::default(), path.as_tree_path())?;
        expect(done.has_moved, "a rollback made no commit")
    })
}

fn expect(holds: bool, otherwise: &str) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(otherwise.into()),
    }
}

/// A line of proc_pid_status(5).
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
