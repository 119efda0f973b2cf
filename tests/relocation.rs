//! Copies and moves of modules and directories: the resulting trees, and the limits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::support::store::{Scratch, blob_id, git_with_input, module, on, path, scope};
use wasmstore::config::{Options, PushLimits};
use wasmstore::names::Destination;
use wasmstore::store::{ErrorKind, ExistingModules, ObjectFormat, Relocation, Revision, Store};

fn relocation(sources: &[&str], destination: &str, existing: ExistingModules) -> Relocation {
    Relocation {
        sources: sources.iter().map(|source| scope(source).into()).collect(),
        destination: Destination::parse(destination).unwrap(),
        existing,
    }
}

fn once(source: &str, destination: &str) -> Relocation {
    relocation(&[source], destination, ExistingModules::Refuse)
}

/// Writes a tree with git, from lines as `git ls-tree` prints them.
fn tree(s: &Scratch, lines: &str) -> String {
    let id = git_with_input(&s.root, &["mktree"], lines);
    id.trim().to_owned()
}

fn blob(s: &Scratch, n: u32) -> String {
    let id = git_with_input(&s.root, &["hash-object", "-w", "--stdin"], module(n));
    id.trim().to_owned()
}

/// Commits a tree with git.
fn commit(s: &Scratch, tree: &str) {
    let commit = s.git(&["commit-tree", "-m", "Outside", tree]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
}

#[test]
fn a_directory_keeps_its_tree_and_modules_keep_their_modes() {
    let s = Scratch::new();
    let (one, two, three) = (blob(&s, 1), blob(&s, 2), blob(&s, 3));
    let d = tree(
        &s,
        &format!("100755 blob {one}\ta\n100644 blob {two}\tb.wasm\n"),
    );
    commit(
        &s,
        &tree(&s, &format!("040000 tree {d}\td\n100755 blob {three}\tx\n")),
    );
    let change = on(None);
    s.store.copy_modules(&change, &once("d", "n/m")).unwrap();
    s.store.move_modules(&change, &once("d", "n/o")).unwrap();
    s.store.move_modules(&change, &once("x", "n/")).unwrap();
    for at in ["main:n/m", "main:n/o"] {
        assert_eq!(s.git(&["rev-parse", at]).trim(), d);
    }
    assert!(s.git(&["ls-tree", "main:n"]).starts_with("040000"));
    assert!(s.git(&["ls-tree", "main", "n/x"]).starts_with("100755"));
    assert_eq!(
        s.content(),
        "/n/m/a=1 /n/m/b.wasm=2 /n/o/a=1 /n/o/b.wasm=2 /n/x=3"
    );
    s.fsck();
}

/// What readers do not see stays where it is, as only other programs have a use for it.
#[test]
fn what_is_no_module_stays_behind() {
    let s = Scratch::new();
    let (one, two) = (blob(&s, 1), blob(&s, 2));
    let whole = tree(&s, &format!("100644 blob {two}\tb\n"));
    let d = tree(
        &s,
        &format!("100644 blob {one}\ta\n120000 blob {two}\tlink\n040000 tree {whole}\twhole\n"),
    );
    commit(&s, &tree(&s, &format!("040000 tree {d}\td\n")));
    s.store.move_modules(&on(None), &once("d", "e")).unwrap();
    assert_eq!(s.content(), "/e/a=1 /e/whole/b=2");
    assert_eq!(s.git(&["rev-parse", "main:e/whole"]).trim(), whole);
    assert_eq!(s.git(&["ls-tree", "-r", "--name-only", "main:d"]), "link\n");
    s.fsck();
}

#[test]
fn the_lengths_of_paths_are_limited() {
    let s = Scratch::new();
    let one = blob(&s, 1);
    let lines = (0..400).map(|n| format!("100644 blob {one}\tmodule-{n}\n"));
    let some = tree(&s, &lines.collect::<String>());
    commit(&s, &tree(&s, &format!("040000 tree {some}\tsome\n")));
    let tip = s.tip();
    // The paths of the copies have 1.6 MB together.
    let long = format!("{}/", "d".repeat(249)).repeat(16) + "e";
    let options = Options {
        push: PushLimits {
            tree_path_bytes_max: 1 << 20,
            ..PushLimits::default()
        },
        ..Options::default()
    };
    let limited = Store::open_or_create(&s.root, options, ObjectFormat::Sha1).unwrap();
    let refused = |store: &Store, to: &str| {
        let error = store.copy_modules(&on(None), &once("some", to));
        let error = error.unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, text) = refused(&limited, &long);
    assert_eq!(kind, ErrorKind::TooLarge);
    assert!(text.contains("--max-tree-path-bytes"), "{text}");
    let (_, text) = refused(&s.store, &"d/".repeat(63));
    assert!(text.contains("more than 64 segments"), "{text}");
    let (_, text) = refused(
        &s.store,
        &long.replace("/e", &format!("/{}", "e".repeat(90))),
    );
    assert!(text.contains("longer than 4096 bytes"), "{text}");
    assert_eq!(s.tip(), tip);
    s.store
        .copy_modules(&on(None), &once("some", &long))
        .unwrap();
    assert_eq!(s.git(&["rev-parse", &format!("main:{long}")]).trim(), some);
}

/// The rule, stated over lists of modules. Returns the modules afterwards; `None` if the relocation is refused.
fn expected(
    files: &BTreeMap<String, u32>,
    relocation: &Relocation,
    moves: bool,
) -> Option<BTreeMap<String, u32>> {
    let below = |directory: &str, file: &str| {
        directory.is_empty()
            || file
                .strip_prefix(directory)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let destination = relocation.destination.path.as_str();
    let is_directory =
        relocation.destination.is_directory || files.keys().any(|file| below(destination, file));
    if !is_directory && relocation.sources.len() != 1 {
        return None;
    }
    let (mut targets, mut moved) = (BTreeMap::new(), BTreeSet::new());
    for source in relocation
        .sources
        .iter()
        .map(|source| source.path().unwrap())
    {
        let name = source.segments().next_back().unwrap();
        let to = match is_directory {
            true => relocation.destination.path.join(name).unwrap(),
            false => relocation.destination.path.clone(),
        };
        let (from, to) = (source.as_str(), to.as_str());
        if from == to || below(from, to) {
            return None;
        }
        let is_in = |file: &str| file == from || below(from, file);
        let modules: Vec<_> = files.iter().filter(|(file, _)| is_in(file)).collect();
        if modules.is_empty() {
            return None;
        }
        for (file, value) in modules {
            let target = format!("{to}{}", &file[from.len()..]);
            if targets.insert(target, *value).is_some() || !moved.insert(file.clone()) && moves {
                return None;
            }
        }
    }
    let mut after = files.clone();
    after.retain(|file, _| !moves || !moved.contains(file));
    if relocation.existing == ExistingModules::Refuse
        && targets.keys().any(|target| after.contains_key(target))
    {
        return None;
    }
    after.extend(targets);
    let is_clash = after
        .keys()
        .any(|file| after.keys().any(|other| below(file, other)));
    (!is_clash).then_some(after)
}

/// Returns pseudo-random numbers below `limit`.
fn numbers(mut seed: u32) -> impl FnMut(usize) -> usize {
    move |limit| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % limit
    }
}

#[test]
fn random_relocations_do_what_the_rule_says_over_lists_of_modules() {
    let s = Scratch::new();
    let mut number = numbers(5);
    let values: HashMap<String, u32> = (0..5).map(|n| (blob_id(&module(n)), n)).collect();
    let names = ["a", "b", "a.b", "c"];
    let files = || -> BTreeMap<String, u32> {
        let list = s.store.list(&Revision::default(), &scope("/")).unwrap();
        let files = list.iter();
        let files = files.map(|(path, hash)| (path.as_str().to_owned(), values[&hash.to_string()]));
        files.collect()
    };
    let mut done = [0, 0];
    for round in 0..220 {
        let existing: Vec<String> = files().into_keys().collect();
        let mut random_path = || -> String {
            let depth = 1 + number(3);
            let path: Vec<_> = (0..depth).map(|_| names[number(4)]).collect();
            path.join("/")
        };
        let (module_path, destination) = (random_path(), random_path());
        let mut sources: Vec<_> = (0..3).map(|_| random_path()).collect();
        // Mostly a path that exists.
        for source in &mut sources {
            if number(5) > 0 && !existing.is_empty() {
                let file = &existing[number(existing.len())];
                let ends = file.match_indices('/').map(|(end, _)| end);
                let ends: Vec<_> = ends.chain([file.len()]).collect();
                *source = file[..ends[number(ends.len())]].to_owned();
            }
        }
        if existing.len() > 10 {
            let everything: Vec<_> = names
                .iter()
                .filter_map(|name| {
                    let is_used = existing
                        .iter()
                        .any(|file| file.split('/').next() == Some(name));
                    is_used.then(|| wasmstore::names::ModulePattern::parse(name).unwrap())
                })
                .collect();
            let recursive = wasmstore::store::DirectoryRemoval::Recursive;
            s.store
                .remove_selected(&on(None), &everything[1..], recursive)
                .unwrap();
        }
        let n = number(5) as u32;
        // It fails where a directory is.
        drop(
            s.store
                .put(&on(None), &path(&module_path), module(n).as_slice()),
        );
        let mut sources: Vec<_> = sources.iter().map(String::as_str).collect();
        sources.truncate([1, 1, 2, 3][number(4)]);
        let destination = match number(4) {
            0 => "/".to_owned(),
            1 => format!("{destination}/"),
            _ => destination,
        };
        let existing = match number(2) {
            0 => ExistingModules::Refuse,
            _ => ExistingModules::Replace,
        };
        let relocation = relocation(&sources, &destination, existing);
        let before = files();
        let moves = number(2) == 0;
        let relocated = match moves {
            true => s.store.move_modules(&on(None), &relocation),
            false => s.store.copy_modules(&on(None), &relocation),
        };
        let case = format!("{round}: {before:?} {moves} {relocation:?} {relocated:?}");
        let expected = expected(&before, &relocation, moves);
        assert_eq!(relocated.is_ok(), expected.is_some(), "{case}");
        assert_eq!(files(), expected.unwrap_or(before), "{case}");
        done[usize::from(relocated.is_ok())] += 1;
    }
    assert!(done[0] > 30 && done[1] > 30, "{done:?}");
    s.fsck();
}
