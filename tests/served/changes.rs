//! Commands that write: the same ones on two stores, one of them behind a server.

use super::Twin;
use crate::support::program::{CommandOutput, FORMATS, World, is_report, module};

/// Returns the result of a run without commit ids, which depend on the time: those in the report of a change, and in JSON.
fn result(ran: CommandOutput) -> (Option<i32>, String, String) {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut out = ran.out;
    for field in ["commit", "forwarded_from", "moved_from", "undid"] {
        if let Some((before, after)) = out.split_once(&format!("\"{field}\":\"")) {
            let (_, after) = after.split_once('"').unwrap();
            out = format!("{before}\"{field}\":\"id\"{after}");
        }
    }
    // A command in a report or a hint selects the same store.
    let mut err = ran.err;
    while let Some((before, after)) = err.split_once(" --root http") {
        let end = after.find([' ', '`', '\n']).unwrap();
        err = format!("{before}{}", &after[end..]);
    }
    if is_report(&err) {
        let is_outside = |c: char| !c.is_ascii_alphanumeric();
        let words =
            err.split_inclusive([' ', '\n'])
                .map(|word| match word.trim_matches(is_outside) {
                    id if id.len() == 10 && is_hex(id) => word.replace(id, "id"),
                    _ => word.to_owned(),
                });
        err = words.collect();
    }
    (ran.code, out, err)
}

/// Returns the history and the trees of every branch, without commit ids and dates.
fn state(world: &World) -> String {
    let mut state = world.git(&["symbolic-ref", "HEAD"]);
    let refs = world.git(&["for-each-ref", "--format=%(refname)"]);
    for name in refs.lines() {
        let format = "--format=%T %an <%ae> %B";
        let log = world.git(&["log", "--first-parent", format, name]);
        let lines = log.lines().filter(|line| !line.starts_with("Restores: "));
        state.push_str(&format!("\n{name}\n"));
        state.push_str(&lines.collect::<Vec<_>>().join("\n"));
    }
    state
}

#[test]
fn every_write_has_the_same_result_on_a_directory_and_over_http() {
    for format in FORMATS {
        let local = World::with_store(format);
        let remote = Twin::of(World::with_store(format));
        for world in [&local, &remote.world] {
            for n in 1..5 {
                let _ = world.file(&format!("{n}.wasm"), module(n));
            }
            world.file("no.wasm", "no");
        }
        let one = local.hash(1);
        let unknown = "1".repeat(one.len());
        for args in [
            &["add", "1.wasm"][..],
            &[
                "add",
                "2.wasm",
                "1.wasm",
                "-m",
                "Größe\n\n100 %",
                "--author",
                "Jörg Ä <j@x>",
            ],
            &["add", "2.wasm", "1.wasm", "--json"],
            &["add", "3.wasm", "dir/odd ?&#%.wasm", "--json"],
            &["add", "no.wasm", "x"],
            &["add", "missing.wasm", "x"],
            &["add", "1.wasm", "dir"],
            &["add", "1.wasm", "1.wasm/below"],
            &["add", "1.wasm", "a", "--branch", "nope"],
            &["add", "1.wasm", "a", "--author", "<"],
            &["set", &one, "set.wasm", "--json"],
            &["set", &unknown, "set.wasm"],
            &["set", "x", "set.wasm"],
            &["branch", "dev"],
            &["branch", "dev"],
            &["branch", "dev/x"],
            &["branch", "old", "--from", "dev", "--json"],
            &["branch", "odd", "--from", "nope"],
            &["add", "4.wasm", "four.wasm", "--branch", "dev"],
            &["add", "4.wasm", "1.wasm", "--branch", "old"],
            &["merge", "dev", "--json"],
            &["add", "3.wasm", "1.wasm"],
            &["merge", "old", "--no-ff", "--json"],
            &["merge", "nope"],
            &["copy", "1.wasm", "a/b/"],
            &["copy", "1.wasm", "a/b"],
            &["copy", "1.wasm", "set.wasm", "dir/", "--json"],
            &["copy", "none", "x"],
            &["mv", "a", "odd ?*&", "-m", "Größe"],
            &["mv", "odd ?*&", "odd ?*&/below"],
            &["mv", "1.wasm", "set.wasm", "nowhere"],
            &["mv", "set.wasm", "1.wasm", "--force", "--json"],
            &["remove", "dir/*", "1.wasm", "--json"],
            &["remove", "dir/*", "none*"],
            &["remove", "od*"],
            &["remove", "odd ?*&", "--recursive"],
            &["rollback"],
            &["rollback"],
            &["remove", "dir"],
            &["remove", "dir", "--recursive", "--json"],
            &["remove", "four.wasm"],
            &["remove", "four.wasm"],
            &["remove", &unknown],
            &["rollback", "1.wasm", "--json"],
            &["rollback"],
            &["rollback", "never"],
            &["restore", &unknown],
            &["restore", "x"],
            &["tag", "v1"],
            &["tag", "v1"],
            &["tag", "v1/x"],
            &["tag", "v1", "dev", "--force", "--json"],
            &["tag", "rel/\u{f6}", "old", "-m", "100 %", "--json"],
            &["tag", "odd", "nope"],
            &["tag", "--list"],
            &["tag", "v1", "--delete", "--json"],
            &["tag", "v1", "--delete"],
            &["branch", "--default", "dev"],
            &["branch", "--default", "new"],
            &["branch", "new", "--delete"],
            &["branch", "old", "--delete", "--json"],
            &["branch", "gone", "--delete"],
            &["remove", &one, "--branch", "main"],
            &[
                "gc",
                "--branch",
                "main",
                "--keep-last",
                "1",
                "--dry-run",
                "--json",
            ],
            &["gc", "--branch", "main", "--keep-last", "1", "--dry-run"],
            &["gc", "--branch", "main", "--keep-tags", "never"],
            &["gc", "--branch", "main", "--keep-last", "1", "--quiet"],
            &["gc", "--branch", "main", "--json"],
            &["gc", "--keep-history"],
            &["rollback", "--branch", "main"],
        ] {
            let (local_result, remote_result) =
                (result(local.run(args)), result(remote.served(args)));
            // The number of bytes that gc frees differs.
            if args.contains(&"--json") && args[0] == "gc" {
                assert_eq!(remote_result.0, local_result.0, "{args:?}");
            } else if args[0] == "gc" {
                let without_sizes = |(code, out, err): (Option<i32>, String, String)| {
                    let line = |line: &str| match line.starts_with("freed ") {
                        true => line.replace(|c: char| c.is_ascii_digit(), ""),
                        false => line.to_owned(),
                    };
                    (code, out, err.lines().map(line).collect::<Vec<_>>())
                };
                assert_eq!(
                    without_sizes(remote_result),
                    without_sizes(local_result),
                    "{args:?}"
                );
            } else {
                assert_eq!(remote_result, local_result, "{args:?}");
            }
            if format == "sha1" {
                assert_eq!(state(&remote.world), state(&local), "{args:?}");
            }
        }
        assert_eq!(state(&remote.world), state(&local));
        remote.world.fsck();
    }
}

#[test]
fn several_files_have_the_same_result_on_a_directory_and_over_http() {
    let local = World::with_store("sha1");
    let remote = Twin::of(World::with_store("sha1"));
    for world in [&local, &remote.world] {
        for (n, name) in [
            "1.wasm",
            "2.wasm",
            "in/d/größe.wasm",
            "in/a,b.wasm",
            "in2/a,b.wasm",
        ]
        .into_iter()
        .enumerate()
        {
            world.file(name, module(n as u32));
        }
        world.file("no.wasm", "no");
        world.file("bad/no.wasm", "no");
        std::fs::create_dir(world.path("nothing")).unwrap();
    }
    for args in [
        &["add", "1.wasm", "2.wasm", "several/"][..],
        &[
            "add",
            "1.wasm",
            "2.wasm",
            "several",
            "--if-absent",
            "--json",
        ],
        &["add", "1.wasm", "/"],
        &["add", "1.wasm", "no.wasm", "bad/"],
        &["add", "1.wasm", "missing.wasm", "bad/"],
        &["add", "1.wasm", "in", "bad/"],
        &["add", "1.wasm", "in/../1.wasm", "bad/"],
        &["add", "1.wasm", "2.wasm", "1.wasm"],
        &["add", "1.wasm", "2.wasm", "new/1.wasm", "-m", "Two"],
        &["add", "1.wasm", "2.wasm", "several/1.wasm/below"],
        &["add", "2.wasm", "x/", "--branch", "none"],
        &["add", "--dry-run", "1.wasm", "2.wasm", "several/", "--json"],
        &["add", "--dry-run", "2.wasm", "several/1.wasm"],
        &["add", "--dry-run", "2.wasm", "several"],
        &["add", "--dry-run", "2.wasm", "several/1.wasm/x"],
        &[
            "add",
            "--dry-run",
            "2.wasm",
            "several/1.wasm",
            "--if-absent",
        ],
        &["add", "--dry-run", "no.wasm", "new"],
        &["add", "--dry-run", "2.wasm", "new", "--branch", "none"],
        &["import", "in", "x/y", "-m", "Größe"],
        &["import", "in", "x/y", "--if-absent", "--json"],
        &["import", "in2", "x/y", "--if-absent"],
        &["import", "in2", "x/y", "--json"],
        &["import", "in", "1.wasm"],
        &["import", "bad"],
        &["import", "nothing", "--json"],
        &["import", "nothing", "--branch", "none"],
        &["import", "missing"],
    ] {
        let (local_result, remote_result) = (result(local.run(args)), result(remote.served(args)));
        assert_eq!(remote_result, local_result, "{args:?}");
        assert_eq!(state(&remote.world), state(&local), "{args:?}");
    }
    let list = remote.world.ok(&["list", "several"]);
    assert_eq!(list.lines().count(), 2, "{list}");
    remote.world.fsck();
}

#[test]
fn restore_works_over_http() {
    let twin = Twin::of(World::with_store("sha1"));
    twin.world.add("a", 1);
    let then = twin.world.tip();
    twin.world.add("a", 2);
    twin.world.add("b", 3);
    for (args, expected) in [
        (
            &["restore", &then, "a"][..],
            format!("{}\t/a\n{}\t/b\n", twin.world.hash(1), twin.world.hash(3)),
        ),
        (&["restore", &then], format!("{}\t/a\n", twin.world.hash(1))),
    ] {
        let ran = twin.served(args);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (Some(0), ""),
            "{args:?}: {}",
            ran.err
        );
        assert_eq!(twin.world.ok(&["list"]), expected);
    }
}

#[test]
fn more_names_than_a_url_can_have_are_sent_in_a_body() {
    let twin = Twin::of(World::with_store("sha1"));
    let names: Vec<_> = (0..60)
        .map(|n| format!("{}/{n}.wasm", "long".repeat(40)))
        .collect();
    for (n, name) in names.iter().enumerate().take(3) {
        twin.world.add(name, n as u32);
    }
    for name in &names[3..] {
        twin.world.changes(&["copy", &names[0], name]);
    }
    let run = |first: &[&str], last: &[&str]| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let ran = twin.served(&[first, &names, last].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.err
    };
    assert!(run(&["copy"], &["copies/"]).starts_with("committed "));
    let again = [
        &["copy"],
        &*names.iter().map(String::as_str).collect::<Vec<_>>(),
        &["copies/"],
    ]
    .concat();
    let refused = twin.served(&again);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.err.contains("--force"), "{refused:?}");
    assert!(run(&["mv"], &["moved/"]).starts_with("committed "));
    let moved: Vec<_> = names
        .iter()
        .map(|name| format!("moved/{}", name.rsplit('/').next().unwrap()))
        .collect();
    let longer: Vec<_> = moved
        .iter()
        .map(|name| format!("{}{name}", "/".repeat(80)))
        .collect();
    let args: Vec<_> = ["remove"]
        .into_iter()
        .chain(longer.iter().map(String::as_str))
        .collect();
    let removed = twin.served(&args);
    assert!(
        removed.err.ends_with(": removed 60 modules\n"),
        "{removed:?}"
    );
    assert_eq!(twin.world.ok(&["list"]).lines().count(), 60);
}
