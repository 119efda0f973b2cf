//! The operations on a store that are recorded.

use std::path::Path;

use wasmstore::names::{HashRef, ModuleRef};
use wasmstore::store::{Change, DirectoryRemoval, EntityTags, History, Precondition, Revision};

use super::driver::Driver;
use crate::support::store::{branch, custom_section, git, git_with_input, module, on, path, scope};

/// The first number of the modules that git commits.
const OUTSIDE: u32 = 1 << 20;

/// Returns the revision of a branch's tip.
fn at(name: &str) -> Revision {
    Revision::Branch(Some(branch(name)))
}

/// A few changes that create, replace and remove each kind of file.
pub fn short(it: &mut Driver) {
    it.step("add", &[], |it| it.put(&it.store, None, "a"));
    it.step("update", &[], |it| it.put(&it.store, None, "a"));
    it.step("create a branch", &[], |it| {
        it.store
            .create_branch(&branch("s/t"), &Revision::default())
            .expect("it is new");
    });
    it.step("add on it", &[], |it| it.put(&it.other, Some("s/t"), "b/c"));
    it.step("merge", &[], |it| {
        it.store
            .merge(&on(None), &branch("s/t"))
            .expect("it can be merged");
    });
    for name in ["s/t", "main"] {
        it.step("make another the default branch", &[], |it| {
            it.store
                .set_default_branch(&branch(name), None)
                .expect("it is there");
        });
    }
    it.step("delete the branch", &[], |it| {
        it.store
            .delete_branch(&branch("s/t"), None)
            .expect("it is there");
    });
}

/// Every operation that changes a store. `rows` is the number of small modules that are added in a row.
pub fn long(it: &mut Driver, rows: usize) {
    short(it);
    branches(it);
    history(it);
    large(it);
    outside(it);
    pushes(it);
    registry(it);
    it.together("threads", 4, 3, &["main", "side"], |_| ());
    collect(it);
    for nth in 0..rows {
        it.step("one of a row", &[], |it| {
            it.put(&it.store, None, &format!("row/{}/{nth}", nth % 4))
        });
    }
    it.together("threads and gc", 2, 4, &["main", "side"], |it| {
        it.other.gc(&on(None), History::Keep).expect("it collects");
    });
    it.step("the last", &[], |it| it.put(&it.other, None, "last"));
}

/// Pushes of new, updated and deleted branches and of a tag. git fsyncs packs, as the store's configuration says, but no directory.
pub fn pushes(it: &mut Driver) {
    it.step("push to main", &[], |it| push(&it.root, 20, &["main"]));
    it.step("add after a push", &[], |it| {
        it.put(&it.store, None, "after/push")
    });
    it.step("push branches and a tag", &[], |it| {
        push(
            &it.root,
            21,
            &["main:pushed/one", "main:pushed/two", "main:refs/tags/v1"],
        );
    });
    it.step("push deletions and a branch", &[], |it| {
        push(&it.root, 22, &[":pushed/one", ":pushed/two", "main:pushed"]);
    });
    it.step("add to what was pushed", &[], |it| {
        it.put(&it.other, Some("pushed"), "after/push")
    });
}

/// Pushes by OCI clients: new tags, a tag that moves, a large module, and a collection that drops the history of the records.
pub fn registry(it: &mut Driver) {
    for (label, tag) in [
        ("push by OCI", "1.0"),
        ("push another tag by OCI", "1.1"),
        ("move a tag by OCI", "1.0"),
        ("push the name of the repository by OCI", "latest"),
    ] {
        let module = it.module();
        it.push_oci(label, "oci/pushed", tag, module);
    }
    it.step("add next to what was pushed", &[], |it| {
        it.put(&it.other, None, "oci/pushed/added.wasm")
    });
    it.step("gc that drops the history of the records", &[], |it| {
        it.other.gc(&on(None), History::Keep).expect("it collects");
    });
    let module = it.module();
    it.push_oci("push by OCI after gc", "oci/other", "1.0", module);
    // Over 128 KiB: an object of its own, not part of a pack.
    let module = custom_section([7; 200_000]);
    it.push_oci("push a large module by OCI", "oci/other", "1.1", module);
}

/// Two collections that drop commits. The commit-graph of the first one lists the commits that the second one drops.
pub fn graphs(it: &mut Driver) {
    for _ in 0..2 {
        it.step("add", &[], |it| it.put(&it.store, None, "a"));
        it.step("gc that squashes main", &[], |it| {
            it.store
                .gc(&on(None), History::Squash)
                .expect("it collects");
        });
    }
}

fn branches(it: &mut Driver) {
    it.step("create side", &[], |it| {
        it.store
            .create_branch(&branch("side"), &Revision::default())
            .expect("it is new");
    });
    it.step("add to side", &[], |it| {
        it.put(&it.store, Some("side"), "side/a")
    });
    it.step("make a new branch the default one", &[], |it| {
        it.store
            .set_default_branch(&branch("deep/er"), None)
            .expect("it is made");
    });
    it.step("add to the default branch", &[], |it| {
        it.put(&it.store, None, "deep")
    });
    it.step("make main the default branch", &[], |it| {
        it.other
            .set_default_branch(&branch("main"), None)
            .expect("it is there");
    });
    it.step("delete deep/er", &[], |it| {
        it.store
            .delete_branch(&branch("deep/er"), None)
            .expect("it is there");
    });
    it.step("create deep, where a directory was", &[], |it| {
        it.store
            .create_branch(&branch("deep"), &at("side"))
            .expect("it is free");
    });
    it.step("add to main", &[], |it| it.put(&it.store, None, "b/d"));
    it.step("merge with a merge commit", &[], |it| {
        it.store
            .merge(&on(None), &branch("side"))
            .expect("it can be merged");
    });
    it.step("merge by fast-forward", &[], |it| {
        it.store
            .merge(&on(Some("deep")), &branch("main"))
            .expect("it can be merged");
    });
}

fn history(it: &mut Driver) {
    let old = it.step("update again", &[], |it| it.put(&it.store, None, "a"));
    it.step("update once more", &[], |it| it.put(&it.store, None, "a"));
    it.step("roll back", &[], |it| {
        it.store
            .rollback(&on(None), &scope("a"))
            .expect("it goes back");
    });
    it.step("roll all back", &[], |it| {
        it.store
            .rollback(&on(None), &scope(""))
            .expect("it goes back");
    });
    it.step("restore", &[], |it| {
        it.store
            .restore(&on(None), old, &scope(""))
            .expect("it is there");
    });
    it.step("remove", &[], |it| {
        let name = ModuleRef::Path(path("b/d"));
        it.store
            .remove(&on(None), &name, DirectoryRemoval::Refuse)
            .expect("it is there");
    });
    it.step("remove a directory", &[], |it| {
        let name = ModuleRef::Path(path("side"));
        it.store
            .remove(&on(None), &name, DirectoryRemoval::Recursive)
            .expect("it is there");
    });
    it.step("set by hash what only history has", &[], |it| {
        let hash = it
            .store
            .versions(&Revision::default(), &path("side/a"))
            .expect("it has some")[0]
            .hash;
        it.store
            .set(&on(None), &HashRef::Hash40(hash), &path("set/again"))
            .expect("it is stored");
    });
    it.step("put the same again", &["main"], |it| {
        let module = it
            .store
            .find(&Revision::default(), &ModuleRef::Path(path("a")))
            .expect("it is there");
        let same = it
            .store
            .put(&on(None), &path("a"), &module.bytes[..])
            .expect("it is taken");
        assert!(!same.has_moved, "the same bytes make no commit");
    });
}

/// A large module, on a branch of its own that is deleted soon: the module would make every later check slow.
fn large(it: &mut Driver) {
    it.step("create heavy", &[], |it| {
        it.store
            .create_branch(&branch("heavy"), &Revision::default())
            .expect("it is new");
    });
    it.step("add over 1 MiB", &[], |it| {
        it.put_bytes(&it.store, Some("heavy"), "large", &it.large_module());
    });
    it.step("add a small module to heavy", &[], |it| {
        it.put(&it.store, Some("heavy"), "small")
    });
    it.step("gc that keeps history", &[], |it| {
        it.other.gc(&on(None), History::Keep).expect("it collects");
    });
    it.step("delete heavy", &[], |it| {
        it.store
            .delete_branch(&branch("heavy"), None)
            .expect("it is there");
    });
    it.step("gc of what only heavy had", &[], |it| {
        it.store.gc(&on(None), History::Keep).expect("it collects");
    });
}

/// Stock git writes without fsync; the store's later results depend on what git wrote.
fn outside(it: &mut Driver) {
    it.outside("git commits on main", |root| commit(root, "main", 1));
    it.step("add on git's commit", &[], |it| {
        it.put(&it.store, None, "after/git")
    });

    it.outside("git creates the tree of the next change", |root| {
        tree(root, "main", 9)
    });
    it.step("add a module that gives git's tree", &[], |it| {
        it.put_bytes(&it.store, None, "outside-9", &module(OUTSIDE + 9))
            .commit
    });

    it.outside("git commits on side", |root| commit(root, "side", 2));
    it.step("be refused on git's commit", &["side"], |it| {
        let change = Change {
            precondition: Precondition {
                if_none_match: Some(EntityTags::Any),
                ..Precondition::default()
            },
            ..on(Some("side"))
        };
        let refused = it
            .store
            .put(&change, &path("outside-2"), it.module().as_slice());
        refused.expect_err("git put a module there");
    });

    it.outside("git commits on side again", |root| commit(root, "side", 3));
    it.step("merge git's commit", &[], |it| {
        it.store
            .merge(&on(None), &branch("side"))
            .expect("it can be merged");
    });

    it.step("add to side after it was merged", &[], |it| {
        it.put(&it.store, Some("side"), "after/merge")
    });

    it.outside("git makes a branch", |root| {
        git_without_fsync(
            root,
            &["update-ref", "refs/heads/made", "refs/heads/main"],
            "",
        );
    });
    it.step("be refused a branch that git made", &["made"], |it| {
        let refused = it
            .other
            .create_branch(&branch("made"), &Revision::default());
        refused.expect_err("it exists");
    });

    it.outside("git deletes a branch", |root| {
        git_without_fsync(root, &["update-ref", "-d", "refs/heads/made"], "");
    });
    it.step("be refused a branch that git deleted", &["made"], |it| {
        let made = Some("made");
        let refused = it.store.put(&on(made), &path("a"), it.module().as_slice());
        refused.expect_err("it is gone");
        let refused = it.store.delete_branch(&branch("made"), None);
        refused.expect_err("it is gone");
    });

    let blob = it.outside("git stores a blob", |root| blob(root, 4));
    it.step("set by hash what git stored", &[], |it| {
        let hash = HashRef::parse(&blob).expect("git prints a hash");
        it.store
            .set(&on(None), &hash, &path("set/outside"))
            .expect("it is stored");
    });

    it.outside("git fetches a pack", pack);
    it.step("add on git's pack", &[], |it| {
        it.put(&it.store, Some("side"), "after/pack")
    });
}

fn collect(it: &mut Driver) {
    it.step("gc that keeps history", &[], |it| {
        it.store.gc(&on(None), History::Keep).expect("it collects");
    });
    it.step("add after gc", &[], |it| {
        it.put(&it.other, None, "after/gc")
    });
    it.step("gc that squashes main", &[], |it| {
        it.other
            .gc(&on(None), History::Squash)
            .expect("it collects");
    });
    it.step("add after squash", &[], |it| {
        it.put(&it.store, None, "after/squash")
    });
    it.step("gc that squashes side", &[], |it| {
        it.store
            .gc(&on(Some("side")), History::Squash)
            .expect("it collects");
    });
    it.step("add to side after gc", &[], |it| {
        it.put(&it.store, Some("side"), "after/gc")
    });
}

/// Runs git without fsync.
fn git_without_fsync(root: &Path, args: &[&str], input: &str) -> String {
    let args = [&["-c", "core.fsync=none"], args].concat();
    git_with_input(root, &args, input).trim().to_owned()
}

fn blob(root: &Path, n: u32) -> String {
    let mut file = tempfile::NamedTempFile::new().expect("there is room");
    std::io::Write::write_all(&mut file, &module(OUTSIDE + n)).expect("there is room");
    let file = file.path().to_str().expect("it is a plain path");
    git_without_fsync(root, &["hash-object", "-w", file], "")
}

/// Creates the tree of a branch with an additional module at `outside-<n>`.
fn tree(root: &Path, name: &str, n: u32) -> String {
    let listed = git(root, &["ls-tree", &format!("refs/heads/{name}")]);
    let tree = format!("{listed}100644 blob {}\toutside-{n}\n", blob(root, n));
    git_without_fsync(root, &["mktree"], &tree)
}

/// Commits a module at `outside-<n>` on the tip of a branch.
fn commit(root: &Path, name: &str, n: u32) {
    let tree = tree(root, name, n);
    let tip = git(root, &["rev-parse", &format!("refs/heads/{name}")]);
    let commit = git_without_fsync(
        root,
        &["commit-tree", "-m", "outside", "-p", tip.trim(), &tree],
        "",
    );
    git_without_fsync(
        root,
        &["update-ref", &format!("refs/heads/{name}"), &commit],
        "",
    );
}

/// Commits a module in a clone, and pushes from there.
fn push(root: &Path, n: u32, updates: &[&str]) {
    let elsewhere = tempfile::tempdir().expect("there is room");
    let copy = elsewhere.path().join("copy");
    let to = copy.to_str().expect("it is a plain path");
    let from = root.to_str().expect("it is a plain path");
    git(&copy, &["clone", "--quiet", "--bare", from, to]);
    commit(&copy, "main", n);
    let receive = "--receive-pack=env WASMSTORE_PUSH_METHODS=* git receive-pack";
    let args = [&["push", "--quiet", receive, from], updates].concat();
    git(&copy, &args);
}

/// Fetches a commit on `side` as a pack.
fn pack(root: &Path) {
    let elsewhere = tempfile::tempdir().expect("there is room");
    let copy = elsewhere.path().join("copy");
    let from = root.to_str().expect("it is a plain path");
    git(
        &copy,
        &[
            "clone",
            "--quiet",
            "--bare",
            from,
            copy.to_str().expect("it is a plain path"),
        ],
    );
    commit(&copy, "side", 5);
    let to = copy.to_str().expect("it is a plain path");
    let args = [
        "-c",
        "fetch.unpackLimit=1",
        "-c",
        "transfer.unpackLimit=1",
        "-c",
        "pack.writeReverseIndex=false",
    ];
    let args = [
        &args[..],
        &[
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            to,
            "+refs/heads/side:refs/heads/side",
        ],
    ]
    .concat();
    git_without_fsync(root, &args, "");
}
