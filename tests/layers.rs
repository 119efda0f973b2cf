//! The layers: which room may name which, and which crate has its one room. The test reads the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, the rooms below it that it may name, and what only it may name.
type Room = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const ROOMS: [Room; 13] = [
    ("names", &[], &[]),
    ("config", &[], &[]),
    ("git", &["names", "config"], &["process::Command", "rustix"]),
    ("wasm", &["names", "config"], &["wasmparser", "sha2"]),
    (
        "repo",
        &["names", "config", "git"],
        &[
            "fail::", "gix", "gix_pack", "notify::", "tar::", "try_lock", "sync_all",
        ],
    ),
    ("index", &["names", "config"], &["rusqlite"]),
    (
        "store",
        &["names", "config", "wasm", "repo", "index"],
        &["flate2"],
    ),
    ("wire", &["names", "store"], &[]),
    (
        "remote",
        &["names", "config", "git", "store", "wire"],
        &[
            "gix_packetline",
            "rustls_native_certs",
            "tungstenite",
            "ureq",
        ],
    ),
    (
        "http",
        &["names", "config", "store", "remote", "wire"],
        &[
            "axum",
            "hyper",
            "hyper_util",
            "metrics",
            "metrics_exporter_prometheus",
            "subtle",
            "tokio",
            "tokio_rustls",
            "tokio_util",
            "tower",
            "tower_http",
            "rustls",
            "zstd",
        ],
    ),
    (
        "cli",
        &["names", "config", "store", "remote", "wire", "http"],
        &[
            "base64",
            "clap",
            "clap_complete",
            "clap_mangen",
            "indicatif",
            "jiff",
            "renderdag",
            "strsim",
            "rlimit",
            "sd_notify",
            "toml",
            "tracing_subscriber",
            "io::stdout",
            "println!",
            "print!",
        ],
    ),
    ("main", &["cli"], &[]),
    (
        "lib",
        &[
            "names", "config", "git", "wasm", "repo", "index", "store", "wire", "remote", "http",
            "cli",
        ],
        &[],
    ),
];

/// A file or subdirectory of a subsystem, and those below it that it may import.
type Unit = (&'static str, &'static [&'static str]);

/// The files and subdirectories of `repo`, from the lowest to the highest. There are no exceptions.
const REPO: [Unit; 19] = [
    ("error", &[]),
    ("failpoints", &[]),
    ("parallel", &[]),
    ("thread_priority", &[]),
    ("ids", &[]),
    ("fs", &["error"]),
    ("locks", &["error", "fs"]),
    ("objects", &["error", "failpoints", "ids", "fs", "locks"]),
    (
        "packs",
        &["error", "failpoints", "parallel", "fs", "locks", "objects"],
    ),
    ("refs", &["error", "failpoints", "ids", "fs", "objects"]),
    ("parts", &["error", "locks", "objects", "packs", "refs"]),
    ("tree", &["error", "ids", "objects"]),
    ("history", &["error", "ids", "objects", "refs", "tree"]),
    (
        "publish",
        &[
            "error", "parallel", "ids", "locks", "objects", "packs", "refs", "parts", "tree",
            "history",
        ],
    ),
    (
        "lifecycle",
        &["error", "ids", "fs", "locks", "objects", "refs", "parts"],
    ),
    (
        "push",
        &["error", "ids", "fs", "objects", "refs", "parts", "publish"],
    ),
    (
        "gc",
        &[
            "error",
            "failpoints",
            "ids",
            "fs",
            "locks",
            "objects",
            "packs",
            "refs",
            "parts",
            "tree",
            "history",
            "publish",
            "lifecycle",
            "push",
        ],
    ),
    (
        "verify",
        &[
            "error",
            "ids",
            "fs",
            "locks",
            "objects",
            "parts",
            "tree",
            "lifecycle",
            "gc",
        ],
    ),
    (
        "repository",
        &[
            "error",
            "objects",
            "refs",
            "parts",
            "publish",
            "lifecycle",
            "push",
            "gc",
            "verify",
        ],
    ),
];

/// Exceptions that the design makes: `cli` spawns the pager and watch's command, `remote` may run git's helpers, `repo` lowers a
/// thread's priority, what writes a file outside the repository flushes it, and what checks a start asks whether it may write. A
/// mutex has a `try_lock` as a file has.
const ALSO: [(&str, &str); 10] = [
    ("cli", "process::Command"),
    ("repo", "rustix"),
    ("index", "try_lock"),
    ("store", "sync_all"),
    ("cli", "sync_all"),
    ("http", "base64"),
    ("http", "flate2"),
    ("cli", "rustix"),
    ("cli", "tokio"),
    ("cli", "tokio_util"),
];

/// The rooms that may read the environment; `main` hands the arguments over.
const ENVIRONMENT: [&str; 3] = ["git", "cli", "main"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of each room, without comments and without the unit tests at the end of a file.
fn rooms() -> BTreeMap<String, Vec<(PathBuf, String)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut rooms = BTreeMap::<_, Vec<_>>::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap().to_owned();
        let room = inside
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines: Vec<_> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        rooms
            .entry(room)
            .or_default()
            .push((inside, lines.join("\n")));
    }
    rooms
}

/// Whether `code` names `word`, and not just a longer word that holds it.
fn names(code: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        let after = code[at + word.len()..].chars().next();
        !inside(code[..at].chars().next_back())
            && (!inside(after) || !inside(word.chars().next_back()))
    })
}

/// The rooms that `code` names as `crate::room`, or in a list `crate::{a, b}`.
fn named_rooms(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = rest
            .strip_prefix('{')
            .map_or(rest, |list| list.split('}').next().unwrap());
        let many = rest.starts_with('{');
        for item in list.split(',').take(if many { usize::MAX } else { 1 }) {
            let word = item
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_');
            named.push(word.collect());
        }
    }
    named
}

#[test]
fn every_room_names_only_rooms_below_it() {
    for (room, files) in rooms() {
        let (_, below, _) = ROOMS
            .iter()
            .find(|(name, ..)| *name == room)
            .unwrap_or_else(|| panic!("no such room: {room}"));
        for (file, code) in files {
            for named in named_rooms(&code) {
                let known = ROOMS.iter().any(|(name, ..)| *name == named);
                assert!(
                    !known || named == room || below.contains(&named.as_str()),
                    "{file:?} names {named}"
                );
            }
            assert!(
                !code.contains("super::super"),
                "{file:?} reaches over its room's wall"
            );
        }
    }
}

/// Checks that the files and subdirectories of a subsystem import only those that the table allows, all of which are below.
fn check_units(subsystem: &str, units: &[Unit]) {
    for (at, (unit, below)) in units.iter().enumerate() {
        for name in *below {
            let is_below = units[..at].iter().any(|(other, _)| other == name);
            assert!(is_below, "{unit} may import {name}, which is not below it");
        }
    }
    let prefix = format!("crate::{subsystem}::");
    for (file, code) in &rooms()[subsystem] {
        let unit = file.iter().nth(1).expect("a file of the subsystem");
        let unit = unit.to_str().unwrap().trim_end_matches(".rs");
        if unit == "mod" {
            continue;
        }
        let allowed = units.iter().find(|(name, _)| *name == unit);
        let (_, below) = allowed.unwrap_or_else(|| panic!("{file:?} is not in the table"));
        for (at, _) in code.match_indices(&prefix) {
            let rest = &code[at + prefix.len()..];
            let name = rest
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
            let name = name.unwrap();
            assert!(
                name == unit || below.contains(&name),
                "{file:?} imports `{prefix}{name}`"
            );
        }
    }
}

#[test]
fn subdirectories_of_repo_import_only_lower_ones() {
    check_units("repo", &REPO);
}

#[test]
fn every_crate_has_one_room() {
    for (room, files) in rooms() {
        for (owner, _, words) in ROOMS {
            for word in words
                .iter()
                .filter(|word| owner != room && !ALSO.contains(&(room.as_str(), *word)))
            {
                for (file, code) in &files {
                    assert!(
                        !names(code, word),
                        "{file:?} names {word}, which is {owner}'s"
                    );
                }
            }
        }
    }
}

#[test]
fn the_environment_is_read_at_the_edges() {
    for (room, files) in rooms()
        .into_iter()
        .filter(|(room, _)| !ENVIRONMENT.contains(&room.as_str()))
    {
        for (file, code) in files {
            assert!(
                !code.contains("env::") && !code.contains("home_dir"),
                "{room}: {file:?} reads the environment"
            );
        }
    }
}

#[test]
fn the_checks_see_what_they_are_to_see() {
    assert_eq!(
        named_rooms("use crate::repo::Draft; use crate::{names, wasm::{self}};"),
        ["repo", "names", "wasm"]
    );
    assert!(
        names("gix::ObjectId", "gix") && !names("gix_pack::data", "gix") && !names("a_gix", "gix")
    );
    assert!(names("println!(\"x\")", "println!") && !names("eprintln!(\"x\")", "println!"));
    assert_eq!(rooms()["main"].len(), 1);
}
