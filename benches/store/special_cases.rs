//! Measures the special cases.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wasmstore::config;
use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, History, Revision, Store};

use crate::Result;
use crate::git::{Git, output_of};
use crate::import::{create_empty, import};
use crate::interrupt;
use crate::modules::{module, version};
use crate::options::{Count, Options};
use crate::report::{duration, spread};
use crate::samples::{sample, time};
use crate::shape::{Shape, ShapeKind};

const LARGE_BYTES: usize = 500_000;

/// Measures one case in a new store, and returns the text to print.
type Case = fn(&Options, &Path) -> Result<String>;

/// Measures all cases, in the directory `dir`.
pub fn run(options: &Options, dir: &Path) -> Result<()> {
    let Options {
        many,
        versions: count,
        ..
    } = options;
    let cases: [(&Count, Case); 3] = [(many, many_paths), (many, merge), (count, gc)];
    for (_, case) in cases.into_iter().filter(|(count, _)| count.0 > 0) {
        let dir = tempfile::Builder::new()
            .prefix("special-")
            .disable_cleanup(options.keep)
            .tempdir_in(dir)?;
        interrupt::check()?;
        println!("{}", case(options, &dir.path().join("store"))?);
    }
    Ok(())
}

fn open(root: &Path) -> Result<Store> {
    Ok(Store::open(root, config::Options::default())?)
}

/// Measures lookup and removal by hash of a module at many paths, in a store that also has a module at one path.
fn many_paths(options: &Options, root: &Path) -> Result<String> {
    let fan = Shape::new(ShapeKind::Fan, options.many)?;
    let git = create_empty(root)?;
    let same = module(0, 4096);
    import(&git, |stream| {
        stream.commit("main", "main")?;
        stream.put(&fan.path(fan.count), &module(1, 4096))?;
        (0..fan.count).try_for_each(|n| stream.put(&fan.path(n), &same))
    })?;
    let (store, at) = (open(root)?, Revision::default());
    let hash = store.hash(&at, &ModuleRef::Path(fan.path(0)))?;
    let name = ModuleRef::Hash(HashRef::Hash40(hash));
    let found = sample(0..=options.samples, |_| Ok(store.find(&at, &name)?))?;
    let (removed, _) =
        time(|| Ok(store.remove(&Change::default(), &name, DirectoryRemoval::Refuse)?))?;
    expect_counts(&git, 3, 1)?;
    Ok(format!(
        "a module at {} paths: find by hash {}; remove by hash, in one commit: {}",
        options.many,
        spread(found),
        duration(removed)
    ))
}

/// Measures a merge of diverged branches: one commit with one module on `main`, and one commit with many modules on `side`.
fn merge(options: &Options, root: &Path) -> Result<String> {
    let fan = Shape::new(ShapeKind::Fan, options.many)?;
    let git = create_empty(root)?;
    import(&git, |stream| {
        stream.commit("side", "main")?;
        (0..fan.count).try_for_each(|n| stream.put(&fan.path(n), &fan.module(n)))?;
        stream.commit("main", "main")?;
        stream.put(&fan.path(fan.count), &fan.module(fan.count))
    })?;
    let store = open(root)?;
    let (merged, _) = time(|| Ok(store.merge(&Change::default(), &"side".parse()?)?))?;
    expect_counts(&git, 4, fan.count + 1)?;
    Ok(format!(
        "a merge that adds {} paths: {} ({:.2} µs per path)",
        options.many,
        duration(merged),
        merged.as_secs_f64() * 1e6 / fan.count as f64
    ))
}

/// Measures a gc of many versions of one large module, by wasmstore and by git.
fn gc(options: &Options, root: &Path) -> Result<String> {
    let Count(count) = options.versions;
    let git = create_empty(root)?;
    let store = open(root)?;
    let path = "large.wasm".parse()?;
    let mut put = Duration::ZERO;
    for n in 0..count {
        let bytes = version(n, LARGE_BYTES);
        put += time(|| Ok(store.put(&Change::default(), &path, &bytes[..])?))?.0;
    }
    let copy = root.with_file_name("copy");
    output_of(Command::new("cp").arg("-a").arg(root).arg(&copy))?;
    let before = objects_bytes(root)?;
    let (ours, _) = time(|| Ok(store.gc(&Change::default(), History::Keep)?))?;
    let (theirs, _) = time(|| Git::new(&copy).output(&["gc", "--quiet"]))?;
    expect_counts(&git, count + 1, 1)?;
    Ok(format!(
        "{count} versions of a module of {LARGE_BYTES} bytes: put in {}, objects/ {}; gc (history kept) in {}, objects/ {}; \
         git gc of a copy in {}, objects/ {}",
        duration(put),
        mib(before),
        duration(ours),
        mib(objects_bytes(root)?),
        duration(theirs),
        mib(objects_bytes(&copy)?)
    ))
}

/// Checks the number of commits of the default branch, and of paths in its tip, with git.
fn expect_counts(git: &Git, commits: u64, paths: u64) -> Result<()> {
    let found_commits = git.output(&["rev-list", "--count", "HEAD"])?;
    let found_paths = git.output(&["ls-tree", "-r", "--name-only", "HEAD"])?;
    let found = (found_commits.parse()?, found_paths.lines().count() as u64);
    if found != (commits, paths) {
        let expected = (commits, paths);
        return Err(
            format!("git counts {found:?} commits and paths instead of {expected:?}").into(),
        );
    }
    Ok(())
}

/// Returns the total size of all files in `objects/`.
fn objects_bytes(root: &Path) -> Result<u64> {
    fn directory_bytes(directory: &Path) -> std::io::Result<u64> {
        let mut sum = 0;
        for entry in fs::read_dir(directory)? {
            let (path, metadata) = entry.and_then(|e| Ok((e.path(), e.metadata()?)))?;
            sum += if metadata.is_dir() {
                directory_bytes(&path)?
            } else {
                metadata.len()
            };
        }
        Ok(sum)
    }
    Ok(directory_bytes(&root.join("objects"))?)
}

fn mib(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
}
