//! Checks that each subsystem uses only the subsystems below it, and that each third-party crate is used in one subsystem only.
//!
//! The test reads the sources, without comments and unit tests. `src/lib.rs` explains the subsystems.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory or file directly below `src`.
struct Subsystem {
    name: &'static str,
    /// The subsystems that it may use.
    uses: &'static [&'static str],
    /// Crates and functions that no other subsystem may use.
    owns: &'static [&'static str],
}

const SUBSYSTEMS: [Subsystem; 18] = [
    Subsystem {
        name: "names",
        uses: &[],
        owns: &["caseless", "gix_glob", "unicode_normalization"],
    },
    Subsystem {
        name: "config",
        uses: &[],
        owns: &[],
    },
    Subsystem {
        name: "budget",
        uses: &[],
        owns: &[],
    },
    Subsystem {
        name: "sharing",
        uses: &[],
        owns: &[],
    },
    Subsystem {
        name: "git",
        uses: &["names", "config"],
        owns: &["process::Command", "rustix"],
    },
    Subsystem {
        name: "wasm",
        uses: &["names", "config", "budget"],
        owns: &[
            "cpp_demangle",
            "rustc_demangle",
            "sha2",
            "wasmparser",
            "wit_component",
            "wit_parser",
        ],
    },
    Subsystem {
        name: "repo",
        uses: &["names", "config", "budget", "sharing", "git"],
        owns: &[
            "fail::", "gix", "gix_pack", "notify::", "tar::", "try_lock", "sync_all",
        ],
    },
    Subsystem {
        name: "bucket",
        uses: &["names", "config", "repo"],
        owns: &["async_trait", "object_store", "reqwest"],
    },
    Subsystem {
        name: "index",
        uses: &["names", "config", "sharing"],
        owns: &["rusqlite"],
    },
    Subsystem {
        name: "store",
        uses: &["names", "config", "budget", "wasm", "repo", "index"],
        owns: &["flate2"],
    },
    Subsystem {
        name: "wire",
        uses: &["names", "store", "oci"],
        owns: &[],
    },
    Subsystem {
        name: "oci",
        uses: &["names", "config", "store"],
        owns: &[],
    },
    Subsystem {
        name: "remote",
        uses: &["names", "config", "sharing", "git", "store", "wire", "oci"],
        owns: &[
            "gix_packetline",
            "rustls_native_certs",
            "tungstenite",
            "ureq",
        ],
    },
    Subsystem {
        name: "web",
        uses: &["names", "store", "wire", "oci"],
        owns: &["maud"],
    },
    Subsystem {
        name: "http",
        uses: &[
            "names", "config", "budget", "store", "remote", "wire", "oci", "web",
        ],
        owns: &[
            "axum",
            "hyper",
            "hyper_util",
            "metrics",
            "metrics_exporter_prometheus",
            "multer",
            "ring",
            "subtle",
            "tokio",
            "tokio_rustls",
            "tokio_util",
            "tower",
            "tower_http",
            "rustls",
            "zstd",
        ],
    },
    Subsystem {
        name: "cli",
        uses: &[
            "names", "config", "budget", "bucket", "store", "remote", "wire", "oci", "http",
        ],
        owns: &[
            "base64",
            "clap",
            "clap_complete",
            "clap_mangen",
            "console",
            "indicatif",
            "jiff",
            "listenfd",
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
    },
    Subsystem {
        name: "main",
        uses: &["cli"],
        owns: &[],
    },
    Subsystem {
        name: "lib",
        uses: &[
            "names", "config", "budget", "git", "wasm", "repo", "index", "store", "wire", "oci",
            "remote", "web", "http", "cli",
        ],
        owns: &[],
    },
];

/// A subsystem may use something that another one owns: the subsystem, what it uses, and the reason.
const SHARED: [(&str, &str, &str); 23] = [
    ("names", "jiff", "parses the date in the name of a revision"),
    (
        "bucket",
        "tokio",
        "runs the client of the object store on a thread of its own",
    ),
    (
        "bucket",
        "tokio_rustls",
        "installs the cryptography of TLS connections to the object store",
    ),
    ("bucket", "rustls", "names the same"),
    (
        "bucket",
        "ring",
        "hashes snapshots, and makes random ids and keys",
    ),
    (
        "http",
        "reqwest",
        "forwards writes to another server, with connections that are kept open",
    ),
    (
        "wire",
        "tar::",
        "writes and parses the archives of several modules in one request",
    ),
    ("wire", "base64", "writes digests in header fields"),
    ("wasm", "zstd", "names the format in an error"),
    (
        "wasm",
        "flate2",
        "decompresses the list of crates in a module",
    ),
    (
        "cli",
        "process::Command",
        "starts the pager and watch's command",
    ),
    ("repo", "rustix", "lowers the priority of a thread"),
    ("index", "try_lock", "the method of a mutex, not of a file"),
    ("names", "strsim", "finds the nearest of several names"),
    (
        "store",
        "sync_all",
        "fsyncs files that `filename` and `export` write",
    ),
    (
        "cli",
        "sync_all",
        "fsyncs the output file of `find` and `backup`",
    ),
    (
        "http",
        "base64",
        "decodes HTTP Basic and WebSocket subprotocols",
    ),
    ("remote", "base64", "encodes the credentials for a proxy"),
    ("http", "flate2", "decodes and encodes bodies"),
    (
        "web",
        "base64",
        "writes the integrity of a module for browsers",
    ),
    (
        "cli",
        "rustix",
        "asks whether the store's directory can be written, and to which user it belongs",
    ),
    ("cli", "tokio", "creates the server's runtime"),
    (
        "cli",
        "tokio_util",
        "waits for the tasks of a runtime that shuts down",
    ),
];

/// The subsystems that may read the environment. `main` passes the arguments on.
const READS_ENVIRONMENT: [&str; 3] = ["git", "cli", "main"];

/// The files and directories directly below `src/repo` and `src/http`, lowest first: each uses only those before it.
const ORDERS: [(&str, &[&str]); 2] = [
    (
        "repo",
        &[
            "broken_ref",
            "error",
            "authority",
            "following",
            "failpoints",
            "parallel",
            "thread_priority",
            "ids",
            "fs",
            "locks",
            "objects",
            "packs",
            "refs",
            "parts",
            "follow",
            "tree",
            "history",
            "publish",
            "push",
            "lifecycle",
            "gc",
            "verify",
            "repository",
        ],
    ),
    (
        "http",
        &[
            "metrics",
            "json",
            "json_items",
            "charged",
            "error",
            "peers",
            "percent",
            "git_url",
            "base_path",
            "commit_header",
            "pages",
            "preview_cache",
            "lists",
            "pagination",
            "blocking",
            "listener",
            "site",
            "middleware",
            "git_permits",
            "module",
            "upload",
            "watch",
            "options",
            "state",
            "admission",
            "json_list",
            "git",
            "extract",
            "bucket",
            "openapi",
            "routes",
            "router",
        ],
    ),
];

/// Within a subsystem, a use against the order: the user, what it uses, and the reason.
const AGAINST_ORDER: [(&str, &str, &str); 1] = [(
    "http/module",
    "http/state",
    "responses use the caches and permits of the state, and the state holds the cache that module/ defines",
)];

struct Source {
    /// Relative to `src`.
    path: PathBuf,
    code: String,
}

impl Source {
    /// The name of the file or directory `depth` levels below `src`.
    fn part(&self, depth: usize) -> Option<&str> {
        let part = self.path.iter().nth(depth)?.to_str().unwrap();
        Some(part.trim_end_matches(".rs"))
    }

    fn subsystem(&self) -> &str {
        self.part(0).expect("a source is below src")
    }
}

fn collect_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            found.push(path);
        }
    }
}

/// Returns every source file, without comments and without the unit tests at its end.
fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect_files(&src, &mut files);
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let lines: Vec<_> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        Source {
            path: file.strip_prefix(&src).unwrap().to_owned(),
            code: lines.join("\n"),
        }
    };
    files.into_iter().map(read).collect()
}

/// Returns whether `code` contains `word` as a whole identifier or path.
fn contains_word(code: &str, word: &str) -> bool {
    let is_identifier = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(start, _)| {
        let next = code[start + word.len()..].chars().next();
        !is_identifier(code[..start].chars().next_back())
            && (!is_identifier(next) || !is_identifier(word.chars().next_back()))
    })
}

/// Returns the identifiers that follow `prefix`, as in `crate::store` and in each part of `crate::{names, wasm::Limits}`.
fn names_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices(prefix) {
        let rest = &code[start + prefix.len()..];
        for item in items(rest) {
            let identifier = item
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_');
            names.push(identifier.collect());
        }
    }
    names
}

/// Splits `{a, b::{c, d}, e}` at its outer commas; anything else is one item.
fn items(text: &str) -> Vec<&str> {
    let Some(list) = text.strip_prefix('{') else {
        return vec![text];
    };
    let (mut items, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (position, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&list[begin..position]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&list[begin..position]);
                begin = position + 1;
            }
            _ => {}
        }
    }
    items
}

fn subsystem(name: &str) -> Option<&'static Subsystem> {
    SUBSYSTEMS.iter().find(|subsystem| subsystem.name == name)
}

#[test]
fn each_subsystem_uses_only_lower_subsystems() {
    for source in sources() {
        let name = source.subsystem();
        let uses = subsystem(name)
            .unwrap_or_else(|| panic!("{name} is not in SUBSYSTEMS"))
            .uses;
        for used in names_after(&source.code, "crate::") {
            assert!(
                subsystem(&used).is_none() || used == name || uses.contains(&used.as_str()),
                "{:?} uses {used}",
                source.path
            );
        }
        assert!(
            !source.code.contains("super::super"),
            "{:?} uses super::super; write crate::{name}::…",
            source.path
        );
    }
}

#[test]
fn each_crate_is_used_in_one_subsystem() {
    for source in sources() {
        let name = source.subsystem();
        for owner in SUBSYSTEMS.iter().filter(|owner| owner.name != name) {
            for owned in owner.owns {
                let is_shared = SHARED
                    .iter()
                    .any(|(user, used, _)| (*user, used) == (name, owned));
                assert!(
                    is_shared || !contains_word(&source.code, owned),
                    "{:?} uses {owned}, which belongs to {}",
                    source.path,
                    owner.name
                );
            }
        }
    }
}

#[test]
fn the_parts_of_a_subsystem_are_used_in_one_direction() {
    let mut against_order = BTreeSet::new();
    for (name, order) in ORDERS {
        let level = |part: &str| order.iter().position(|known| *known == part);
        for source in sources().iter().filter(|source| source.subsystem() == name) {
            let part = source.part(1).expect("a file of a subsystem");
            if part == "mod" {
                continue;
            }
            let own_level = level(part).unwrap_or_else(|| panic!("{name}/{part} is not in ORDERS"));
            let mut used = names_after(&source.code, &format!("crate::{name}::"));
            if source.part(2).is_none() {
                used.extend(names_after(&source.code, "super::"));
            }
            let is_higher = |used: &&String| level(used).is_some_and(|used| used > own_level);
            against_order.extend(
                used.iter()
                    .filter(is_higher)
                    .map(|used| (format!("{name}/{part}"), format!("{name}/{used}"))),
            );
        }
    }
    let exceptions: BTreeSet<_> = AGAINST_ORDER
        .iter()
        .map(|(user, used, _)| ((*user).to_owned(), (*used).to_owned()))
        .collect();
    assert_eq!(against_order, exceptions);
}

#[test]
fn the_environment_is_read_at_the_edges() {
    for source in sources() {
        let name = source.subsystem();
        let reads = source.code.contains("env::") || source.code.contains("home_dir");
        assert!(
            !reads || READS_ENVIRONMENT.contains(&name),
            "{:?} reads the environment",
            source.path
        );
    }
}

#[test]
fn the_checks_find_what_they_look_for() {
    assert_eq!(
        names_after(
            "use crate::repo::Draft; use crate::{names, store::{A, B}, wasm::{self}};",
            "crate::"
        ),
        ["repo", "names", "store", "wasm"]
    );
    assert!(contains_word("gix::ObjectId", "gix"));
    assert!(!contains_word("gix_pack::data", "gix") && !contains_word("a_gix", "gix"));
    assert!(contains_word("println!(\"x\")", "println!"));
    assert!(!contains_word("eprintln!(\"x\")", "println!"));
    let is_main = |source: &Source| source.subsystem() == "main";
    assert_eq!(sources().into_iter().filter(is_main).count(), 1);
}
