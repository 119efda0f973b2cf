//! Special cases, each told with its time.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wasmstore::config;
use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, History, Revision, Store};

use crate::Result;
use crate::git::{Git, printed};
use crate::import::{empty, import};
use crate::interrupt;
use crate::modules::{module, version};
use crate::options::{Count, Options};
use crate::report::{duration, spread};
use crate::samples::{sample, time};
use crate::shape::{Kind, Shape};

const LARGE_BYTES: usize = 500_000;

/// Measures one of them in a new store.
type Case = fn(&Options, &Path) -> Result<String>;

/// Measures all of them, in the folder `dir`.
pub fn run(options: &Options, dir: &Path) -> Result<()> {
    let Options {
        many,
        versions: count,
        ..
    } = options;
    let cases: [(&Count, Case); 3] = [(many, many_paths), (many, merge), (count, versions)];
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

/// One module at many paths, beside one that is at one.
fn many_paths(options: &Options, root: &Path) -> Result<String> {
    let fan = Shape::new(Kind::Fan, options.many)?;
    let git = empty(root)?;
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
    expect(&git, 3, 1)?;
    Ok(format!(
        "a module at {} paths: find by hash {}; removed from all of them by hash, one commit: {}",
        options.many,
        spread(found),
        duration(removed)
    ))
}

/// Branches that went apart: one commit with one module here, one with many there.
fn merge(options: &Options, root: &Path) -> Result<String> {
    let fan = Shape::new(Kind::Fan, options.many)?;
    let git = empty(root)?;
    import(&git, |stream| {
        stream.commit("side", "main")?;
        (0..fan.count).try_for_each(|n| stream.put(&fan.path(n), &fan.module(n)))?;
        stream.commit("main", "main")?;
        stream.put(&fan.path(fan.count), &fan.module(fan.count))
    })?;
    let store = open(root)?;
    let (merged, _) = time(|| Ok(store.merge(&Change::default(), &"side".parse()?)?))?;
    expect(&git, 4, fan.count + 1)?;
    Ok(format!(
        "a merge that brings {} paths: {} ({:.2} µs a path)",
        options.many,
        duration(merged),
        merged.as_secs_f64() * 1e6 / fan.count as f64
    ))
}

/// Versions of one large module, collected by us and by git.
fn versions(options: &Options, root: &Path) -> Result<String> {
    let Count(count) = options.versions;
    let git = empty(root)?;
    let store = open(root)?;
    let path = "large.wasm".parse()?;
    let mut put = Duration::ZERO;
    for n in 0..count {
        let bytes = version(n, LARGE_BYTES);
        put += time(|| Ok(store.put(&Change::default(), &path, &bytes[..])?))?.0;
    }
    let copy = root.with_file_name("copy");
    printed(Command::new("cp").arg("-a").arg(root).arg(&copy))?;
    let before = objects_bytes(root)?;
    let (ours, _) = time(|| Ok(store.gc(&Change::default(), History::Keep)?))?;
    let (theirs, _) = time(|| Git::new(&copy).output(&["gc", "--quiet"]))?;
    expect(&git, count + 1, 1)?;
    Ok(format!(
        "{count} versions of a module of {LARGE_BYTES} bytes: put in {}, objects/ {}; after gc (history kept), {}: {}; a copy \
         after git gc, {}: {}",
        duration(put),
        mib(before),
        duration(ours),
        mib(objects_bytes(root)?),
        duration(theirs),
        mib(objects_bytes(&copy)?)
    ))
}

/// Lets git count the commits of the default branch and the paths of its tip.
fn expect(git: &Git, commits: u64, paths: u64) -> Result<()> {
    let found_commits = git.output(&["rev-list", "--count", "HEAD"])?;
    let found_paths = git.output(&["ls-tree", "-r", "--name-only", "HEAD"])?;
    let found = (found_commits.parse()?, found_paths.lines().count() as u64);
    match found == (commits, paths) {
        true => Ok(()),
        false => Err(format!(
            "git counts {found:?} commits and paths, not {:?}",
            (commits, paths)
        )
        .into()),
    }
}

/// The sizes of all files in `objects/`.
fn objects_bytes(root: &Path) -> Result<u64> {
    fn in_folder(folder: &Path) -> std::io::Result<u64> {
        let mut sum = 0;
        for entry in fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|e| Ok((e.path(), e.metadata()?)))?;
            sum += match kind.is_dir() {
                true => in_folder(&path)?,
                false => kind.len(),
            };
        }
        Ok(sum)
    }
    Ok(in_folder(&root.join("objects"))?)
}

fn mib(bytes: u64) -> String {
    format!("{:.2} MiB", bytes as f64 / f64::from(1 << 20))
}
