use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{exists, try_find_header, try_find_object};
use crate::repo::objects::gix_handle::{MIN_SLOTS, open_bare};
use crate::repo::packs::entry::PackEntry;
use crate::repo::packs::writer::PackWriter;

const PACKS: usize = 100;
const READERS: usize = 8;

/// All readers look up the object of a new pack at the same time, so that most of them meet another one that is loading its index.
#[test]
fn an_object_of_a_new_pack_is_found_while_other_threads_load_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    let format = gix::init_bare(&root).unwrap().object_hash();
    let shared = open_bare(&root, MIN_SLOTS).unwrap();
    let blobs: Vec<_> = (0..PACKS).map(|n| n.to_string().into_bytes()).collect();
    let ids: Vec<_> = blobs
        .iter()
        .map(|blob| gix::objs::compute_hash(format, gix::objs::Kind::Blob, blob).unwrap())
        .collect();
    let (begin, end) = (Barrier::new(READERS + 1), Barrier::new(READERS + 1));
    let missed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (shared, ids, begin, end, missed) = (&shared, &ids, &begin, &end, &missed);
            scope.spawn(move || {
                let repo = shared.to_thread_local();
                for id in ids {
                    begin.wait();
                    let is_found = match reader % 3 {
                        0 => exists(&repo, id),
                        1 => try_find_header(&repo, *id).unwrap().is_some(),
                        _ => try_find_object(&repo, *id).unwrap().is_some(),
                    };
                    missed.fetch_add(usize::from(!is_found), Ordering::Relaxed);
                    end.wait();
                }
            });
        }
        for (id, blob) in ids.iter().zip(&blobs) {
            let mut pack = PackWriter::new(dir.path(), format, 1).unwrap();
            pack.add(*id, &PackEntry::new(gix::objs::Kind::Blob, blob).unwrap())
                .unwrap();
            pack.install(&root).unwrap();
            begin.wait();
            end.wait();
        }
    });
    assert_eq!(missed.into_inner(), 0);
}
