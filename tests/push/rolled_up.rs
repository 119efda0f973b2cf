//! The packs of many pushes are rolled up, and their deltas are copied.

use super::Clone;
use crate::support::program::{World, module};

/// Returns a module that is large enough for git to store the next version as a delta.
fn version(n: u32) -> Vec<u8> {
    let mut bytes = module(0);
    let content: Vec<u8> = (0..2000u32)
        .flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes())
        .collect();
    let content = [b"\x01x".as_slice(), &content, &n.to_le_bytes()].concat();
    bytes.push(0);
    let mut rest = content.len();
    while rest > 127 {
        bytes.push((rest & 127) as u8 | 128);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend(content);
    bytes
}

#[test]
fn packs_of_many_pushes_are_rolled_up_with_their_deltas() {
    let world = World::with_store("sha1");
    let clone = Clone::of(&world, "clone");
    for n in 0..70 {
        clone.commit("m", version(n));
        let ran = clone.run(&["push", "-q", "origin", "main"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
    }
    // The note lists the new pack and those that it was copied from. The next roll-up deletes these.
    let note = std::fs::read_to_string(world.root().join("wasmstore/rolled-up")).unwrap();
    assert!(note.lines().count() >= 64, "{note}");
    let packs = world.root().join("objects/pack");
    for old in note.lines().skip(1) {
        for part in ["idx", "pack"] {
            std::fs::remove_file(packs.join(format!("pack-{old}.{part}"))).unwrap();
        }
        let _ = std::fs::remove_file(packs.join(format!("pack-{old}.rev")));
    }
    world.fsck();
    let deltas = world.git(&[
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(deltabase)",
    ]);
    let deltas = deltas
        .lines()
        .filter(|base| base.bytes().any(|byte| byte != b'0'));
    assert!(deltas.count() > 20, "the deltas were copied");
    assert_eq!(world.ok(&["versions", "m"]).lines().count(), 70);
    assert_eq!(world.ok(&["verify"]).lines().count(), 1);
    world.ok(&["gc", "--keep-history"]);
    world.fsck();
}
