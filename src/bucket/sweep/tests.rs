use tempfile::TempDir;

use crate::bucket::faulty_bucket::FaultyStore;
use crate::bucket::tests::{
    MAIN, adding, create, current, id, name, open, pack_files, swap_of, update,
};
use crate::repo::{Authority as _, Error, Swap};

#[test]
fn a_pack_below_the_floor_is_uploaded_again_before_it_is_added() {
    let (store, directory) = (FaultyStore::reliable(), TempDir::new().unwrap());
    let (writer, collector) = (create(&store), open(&store));
    let zombie = pack_files(&directory, b"PACK of a stopped writer");
    let first = pack_files(&directory, b"PACK first");
    let all = pack_files(&directory, b"PACK of everything");
    writer.keep(&zombie).unwrap();
    current(&collector);
    collector.swap(0, &adding(&first)).unwrap().unwrap();
    let swap = Swap {
        removed: vec![first.checksum.clone()],
        floor: Some(1),
        ..adding(&all)
    };
    let state = collector.swap(1, &swap).unwrap().unwrap();
    assert_eq!(
        (
            state.generation,
            state.floor,
            state.packs.len(),
            state.packs[0].generation
        ),
        (2, 1, 1, 1)
    );
    assert_eq!(collector.sweep().unwrap(), 2);
    assert_eq!(writer.swap(0, &adding(&zombie)).unwrap(), None);
    let state = writer.swap(2, &adding(&zombie)).unwrap().unwrap();
    assert_eq!(state.packs[1].generation, 2);
    assert_eq!(
        (collector.sweep().unwrap(), collector.verify().unwrap()),
        (0, Vec::new())
    );
    let counted = collector.count_objects().unwrap();
    assert_eq!((counted.objects, counted.unnamed_bytes), (4, 0));
    // A gc that produces the same pack again gives it a new key.
    let same = Swap {
        removed: state
            .packs
            .iter()
            .map(|pack| pack.checksum.clone())
            .collect(),
        floor: Some(3),
        ..adding(&all)
    };
    let state = writer.swap(3, &same).unwrap().unwrap();
    assert_eq!((state.packs.len(), state.packs[0].generation), (1, 3));
    assert_eq!(
        (writer.sweep().unwrap(), writer.verify().unwrap()),
        (2, Vec::new())
    );
    let above = Swap {
        floor: Some(5),
        ..Swap::default()
    };
    assert!(matches!(
        writer.swap(4, &above),
        Err(Error::Database { .. })
    ));
}

#[test]
fn many_changed_refs_are_folded_into_a_snapshot() {
    let store = FaultyStore::reliable();
    let (one, other) = (create(&store), open(&store));
    let names: Vec<_> = (0..1500_u64)
        .map(|number| format!("refs/tags/v{number}"))
        .collect();
    let updates = names
        .iter()
        .enumerate()
        .map(|(number, name)| update(name, None, Some(number as u64)));
    let swap = Swap {
        updates: updates.collect(),
        ..Swap::default()
    };
    one.swap(0, &swap).unwrap().unwrap();
    let deleted = one
        .swap(1, &swap_of("refs/tags/v3", Some(3), None))
        .unwrap()
        .unwrap();
    let state = current(&other);
    assert_eq!(
        (&state, state.refs.len(), state.refs.changed.len()),
        (&deleted, 1499, 1)
    );
    assert_eq!(state.refs.get(&name("refs/tags/v1499")), Some(id(1499)));
    assert!(store.manifests().iter().all(|text| text.len() < 2000));
    assert_eq!(other.status().unwrap().refs, 1499);
    // `other` has read the snapshot before, and does not read it again.
    let gets = store.requests("GET refs");
    one.swap(2, &swap_of(MAIN, None, Some(1))).unwrap().unwrap();
    assert_eq!(
        (current(&other).refs.len(), store.requests("GET refs")),
        (1500, gets)
    );
    // With long names, fewer refs are moved to a new snapshot, so that the manifest stays small.
    let long = |number: usize| {
        format!(
            "refs/heads/{}/{}/{}/{number}",
            "x".repeat(200),
            "y".repeat(200),
            "z".repeat(200)
        )
    };
    let updates = (0..400).map(|number| update(&long(number), None, Some(1)));
    let swap = Swap {
        updates: updates.collect(),
        floor: Some(3),
        ..Swap::default()
    };
    let state = one.swap(3, &swap).unwrap().unwrap();
    assert_eq!((state.refs.len(), state.refs.changed.len()), (1900, 0));
    let before = one.count_objects().unwrap();
    one.sweep().unwrap();
    let after = one.count_objects().unwrap();
    assert_eq!(
        (before.objects, after.objects, after.unnamed_bytes),
        (2, 1, 0)
    );
    assert_eq!(current(&open(&store)).refs.len(), 1900);
}
