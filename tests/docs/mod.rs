//! The pages for people, `README.md` and `docs/`: every command in them is run, and prints what they show.
//!
//! A block of code whose lines begin with `$ ` is typed into bash, command after command, and what is below each command is
//! compared with what it prints; a command that ends in `\` goes on in the next line. A page is one person's home, with a clone of
//! this repository as the folder to work in and `wasmstore` on the path. `wasmstore server` without `--check` runs in the background
//! as soon as it listens, and what is below it is the beginning of its log. A comment before a block, which nobody sees who reads the page, says
//! that it is something else:
//!
//! - `<!-- typed -->`: its lines are commands, without a prompt, that may print anything.
//! - `<!-- file: NAME -->`: it is saved as that file.
//! - `<!-- soon -->`: its first command shows this after a moment; it is repeated until then.
//! - `<!-- not run: REASON -->`: it is no command, or one that cannot be run; it is listed in `NOT_RUN`.
//!
//! `<!-- stop -->` alone ends the servers. In what is compared, a commit's id stands for whatever id is there, and for the same one
//! on all of the page; a module's hash is itself; a date is any date; `…` is anything in a line, and alone, any lines. Where
//! `curl`, `openssl` or `nginx` is missing, a page ends before the first block that has it, and says so.

mod compare;
mod fixtures;
mod page;
mod ports;
mod session;
mod shell;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use page::{Block, Page};
use session::run;

/// What is on the pages and is not run: the page, and the first line of the block.
const NOT_RUN: [(&str, &str); 10] = [
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
    ("docs/http.md", "# KEY:METHODS[:NAME <MAIL>]"),
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
];

/// The pages, of which each has a test.
const PAGES: [&str; 13] = [
    "README.md",
    "docs/ci.md",
    "docs/configure.md",
    "docs/elsewhere.md",
    "docs/git.md",
    "docs/http.md",
    "docs/mirror.md",
    "docs/on-disk.md",
    "docs/replicas.md",
    "docs/restore.md",
    "docs/roll-back.md",
    "docs/serve.md",
    "docs/service.md",
];

/// What is done in the place of what is on the pages, first things first. `{dir}` is a new folder; ports become free ones.
const STAND_INS: [(&str, &str); 8] = [
    ("cargo run --release --", "wasmstore"),
    ("/home/ann", "{dir}/home"),
    ("/srv", "{dir}/srv"),
    ("git@git.example.org:ann", "{dir}/git.example.org"),
    ("modules.example.org:6384", "localhost:6384"),
    (
        "https://git:secret@modules.example.org",
        "http://git:secret@localhost:6384",
    ),
    ("https://modules.example.org", "http://localhost:6384"),
    ("modules.example.org", "localhost"),
];

#[test]
fn the_readme_is_right() {
    run("README.md");
}

#[test]
fn publishing_from_ci() {
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
fn a_mirror_at_a_git_host() {
    run("docs/mirror.md");
}

#[test]
fn what_is_on_disk() {
    run("docs/on-disk.md");
}

#[test]
fn replicas_behind_nginx() {
    run("docs/replicas.md");
}

#[test]
fn restoring_from_a_backup() {
    run("docs/restore.md");
}

#[test]
fn rolling_back_a_bad_release() {
    run("docs/roll-back.md");
}

#[test]
fn serving_with_tls_and_keys() {
    run("docs/serve.md");
}

#[test]
fn configuring_a_server() {
    run("docs/configure.md");
}

#[test]
fn running_it_as_a_service() {
    run("docs/service.md");
}

#[test]
fn working_on_a_store_elsewhere() {
    run("docs/elsewhere.md");
}

#[test]
fn every_page_has_a_test_and_what_is_not_run_is_known() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
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

#[test]
fn links_between_pages_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in PAGES {
        let page = root.join(name);
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            let is_here = !target.contains(':') && !target.is_empty();
            assert!(
                !is_here || page.parent().unwrap().join(target).exists(),
                "{name}: {target}"
            );
        }
    }
}
