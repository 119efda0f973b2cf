//! Scheduled maintenance: `server --gc-every --verify-every`.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::program::World;
use crate::support::server::Server;

/// A time limit far above the time that any step needs.
const LONG: Duration = Duration::from_secs(30);

fn metric(server: &Server, name: &str) -> Option<f64> {
    let metrics = server.get("/metrics").text().to_owned();
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

/// Waits until a metric has a value that `is_expected`, and returns the value. A task logs that it is done before it records its result.
fn wait_for_metric(server: &Server, name: &str, is_expected: impl Fn(f64) -> bool) -> f64 {
    let began = Instant::now();
    loop {
        let value = metric(server, name);
        match value {
            Some(value) if is_expected(value) => return value,
            _ => assert!(began.elapsed() < LONG, "{name}: {value:?}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

const GC: &str = "wasmstore_gc_last_success_timestamp_seconds";
const VERIFY: &str = "wasmstore_verify_last_success_timestamp_seconds";

/// Counts the occurrences of a text in the logs.
fn count(servers: &[&Server], text: &str) -> usize {
    let logs = servers.iter().map(|server| server.log());
    logs.map(|log| log.matches(text).count()).sum()
}

#[test]
fn gc_and_verify_run_on_schedule_and_not_again_after_a_restart() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    world.add("a", 2);
    let garbage = world.file("garbage", "nobody needs this");
    world.git(&["hash-object", "-w", world.path(garbage).to_str().unwrap()]);
    let often = ["--gc-every", "1s", "--verify-every", "1s"];
    let server = Server::start(&world, &often);
    assert_eq!(metric(&server, GC), None);
    server.wait_for("gc is done");
    server.wait_for("verify is done");
    assert!(
        server.log().contains("gc is done removed=1 "),
        "{}",
        server.log()
    );
    wait_for_metric(&server, VERIFY, |time_s| time_s > 0.0);
    let faults = metric(&server, "wasmstore_verify_faults");
    assert_eq!(faults, Some(0.0));
    assert_eq!(metric(&server, "wasmstore_gc_failures"), Some(0.0));
    server.signal("TERM");
    server.wait();
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "3", "history");

    let seldom = ["--gc-every", "2h", "--verify-every", "1d 12h"];
    let server = Server::start(&world, &seldom);
    assert!(metric(&server, GC) > Some(0.0), "the first server ran gc");
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(!log.contains("as scheduled"), "{log}");

    // The state is derived data: it may be missing or malformed.
    fs::write(world.root().join("wasmstore/maintenance.json"), "[]").unwrap();
    let squashing = ["--gc-every", "1s", "--gc-squash"];
    let server = Server::start(&world, &squashing);
    server.wait_for("gc is done");
    assert_eq!(metric(&server, VERIFY), None);
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "1");
    world.fsck();
}

#[test]
fn schedule_state_must_be_a_small_regular_file() {
    let world = World::with_store("sha1");
    let own = world.root().join("wasmstore");
    let notes = own.join("maintenance.json");
    world.pipe(notes.to_str().unwrap());
    world.pipe(own.join("maintenance.new").to_str().unwrap());
    let server = Server::start(&world, &["--gc-every", "1s"]);
    assert_eq!(server.get("/metrics").status, 200);
    server.wait_for("gc is done");
    wait_for_metric(&server, GC, |time_s| time_s > 0.0);
    server.signal("TERM");
    server.wait();
    assert!(notes.symlink_metadata().unwrap().is_file());
    // A symbolic link and a file that is far too large count as missing.
    let elsewhere = world.path(world.file("elsewhere", ""));
    fs::rename(&notes, &elsewhere).unwrap();
    let noted = fs::read(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &notes).unwrap();
    let done = || {
        let server = Server::start(&world, &["--gc-every", "2h"]);
        metric(&server, GC)
    };
    assert_eq!(done(), None);
    assert_eq!(fs::read(&elsewhere).unwrap(), noted);
    let _ = fs::remove_file(&notes);
    fs::write(&notes, &noted).unwrap();
    assert!(done() > Some(0.0));
    let filled = [&noted[..], &[b' '; 64 << 10]].concat();
    fs::write(&notes, filled).unwrap();
    assert_eq!(done(), None);
}

#[test]
fn servers_of_a_store_take_turns() {
    let world = World::with_store("sha1");
    let began = Instant::now();
    let args = ["--verify-every", "1s"];
    let servers = [Server::start(&world, &args), Server::start(&world, &args)];
    let [one, other] = &servers;
    while count(&[one, other], "verify is done") < 2 {
        assert!(began.elapsed() < LONG, "{}{}", one.log(), other.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(500));
    let done = count(&[one, other], "verify begins");
    let most = began.elapsed().as_secs();
    assert!(done as u64 <= most, "{done} times in {most} seconds");
    assert_eq!(metric(one, VERIFY), metric(other, VERIFY));
}

#[test]
fn scheduled_verify_reports_faults() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let nothing = "1".repeat(40) + "\n";
    fs::write(world.root().join("refs/heads/broken"), nothing).unwrap();
    let server = Server::start(&world, &["--verify-every", "1s", "--log-json"]);
    server.wait_for("verify is done");
    let log = server.log();
    let events = log.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event
    });
    let found: Vec<_> = events
        .filter(|event| event["message"] == "verify found a fault")
        .collect();
    let fault = found.first().unwrap_or_else(|| panic!("{log}"));
    assert_eq!(fault["level"], "ERROR");
    assert!(fault["reason"].is_string() && fault["subject"].is_string());
    wait_for_metric(&server, "wasmstore_verify_faults", |faults| faults >= 1.0);
    assert_eq!(
        server.get("/healthz").status,
        200,
        "the server still serves"
    );
}

#[test]
fn replica_runs_gc_and_keeps_its_history() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    world.add("a", 2);
    let primary = Server::start(&world, &[]);
    let url = format!("http://{}", primary.address);
    let args = ["--replica-of", &url, "--gc-every", "1s"];
    let replica = Server::start(&other, &args);
    replica.wait_for("gc is done");
    assert_eq!(other.tip(), world.tip());
    assert_eq!(metric(&replica, "wasmstore_gc_failures"), Some(0.0));
    other.fsck();
}

#[test]
fn scheduled_gc_drops_old_versions() {
    let world = World::with_store("sha1");
    for n in 1..=4 {
        world.add("a", n);
    }
    let server = Server::start(&world, &["--gc-every", "1s", "--gc-keep-last", "2"]);
    server.wait_for("gc dropped history");
    server.wait_for("gc is done");
    assert_eq!(world.ok(&["versions", "a"]).lines().count(), 2);
    world.fsck();
}

#[test]
fn scheduled_gc_logs_which_refs_keep_old_versions() {
    let world = World::with_store("sha1");
    for n in 1..=4 {
        world.add("a", n);
    }
    world.git(&["tag", "v1", "main~1"]);
    let server = Server::start(&world, &["--gc-every", "1s", "--gc-keep-last", "1"]);
    server.wait_for("gc kept versions for other refs");
    server.wait_for("tag v1");
}

#[test]
fn gc_reports_which_refs_keep_old_versions() {
    let world = World::with_store("sha1");
    for n in 1..=6 {
        world.add("a", n);
        world.add("b", n);
    }
    for (name, at) in [("v2", "main~4"), ("v1", "main~6")] {
        world.git(&["tag", name, at]);
    }
    let server = Server::start(&world, &[]);
    let url = format!("http://{}", server.address);
    let gc = |more: &[&str]| {
        let args = [&["gc", "--keep-last", "1", "--dry-run", "a"], more].concat();
        let (ran, remote) = (
            world.run(&args),
            world.run(&[&args[..], &["--root", &url]].concat()),
        );
        assert_eq!((&ran.out, &ran.err), (&remote.out, &remote.err), "{args:?}");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        // The first line says how much would be dropped. With `--quiet`, there is no line.
        let kept = match ran.err.split_once('\n') {
            Some((dropped, kept)) => {
                let expected = "nothing changed: gc would drop ";
                assert!(dropped.starts_with(expected), "{args:?} {ran:?}");
                kept.to_owned()
            }
            None => ran.err,
        };
        (ran.out, kept)
    };
    let line = |line: &str| format!("kept for {line}\n");
    let (text, err) = gc(&[]);
    assert!(text.starts_with("commits\t1\nversions\t1\n"), "{text}");
    assert_eq!(
        err,
        line("tags v1, v2: 4 versions; delete the tags to drop them")
    );
    assert_eq!(gc(&["--quiet"]), (text, String::new()));
    let (text, err_of_json) = gc(&["--json"]);
    assert_eq!(err_of_json, err);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kept = serde_json::json!({
        "versions": 4, "branches": [], "tags": ["v1", "v2"], "others": [], "left_out": 0
    });
    assert_eq!(json["kept_for_refs"], kept);

    world.git(&["branch", "old", "main~8"]);
    let of_three =
        "branch old and tags v1, v2: 4 versions; delete these branches and tags to drop them";
    assert_eq!(gc(&[]).1, line(of_three));
    // On the branch, the default branch keeps versions, and it cannot be deleted.
    let on_branch = gc(&["--branch", "old"]).1;
    assert_eq!(on_branch, line("branch main and tags v1, v2: 1 version"));
    for n in 10..30 {
        world.git(&["tag", &format!("n{n}"), "main"]);
    }
    let tags: Vec<_> = (10..19).map(|n| format!("n{n}")).collect();
    let many = format!(
        "branch old and tags {} and 13 other refs: 5 versions; delete these refs to drop them",
        tags.join(", ")
    );
    assert_eq!(gc(&[]).1, line(&many));

    let ran = world.run(&["gc", "--keep-last", "1", "a"]);
    let last = ran.err.lines().last().unwrap();
    assert_eq!((ran.out.as_str(), last), ("0\n", line(&many).trim_end()));
    let quiet = world.run(&["gc", "--keep-last", "1", "a", "--quiet"]);
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("0\n", ""));
    let json = world.run(&["gc", "--keep-last", "1", "a", "--json", "--root", &url]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["kept_for_refs"]["left_out"], 13);
    world.fsck();
}

#[test]
fn gc_squash_needs_gc_every() {
    let world = World::empty();
    for args in [
        &["--gc-squash"][..],
        &["--gc-squash", "--verify-every", "1d"],
        &["--gc-keep-last", "3"],
        &["--gc-keep-since", "90d", "--verify-every", "1d"],
        &["--gc-keep-last", "0", "--gc-every", "1d"],
        &["--gc-keep-tags", "--gc-squash", "--gc-every", "1d"],
        &[
            "--gc-keep-tags",
            "--gc-every",
            "1d",
            "--replica-of",
            "http://127.0.0.1:9",
        ],
        &["--gc-every", "7"],
        &["--gc-every", "0s"],
        &["--gc-every", "1 month"],
        &["--verify-every", "400d"],
        &[
            "--gc-squash",
            "--gc-every",
            "1d",
            "--replica-of",
            "http://127.0.0.1:9",
        ],
    ] {
        let ran = world.run(&[&["server", "--port", "0"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.err);
    }
    assert!(!world.root().exists());
}
