//! Tests of the disk model: what is durable, what is pending, and what a cut leaves.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};

use super::disk::{Disk, Ino, Kind, Op, ROOT, Refused};
use super::mounted;
use super::recording::{Paths, Shared};
use super::subset::{Atom, Fate, Fates, Subset, pending};
use super::tree;

fn name(text: &str) -> OsString {
    text.into()
}

fn create(disk: &mut Disk, directory: Ino, at: &str, is_directory: bool) -> Ino {
    let op = Op::Create {
        directory,
        name: name(at),
        mode: 0o640,
        is_directory,
    };
    disk.apply(&op).unwrap()
}

fn file(disk: &mut Disk, at: &str, bytes: &[u8]) -> Ino {
    let file = create(disk, ROOT, at, false);
    write(disk, file, 0, bytes);
    file
}

fn write(disk: &mut Disk, file: Ino, offset: usize, bytes: &[u8]) {
    let bytes = bytes.into();
    disk.apply(&Op::Write {
        file,
        offset,
        bytes,
    })
    .unwrap();
}

fn fsync(disk: &mut Disk, inode: Ino) {
    disk.apply(&Op::Fsync { inode }).unwrap();
}

fn rename(disk: &mut Disk, from: &str, to: &str) {
    let (from, to) = ((ROOT, name(from)), (ROOT, name(to)));
    disk.apply(&Op::Rename { from, to }).unwrap();
}

fn remove(disk: &mut Disk, at: &str) {
    let (directory, name) = (ROOT, name(at));
    disk.apply(&Op::Remove { directory, name }).unwrap();
}

/// Returns the content of a disk, as `path=content` and `path/`.
fn content(disk: &Disk) -> String {
    let paths = Paths::of(disk);
    let mut content = Vec::new();
    for (ino, inode) in disk.inodes() {
        for path in paths.all(ino) {
            content.push(match &inode.kind {
                Kind::Directory(_) => format!("{path}/"),
                Kind::File(file) => format!("{path}={}", String::from_utf8_lossy(&file.now)),
            });
        }
    }
    content.retain(|text| text != "/");
    content.sort();
    content.join(" ")
}

fn after(disk: &Disk, subset: Subset) -> String {
    content(&disk.after(&subset.fates(disk)))
}

#[test]
fn nothing_is_durable_by_itself() {
    let mut disk = Disk::new();
    file(&mut disk, "a", b"A");
    create(&mut disk, ROOT, "d", true);
    assert_eq!(content(&disk), "/a=A /d/");
    assert_eq!(after(&disk, Subset::Everything), "/a=A /d/");
    assert_eq!(after(&disk, Subset::Nothing), "");
}

#[test]
fn fsync_of_a_file_does_not_keep_its_name() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"A");
    fsync(&mut disk, a);
    assert_eq!(after(&disk, Subset::Nothing), "");
    assert_eq!(after(&disk, Subset::Names), "/a=A");
}

#[test]
fn fsync_of_a_directory_does_not_keep_contents() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"A");
    fsync(&mut disk, ROOT);
    assert_eq!(after(&disk, Subset::Nothing), "/a=");
    fsync(&mut disk, a);
    write(&mut disk, a, 1, b"B");
    assert_eq!(after(&disk, Subset::Nothing), "/a=A");
    assert_eq!(after(&disk, Subset::Everything), "/a=AB");
}

#[test]
fn fsync_of_a_directory_does_not_keep_its_own_name() {
    let mut disk = Disk::new();
    let d = create(&mut disk, ROOT, "d", true);
    create(&mut disk, d, "e", true);
    fsync(&mut disk, d);
    assert_eq!(after(&disk, Subset::Nothing), "");
    fsync(&mut disk, ROOT);
    assert_eq!(after(&disk, Subset::Nothing), "/d/ /d/e/");
}

#[test]
fn a_rename_is_two_changes_and_a_replaced_name_is_never_nothing() {
    let mut disk = Disk::new();
    for (at, bytes) in [("old", b"1"), ("new", b"2")] {
        let file = file(&mut disk, at, bytes);
        fsync(&mut disk, file);
    }
    fsync(&mut disk, ROOT);
    rename(&mut disk, "new", "old");
    assert_eq!(after(&disk, Subset::Everything), "/old=2");
    assert_eq!(after(&disk, Subset::Nothing), "/new=2 /old=1");
    assert_eq!(after(&disk, Subset::Additions), "/new=2 /old=2");
    assert_eq!(after(&disk, Subset::Removals), "/old=1");
    for seed in 0..500 {
        let left = after(&disk, Subset::Random(seed));
        assert!(left.contains("/old="), "seed {seed}: {left}");
    }
}

#[test]
fn one_of_two_renames_may_be_lost() {
    let mut disk = Disk::new();
    for at in ["a", "b"] {
        file(&mut disk, at, b"");
    }
    fsync(&mut disk, ROOT);
    rename(&mut disk, "a", "c");
    rename(&mut disk, "b", "d");
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..2000 {
        seen.insert(after(&disk, Subset::Random(seed)));
    }
    assert_eq!(
        seen.len(),
        16,
        "each of the four names, kept or lost: {seen:?}"
    );
}

#[test]
fn removed_files_may_come_back_including_short_lived_ones() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"1");
    fsync(&mut disk, a);
    fsync(&mut disk, ROOT);
    remove(&mut disk, "a");
    let between = file(&mut disk, "a", b"2");
    fsync(&mut disk, between);
    remove(&mut disk, "a");
    let seen: std::collections::BTreeSet<_> = (0..500)
        .map(|seed| after(&disk, Subset::Random(seed)))
        .collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["", "/a=1", "/a=2"]);
    fsync(&mut disk, ROOT);
    assert_eq!(after(&disk, Subset::Additions), "");
}

#[test]
fn content_is_lost_completely_partly_or_not_at_all() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"durable");
    fsync(&mut disk, a);
    fsync(&mut disk, ROOT);
    write(&mut disk, a, 7, &[b'x'; 2000]);
    let mut sizes = std::collections::BTreeSet::new();
    let mut has_holes = false;
    for seed in 0..500 {
        let left = disk.after(&Fates::from([(Atom::Content(a), Fate::Mixed(seed))]));
        let left = left.file(a).unwrap().now.to_vec();
        assert_eq!(&left[..7], b"durable");
        has_holes |= left[7..].contains(&0) && left.contains(&b'x');
        sizes.insert(left.len());
    }
    assert!(has_holes && sizes.len() > 20, "{sizes:?}");
    assert!(sizes.contains(&7) && sizes.contains(&2007));
}

#[test]
fn a_shortened_file_may_keep_its_length() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"long");
    fsync(&mut disk, a);
    fsync(&mut disk, ROOT);
    disk.apply(&Op::Resize { file: a, size: 0 }).unwrap();
    write(&mut disk, a, 0, b"s");
    assert_eq!(after(&disk, Subset::Nothing), "/a=long");
    assert_eq!(after(&disk, Subset::Everything), "/a=s");
    let seen: std::collections::BTreeSet<_> = (0..200)
        .map(|seed| content(&disk.after(&Fates::from([(Atom::Content(a), Fate::Mixed(seed))]))))
        .collect();
    assert!(seen.contains("/a=song") && seen.contains("/a=\0"));
    assert!(seen.contains("/a=") && seen.contains("/a=s"));
}

#[test]
fn the_mode_comes_with_the_inode_and_its_change_with_an_fsync() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"");
    fsync(&mut disk, ROOT);
    disk.apply(&Op::Chmod {
        inode: a,
        mode: 0o444,
    })
    .unwrap();
    let mode = |disk: &Disk, subset: Subset| disk.after(&subset.fates(disk)).inode(a).unwrap().mode;
    assert_eq!(mode(&disk, Subset::Nothing), 0o640);
    assert_eq!(mode(&disk, Subset::Everything), 0o444);
    fsync(&mut disk, a);
    assert_eq!(mode(&disk, Subset::Nothing), 0o444);
}

#[test]
fn two_names_of_one_file_share_its_content_and_are_kept_independently() {
    let mut disk = Disk::new();
    let a = file(&mut disk, "a", b"A");
    fsync(&mut disk, ROOT);
    let op = Op::Link {
        inode: a,
        directory: ROOT,
        name: name("b"),
    };
    disk.apply(&op).unwrap();
    assert_eq!(after(&disk, Subset::Nothing), "/a=");
    assert_eq!(after(&disk, Subset::Names), "/a= /b=");
    fsync(&mut disk, a);
    remove(&mut disk, "a");
    assert_eq!(after(&disk, Subset::Additions), "/a=A /b=A");
    assert_eq!(after(&disk, Subset::Removals), "");
    let left = disk.after(&Subset::Additions.fates(&disk));
    assert_eq!(left.inode(a).unwrap().links, 2);
}

#[test]
fn a_subset_follows_from_its_seed() {
    let mut disk = Disk::new();
    for nth in 0..20 {
        file(&mut disk, &nth.to_string(), b"x");
    }
    assert_eq!(pending(&disk).len(), 40);
    let fates: Vec<_> = (0..100)
        .map(|seed| Subset::Random(seed).fates(&disk))
        .collect();
    let again: Vec<_> = (0..100)
        .map(|seed| Subset::Random(seed).fates(&disk))
        .collect();
    assert!(fates == again);
    let lost =
        |fates: &BTreeMap<Atom, Fate>| fates.values().filter(|fate| **fate == Fate::Lost).count();
    assert!(
        fates.iter().any(|fates| lost(fates) == 1),
        "one alone is lost"
    );
    assert!(
        fates.iter().any(|fates| lost(fates) == 39),
        "one alone is kept"
    );
}

#[test]
fn a_refused_operation_changes_nothing() {
    let mut disk = Disk::new();
    let d = create(&mut disk, ROOT, "d", true);
    create(&mut disk, d, "e", false);
    let a = file(&mut disk, "a", b"A");
    let before = content(&disk);
    for (op, refused) in [
        (
            Op::Remove {
                directory: ROOT,
                name: name("d"),
            },
            Refused::NotEmpty,
        ),
        (
            Op::Remove {
                directory: ROOT,
                name: name("x"),
            },
            Refused::NotFound,
        ),
        (
            Op::Link {
                inode: a,
                directory: d,
                name: name("e"),
            },
            Refused::Exists,
        ),
        (
            Op::Rename {
                from: (ROOT, name("a")),
                to: (ROOT, name("d")),
            },
            Refused::IsFolder,
        ),
        (
            Op::Rename {
                from: (ROOT, name("d")),
                to: (ROOT, name("a")),
            },
            Refused::NotAFolder,
        ),
        (
            Op::Write {
                file: d,
                offset: 0,
                bytes: [][..].into(),
            },
            Refused::IsFolder,
        ),
        (Op::Fsync { inode: 99 }, Refused::NotFound),
    ] {
        assert_eq!(disk.apply(&op), Err(refused), "{op:?}");
    }
    assert_eq!(content(&disk), before);
}

#[test]
fn a_disk_is_written_unchanged() {
    let mut disk = Disk::new();
    let d = create(&mut disk, ROOT, "d", true);
    let e = create(&mut disk, d, "e", false);
    write(&mut disk, e, 2, b"E");
    let op = Op::Link {
        inode: e,
        directory: ROOT,
        name: name("f"),
    };
    disk.apply(&op).unwrap();
    let dir = tree::directory();
    let to = dir.path().join("disk");
    tree::write(&disk, &to).unwrap();
    use std::os::unix::fs::MetadataExt;
    let (one, other) = (fs::metadata(to.join("d/e")), fs::metadata(to.join("f")));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.ino(), one.mode() & 0o777), (other.ino(), 0o640));
    assert_eq!(fs::read(to.join("f")).unwrap(), b"\0\0E");
}

#[test]
fn the_mount_is_a_file_system_and_records_every_change() {
    let shared = Shared::new(Disk::new());
    let mounted = mounted(&shared, |top| {
        fs::create_dir(top.join("d")).unwrap();
        let mut file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(top.join("d/a"))
            .unwrap();
        file.write_all(&[7; 300_000]).unwrap();
        file.sync_all().unwrap();
        file.set_len(299_999).unwrap();
        file.seek(SeekFrom::Start(299_990)).unwrap();
        let mut end = Vec::new();
        file.read_to_end(&mut end).unwrap();
        assert_eq!(end, [7; 9]);
        fs::hard_link(top.join("d/a"), top.join("b")).unwrap();
        fs::rename(top.join("b"), top.join("c")).unwrap();
        File::open(top).unwrap().sync_all().unwrap();
        // The name is removed, and the open file still exists.
        fs::remove_file(top.join("d/a")).unwrap();
        fs::remove_file(top.join("c")).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 299_999);
        for nth in 0..200 {
            fs::write(top.join(format!("d/{nth}")), "").unwrap();
        }
        let mut removed = 0;
        for entry in fs::read_dir(top.join("d")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
            removed += 1;
        }
        assert_eq!(removed, 200);
        fs::remove_dir(top.join("d")).unwrap();
        // Files that never have a name, and locks, which the kernel handles.
        tempfile::tempfile_in(top).unwrap().write_all(b"x").unwrap();
        let lock = || File::create(top.join("lock")).unwrap();
        let held = lock();
        held.try_lock().unwrap();
        lock().try_lock().expect_err("the lock is held");
    });
    if mounted.is_none() {
        return;
    }
    let recording = shared.lock();
    assert_eq!(content(&recording.disk), "/lock=");
    let fsyncs = recording
        .log
        .iter()
        .filter(|op| matches!(op, Op::Fsync { .. }));
    assert_eq!(fsyncs.count(), 2);
    let mut again = Disk::new();
    for op in &recording.log {
        again.apply(op).unwrap();
    }
    assert_eq!(content(&again), content(&recording.disk));
    // The directory was removed before an fsync; the names in the root directory were not.
    assert!(after(&again, Subset::Nothing).starts_with("/c=\u{7}"));
}

#[test]
fn a_panic_unmounts_the_disk() {
    let (sender, path) = std::sync::mpsc::channel();
    let caught = std::panic::catch_unwind(move || {
        mounted(&Shared::new(Disk::new()), move |top| {
            sender.send(top.to_owned()).unwrap();
            let _open = File::create(top.join("a")).unwrap();
            panic!("on purpose");
        })
    });
    match caught {
        Ok(skipped) => assert_eq!(skipped, None::<()>),
        Err(_) => {
            let path = path.recv().unwrap();
            let mounts = fs::read_to_string("/proc/mounts").unwrap();
            assert!(!mounts.contains(path.to_str().unwrap()) && !path.exists());
        }
    }
}
