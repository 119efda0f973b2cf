use tempfile::TempDir;

use super::*;
use crate::bucket::faulty_bucket::{Fault, FaultyStore};
use crate::bucket::tests::{current, empty_store, id, name, open, pack_files};
use crate::repo::{Authority as _, Freshness};

#[test]
fn a_store_is_created_once() {
    let (store, directory) = (FaultyStore::reliable(), TempDir::new().unwrap());
    let error = open(&store).state(0, Freshness::Current).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("wasmstore bucket init s3://tests/store"),
        "{error}"
    );
    let mut new = empty_store();
    new.packs.push(pack_files(&directory, b"PACK"));
    new.refs = (0..600)
        .map(|number| (name(&format!("refs/tags/v{number}")), id(number)))
        .collect();
    let created: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| open(&store).create(&new));
        let running: Vec<_> = (0..4).map(|_| start()).collect();
        running
            .into_iter()
            .map(|creation| creation.join().unwrap())
            .collect()
    });
    let (made, rejected): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), rejected.len()), (1, 3));
    let error = rejected[0].as_ref().unwrap_err();
    assert!(error.to_string().contains("it has store"), "{error}");
    let state = current(&open(&store));
    assert_eq!(
        (state.generation, state.refs.len(), state.packs.len()),
        (0, 600, 1)
    );
    assert_eq!(state.head, BranchName::parse("main").unwrap());
    let lost = FaultyStore::reliable();
    lost.script(&[Some(Fault::LostResponse)]);
    assert_eq!(open(&lost).create(&empty_store()).unwrap().generation, 0);
}
