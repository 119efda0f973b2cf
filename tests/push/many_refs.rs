//! Pushes of too many refs, and of refs whose names are not UTF-8.

use super::Clone;
use crate::support::program::World;

#[test]
fn a_push_of_too_many_refs_is_refused_with_the_limit() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let commit = clone.module("m", 1);
    let refs = (0..4097).map(|n| format!("create refs/heads/many/{n} {commit}\n"));
    let refs: String = refs.collect();
    clone.git_with_input(&["update-ref", "--stdin"], refs.as_bytes());
    let seen = clone.refused(&["refs/heads/many/*:refs/heads/*"]);
    let reason = "the push updates more than 4096 refs: push fewer refs at a time";
    assert!(
        seen.contains(&format!("remote: wasmstore: {reason}")),
        "{seen}"
    );
    assert!(
        seen.contains("remote: wasmstore: push refused: 1 problem"),
        "{seen}"
    );
}

#[test]
fn a_ref_name_that_is_not_utf_8_is_refused() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    let commit = clone.module("m", 1);
    let line = [b"create refs/heads/odd\xff ", commit.as_bytes(), b"\n"].concat();
    clone.git_with_input(&["update-ref", "--stdin"], &line);
    let seen = clone.refused(&["refs/heads/odd*:refs/heads/odd*", "main:refs/heads/good"]);
    let reason = "refs/heads/odd\u{fffd}: the name of a ref is not UTF-8";
    assert!(
        seen.contains(&format!("remote: wasmstore: {reason}")),
        "{seen}"
    );
    assert!(
        seen.contains("remote: wasmstore: push refused: 1 problem"),
        "{seen}"
    );
}
