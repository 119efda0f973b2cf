//! Changes on the command line: exit code 5, and one line that reports the full disk.

use std::fs;

use super::disk::{RESOURCES, Resource};
use super::fixture::{StoreContent, disk, incompressible};
use super::repeat::{WriteOutcome, is_no_space, repeat_until_it_fits};
use crate::support::program::{CommandOutput, reason};

/// The arguments. `HASH` and `OLD` are replaced by those of [`StoreContent`].
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

/// Returns the outcome of a command: exit code 0, or 5 with the reason.
#[track_caller]
pub fn outcome_of(ran: &CommandOutput, args: &[&str]) -> WriteOutcome {
    match ran.code {
        Some(0) => WriteOutcome::Done,
        Some(5) => {
            assert_eq!(ran.out, "");
            let reason = reason(&ran.err, args);
            assert!(is_no_space(&reason), "{args:?}: {reason}");
            WriteOutcome::NoSpace
        }
        _ => panic!("{args:?}: {ran:?}"),
    }
}

/// Repeats each change with more and more of the resource.
fn each_change(resource: Resource) {
    for change in CHANGES {
        let Some((disk, StoreContent { hash, old })) = disk() else {
            return;
        };
        disk.world.file("new", incompressible(5, 9000));
        fs::create_dir(disk.world.path("many")).unwrap();
        for n in 0..12 {
            disk.world
                .file(&format!("many/{n}.wasm"), incompressible(100 + n, 3000));
        }
        let args: Vec<_> = (change.iter())
            .map(|argument| match *argument {
                "HASH" => hash.as_str(),
                "OLD" => old.as_str(),
                other => other,
            })
            .collect();
        repeat_until_it_fits(&disk, resource, &args.join(" "), || {
            outcome_of(&disk.world.run(&args), &args)
        });
        disk.world.file("more", incompressible(6, 9000));
        disk.world.changes(&["add", "more", "more.wasm"]);
    }
}

#[test]
fn each_command_fails_with_5_until_enough_blocks_are_free() {
    each_change(Resource::Blocks);
}

#[test]
fn each_command_fails_with_5_until_enough_inodes_are_free() {
    each_change(Resource::Inodes);
}

#[test]
fn a_branch_that_cannot_become_the_default_is_not_created() {
    for resource in RESOURCES {
        let Some((disk, _)) = disk() else { return };
        let args = ["branch", "--default", "new"];
        repeat_until_it_fits(&disk, resource, "branch --default", || {
            outcome_of(&disk.world.run(&args), &args)
        });
    }
}
