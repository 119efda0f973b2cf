//! Measures facts and searches in a store with many modules: how long it takes to add the modules, to rebuild the index, to search, and to
//! compute the facts of all modules in the background after a clone, and how large the index is.
//!
//!     cargo bench --bench search -- --modules 100000 --searches 200
//!
//! The modules are small, so that their number is what is measured: each imports and exports a few functions and names five crates. For
//! comparison, one search is repeated by reading every module, as a store without facts must.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use wasmstore::config::Options;
use wasmstore::names::TreePath;
use wasmstore::store::{
    Change, ImportFilter, ObjectFormat, Query, Revision, SearchCursor, SearchDetail, SearchScope,
    Store,
};
use wasmstore::wasm;

/// The number of files that are imported in one commit.
const FILES_PER_COMMIT: usize = 10_000;

/// The searches, from one that finds a few modules to one that finds all.
const QUERIES: [&str; 17] = [
    "export:only17",
    "export:f17",
    "export:run",
    "export:*17",
    "export:*9*17",
    // A part of the names with this beginning.
    "export:only",
    "import:wasi:http@0.2",
    "import:wasi:http@0.2.7 export:f17",
    "crate:crate17<1.5",
    "size>200 -import:env.g3",
    // Only modules at the end of the list of paths are found.
    "export:last1",
    "export:last10",
    "kind:module path:d0017/**",
    "path:**/m4711.wasm",
    "path:**/*711.wasm -path:d00*",
    "m4711",
    "-m4 export:last10",
];

/// The searches in the history.
const HISTORY_QUERIES: [&str; 4] = [
    "export:f17",
    "export:*17",
    "export:last10",
    "path:**/m4711.wasm",
];

fn main() {
    let modules = argument("--modules").unwrap_or(10_000);
    let searches = argument("--searches").unwrap_or(100);
    let directory = tempfile::tempdir().expect("create a directory for temporary files");
    let root = directory.path().join("store");
    let store = Store::open_or_create(&root, Options::default(), ObjectFormat::Sha1)
        .expect("create a store");

    let elapsed = add_modules(&store, directory.path(), modules);
    println!(
        "{modules} modules of about {} bytes",
        module(0, modules).len()
    );
    println!("add, with facts   {:8.0} modules/s", rate(modules, elapsed));
    let started = Instant::now();
    store.reindex().expect("rebuild the index");
    println!(
        "rebuild the index {:8.0} modules/s",
        rate(modules, started.elapsed())
    );
    let index_bytes = size_of(&root.join("wasmstore"), "index-v2-");
    println!(
        "index             {:8} bytes per module",
        index_bytes / modules as u64
    );

    println!(
        "\n{:36} {:>8} {:>8} {:>8} {:>9}",
        "first page of 100, milliseconds", "p50", "p99", "max", "matches"
    );
    for query in QUERIES {
        measure(&store, query, SearchScope::Tree, searches);
    }
    for query in HISTORY_QUERIES {
        measure(&store, query, SearchScope::History, searches);
    }
    let started = Instant::now();
    let found = read_all(&store, "f17");
    let elapsed = started.elapsed().as_secs_f64() * 1e3;
    println!(
        "{:36} {elapsed:8.1} {:>8} {:>8} {found:9}",
        "export:f17, by reading all modules", "", ""
    );
    let clone = directory.path().join("clone");
    copy_repository(&root, &clone);
    backfill(&clone, modules);
}

/// Copies the repository of a store without the index, as a clone does.
fn copy_repository(from: &Path, to: &Path) {
    fs::create_dir(to).expect("create a directory");
    for entry in fs::read_dir(from).expect("read the store").flatten() {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if !source.is_dir() {
            fs::copy(source, copy).expect("copy a file");
        } else if entry.file_name() != "wasmstore" {
            copy_repository(&source, &copy);
        }
    }
}

/// Measures the index worker of a server with a store that has no index: first it adds the commits, then the facts.
fn backfill(root: &Path, modules: usize) {
    let store = Store::open(root, Options::default()).expect("open the clone");
    let started = Instant::now();
    store
        .catch_up(&Revision::default())
        .expect("add the commits");
    println!(
        "\ncommits of a clone {:8.0} modules/s",
        rate(modules, started.elapsed())
    );
    let (store, started) = (Arc::new(store), Instant::now());
    let worker = Arc::clone(&store);
    // The worker runs until the process ends.
    thread::spawn(move || worker.run_index_worker());
    let query = Query::parse("kind:module").expect("a well-formed query");
    let pending = || {
        let (revision, cursor) = (Revision::default(), SearchCursor::default());
        let page = store.search(
            &revision,
            &query,
            SearchScope::Tree,
            SearchDetail::Hashes,
            &cursor,
            1,
        );
        page.expect("search").pending
    };
    while pending() > 0 {
        thread::sleep(Duration::from_millis(200));
    }
    println!(
        "facts of a clone   {:8.0} modules/s, in the background",
        rate(modules, started.elapsed())
    );
}

/// Returns the number after an option.
fn argument(name: &str) -> Option<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments
        .nth(1)
        .map(|value| value.parse().expect("a number after the option"))
}

fn rate(modules: usize, elapsed: Duration) -> f64 {
    modules as f64 / elapsed.as_secs_f64()
}

/// Adds the modules in commits of [`FILES_PER_COMMIT`]; returns how long it took, without writing the files.
fn add_modules(store: &Store, directory: &Path, modules: usize) -> Duration {
    let mut elapsed = Duration::ZERO;
    for first in (0..modules).step_by(FILES_PER_COMMIT) {
        let files = directory.join("files");
        for n in first..modules.min(first + FILES_PER_COMMIT) {
            let file = files.join(format!("d{:04}/m{n}.wasm", n / 100));
            fs::create_dir_all(file.parent().expect("a directory")).expect("create a directory");
            fs::write(file, module(n, modules)).expect("write a module");
        }
        let started = Instant::now();
        let (change, prefix) = (Change::default(), TreePath::default());
        store
            .import(
                &change,
                &files,
                &prefix,
                &ImportFilter::default(),
                |_, _| (),
            )
            .expect("import the modules");
        store
            .complete_facts(&Revision::default())
            .expect("add the facts");
        elapsed += started.elapsed();
        fs::remove_dir_all(files).expect("remove the files");
    }
    elapsed
}

/// Measures a search, with as many different first pages as possible.
fn measure(store: &Store, text: &str, scope: SearchScope, searches: usize) {
    let query = Query::parse(text).expect("a well-formed query");
    let (mut times, mut matches) = (Vec::new(), 0);
    for _ in 0..searches {
        let started = Instant::now();
        let page = store
            .search(
                &Revision::default(),
                &query,
                scope,
                SearchDetail::Hashes,
                &SearchCursor::default(),
                100,
            )
            .expect("search");
        times.push(started.elapsed().as_secs_f64() * 1e3);
        matches = page.matches.len();
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let scope = if scope == SearchScope::History {
        " --history"
    } else {
        ""
    };
    println!(
        "{:36} {:8.1} {:8.1} {:8.1} {matches:9}",
        format!("{text}{scope}"),
        at(50),
        at(99),
        at(100)
    );
}

/// Counts the modules with an export by reading all modules.
fn read_all(store: &Store, export: &str) -> usize {
    let listed = store
        .list(&Revision::default(), &TreePath::default())
        .expect("list");
    let has = |hash| {
        let bytes = store.bytes(hash).expect("read a module");
        let info = wasm::inspect(&bytes).expect("a valid module");
        info.exports.iter().any(|item| item.name == export)
    };
    listed.into_iter().filter(|(_, hash)| has(*hash)).count()
}

/// Returns the size of the files in a directory whose names start with `prefix`, in bytes.
fn size_of(directory: &Path, prefix: &str) -> u64 {
    let entries = fs::read_dir(directory)
        .expect("read the directory")
        .flatten();
    let entries = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    entries
        .map(|entry| entry.metadata().expect("read the size").len())
        .sum()
}

/// Returns a module of `modules`. Each has an export of its own; the other names are shared by several.
fn module(n: usize, modules: usize) -> Vec<u8> {
    let last: String = [1, 10]
        .into_iter()
        .filter(|percent| n >= modules - modules * percent / 100)
        .map(|percent| format!(r#"(func (export "last{percent}"))"#))
        .collect();
    let crates: Vec<_> = (0..5)
        .map(|k| {
            format!(
                r#"{{"name":"crate{}","version":"1.{}.0","source":"crates.io"}}"#,
                (n + k * 37) % 200,
                n % 10
            )
        })
        .collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    write!(encoder, r#"{{"packages":[{}]}}"#, crates.join(",")).expect("write to memory");
    let audit = encoder.finish().expect("write to memory");
    let audit: String = audit.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
            (import "env" "g{}" (global i32))
            (import "wasi:http/types@0.2.{}" "handle" (func (param i32)))
            (func (export "run"))
            (func (export "f{}") (result i32) (i32.const {n}))
            (func (export "only{n}"))
            {last}
            (@custom ".dep-v0" "{audit}"))"#,
        n % 50,
        n % 10,
        n % 1000,
    );
    wat::parse_str(text).expect("a well-formed module")
}
