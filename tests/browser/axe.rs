//! Accessibility, checked by axe-core, which is injected into the pages. It is taken from npm and is not part of the project.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use super::driver::{Browser, output_dir};

const PACKAGE: &str = "axe-core@4.10.3";

/// Returns the script, or `None`, and says so, if npm cannot install it.
fn script() -> Option<&'static str> {
    static SCRIPT: OnceLock<Option<String>> = OnceLock::new();
    SCRIPT
        .get_or_init(|| {
            let directory = output_dir();
            let script = directory.join("package/axe.min.js");
            if !script.exists() {
                let npm = Command::new("npm")
                    .args(["pack", "--silent", PACKAGE])
                    .current_dir(&directory)
                    .output();
                let archive = npm.ok().filter(|npm| npm.status.success());
                let archive =
                    archive.map(|npm| String::from_utf8_lossy(&npm.stdout).trim().to_owned());
                let Some(archive) = archive else {
                    println!(
                        "skipped: npm cannot install {PACKAGE}, so accessibility is not checked"
                    );
                    return None;
                };
                let tar = Command::new("tar")
                    .args(["-xzf", &archive])
                    .current_dir(&directory)
                    .status();
                assert!(tar.unwrap().success());
            }
            Some(fs::read_to_string(script).unwrap())
        })
        .as_deref()
}

/// Asserts that a page has no violation. The check starts when all transitions are over: a colour between two has another contrast.
pub async fn assert_accessible(browser: &Browser) {
    let Some(script) = script() else { return };
    let run = "const done = arguments[arguments.length - 1]; \
               const transitions = document.getAnimations().map((transition) => transition.finished.catch(() => null)); \
               Promise.all(transitions).then(() => axe.run({resultTypes: ['violations']})).then((found) => done(found.violations.map((violation) => \
               `${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.html + ' ' + (node.any[0]?.message ?? '')).join(' | ')}`)), \
               (error) => done([String(error)]));";
    browser.run(script).await;
    let found = browser.client.execute_async(run, Vec::new()).await.unwrap();
    let found: Vec<String> = serde_json::from_value(found).unwrap();
    assert!(found.is_empty(), "{}: {found:#?}", browser.path().await);
}
