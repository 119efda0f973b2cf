//! Measures single steps with Criterion: one tree diff, one transaction of the version index, and one query of it.
//!
//!     cargo bench --bench inner
//!
//! The store has 10,000 modules in 100 directories, and 1,000 commits that each change one of them. All files are in the page cache.

use std::hint::black_box;
use std::process::{Command, Stdio};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tempfile::TempDir;
use wasmstore::config::{CacheLimits, Options};
use wasmstore::index::{ChangeEntry, CommitEntry, Index};
use wasmstore::names::{CommitId, HashRef, ModuleHash, ModulePath, ModuleRef};
use wasmstore::repo::Repository;
use wasmstore::store::{ObjectFormat, Revision, Store};

const MODULES: usize = 10_000;
const COMMITS: usize = 1_000;
/// The number of commits that a transaction adds.
const STEP: usize = 100;

fn path(n: usize) -> ModulePath {
    let path = format!("m/{}/{n}.wasm", n % 100);
    path.parse().expect("BUG: this is a module path")
}

/// Returns the smallest module that contains the number `n`.
fn module(n: usize) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0\0\x0a\x01x".to_vec();
    bytes.extend((n as u64).to_le_bytes());
    bytes
}

/// Creates a store and fills it with `git fast-import`.
fn store() -> (TempDir, Store) {
    let dir = TempDir::new().expect("create a temporary directory");
    let store = Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1)
        .expect("create the store");
    let mut stream = Vec::new();
    let commit = |n: usize| {
        let from = if n == 0 {
            "from refs/heads/main^0\n"
        } else {
            ""
        };
        format!(
            "commit refs/heads/main\ncommitter c <c> {} +0000\ndata 1\nx\n{from}",
            1_700_000_000 + n
        )
    };
    let file = |n: usize, content: usize| {
        let bytes = module(content);
        let head = format!(
            "M 100644 inline {}\ndata {}\n",
            path(n).as_str(),
            bytes.len()
        );
        [head.into_bytes(), bytes, b"\n".to_vec()].concat()
    };
    stream.extend(commit(0).bytes());
    (0..MODULES).for_each(|n| stream.extend(file(n, n)));
    for n in 1..COMMITS {
        stream.extend(commit(n).bytes());
        stream.extend(file(n * 7 % MODULES, MODULES + n));
    }
    let mut git = Command::new("git")
        .args(["fast-import", "--quiet"])
        .env("GIT_DIR", dir.path())
        .stdin(Stdio::piped())
        .spawn()
        .expect("start git");
    let mut input = git.stdin.take().expect("BUG: stdin is piped");
    std::io::Write::write_all(&mut input, &stream).expect("write to git");
    drop(input);
    assert!(git.wait().expect("wait for git").success());
    (dir, store)
}

fn queries(c: &mut Criterion) {
    let (dir, store) = store();
    let at = Revision::default();
    store.catch_up(&at).expect("index the store");
    let hash = store
        .hash(&at, &ModuleRef::Path(path(77)))
        .expect("find the module");
    let HashRef::Hash40(_) = HashRef::parse(&hash.to_string()).expect("BUG: this is a hash") else {
        unreachable!("BUG: the store uses SHA-1")
    };
    let (by_path, by_hash) = (
        ModuleRef::Path(path(77)),
        ModuleRef::Hash(HashRef::Hash40(hash)),
    );
    c.bench_function("find by path", |b| {
        b.iter(|| store.find(&at, black_box(&by_path)))
    });
    c.bench_function("find by hash", |b| {
        b.iter(|| store.find(&at, black_box(&by_hash)))
    });
    c.bench_function("versions", |b| {
        b.iter(|| store.versions(&at, black_box(&path(7))))
    });

    let repo = Repository::open(dir.path(), &CacheLimits::default()).expect("open the repository");
    let tip = store
        .commit(store.snapshot(&at).expect("read the tip"))
        .expect("read the commit");
    let parent = store.commit(tip.parents[0]).expect("read the parent");
    let differ = repo.objects().tree_differ();
    c.bench_function("compare with the parent", |b| {
        b.iter(|| differ.changes(Some(parent.tree), black_box(tip.tree)))
    });
}

/// Returns the index entries of [`STEP`] commits, starting with number `first`.
fn commits(first: usize) -> Vec<CommitEntry> {
    let id = |n: usize| {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(
            &(n as u64 + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes(),
        );
        bytes
    };
    let change = |path: &str, module| ChangeEntry {
        path: path.as_bytes().to_vec(),
        module,
        digest: None,
        is_own: true,
    };
    let commit = |n: usize| CommitEntry {
        id: CommitId::from_bytes(&id(n)).expect("20 bytes"),
        parents: (n > 0)
            .then(|| CommitId::from_bytes(&id(n - 1)).expect("20 bytes"))
            .into_iter()
            .collect(),
        date_s: n as i64,
        tree: id(n).to_vec(),
        changes: vec![
            change("", None),
            change("m", None),
            change(&format!("m/{}", n % 100), None),
            change(path(n % MODULES).as_str(), ModuleHash::from_bytes(&id(n))),
        ],
    };
    (first..first + STEP).map(commit).collect()
}

fn append(c: &mut Criterion) {
    let dir = TempDir::new().expect("create a temporary directory");
    let index = Index::new(dir.path().to_owned());
    let mut next = 0;
    c.bench_function("add 100 commits to the index", |b| {
        b.iter_batched(
            || {
                next += STEP;
                commits(next - STEP)
            },
            |commits| {
                index
                    .reader()
                    .and_then(|mut index| index.append(&commits))
                    .expect("append the commits")
            },
            BatchSize::PerIteration,
        )
    });
}

criterion_group!(inner, queries, append);
criterion_main!(inner);
