//! Uploads of real files, chosen or dropped.

use super::axe::assert_accessible;
use super::driver::Options;
use super::{SUB, Site};

#[tokio::test]
async fn a_chosen_file_is_checked_and_committed() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    let file = site.module_file("add.wasm", SUB);
    browser.goto("/ui/module/math/add.wasm?branch=main").await;
    browser.follow("Upload a new version", "/ui/upload").await;
    browser
        .fill("input[type=file]", file.to_str().unwrap())
        .await;
    browser.fill("#message", "Drop addition").await;
    browser.follow("Upload and check", "/ui/upload/").await;
    browser.wait_for_text("Breaking").await;
    assert_accessible(browser).await;
    browser.screenshot("upload-preview").await;
    browser.look(360, false).await;
    browser.screenshot("upload-preview-narrow").await;
    browser.look(1200, true).await;
    assert_accessible(browser).await;
    browser.screenshot("upload-preview-dark").await;
    browser.look(1200, false).await;
    browser.follow("Commit", "/ui/commit").await;
    assert!(browser.text().await.contains("Drop addition"));
    assert_eq!(
        site.world.git(&["log", "-1", "--format=%s"]),
        "Drop addition"
    );
    browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn dropped_files_are_checked_and_committed() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    let file = site.module_file("dropped.wasm", SUB);
    browser.goto("/").await;
    browser.follow("Upload", "/ui/upload").await;
    browser.drop_file("[data-drop]", &file).await;
    browser.wait_for_text("dropped.wasm").await;
    browser.fill("#directory", "from/disk").await;
    browser.follow("Upload and check", "/ui/upload/").await;
    browser.wait_for_text("/from/disk/dropped.wasm").await;
    browser.follow("Commit", "/ui/commit").await;
    assert!(
        site.world
            .git(&["ls-tree", "-r", "--name-only", "main"])
            .contains("from/disk/dropped.wasm")
    );
    browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn a_file_is_uploaded_without_javascript() {
    let options = Options {
        is_without_javascript: true,
    };
    let Some(site) = Site::open(&[], options).await else {
        return;
    };
    let browser = &site.browser;
    let file = site.module_file("plain.wasm", SUB);
    browser.goto("/ui/upload?branch=main").await;
    browser
        .fill("input[type=file]", file.to_str().unwrap())
        .await;
    browser.follow("Upload and check", "/ui/upload/").await;
    browser.follow("Commit", "/ui/commit").await;
    assert!(
        site.world
            .git(&["ls-tree", "-r", "--name-only", "main"])
            .contains("plain.wasm")
    );
}

#[tokio::test]
async fn an_invalid_file_is_refused_with_the_reason() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let (browser, tip) = (&site.browser, site.world.tip());
    site.world.file("bad.wasm", "not a module");
    browser.goto("/ui/upload?branch=main").await;
    browser
        .fill(
            "input[type=file]",
            site.world.path("bad.wasm").to_str().unwrap(),
        )
        .await;
    browser.click_text("Upload and check").await;
    browser.wait_for_text("cannot accept /bad.wasm").await;
    browser.screenshot("upload-refused").await;
    assert_eq!(site.world.tip(), tip);
    browser.assert_quiet_console(Some(400)).await;
}

#[tokio::test]
async fn the_files_of_an_upload_stay_chosen_until_the_user_has_signed_in_again() {
    let args = ["--auth", "admin-key:*"];
    let Some(site) = Site::open(&args, Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    let file = site.module_file("late.wasm", SUB);
    browser.goto("/ui/upload?branch=main").await;
    browser.fill("#key", "admin-key").await;
    browser.click("main form button").await;
    browser.wait_for("input[type=file]").await;
    browser
        .fill("input[type=file]", file.to_str().unwrap())
        .await;
    browser.fill("#message", "Late").await;
    let nothing = serde_json::json!({});
    browser
        .devtools("Network.clearBrowserCookies", nothing)
        .await;
    browser.click_text("Upload and check").await;
    browser.wait_for_text("Sign in in another tab").await;
    assert_accessible(browser).await;
    browser.screenshot("upload-signed-out").await;
    browser.assert_quiet_console(Some(401)).await;
    // Another tab has the same cookies as this script.
    let sign_in = "
        const page = (text) => new DOMParser().parseFromString(text, 'text/html');
        fetch('/ui/login').then((got) => got.text()).then((text) => {
            const token = page(text).querySelector('[name=token]').value;
            const body = new URLSearchParams({ token, key: 'admin-key', next: '/ui/branches' });
            return fetch('/ui/login', { method: 'POST', body });
        }).then(() => document.querySelector('main').append('signed in again'))";
    browser.run(sign_in).await;
    browser.wait_for_text("signed in again").await;
    browser.follow("Upload and check", "/ui/upload/").await;
    browser.wait_for_text("/late.wasm").await;
    browser.follow("Commit", "/ui/commit").await;
    assert_eq!(site.world.git(&["log", "-1", "--format=%s"]), "Late");
    browser.assert_quiet_console(None).await;
}
