//! Runs the commands in `README.md` and `docs/`, and compares the output with the page.
//!
//! A block of code whose lines start with `$ ` is typed into bash, command by command, and the lines below each command are compared with its output.
//! A command that ends in `\` continues on the next line. Each page has its own directory, which is also its home directory, and has `wasmstore` on the
//! path. `wasmstore server` without `--check` runs in the background once it listens; the lines below it are the beginning of its log. `wasmstore watch`
//! also runs in the background. A line of text that begins with `Stop the server` stops them. A comment before a block, which readers of the page do not
//! see, marks other blocks:
//!
//! - `<!-- set-up -->`: in the README, which is read first; typed before the first command of every other page.
//! - `<!-- typed -->`: the lines are commands without a prompt. Their output is not compared.
//! - `<!-- file: NAME -->`: the block is saved as that file.
//! - `<!-- soon -->`: the first command is repeated until it prints the expected output.
//! - `<!-- not run: REASON -->`: the block is not run; it is listed in `NOT_RUN`.
//!
//! In a comparison, a commit's id on the page matches any id, but the same one on the whole page; a module's hash matches only itself; a date matches any
//! date; `…` matches any text in a line, and alone on a line any lines. If `curl`, `node`, `openssl`, `nginx` or `skopeo` is missing, a page ends before
//! the first block that uses it, and reports that.

mod compare;
mod fixtures;
mod page;
mod ports;
mod rust_client;
mod session;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::World;
use page::{Block, Page};
use session::run;

/// The blocks that are not run: the page, and the first line of the block.
const NOT_RUN: [(&str, &str); 25] = [
    ("README.md", "cargo test"),
    (
        "README.md",
        "cargo bench --bench post -- --parts rates,reads --seconds 4 --rounds 2",
    ),
    ("README.md", "cargo bench --bench clone"),
    ("README.md", "cargo bench --bench store"),
    (
        "README.md",
        "cargo test --release --test sweeps soak -- --ignored --nocapture --test-threads=1",
    ),
    ("docs/ci.md", "name: publish"),
    (
        "docs/cluster.md",
        "$ export AWS_ENDPOINT_URL=https://s3.example.org AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…",
    ),
    ("docs/http.md", "# KEY:METHODS[:NAME <MAIL>]"),
    (
        "docs/oci.md",
        "$ oras login modules.example.org:6384 --username any --password builder",
    ),
    ("docs/oci.md", "[namespace_registries]"),
    (
        "docs/oci.md",
        "$ wkg publish fixtures/adder.wasm --package math:adder@1.2.0",
    ),
    (
        "docs/oci.md",
        "$ git clone https://git:reader@modules.example.org:6384/wasmstore.git modules",
    ),
    (
        "docs/on-disk.md",
        "ROOT/                 a bare git repository: HEAD config objects/ refs/ hooks/",
    ),
    (
        "docs/service.md",
        "# useradd --system --user-group --home-dir /var/lib/wasmstore --shell /usr/sbin/nologin wasmstore",
    ),
    (
        "docs/service.md",
        "# cd / && runuser -u wasmstore -- env HOME=/var/lib/wasmstore wasmstore --root /var/lib/wasmstore/store mirror status",
    ),
    (
        "docs/service.md",
        "# install -D --mode 644 deploy/wasmstore.socket /etc/systemd/system/wasmstore.socket",
    ),
    ("docs/use.md", "$ wasmtime run --invoke add add.wasm 20 22"),
    (
        "docs/use.md",
        "const url = 'http://127.0.0.1:6384/api/v1/module/math/add.wasm?commit=v1.0';",
    ),
    (
        "docs/use.md",
        r#"{"wasm": [{"url": "http://127.0.0.1:6384/api/v1/module/math/add.wasm?commit=v1.0","#,
    ),
    ("docs/use.md", "import hashlib, urllib.request"),
    ("docs/use.md", "use std::error::Error;"),
    ("docs/use.md", "package main"),
    ("docs/use.md", "spec:"),
    ("docs/watch.md", "$ wasmstore watch"),
    ("docs/watch.md", "$ wasmstore watch --json"),
];

/// The pages. Each has a test.
const PAGES: [&str; 24] = [
    "README.md",
    "docs/architecture.md",
    "docs/ci.md",
    "docs/cluster.md",
    "docs/configure.md",
    "docs/elsewhere.md",
    "docs/git.md",
    "docs/http.md",
    "docs/json.md",
    "docs/mirror.md",
    "docs/monitor.md",
    "docs/oci.md",
    "docs/on-disk.md",
    "docs/replicas.md",
    "docs/restore.md",
    "docs/revisions.md",
    "docs/roll-back.md",
    "docs/search.md",
    "docs/serve.md",
    "docs/service.md",
    "docs/space.md",
    "docs/use.md",
    "docs/watch.md",
    "docs/web.md",
];

/// The replacements for text on the pages, in order. `{dir}` is a new directory; ports are replaced by free ones.
const STAND_INS: [(&str, &str); 2] = [
    ("cargo run --release --", "wasmstore"),
    ("/tmp/trial", "{dir}/trial"),
];

#[test]
fn readme() {
    run("README.md");
}

#[test]
fn publish_from_ci() {
    run("docs/ci.md");
}

#[test]
fn the_store_as_a_git_repository() {
    run("docs/git.md");
}

#[test]
fn the_http_api() {
    run("docs/http.md");
}

#[test]
fn mirror_to_a_git_host() {
    run("docs/mirror.md");
}

#[test]
fn the_json_of_the_command_line() {
    run("docs/json.md");
}

#[test]
fn monitor_a_server() {
    run("docs/monitor.md");
}

#[test]
fn use_modules() {
    run("docs/use.md");
}

#[test]
fn pull_and_push_with_oci_clients() {
    run("docs/oci.md");
}

#[test]
fn files_on_disk() {
    run("docs/on-disk.md");
}

#[test]
fn one_store_on_many_machines() {
    run("docs/cluster.md");
}

#[test]
fn replicas_behind_nginx() {
    run("docs/replicas.md");
}

#[test]
fn restore_from_a_backup() {
    run("docs/restore.md");
}

#[test]
fn roll_back_a_bad_release() {
    run("docs/roll-back.md");
}

#[test]
fn drop_old_versions() {
    run("docs/space.md");
}

#[test]
fn search_for_modules() {
    run("docs/search.md");
}

#[test]
fn act_on_every_change() {
    run("docs/watch.md");
}

#[test]
fn look_at_the_store_in_a_browser() {
    run("docs/web.md");
}

#[test]
fn serve_with_tls_and_keys() {
    run("docs/serve.md");
}

#[test]
fn configure_a_server() {
    run("docs/configure.md");
}

#[test]
fn run_it_as_a_service() {
    run("docs/service.md");
}

#[test]
fn use_a_remote_store() {
    run("docs/elsewhere.md");
}

/// The table of names is tested in `tests/http/api/revisions.rs`.
#[test]
fn name_revisions() {
    run("docs/revisions.md");
}

/// The page has no commands; its links and file names have tests of their own.
#[test]
fn architecture() {
    run("docs/architecture.md");
}

#[test]
fn every_page_has_a_test_and_unrun_blocks_are_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let docs = docs.filter(|name| name != "docs/images");
    let found: BTreeSet<_> = docs.chain(["README.md".to_owned()]).collect();
    assert_eq!(found, PAGES.map(str::to_owned).into());
    let mut not_run = Vec::new();
    for name in PAGES {
        for block in Page::read(name).blocks {
            if let Block::NotRun { first } = block {
                not_run.push((name, first));
            }
        }
    }
    let known: Vec<_> = NOT_RUN
        .iter()
        .map(|(page, first)| (*page, (*first).to_owned()))
        .collect();
    assert_eq!(not_run, known);
}

/// On a machine where nobody has told git who they are, `git commit` fails.
#[test]
fn pages_tell_git_who_commits() {
    for name in PAGES {
        let mut is_known = false;
        for block in Page::read(name).blocks {
            let Block::Typed { steps, .. } = block else {
                continue;
            };
            for step in steps {
                let command = step.command;
                is_known |= command.starts_with("git config user.email");
                let commits = command.starts_with("git ") && command.contains(" commit ");
                assert!(
                    !commits || is_known || command.contains("-c user.email="),
                    "{name}:{}: {command}",
                    step.line
                );
            }
        }
    }
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let help = World::empty().ok(&["--help"]);
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<_> = codes
        .lines()
        .map(|line| line.trim().replacen("  ", " ", 1))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let readme: Vec<_> = readme.split_whitespace().collect();
    let sentence = format!("Exit codes: {}.", codes.join("; "));
    assert!(readme.join(" ").contains(&sentence), "{sentence}");
}

#[test]
fn links_between_pages_resolve() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in PAGES {
        let page = root.join(name);
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            let is_local = !target.contains(':') && !target.is_empty();
            assert!(
                !is_local || page.parent().unwrap().join(target).exists(),
                "{name}: {target}"
            );
        }
    }
}

/// Every file that the architecture page names exists. A name without a directory is in the directory of the name before it.
#[test]
fn architecture_names_existing_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut directory = PathBuf::new();
    for span in text.split('`').skip(1).step_by(2) {
        let is_path = span.ends_with(".rs") || span.ends_with('/');
        if !is_path || span.contains(' ') || span.contains("NAME") {
            continue;
        }
        let path = if span.starts_with("src/") || span.starts_with("tests/") {
            PathBuf::from(span)
        } else {
            directory.join(span)
        };
        assert!(root.join(&path).exists(), "{span}: {path:?} does not exist");
        if span.ends_with(".rs") {
            path.parent().unwrap().clone_into(&mut directory);
        }
    }
}
