use std::fs;
use std::thread::sleep;

use gix::bstr::ByteSlice;
use tempfile::TempDir;

use super::*;
use crate::repo::{ObjectFormat, Repository};

const HEADS: &str = "refs/heads/";

/// Returns a repository with one branch, and its directory.
fn repository() -> (TempDir, Repository, PathBuf) {
    let (dir, repository) = Repository::temporary(ObjectFormat::Sha1);
    let root = dir.path().to_owned();
    (dir, repository, root)
}

/// Adds `count` blobs, and returns their ids.
fn blobs(repository: &Repository, count: u8) -> Vec<gix::ObjectId> {
    let repo = repository.refs().objects.handle().unwrap();
    let blob = |number| repo.write_blob([number]).unwrap().detach();
    (0..count).map(blob).collect()
}

/// Lists the refs until they have remained the same for so long that a listing reads none of them.
fn settle(refs: &RefStore, loose: usize) {
    let start = Instant::now();
    loop {
        refs.list_changes(HEADS).unwrap();
        let listing = refs.last_listings.get(HEADS).unwrap();
        if listing.loose.len() == loose && listing.dirs.len() == 1 {
            return;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the refs never settle"
        );
        sleep(Duration::from_millis(10));
    }
}

/// Stores the wrong target `target` for a ref's file in the listing that `list_changes` reuses, and sets the start of that listing to
/// `begun`.
fn pretend(refs: &RefStore, file: &Path, target: gix::ObjectId, begun: Instant) {
    let old = refs.last_listings.get(HEADS).unwrap();
    let mut loose = old.loose.clone();
    loose.get_mut(file).unwrap().1 = Target::Object(target);
    let listing = Listing {
        begun,
        dirs: old.dirs.clone(),
        loose,
        packed: None,
        existing: old.existing.clone(),
    };
    refs.last_listings.set(HEADS, Arc::new(listing));
}

fn target(list: &RefList, name: &str) -> gix::ObjectId {
    let mut refs = list.refs.iter();
    let found = refs.find(|(found, _)| found == name).unwrap();
    found.1.try_id().unwrap().to_owned()
}

#[test]
fn every_change_is_seen_at_once() {
    let (_dir, repository, root) = repository();
    let refs = repository.refs();
    let ids = blobs(&repository, 8);
    let heads = root.join("refs/heads");
    let text = |nth: usize| format!("{}\n", ids[nth % ids.len()]);
    // Makes hundreds of changes, many of them in the same tick of the kernel's clock, and some after a pause.
    for nth in 0..400_usize {
        let path = heads.join(["main", "next", "dir/a"][nth % 3]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match nth % 7 {
            0 | 1 => fs::write(&path, text(nth)).unwrap(),
            2 | 3 => {
                let lock = path.with_extension("lock");
                fs::write(&lock, text(nth)).unwrap();
                fs::rename(lock, &path).unwrap();
            }
            4 => drop(fs::remove_file(&path)),
            5 => {
                let packed = format!("{} refs/heads/packed{}\n", ids[nth % 8], nth % 2);
                fs::write(root.join("packed-refs"), packed).unwrap();
            }
            _ => drop(fs::remove_dir_all(heads.join("dir"))),
        }
        if nth % 50 == 0 {
            sleep(Duration::from_millis(60));
        }
        for prefix in ["refs/", HEADS] {
            let changes = refs.list_changes(prefix).unwrap();
            let all = refs.list(prefix).unwrap();
            assert_eq!(changes.refs, all.refs, "{nth}");
            assert_eq!(changes.broken, all.broken, "{nth}");
        }
    }
}

#[test]
fn an_unchanged_ref_is_not_read_again() {
    let (_dir, repository, root) = repository();
    let refs = repository.refs();
    if !is_local(&root.join("refs")) {
        eprintln!("skipped: the temporary directory is not on a local file system");
        return;
    }
    let ids = blobs(&repository, 3);
    let [next, last] = ["next", "last"].map(|name| root.join(HEADS).join(name));
    fs::write(&next, ids[0].to_string()).unwrap();
    fs::write(&last, ids[0].to_string()).unwrap();
    settle(refs, 3);
    pretend(refs, &next, ids[1], Instant::now());
    let list = refs.list_changes(HEADS).unwrap();
    assert_eq!(target(&list, "refs/heads/next"), ids[1]);
    // When another ref changes, the listing reads only that ref.
    fs::write(&last, ids[2].to_string()).unwrap();
    let list = refs.list_changes(HEADS).unwrap();
    assert_eq!(target(&list, "refs/heads/next"), ids[1]);
    assert_eq!(target(&list, "refs/heads/last"), ids[2]);
    // `list` reads everything, and so does `list_changes` after some time.
    let list = refs.list(HEADS).unwrap();
    assert_eq!(target(&list, "refs/heads/next"), ids[0]);
    settle(refs, 3);
    pretend(
        refs,
        &next,
        ids[1],
        Instant::now().checked_sub(REUSED_MAX).unwrap(),
    );
    let list = refs.list_changes(HEADS).unwrap();
    assert_eq!(target(&list, "refs/heads/next"), ids[0]);
}

#[test]
fn a_broken_ref_is_checked_each_time() {
    let (_dir, repository, root) = repository();
    let refs = repository.refs();
    if !is_local(&root.join("refs")) {
        eprintln!("skipped: the temporary directory is not on a local file system");
        return;
    }
    let next = root.join("refs/heads/next");
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &[0]).unwrap();
    fs::write(&next, id.to_string()).unwrap();
    settle(refs, 2);
    let list = refs.list_changes(HEADS).unwrap();
    assert_eq!(list.broken.len(), 1);
    assert_eq!(list.broken[0].name, "refs/heads/next");
    assert_eq!(blobs(&repository, 1), [id]);
    let list = refs.list_changes(HEADS).unwrap();
    assert_eq!(list.broken.len(), 0);
    assert_eq!(target(&list, "refs/heads/next"), id);
    let names: Vec<_> = list.refs.iter().map(|(name, _)| name.as_bstr()).collect();
    assert_eq!(names, ["refs/heads/main", "refs/heads/next"]);
}

/// The kernel may give two changes in the same tick the same time. A test cannot cause this on all file systems, so this test uses made-up
/// metadata.
#[test]
fn another_content_with_the_same_state_is_read_unless_the_state_was_settled() {
    let path = Path::new("refs/heads/main");
    let target = Target::Object(gix::ObjectId::null(gix::hash::Kind::Sha1));
    let entries: DirEntries = Arc::new(Vec::new());
    let packed: PackedRefs = Arc::new(Vec::new());
    let state = |nanoseconds| Some(FileStamp::of_change(1, (1000, nanoseconds)));
    let read = state(500_000_001);
    let after = |milliseconds| std::time::UNIX_EPOCH + Duration::from_millis(milliseconds);
    // The file is read in the tick of its change, or later, or from another device than `ROOT/refs`.
    for (now, device, is_reused) in [
        (after(1_000_501), 1, false),
        (after(1_000_520), 1, false),
        (after(1_000_521), 1, true),
        (after(1_009_000), 2, false),
    ] {
        let refs = FileStamp::of_change(device, (1, 1));
        let mut first = Reuse::since(None, refs, now);
        first.record_loose(path, read, &target);
        first.record_dir(path, read, &entries);
        first.record_packed(read, &packed);
        let Reuse::On { new, .. } = first else {
            unreachable!()
        };
        let mut second = Reuse::since(Some(Arc::from(new)), refs, now);
        for (state, is_reused) in [(read, is_reused), (state(500_000_002), false)] {
            assert_eq!(second.loose(path, state).is_some(), is_reused, "{now:?}");
            assert_eq!(second.dir(path, state).is_some(), is_reused, "{now:?}");
            assert_eq!(second.packed(state).is_some(), is_reused, "{now:?}");
        }
    }
}

#[test]
fn a_listing_of_very_many_refs_is_not_remembered() {
    let listings = LastListings::default();
    for (count, is_kept) in [(REFS_MAX, true), (REFS_MAX + 1, false)] {
        let target = Err("broken".to_owned());
        let packed = vec![(BString::from("refs/tags/a"), target); count];
        let listing = Listing {
            begun: Instant::now(),
            dirs: HashMap::new(),
            loose: HashMap::new(),
            packed: Some((FileStamp::of_change(1, (1, 1)), Arc::new(packed))),
            existing: HashSet::new(),
        };
        listings.set(HEADS, Arc::new(listing));
        assert_eq!(listings.get(HEADS).is_some(), is_kept, "{count}");
    }
}
