//! Measures the operations of one store, in sequence.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmstore::config::Options;
use wasmstore::names::{Digest, HashRef, ModulePath, ModuleRef, TreePath};
use wasmstore::store::{Change, Revision, Store};
use wasmstore::wasm;

use crate::Result;
use crate::samples::{Times, all, sample, time};
use crate::shape::Shape;

const OPENS: usize = 5;
const PUTS: u64 = 50;
const ROLLBACKS: usize = 5;
const PAGE_MODULES: usize = 100;

/// The measurements of one store.
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
    /// The first write after git wrote the store.
    pub first_put: Duration,
    pub put: Times,
    pub rollback: Times,
    /// The resident memory of the process and its peak; `None` on systems without `/proc`.
    pub rss_kib: Option<(u64, u64)>,
}

/// Measures the store at `root`, which has this shape and no index.
pub fn measure(root: &Path, shape: Shape, samples: u64) -> Result<Measured> {
    let (paths, numbers): (Vec<_>, Vec<_>) = shape.random_paths(samples + 1).into_iter().unzip();
    let names: Vec<_> = paths.iter().cloned().map(ModuleRef::Path).collect();
    let open = || Store::open(root, Options::default());
    let at = Revision::default();
    let first = names.iter().rev().take(OPENS);
    let open_find = all(first, |name| Ok(open()?.find(&at, name)?))?;
    let store = open()?;
    let find = |name| Ok(store.find(&at, name)?);
    let measured = Measured {
        open_find,
        catch_up: time(|| Ok(store.catch_up(&at)?))?.0,
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
    let hashes = (names.iter())
        .map(|name| Ok(store.hash(&at, name)?))
        .collect::<Result<Vec<_>>>()?;
    sample(hashes, |hash| {
        let found = store.hash(&at, &ModuleRef::Hash(HashRef::Hash40(hash)))?;
        expect(found == hash, "a lookup by hash returned another hash")
    })
}

fn by_digest(store: &Store, shape: Shape, numbers: &[u64]) -> Result<Times> {
    let reference = |n: &u64| {
        let digest = Digest::from_bytes(wasm::sha256(&shape.module(*n)));
        ModuleRef::Hash(HashRef::Digest(digest))
    };
    let digests: Vec<_> = numbers.iter().map(reference).collect();
    sample(&digests, |name| Ok(store.hash(&Revision::default(), name)?))
}

fn list(store: &Store, paths: &[ModulePath]) -> Result<Times> {
    let page = |after| {
        // `/m/ab` in a fan, `/m` in a flat store.
        let depth = (ModulePath::segments(after).count() - 1).min(2);
        let directory: Vec<_> = after.segments().take(depth).collect();
        Ok((TreePath::parse(&directory.join("/"))?, after))
    };
    let pages = paths.iter().map(page).collect::<Result<Vec<_>>>()?;
    sample(&pages, |(directory, after)| {
        let mut modules = Vec::with_capacity(PAGE_MODULES);
        let has_more = store.list_after(
            &Revision::default(),
            directory,
            Some(after),
            |path, hash| {
                if modules.len() == PAGE_MODULES {
                    return ControlFlow::Break(());
                }
                modules.push((path, hash));
                ControlFlow::Continue(())
            },
        )?;
        Ok((modules, has_more))
    })
}

fn versions(store: &Store, shape: Shape, path: &ModulePath) -> Result<()> {
    let found = store.versions(&Revision::default(), &shape.versioned_path(path))?;
    expect(
        found.len() == shape.version_count(),
        "the number of versions is wrong",
    )
}

fn put(store: &Store, shape: Shape, new: impl Iterator<Item = u64>) -> Result<Times> {
    all(new, |n| {
        let n = shape.count + n;
        let put = store.put(&Change::default(), &shape.path(n), &shape.module(n)[..])?;
        expect(put.has_moved, "a put did not make a commit")
    })
}

fn rollback(store: &Store, shape: Shape, paths: &[ModulePath]) -> Result<Times> {
    all(paths.iter().take(ROLLBACKS), |path| {
        let path = shape.versioned_path(path);
        let rollback = store.rollback(&Change::default(), path.as_tree_path())?;
        expect(rollback.has_moved, "a rollback did not make a commit")
    })
}

/// Returns an error with this text unless `condition` holds.
fn expect(condition: bool, error: &str) -> Result<()> {
    if condition { Ok(()) } else { Err(error.into()) }
}

/// Returns a number in KiB from proc_pid_status(5).
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
