//! Searches among so many modules that each way to find them is used, compared with a walk over everything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use wasmstore::names::{Glob, ModulePath, TreePath};
use wasmstore::store::{ImportFilter, SearchScope};

use crate::search::search;
use crate::support::store::{Scratch, blob_id, on};

const MODULES: usize = 1300;
/// The number of different modules.
const NUMBERS: usize = 1700;
/// The number of modules that a second commit replaces.
const REPLACED: usize = 90;

/// Returns the names of a module's exports. There are more names than a search reads from the index one by one.
fn exports(n: usize) -> Vec<String> {
    let own = (0..4).map(|k| format!("e{n}x{k}"));
    own.chain([format!("s{}", n % 7)]).collect()
}

fn module(n: usize) -> Vec<u8> {
    let exports: String = exports(n)
        .iter()
        .map(|name| format!(r#"(func (export "{name}"))"#))
        .collect();
    wat::parse_str(format!("(module {exports})")).unwrap()
}

fn path_of(n: usize) -> String {
    match n % 13 {
        0 => format!("m{n}.wasm"),
        1 => format!("d1/Sub/m{n}.wasm"),
        directory => format!("d{directory}/m{n}.wasm"),
    }
}

/// The versions of all paths, and the number of the module of each.
struct Many {
    scratch: Scratch,
    history: Vec<(String, usize)>,
    tip: Vec<(String, usize)>,
    /// The hashes of the modules, by number.
    hashes: Vec<String>,
}

impl Many {
    fn new() -> Self {
        let (scratch, files) = (Scratch::new(), tempfile::tempdir().unwrap());
        let write = |path: &str, n: usize| {
            let file = files.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, module(n)).unwrap();
        };
        let mut tip: Vec<_> = (0..MODULES).map(|n| (path_of(n), n)).collect();
        tip.iter().for_each(|(path, n)| write(path, *n));
        import(&scratch, files.path());
        let mut history = tip.clone();
        for (path, n) in tip.iter_mut().step_by(MODULES / REPLACED) {
            // Some of these modules are also at another path, and some are new.
            *n = (*n + 700) % NUMBERS;
            write(path, *n);
            history.push((path.clone(), *n));
        }
        import(&scratch, files.path());
        Self {
            scratch,
            history,
            tip,
            hashes: (0..NUMBERS).map(|n| blob_id(&module(n))).collect(),
        }
    }
}

fn import(scratch: &Scratch, files: &Path) {
    let (prefix, filter) = (TreePath::default(), ImportFilter::default());
    let imported = scratch
        .store
        .import(&on(None), files, &prefix, &filter, |_, _| ());
    imported.unwrap();
}

/// A term of a query.
#[derive(Clone, Debug)]
enum Term {
    Export(String),
    Path(String),
    Words(String),
}

impl Term {
    fn holds(&self, path: &str, n: usize) -> bool {
        match self {
            Self::Export(pattern) => exports(n).iter().any(|name| matches(pattern, name)),
            Self::Path(glob) => {
                let glob = Glob::parse(glob).unwrap();
                let mut directories = path.match_indices('/').map(|(at, _)| &path[..at]);
                glob.matches(path.as_bytes(), false)
                    || directories.any(|directory| glob.matches(directory.as_bytes(), true))
            }
            Self::Words(words) => path.to_lowercase().contains(&words.to_lowercase()),
        }
    }
}

/// Returns whether a pattern of an item matches. No name has a separator, so a pattern without `*` matches only the same name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let mut ends = (0..=name.len()).map(|at| &name[at..]);
            ends.any(|end| matches(rest, end))
        }),
    }
}

fn term() -> impl Strategy<Value = Term> {
    prop_oneof![
        "(\\*|e|s)[0-9]{1,2}|e[0-9]{1,4}x[0-3]|e[0-9]?\\*[0-9]?\\*?x[0-3]|\\*[0-9x]{1,2}\\*?|e1[0-2]\\*|s[0-6]"
            .prop_map(Term::Export),
        "\\*\\*/m[0-9]{1,4}\\.wasm|\\*[0-9]{1,2}\\.wasm|/?d[0-9]{1,2}(/\\*\\*)?|\\*[0-9]{2}\\*|m1\\*|/d1/\\*|Sub/"
            .prop_map(Term::Path),
        "[mM][0-9]{1,3}|D[0-9]/M[0-9]|[0-9]{1,2}\\.WASM|sub/m|d1".prop_map(Term::Words),
    ]
}

fn query() -> impl Strategy<Value = Vec<(bool, Term)>> {
    proptest::collection::vec((proptest::bool::weighted(0.3), term()), 1..4)
}

#[test]
fn every_plan_of_a_search_agrees_with_a_walk() {
    let many = Many::new();
    let config = ProptestConfig::with_cases(64);
    let strategy = (query(), prop_oneof![Just(53_usize), Just(400), Just(5000)]);
    proptest!(config, |((terms, count) in strategy)| {
        let text: Vec<_> = terms
            .iter()
            .map(|(is_negated, term)| {
                let sign = if *is_negated { "-" } else { "" };
                match term {
                    Term::Export(pattern) => format!("{sign}export:{pattern}"),
                    Term::Path(glob) => format!("{sign}path:{glob}"),
                    Term::Words(words) => format!("{sign}{words}"),
                }
            })
            .collect();
        let text = text.join(" ");
        for (scope, versions) in [
            (SearchScope::Tree, &many.tip),
            (SearchScope::History, &many.history),
        ] {
            let mut expected = BTreeSet::new();
            for (path, n) in versions {
                if terms.iter().all(|(is_negated, term)| term.holds(path, *n) != *is_negated) {
                    let path: ModulePath = path.parse().unwrap();
                    expected.insert((path, many.hashes[*n].clone()));
                }
            }
            let found = search(&many.scratch, &text, scope, count);
            prop_assert!(found.is_sorted_by_key(|found| found.path.clone()), "{}", text);
            let pairs: BTreeSet<_> = found
                .iter()
                .map(|found| (found.path.clone(), found.hash.to_string()))
                .collect();
            prop_assert_eq!(pairs.len(), found.len(), "{}", text);
            prop_assert_eq!(pairs, expected, "{} {:?}", text, scope);
        }
    });
}
