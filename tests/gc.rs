//! `gc`: what it removes, what it keeps, and what other processes can do while it runs.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::store::{Scratch, branch, module, on, path, scope};
use wasmstore::names::ModuleRef;
use wasmstore::store::{
    Change, DirectoryRemoval, ErrorKind, GcSummary, History, LogOrder, Published, Revision,
};

fn gc(s: &Scratch) -> Published<GcSummary> {
    s.store.gc(&Change::default(), History::Squash).unwrap()
}

fn count(s: &Scratch) -> usize {
    s.git(&["cat-file", "--batch-all-objects", "--batch-check"])
        .lines()
        .count()
}

#[test]
fn squash_replaces_own_history_by_one_commit_and_removes_its_objects() {
    let s = Scratch::new();
    for n in 1..=5 {
        s.put("p", n);
    }
    let old = s.put("d/q", 6);
    let before = count(&s);
    let collected = gc(&s);
    s.fsck();
    assert_eq!(s.content(), "/d/q=6 /p=5");
    assert_eq!(collected.commit, Some(s.tip()));
    assert_eq!(
        s.git(&["log", "--format=%B"]).trim(),
        "GC\n\nSquashed: true"
    );
    // The squashed commit, its tree, the directory, two modules.
    assert_eq!(count(&s), 5);
    assert_eq!(
        collected.value.removed,
        before - 4,
        "all of them except the new commit existed before"
    );
    assert!(collected.value.freed_bytes > 0);
    assert_eq!(s.store.commit(old).unwrap_err().kind(), ErrorKind::NotFound);
    let again = gc(&s);
    assert_eq!((again.value.removed, again.commit), (0, collected.commit));
    assert_eq!(
        gc(&s).value.freed_bytes,
        0,
        "a second gc has nothing to remove"
    );
}

#[test]
fn history_is_kept_on_request() {
    let s = Scratch::new();
    s.put("p", 1);
    let tip = s.put("p", 2);
    let lost =
        crate::support::store::git_with_input(&s.root, &["hash-object", "-w", "--stdin"], "lost");
    let collected = s.store.gc(&Change::default(), History::Keep).unwrap();
    assert_eq!((collected.value.removed, collected.commit), (1, Some(tip)));
    assert!(!crate::support::store::try_git(&s.root, &["cat-file", "-e", lost.trim()], "").0);
    assert_eq!(
        s.store
            .versions(&Revision::default(), &path("p"))
            .unwrap()
            .len(),
        2
    );
    s.fsck();
}

#[test]
fn commits_that_other_branches_reach_become_parents_of_the_squashed_commit() {
    let s = Scratch::new();
    s.put("p", 1);
    let shared = s.put("p", 2);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put("p", 3);
    s.put("p", 4);
    gc(&s);
    assert_eq!(s.store.commit(s.tip()).unwrap().parents, [shared]);
    // A later merge of the other branch still has the right base.
    s.put_on(Some("side"), "q", 9);
    s.store.merge(&Change::default(), &branch("side")).unwrap();
    assert_eq!(s.content(), "/p=4 /q=9");
    s.fsck();
}

#[test]
fn only_the_newest_remaining_commits_become_parents() {
    let s = Scratch::new();
    s.put("a", 1);
    s.store
        .create_branch(&branch("old"), &Revision::default())
        .unwrap();
    let middle = s.put("a", 2);
    s.store
        .create_branch(&branch("middle"), &Revision::default())
        .unwrap();
    s.put("a", 3);
    s.store.merge(&Change::default(), &branch("old")).unwrap();
    s.put("a", 4);
    gc(&s);
    assert_eq!(s.store.commit(s.tip()).unwrap().parents, [middle]);
    // A branch whose tip another branch reaches has no history of its own to squash.
    s.store
        .create_branch(&branch("copy"), &Revision::default())
        .unwrap();
    let tip = s.tip();
    assert_eq!(gc(&s).commit, Some(tip));
    s.fsck();
}

#[test]
fn rollback_stops_at_a_squashed_commit() {
    let s = Scratch::new();
    s.put("p", 1);
    s.put("p", 2);
    gc(&s);
    let rollback = |at: &str| {
        s.store
            .rollback(&Change::default(), &scope(at))
            .map(drop)
            .map_err(|error| error.kind())
    };
    assert_eq!(rollback("p"), Err(ErrorKind::Conflict));
    s.put("p", 3);
    s.put("q", 4);
    rollback("p").unwrap();
    assert_eq!(s.content(), "/p=2 /q=4");
    assert_eq!(rollback("p"), Err(ErrorKind::Conflict));
    rollback("").unwrap();
    assert_eq!(
        s.content(),
        "/p=3 /q=4",
        "a rollback of the root undoes the rollback of p"
    );
}

#[test]
fn objects_of_a_deleted_branch_are_removed() {
    let s = Scratch::new();
    s.put("p", 1);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "q", 2);
    s.store.delete_branch(&branch("side"), None).unwrap();
    gc(&s);
    assert_eq!(
        s.git(&[
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objecttype)"
        ])
        .matches("blob")
        .count(),
        1
    );
    let error = s.store.gc(&on(Some("side")), History::Squash).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn versions_of_one_module_are_stored_as_deltas() {
    let s = Scratch::new();
    let filler = |n: u32| {
        let mut x = 1u32;
        let mut noise = String::new();
        for _ in 0..20_000 {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            noise += &format!("\\{:02x}", x >> 24);
        }
        wat::parse_str(format!(
            "(module (memory 1) (data (i32.const 0) \"{noise}\") (func (export \"f{n}\")))"
        ))
        .unwrap()
    };
    for n in 0..10 {
        s.store
            .put(&Change::default(), &path("p"), filler(n).as_slice())
            .unwrap();
    }
    let collected = s.store.gc(&Change::default(), History::Keep).unwrap();
    let pack: u64 = std::fs::read_dir(s.root.join("objects/pack"))
        .unwrap()
        .map(|f| f.unwrap().metadata().unwrap().len())
        .sum();
    assert!(
        pack < 60_000,
        "ten almost equal modules of 20 kB take {pack} bytes"
    );
    assert!(collected.value.freed_bytes > 100_000);
    s.fsck();
}

#[test]
fn a_module_from_history_can_be_set_until_gc_removes_it() {
    let s = Scratch::new();
    s.put("p", 1);
    let hash = s
        .store
        .hash(&Revision::default(), &"p".parse().unwrap())
        .unwrap()
        .to_string();
    s.put("p", 2);
    s.store
        .set(&Change::default(), &hash.parse().unwrap(), &path("q"))
        .unwrap();
    s.store
        .remove(
            &Change::default(),
            &ModuleRef::Path(path("q")),
            DirectoryRemoval::Refuse,
        )
        .unwrap();
    gc(&s);
    let error = s
        .store
        .set(&Change::default(), &hash.parse().unwrap(), &path("q"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn checked_out_files_are_removed_with_their_modules() {
    let s = Scratch::new();
    s.put("p", 1);
    let gone = s
        .store
        .filename(&Revision::default(), &"p".parse().unwrap())
        .unwrap();
    s.put("p", 2);
    let stays = s
        .store
        .filename(&Revision::default(), &"p".parse().unwrap())
        .unwrap();
    assert_eq!(std::fs::read(&stays).unwrap(), module(2));
    assert!(stays.metadata().unwrap().permissions().readonly());
    gc(&s);
    assert!(!gone.exists() && stays.exists());
}

#[test]
fn readers_and_writers_work_during_gc() {
    let s = Scratch::new();
    s.put("steady", 1);
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let writers: Vec<_> = (0..3u32)
            .map(|writer| {
                let s = &s;
                threads.spawn(move || {
                    for n in 0..15 {
                        s.put(&format!("w{writer}/{}", n % 4), writer * 20 + n);
                    }
                })
            })
            .collect();
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(s.value("steady"), Some(1));
                assert!(
                    s.store
                        .versions(&Revision::default(), &path("steady"))
                        .is_ok()
                );
            }
        });
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                gc(&s);
            }
        });
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
    });
    s.fsck();
    for writer in 0..3u32 {
        for last in 11..15 {
            assert_eq!(
                s.value(&format!("w{writer}/{}", last % 4)),
                Some(writer * 20 + last)
            );
        }
    }
}

#[test]
fn repeated_gc_keeps_identical_packs() {
    let s = Scratch::new();
    s.git(&["config", "pack.packSizeLimit", "1m"]);
    for n in 0..3u8 {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        let mut x = u32::from(n) + 1;
        let noise = std::iter::repeat_with(|| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8
        });
        // A custom section of 800,000 bytes, `0x80_ea30` in LEB128, with the name `x`.
        bytes.extend([0, 0x80, 0xea, 0x30, 1, b'x']);
        bytes.extend(noise.take(799_998));
        s.store
            .put(&Change::default(), &path(&n.to_string()), bytes.as_slice())
            .unwrap();
    }
    for _ in 0..3 {
        s.store.gc(&Change::default(), History::Keep).unwrap();
        s.fsck();
    }
    assert_eq!(
        s.store
            .list(&Revision::default(), &scope(""))
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn gc_works_on_a_clone_with_packed_refs() {
    let s = Scratch::new();
    s.put("a", 1);
    let one = s.tip();
    s.put("a", 2);
    let clone = s.root.parent().unwrap().join("clone");
    s.git(&[
        "clone",
        "-q",
        "--bare",
        s.root.to_str().unwrap(),
        clone.to_str().unwrap(),
    ]);
    assert!(clone.join("packed-refs").exists() && !clone.join("refs/heads/main").exists());
    let store = wasmstore::store::Store::open(&clone, Default::default()).unwrap();
    store.restore(&Change::default(), one, &scope("a")).unwrap();
    store.gc(&Change::default(), History::Squash).unwrap();
    crate::support::store::fsck(&clone);
    let log = crate::support::store::git(&clone, &["log", "--format=%s", "main"]);
    assert_eq!(log.trim(), "GC");
}

#[test]
fn gc_refuses_a_repository_with_work_trees() {
    let s = Scratch::new();
    s.put("a", 1);
    let tree = s.root.parent().unwrap().join("tree");
    s.git(&[
        "worktree",
        "add",
        "-q",
        "--detach",
        tree.to_str().unwrap(),
        "main",
    ]);
    let gc = || s.store.gc(&Change::default(), History::Keep);
    assert!(gc().is_err_and(|error| error.to_string().contains("work trees")));
    s.git(&["worktree", "remove", tree.to_str().unwrap()]);
    gc().unwrap();
    s.fsck();
}

#[test]
fn an_open_store_notices_the_gc_of_another_process() {
    let s = Scratch::new();
    let one = s.put("a", 1);
    s.put("a", 2);
    s.store.gc(&Change::default(), History::Keep).unwrap();
    // Now everything is in one pack, which this store has open.
    assert_eq!(
        s.store
            .versions(&Revision::default(), &path("a"))
            .unwrap()
            .len(),
        2
    );
    let other = wasmstore::store::Store::open(&s.root, Default::default()).unwrap();
    other.gc(&Change::default(), History::Squash).unwrap();
    let restored = s.store.restore(&Change::default(), one, &scope("a"));
    assert_eq!(restored.unwrap_err().kind(), ErrorKind::NotFound);
    let started = s.store.create_branch(&branch("b"), &Revision::Commit(one));
    assert_eq!(started.unwrap_err().kind(), ErrorKind::NotFound);
    s.fsck();
}

/// A store may read on from packs that its own roll-up replaced, but not from packs that git deleted.
#[test]
fn an_open_store_notices_packs_that_git_deletes_after_roll_ups() {
    let s = Scratch::new();
    s.put("keep", 0);
    s.store
        .create_branch(&branch("b"), &Revision::default())
        .unwrap();
    let mut last = s.tip();
    for n in 1..200 {
        last = s.put_on(Some("b"), &format!("{}/a", n % 7), n);
        assert!(
            s.store
                .versions(&Revision::Commit(last), &path("keep"))
                .is_ok()
        );
    }
    let packs = std::fs::read_dir(s.root.join("objects/pack")).unwrap();
    assert!(packs.count() < 300, "some packs were rolled up and deleted");
    s.git(&["update-ref", "-d", "refs/heads/b"]);
    s.git(&["gc", "-q", "--prune=now"]);
    let restored = s.store.restore(&Change::default(), last, &scope("3/a"));
    assert_eq!(restored.unwrap_err().kind(), ErrorKind::NotFound);
    // Each module must be stored again.
    for n in 1..200 {
        s.put(&format!("{}/a", n % 7), n);
    }
    s.fsck();
}

#[test]
fn log_pages_can_be_read_during_gc() {
    let s = Scratch::new();
    s.put("a", 0);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut pages = 0;
            while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                let read_page = |revision: &Revision| {
                    let mut count = 0;
                    let order = LogOrder::NewestFirst;
                    s.store.log_after(revision, order, None, |_| {
                        count += 1;
                        count < 100
                    })?;
                    Ok(count)
                };
                let (_, count) = s.store.as_of(&Revision::default(), read_page).unwrap();
                assert!(count > 0);
                pages += 1;
            }
            pages
        });
        for n in 1..30 {
            for k in 0..5 {
                s.put("a", n * 5 + k);
            }
            s.store.gc(&Change::default(), History::Squash).unwrap();
        }
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    s.fsck();
}

#[test]
fn gc_ignores_a_lock_file_that_disappears() {
    let s = Scratch::new();
    s.put("p", 1);
    let lock = s.root.join("refs/heads/outside.lock");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // An outside git creates and removes such a file when it moves a branch or abandons the update.
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::fs::write(&lock, "").unwrap();
                std::fs::remove_file(&lock).unwrap();
            }
        });
        let keep = |_| s.store.gc(&Change::default(), History::Keep).err();
        let failed: Vec<_> = (0..200).filter_map(keep).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(
            failed.is_empty(),
            "{} of 200: {:?}",
            failed.len(),
            failed[0]
        );
    });
}
