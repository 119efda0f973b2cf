use object_store::{ObjectStore as _, PutOptions, PutPayload};
use tempfile::TempDir;

use super::*;
use crate::bucket::faulty_bucket::FaultyStore;
use crate::bucket::tests::{create, pack_files};
use crate::repo::{Authority as _, Swap};

#[test]
fn missing_and_damaged_objects_are_found() {
    let (store, directory) = (FaultyStore::reliable(), TempDir::new().unwrap());
    let bucket = create(&store);
    let packs: Vec<_> = (0..4)
        .map(|number| pack_files(&directory, &[number; 100]))
        .collect();
    let swap = Swap {
        added: packs.clone(),
        ..Swap::default()
    };
    bucket.swap(0, &swap).unwrap().unwrap();
    assert_eq!(bucket.verify().unwrap(), []);
    let key = |number: usize, extension: &str| {
        format!(
            "packs/000000000000-pack-{}.{extension}",
            packs[number].checksum
        )
    };
    let put = |key: &str, content: Vec<u8>| {
        let (key, payload) = (Path::from(key), PutPayload::from(content));
        let put = store.put_opts(&key, payload, PutOptions::default());
        futures_util::FutureExt::now_or_never(put).unwrap().unwrap();
    };
    bucket.client.delete(&key(0, "idx")).unwrap();
    let mut damaged = std::fs::read(&packs[1].pack).unwrap();
    damaged[50] ^= 1;
    put(&key(1, "pack"), damaged);
    put(&key(2, "pack"), Vec::new());
    put(&key(3, "idx"), std::fs::read(&packs[2].index).unwrap());
    let findings: Vec<_> = bucket
        .verify()
        .unwrap()
        .into_iter()
        .map(|finding| (finding.key, finding.problem))
        .collect();
    let no_checksum = "its content does not have the checksum at its end".to_owned();
    let size = "the pack and its index have 49 bytes instead of 169".to_owned();
    let stem = key(2, "").trim_end_matches('.').to_owned();
    let expected = [
        (key(0, "idx"), "it is missing".to_owned()),
        (key(1, "pack"), no_checksum.clone()),
        (key(2, "pack"), no_checksum),
        (stem, size),
        (
            key(3, "idx"),
            format!("it belongs to another pack, {}", packs[2].checksum),
        ),
    ];
    assert_eq!(findings, expected);
}
