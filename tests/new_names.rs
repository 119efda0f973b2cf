//! Rules for new names only: a name that a repository has already stays usable.

use wasmstore::names::{ModuleRef, RefName};
use wasmstore::store::{Change, DirectoryRemoval, ErrorKind, Revision};

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

fn put(s: &Scratch, change: &Change, at: &str, n: u32) -> Result<(), wasmstore::store::Error> {
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
        let created = s.store.create_branch(&branch(name), &Revision::default());
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
