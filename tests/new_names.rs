//! Rules for new names only: a name that a repository has already stays usable.

use wasmstore::names::{ModuleRef, RefName};
use wasmstore::store::{Change, DirectoryRemoval, Error, ErrorKind, ImportFilter, Revision};

use crate::support::store::{Scratch, blob_id, branch, git_with_input, module, on, path, scope};

/// A name with a character that shows the rest from right to left.
const BIDI: &str = "a\u{202e}b";

/// Makes a branch `name` with a module at `path`, as other programs could, without the rules of the store.
fn plant(s: &Scratch, name: &str, path: &str) {
    let blob = git_with_input(&s.root, &["hash-object", "-w", "--stdin"], module(1));
    let mut entry = format!("100644 blob {}", blob.trim());
    for segment in path.split('/').rev() {
        let tree = git_with_input(&s.root, &["mktree"], format!("{entry}\t{segment}\n"));
        entry = format!("040000 tree {}", tree.trim());
    }
    let tree = entry.split(' ').nth(2).unwrap();
    let tip = s.tip().to_string();
    let commit = s.git(&["commit-tree", "-p", &tip, "-m", "planted", tree]);
    s.git(&["update-ref", &format!("refs/heads/{name}"), commit.trim()]);
}

fn put(s: &Scratch, change: &Change, at: &str, n: u32) -> Result<(), Error> {
    let put = s.store.put(change, &path(at), module(n).as_slice());
    put.map(drop)
}

#[test]
fn new_paths_with_bidi_controls_are_refused() {
    let s = Scratch::new();
    s.put("there", 1);
    let tip = s.tip();
    for (at, escaped) in [
        (BIDI, r"a\u{202e}b"),
        ("x/\u{2066}/y", r"\u{2066}"),
        ("there/\u{61c}", r"\u{61c}"),
    ] {
        let wanted =
            format!("path segment \"{escaped}\" contains a bidirectional control character");
        let stored = blob_id(&module(1)).parse().unwrap();
        let set = s.store.set(&on(None), &stored, &path(at)).map(drop);
        let begun = s.store.begin_put(&on(None), &path(at)).map(drop);
        for refused in [put(&s, &on(None), at, 2), set, begun] {
            let error = refused.unwrap_err();
            assert_eq!(
                (error.to_string(), error.kind()),
                (wanted.clone(), ErrorKind::Malformed)
            );
        }
    }
    assert_eq!(s.tip(), tip);
}

#[test]
fn existing_paths_with_bidi_controls_stay_usable() {
    let s = Scratch::new();
    plant(&s, "main", &format!("{BIDI}/{BIDI}"));
    let at = format!("{BIDI}/{BIDI}");
    assert_eq!(s.content(), format!("/{at}=1"));
    s.put(&at, 2);
    s.put(&format!("{BIDI}/new"), 3);
    assert!(put(&s, &on(None), &format!("{BIDI}/new\u{202e}"), 4).is_err());
    let name = ModuleRef::Path(path(&at));
    let removed = s.store.remove(&on(None), &name, DirectoryRemoval::Refuse);
    removed.unwrap();
    assert_eq!(s.content(), format!("/{BIDI}/new=3"));
    s.store.rollback(&on(None), &scope(&at)).unwrap();
    assert_eq!(s.value(&at), Some(2));
    s.fsck();
}

#[test]
fn new_branches_with_c1_or_bidi_controls_are_refused_and_existing_ones_stay_usable() {
    let s = Scratch::new();
    s.put("a", 1);
    for name in ["x\u{9b}31m", "x\u{202e}"] {
        let escaped = name.escape_debug();
        let wanted =
            format!("branch name \"{escaped}\" contains a C1 or bidirectional control character");
        let created = s
            .store
            .create_branch(&branch(name), &Revision::default())
            .map(drop);
        let default = s.store.set_default_branch(&branch(name), None);
        for refused in [created, default] {
            let error = refused.unwrap_err();
            assert_eq!(
                (error.to_string(), error.kind()),
                (wanted.clone(), ErrorKind::Malformed)
            );
        }
        plant(&s, name, "b");
        s.put_on(Some(name), "c", 2);
        let full: RefName = format!("refs/heads/{name}").parse().unwrap();
        assert!(
            s.store
                .refs()
                .unwrap()
                .iter()
                .any(|(name, _)| *name == full)
        );
        s.store.set_default_branch(&branch(name), None).unwrap();
        s.store.set_default_branch(&branch("main"), None).unwrap();
        s.store.delete_branch(&branch(name), None).unwrap();
        assert_eq!(s.store.branches().unwrap(), [branch("main")]);
    }
    s.fsck();
}

/// Returns a store that requires portable names.
fn portable() -> Scratch {
    let mut s = Scratch::new();
    s.store.require_portable_names().unwrap();
    s
}

#[track_caller]
fn assert_refused<T>(result: Result<T, Error>, kind: ErrorKind, text: &str) {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{text:?} in {error}");
}

#[test]
fn names_that_windows_rejects_are_refused_where_they_are_new() {
    let s = portable();
    plant(&s, "main", "aux/con");
    s.put("aux/con", 2);
    s.put("aux/new", 3);
    let stored = blob_id(&module(3)).parse().unwrap();
    for (at, segment) in [
        ("aux/nul.wasm", "nul.wasm"),
        ("a:b", "a:b"),
        ("x./y", "x."),
        ("LPT1", "LPT1"),
    ] {
        assert_refused(put(&s, &on(None), at, 1), ErrorKind::Malformed, segment);
        assert_refused(
            s.store.begin_put(&on(None), &path(at)),
            ErrorKind::Malformed,
            segment,
        );
        let set = s.store.set(&on(None), &stored, &path(at));
        assert_refused(set, ErrorKind::Malformed, segment);
    }
    let aux = ModuleRef::Path(path("aux/con"));
    s.store
        .remove(&on(None), &aux, DirectoryRemoval::Refuse)
        .unwrap();
    let rolled_back = s.store.rollback(&on(None), &scope(""));
    assert_refused(
        rolled_back,
        ErrorKind::Malformed,
        "\"con\" is the name of a device",
    );
    assert_eq!(s.content(), "/aux/new=3");
    s.fsck();
}

#[test]
fn names_that_differ_by_case_or_normalization_are_refused() {
    let s = portable();
    s.put("a", 1);
    s.put("\u{e4}/x", 1);
    for (at, existing) in [("A", "\"a\""), ("a\u{308}/y", "\"ä\""), ("Ä/x", "\"ä\"")] {
        assert_refused(put(&s, &on(None), at, 2), ErrorKind::Conflict, existing);
    }
    s.put("ä/X.wasm", 2);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("b"), module(1)).unwrap();
    std::fs::write(dir.path().join("B"), module(2)).unwrap();
    if std::fs::read_dir(dir.path()).unwrap().count() == 2 {
        let filter = ImportFilter::default();
        let imported = s
            .store
            .import(&on(None), dir.path(), &scope("new"), &filter, |_, _| {});
        assert_refused(imported, ErrorKind::Conflict, "differs from");
    }
    assert_eq!(s.content(), "/a=1 /ä/X.wasm=2 /ä/x=1");
}

#[test]
fn merges_are_checked_for_portable_names() {
    let s = portable();
    let base = s.put("base", 1);
    s.store
        .create_branch(&branch("x"), &Revision::Commit(base))
        .unwrap();
    s.put_on(Some("x"), "A", 2);
    s.put("a", 1);
    let merged = s.store.merge(&on(None), &branch("x"));
    assert_refused(merged, ErrorKind::Conflict, "\"A\" differs from \"a\"");
    plant(&s, "y", "aux");
    let forwarded = s.store.merge(&on(None), &branch("y"));
    assert_refused(
        forwarded,
        ErrorKind::Malformed,
        "\"aux\" is the name of a device",
    );
    s.store
        .remove(
            &on(None),
            &ModuleRef::Path(path("a")),
            DirectoryRemoval::Refuse,
        )
        .unwrap();
    s.store.merge(&on(None), &branch("x")).unwrap();
    assert_eq!(s.content(), "/A=2 /base=1");
}

#[test]
fn the_configuration_of_the_store_requires_portable_names() {
    let mut s = Scratch::new();
    s.put("aux", 1);
    for (value, is_required) in [
        ("true", true),
        ("no", false),
        ("1", true),
        ("perhaps", true),
    ] {
        s.git(&["config", "wasmstore.portableNames", value]);
        s.reopen();
        let at = format!("con.{value}");
        assert_eq!(put(&s, &on(None), &at, 2).is_err(), is_required, "{value}");
    }
}
