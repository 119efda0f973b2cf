//! Records the commit that the program is built from, for `wasmstore --version`.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=WASMSTORE_COMMIT");
    let given = env::var("WASMSTORE_COMMIT").ok();
    let commit = given
        .or_else(head)
        .unwrap_or_else(|| "not recorded".to_owned());
    println!("cargo:rustc-env=WASMSTORE_COMMIT={commit}");
    // The tests start the program some ten thousand times. At each start, the dynamic linker would relocate 270,000 addresses, which takes longer
    // than most commands. A release build stays position-independent.
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|name| name == "linux");
    if is_linux && !is_release() {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

fn is_release() -> bool {
    env::var("PROFILE").is_ok_and(|profile| profile == "release")
}

/// Returns the commit that is checked out, if this is a release build in a clone. A development build would have to be repeated after each commit.
fn head() -> Option<String> {
    if !is_release() {
        return None;
    }
    let directory = env::var("CARGO_MANIFEST_DIR").ok()?;
    // The reflog changes with each commit and checkout. cargo repeats a build whose file is missing.
    let reflog = Path::new(&directory).join(".git/logs/HEAD");
    if !reflog.exists() {
        return None;
    }
    println!("cargo:rerun-if-changed={}", reflog.display());
    let mut git = Command::new("git");
    let output = git
        .current_dir(&directory)
        .args(["rev-parse", "HEAD"])
        .output()
        .ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| commit.trim().to_owned())
}
