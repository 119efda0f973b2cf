//! Objects whose bytes on the disk are damaged: a write that is acknowledged can be read, although the store has a damaged copy of the
//! module, and the recipes of `docs/restore.md` repair it.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::support::program::{World, module};
use crate::support::server::Server;

/// Returns a module of about `bytes` bytes, which consist of one custom section.
fn large_module(bytes: usize) -> Vec<u8> {
    let mut x = 1u32;
    let noise = std::iter::repeat_with(|| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    });
    let size = bytes + 2;
    let leb = [0, 7, 14, 21].map(|shift| {
        let more = if shift < 21 { 0x80 } else { 0 };
        (size >> shift & 0x7f) as u8 | more
    });
    let head = [b"\0asm\x01\0\0\0\0", &leb[..], b"\x01v"].concat();
    head.into_iter().chain(noise.take(bytes)).collect()
}

/// Overwrites bytes of a file, which may be read-only.
fn overwrite(path: &Path, at: u64) {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&[0xff; 3], at).unwrap();
}

fn files_of(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|part| part == extension))
        .collect()
}

/// Damages the packed object with this id. Returns whether a pack has it.
fn damage_packed(world: &World, id: &str) -> bool {
    let mut is_found = false;
    for index in files_of(&world.root().join("objects/pack"), "idx") {
        let listed = world.git(&["verify-pack", "-v", index.to_str().unwrap()]);
        let line = listed.lines().find(|line| line.starts_with(id));
        if let Some(line) = line {
            let offset = line.split_whitespace().nth(4).unwrap();
            overwrite(
                &index.with_extension("pack"),
                offset.parse::<u64>().unwrap() + 8,
            );
            is_found = true;
        }
    }
    is_found
}

fn damage_loose(world: &World, id: &str) -> bool {
    let file = world
        .root()
        .join(format!("objects/{}/{}", &id[..2], &id[2..]));
    let is_loose = file.exists();
    if is_loose {
        overwrite(&file, 1_000);
    }
    is_loose
}

/// How the bytes of a module become damaged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Loose,
    Packed,
    /// In a pack that gc wrote.
    Collected,
}

/// Returns a world with a store in which the module at `/a.wasm` is damaged, and the bytes of that module.
fn damaged(place: Place) -> (World, Vec<u8>) {
    let world = World::with_store("sha1");
    let bytes = if place == Place::Packed {
        module(1)
    } else {
        large_module(200_000)
    };
    world.file("good.wasm", &bytes);
    let id = world.changes(&["add", "good.wasm", "/a.wasm"]);
    let id = id.trim_end();
    if place == Place::Collected {
        world.changes(&["gc", "--keep-history"]);
    }
    let is_damaged = match place {
        Place::Loose => damage_loose(&world, id),
        Place::Packed | Place::Collected => damage_packed(&world, id),
    };
    assert!(is_damaged, "{place:?}");
    assert_eq!(world.run(&["verify"]).code, Some(5), "{place:?}");
    (world, bytes)
}

/// Asserts that the module at a path can be read, and that the store has no fault. A damaged pack stays until the next `gc`.
#[track_caller]
fn assert_repaired(world: &World, path: &str, bytes: &[u8], place: Place) {
    let found = world.run(&["find", path, "-o", "found.wasm"]);
    assert_eq!(found.code, Some(0), "{place:?} {found:?}");
    assert!(fs::read(world.path("found.wasm")).unwrap() == bytes);
    fs::remove_file(world.path("found.wasm")).unwrap();
    let verified = world.run(&["verify"]);
    assert!(
        verified.out.ends_with("faults 0\n"),
        "{place:?} {verified:?}"
    );
    assert_eq!(verified.code, Some(0), "{place:?} {verified:?}");
    if place != Place::Loose {
        let collected = world.run(&["gc", "--keep-history"]);
        assert_eq!(collected.code, Some(0), "{place:?} {collected:?}");
    }
    world.fsck();
    assert!(world.ok(&["verify"]).ends_with("faults 0\n"));
}

const PLACES: [Place; 3] = [Place::Loose, Place::Packed, Place::Collected];

#[test]
fn adding_a_damaged_module_again_repairs_it() {
    for place in PLACES {
        for path in ["/a.wasm", "/other/b.wasm"] {
            let (world, bytes) = damaged(place);
            let added = world.run(&["add", "good.wasm", path]);
            assert_eq!(added.code, Some(0), "{place:?} {added:?}");
            assert_repaired(&world, path, &bytes, place);
        }
    }
}

#[test]
fn a_damaged_module_that_is_uploaded_again_over_http_is_repaired() {
    for place in PLACES {
        for path in ["a.wasm", "b.wasm"] {
            let (world, bytes) = damaged(place);
            let server = Server::start(&world, &[]);
            let url = format!("/api/v1/module/{path}");
            for _ in 0..2 {
                assert_eq!(
                    server.send("POST", &url, &[], &bytes).status,
                    200,
                    "{place:?}"
                );
                let read = server.get(&url);
                assert_eq!(read.status, 200, "{place:?} {}", read.head);
                assert!(read.body == bytes);
            }
            drop(server);
            assert_repaired(&world, &format!("/{path}"), &bytes, place);
        }
    }
}

/// The recipe of `docs/restore.md` for objects that are no modules.
#[test]
fn the_packs_of_a_backup_replace_a_damaged_one() {
    for kind in ["HEAD", "HEAD^{tree}", "HEAD:a.wasm"] {
        let world = World::with_store("sha1");
        world.add("a.wasm", 1);
        world.ok(&["backup", "b.tar.gz"]);
        let id = world.git(&["rev-parse", kind]);
        assert!(damage_packed(&world, &id));
        assert_ne!(world.run(&["verify"]).code, Some(0), "{kind}");
        fs::create_dir(world.path("restored")).unwrap();
        let root = world.root();
        let recipe = format!(
            "tar -xzf b.tar.gz -C restored && cp -f restored/objects/pack/* {}/objects/pack/",
            root.display()
        );
        let copied = world.command("sh").args(["-c", &recipe]).status();
        assert!(copied.unwrap().success());
        assert!(world.ok(&["verify"]).ends_with("faults 0\n"), "{kind}");
        world.changes(&["gc", "--keep-history"]);
        assert!(world.ok(&["verify"]).ends_with("faults 0\n"), "{kind}");
    }
}
