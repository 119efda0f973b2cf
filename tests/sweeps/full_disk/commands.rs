//! Changes on the command line: exit code 5, and one line that says that the disk is full.

use std::fs;

use super::changes::{Content, disk, incompressible};
use super::disk::{ROOMS, Room};
use super::stepwise::{Tried, says_no_room, until_it_fits};
use crate::support::program::{Ran, reason};

/// The arguments; `HASH` and `OLD` stand for what the store has.
const CHANGES: [&[&str]; 11] = [
    &["add", "new", "f/g.wasm"],
    &["set", "HASH", "f/h.wasm"],
    &["remove", "c.wasm"],
    &["remove", "HASH"],
    &["restore", "OLD"],
    &["rollback", "a/b.wasm"],
    &["branch", "new/one"],
    &["branch", "--default", "other"],
    &["branch", "other", "--delete"],
    &["merge", "other"],
    &["import", "many", "imported"],
];

/// Exit code 0, or 5 with the reason.
#[track_caller]
pub fn tried(ran: &Ran, args: &[&str]) -> Tried {
    match ran.code {
        Some(0) => Tried::Done,
        Some(5) => {
            assert_eq!(ran.out, "");
            let reason = reason(&ran.err, args);
            assert!(says_no_room(&reason), "{args:?}: {reason}");
            Tried::NoRoom
        }
        _ => panic!("{args:?}: {ran:?}"),
    }
}

fn each_change(room: Room) {
    for change in CHANGES {
        let Some((disk, Content { hash, old })) = disk() else {
            return;
        };
        disk.world.file("new", incompressible(5, 9000));
        fs::create_dir(disk.world.path("many")).unwrap();
        for n in 0..12 {
            disk.world
                .file(&format!("many/{n}.wasm"), incompressible(100 + n, 3000));
        }
        let args = change.iter().map(|argument| match *argument {
            "HASH" => hash.as_str(),
            "OLD" => old.as_str(),
            other => other,
        });
        let args: Vec<_> = args.collect();
        until_it_fits(&disk, room, &args.join(" "), || {
            tried(&disk.world.run(&args), &args)
        });
        disk.world.file("more", incompressible(6, 9000));
        disk.world.changes(&["add", "more", "more.wasm"]);
    }
}

#[test]
fn each_command_fails_with_5_until_there_are_blocks_for_it() {
    each_change(Room::Blocks);
}

#[test]
fn each_command_fails_with_5_until_there_are_inodes_for_it() {
    each_change(Room::Inodes);
}

#[test]
fn a_default_branch_that_cannot_be_set_is_not_made_either() {
    for room in ROOMS {
        let Some((disk, _)) = disk() else { return };
        let args = ["branch", "--default", "new"];
        until_it_fits(&disk, room, "branch --default", || {
            tried(&disk.world.run(&args), &args)
        });
    }
}
