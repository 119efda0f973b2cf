use tempfile::TempDir;

use crate::bucket::tests::{MAIN, adding, current, empty_store, options, pack_files, swap_of};
use crate::bucket::{Bucket, BucketUrl, ProbeScope};
use crate::repo::{Authority as _, Swap};

#[test]
fn a_directory_is_a_bucket() {
    let directory = TempDir::new().unwrap();
    let url = BucketUrl::parse(&format!("file://{}/bucket", directory.path().display())).unwrap();
    let server = || Bucket::open(&url, &[], options()).unwrap();
    let (one, other) = (server(), server());
    let mut new = empty_store();
    new.packs.push(pack_files(&directory, b"PACK first"));
    one.create(&new).unwrap();
    assert_eq!(current(&other).generation, 0);
    one.swap(0, &swap_of(MAIN, None, Some(1))).unwrap().unwrap();
    assert_eq!(other.swap(0, &swap_of(MAIN, None, Some(2))).unwrap(), None);
    let pack = pack_files(&directory, b"PACK second");
    let swap = Swap {
        removed: vec![new.packs[0].checksum.clone()],
        floor: Some(1),
        ..adding(&pack)
    };
    assert_eq!(other.swap(1, &swap).unwrap().unwrap().generation, 2);
    assert_eq!(
        (one.sweep().unwrap(), one.verify().unwrap()),
        (1, Vec::new())
    );
    let report = one.probe(ProbeScope::Quick).unwrap();
    assert!(report.is_atomic(), "{report}");
}
