//! What `gc` and `backup` say about the space that they free and use.

use serde_json::Value;

use crate::support::program::World;

#[test]
fn a_backup_reports_its_sizes() {
    let world = World::with_store("sha1");
    world.add("a", 1);
    let ran = world.run(&["backup", "b.tar.gz"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    let size = world.path("b.tar.gz").metadata().unwrap().len();
    let tar = world
        .command("sh")
        .args(["-c", "gzip -dc b.tar.gz | wc -c"])
        .output()
        .unwrap();
    let unpacked: u64 = String::from_utf8(tar.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let human = |bytes: u64| match bytes {
        0..1024 => format!("{bytes} B"),
        _ => format!("{:.2} KiB", bytes as f64 / 1024.0),
    };
    let line = format!(
        "wrote b.tar.gz: {}, {} unpacked\n",
        human(size),
        human(unpacked)
    );
    assert_eq!(ran.err, line);
    let json = world.json(&["backup", "b.tar.gz"]);
    assert_eq!(json["unpacked_bytes"], unpacked);
    assert_eq!(
        json["archive_bytes"],
        world.path("b.tar.gz").metadata().unwrap().len()
    );
    assert_eq!(world.run(&["backup", "b.tar.gz", "--quiet"]).err, "");
}

#[test]
fn gc_reports_the_freed_space() {
    let world = World::with_store("sha1");
    for n in 1..6 {
        world.add("a", n);
    }
    let preview = world.run(&["gc", "--keep-last", "1", "--dry-run"]);
    let line = "nothing changed: gc would drop versions of ";
    assert!(preview.err.starts_with(line), "{preview:?}");
    assert!(
        preview.err.ends_with(" before compression\n"),
        "{preview:?}"
    );
    let before = world.run(&["gc", "--keep-history"]);
    let freed = before.err.lines().last().unwrap();
    assert!(freed.starts_with("freed "), "{before:?}");
    let json: Value = serde_json::from_str(&world.run(&["gc", "--json", "--yes"]).out).unwrap();
    let bytes = |name: &str| json[name].as_u64().unwrap();
    assert_eq!(
        bytes("before_bytes") - bytes("after_bytes"),
        bytes("freed_bytes")
    );
    assert!(bytes("freed_bytes") > 0, "{json}");
    // The squashed commit was written in a pack of its own, which the next collection joins with the other one.
    world.ok(&["gc", "--yes"]);
    let again = world.run(&["gc", "--yes"]);
    assert_eq!(again.out, "0\n");
    let line = again.err.lines().last().unwrap();
    assert!(
        line.starts_with("freed nothing: the objects take "),
        "{again:?}"
    );
    assert_eq!(world.run(&["gc", "--yes", "--quiet"]).err, "");
    let preview = world.run(&["gc", "--dry-run"]);
    assert_eq!(preview.err, "nothing changed: gc would drop no versions\n");
}
