//! `log --follow`: the history of a module across moves, compared with that of git.

use serde_json::Value;

use crate::support::program::World;

/// Returns the commits that `git log --follow` prints. Only files with the same bytes count as moved.
fn git_follow(world: &World, path: &str) -> Vec<String> {
    let log = world.git(&[
        "log",
        "--follow",
        "-M100%",
        "--format=%H",
        "main",
        "--",
        path,
    ]);
    log.lines().map(str::to_owned).collect()
}

fn follow(world: &World, args: &[&str]) -> Vec<Value> {
    let json = world.json(&[&["log", "--follow"], args].concat());
    json.as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Creates a store in which a module was moved three times, once with its directory, and another one to the path that it had before.
fn moved(format: &str) -> World {
    let world = World::with_store(format);
    world.add("first/a.wasm", 1);
    world.add("first/b.wasm", 2);
    world.add("first/a.wasm", 3);
    world.changes(&["mv", "first/a.wasm", "second.wasm"]);
    world.add("second.wasm", 4);
    world.add("first/a.wasm", 5);
    world.changes(&["mv", "second.wasm", "dir/second.wasm"]);
    world.add("other.wasm", 6);
    world.changes(&["mv", "dir", "third"]);
    world.add("third/second.wasm", 7);
    world
}

#[test]
fn the_history_goes_on_at_the_earlier_paths_as_in_git() {
    for world in ["sha1", "sha256"].map(moved) {
        for path in [
            "third/second.wasm",
            "first/a.wasm",
            "first/b.wasm",
            "other.wasm",
        ] {
            let commits: Vec<_> = follow(&world, &[path])
                .iter()
                .map(|commit| text(&commit["commit"]))
                .collect();
            assert_eq!(commits, git_follow(&world, path), "{path}");
        }
        let log = follow(&world, &["third/second.wasm"]);
        let paths: Vec<_> = log.iter().map(|commit| text(&commit["path"])).collect();
        let expected = [
            "/third/second.wasm",
            "/third/second.wasm",
            "/dir/second.wasm",
            "/second.wasm",
            "/second.wasm",
            "/first/a.wasm",
            "/first/a.wasm",
        ];
        assert_eq!(paths, expected);
        let plain = world.run(&["log", "--plain", "third/second.wasm"]);
        assert_eq!(plain.out.matches("Module: ").count(), 2);
        let followed = world.run(&["log", "--plain", "--follow", "third/second.wasm"]);
        assert_eq!(followed.out.matches("Module: ").count(), 7);
        assert_eq!(followed.out.matches("Path: /second.wasm\n").count(), 2);
        assert_eq!(followed.err, "");
    }
}

#[test]
fn options_of_log_count_for_the_whole_history() {
    let world = moved("sha1");
    let all = follow(&world, &["third/second.wasm"]);
    let part = |args: &[&str]| follow(&world, &[args, &["third/second.wasm"]].concat());
    assert_eq!(part(&["--skip", "2", "-n", "3"]), all[2..5]);
    assert_eq!(part(&["-n", "6"]), all[..6]);
    assert_eq!(part(&["-n", "0"]), [] as [Value; 0]);
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(part(&["--reverse"]), reversed);
    assert_eq!(part(&["--since", "9999-01-01"]), [] as [Value; 0]);
    assert_eq!(part(&["--commit", "main~1"]), all[1..]);
    let short = world.ok(&["log", "--follow", "--oneline", "third/second.wasm"]);
    assert_eq!(short.lines().count(), all.len());
    let grown: Vec<_> = part(&["--export", "f3"])
        .iter()
        .map(|commit| text(&commit["path"]))
        .collect();
    assert_eq!(grown, ["/second.wasm", "/first/a.wasm"]);
    world.fails(2, &["log", "--follow"]);
    let unknown = world.fails(1, &["log", "--follow", "none.wasm"]);
    assert_eq!(unknown, "there has never been anything at /none.wasm");
    // A directory has no module to follow.
    let directory = follow(&world, &["first"]);
    assert_eq!(
        directory.len(),
        world.json(&["log", "first"]).as_array().unwrap().len()
    );
}
