//! gc: what goes, what stays, and what others may do meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::store::{Scratch, branch, module, on, path, scope};
use wasmstore::names::ModuleRef;
use wasmstore::store::{Change, DirectoryRemoval, ErrorKind, History, LogOrder, Revision};

fn gc(s: &Scratch) -> wasmstore::store::GcSummary {
    s.store.gc(&Change::default(), History::Squash).unwrap()
}

fn count(s: &Scratch) -> usize {
    s.git(&["cat-file", "--batch-all-objects", "--batch-check"])
        .lines()
        .count()
}

#[test]
fn own_history_becomes_one_commit_and_what_it_held_is_gone() {
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
    // The squashed commit, the tree, the folder, two modules.
    assert_eq!(count(&s), 5);
    assert_eq!(
        collected.removed,
        before - 4,
        "all but the new commit were there before"
    );
    assert!(collected.freed_bytes > 0);
    assert_eq!(s.store.commit(old).unwrap_err().kind(), ErrorKind::NotFound);
    let again = gc(&s);
    assert_eq!((again.removed, again.commit), (0, collected.commit));
    assert_eq!(gc(&s).freed_bytes, 0, "nothing is left to do");
}

#[test]
fn history_is_kept_on_request() {
    let s = Scratch::new();
    s.put("p", 1);
    let tip = s.put("p", 2);
    let lost =
        crate::support::store::git_with_input(&s.root, &["hash-object", "-w", "--stdin"], "lost");
    let collected = s.store.gc(&Change::default(), History::Keep).unwrap();
    assert_eq!((collected.removed, collected.commit), (1, Some(tip)));
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
fn what_other_branches_reach_stays_as_the_squashs_parents() {
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
fn of_several_commits_that_stay_only_the_newest_are_parents() {
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
    // A branch whose tip another one reaches has no history of its own.
    s.store
        .create_branch(&branch("copy"), &Revision::default())
        .unwrap();
    let tip = s.tip();
    assert_eq!(gc(&s).commit, Some(tip));
    s.fsck();
}

#[test]
fn a_squashed_commit_is_never_undone() {
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
        "undoing the rollback's neighbour scope: the tree as before it"
    );
}

#[test]
fn a_deleted_branch_is_collected() {
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
        "ten modules of 20 kB that hardly differ take {pack} bytes"
    );
    assert!(collected.freed_bytes > 100_000);
    s.fsck();
}

#[test]
fn a_stored_module_that_only_history_has_can_be_set_until_it_is_collected() {
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
fn checked_out_files_go_with_their_modules() {
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
fn readers_and_writers_go_on_while_it_collects() {
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
fn a_second_collection_of_the_same_content_keeps_it() {
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
fn a_clone_with_packed_refs_is_collected() {
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
fn what_work_trees_and_reflogs_hold_on_to_is_not_broken() {
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
fn what_another_process_collected_is_gone_for_an_open_store_too() {
    let s = Scratch::new();
    let one = s.put("a", 1);
    s.put("a", 2);
    s.store.gc(&Change::default(), History::Keep).unwrap();
    // Now everything is in a pack, which this handle has open.
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

/// The packs that this store rolled up itself it may go on reading; those that git deletes it may not.
#[test]
fn what_git_deletes_after_roll_ups_is_gone_for_an_open_store_too() {
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
    assert!(packs.count() < 300, "some were rolled up and deleted");
    s.git(&["update-ref", "-d", "refs/heads/b"]);
    s.git(&["gc", "-q", "--prune=now"]);
    let restored = s.store.restore(&Change::default(), last, &scope("3/a"));
    assert_eq!(restored.unwrap_err().kind(), ErrorKind::NotFound);
    // The same modules again: each has to be stored anew.
    for n in 1..200 {
        s.put(&format!("{}/a", n % 7), n);
    }
    s.fsck();
}

#[test]
fn pages_of_the_history_are_read_beside_collections() {
    let s = Scratch::new();
    s.put("a", 0);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let mut pages = 0;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let page =
                    s.store
                        .commits_page(&Revision::default(), LogOrder::NewestFirst, None, 100);
                assert!(!page.unwrap().0.is_empty());
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
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    s.fsck();
}

#[test]
fn a_vanishing_lock_file_is_nothing_to_gc() {
    let s = Scratch::new();
    s.put("p", 1);
    let lock = s.root.join("refs/heads/outside.lock");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // As an outside git does that moves a branch, or gives up on it.
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
