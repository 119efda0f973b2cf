//! Signing in and out.

use super::axe::assert_accessible;
use super::driver::Options;
use super::{SUB, Site};

#[tokio::test]
async fn a_user_signs_in_uploads_and_signs_out() {
    let args = ["--auth", "reader-key:GET;admin-key:*"];
    let Some(site) = Site::open(&args, Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    browser.goto("/ui/tree/math?branch=main").await;
    browser.wait_for("#key").await;
    assert_accessible(browser).await;
    browser.screenshot("sign-in").await;
    browser.fill("#key", "wrong").await;
    browser.click("main form button").await;
    browser
        .wait_for_text("This is not a key of this server.")
        .await;
    assert_accessible(browser).await;
    browser.assert_quiet_console(Some(401)).await;

    browser.fill("#key", "reader-key").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/tree/math").await;
    assert!(
        !browser.text().await.contains("Upload"),
        "a reader is offered no change"
    );
    browser.goto("/ui/upload?branch=main").await;
    browser.wait_for_text("This was refused").await;
    browser.assert_quiet_console(Some(403)).await;
    browser.goto("/").await;
    sign_out(&site).await;
    browser.fill("#key", "admin-key").await;
    browser.click("main form button").await;
    browser.wait_for_path("/").await;
    // The page opens the socket for new changes with the session.
    browser.wait_for("[data-watch]").await;
    site.module_file("live.wasm", SUB);
    site.world.ok(&["add", "live.wasm", "live.wasm"]);
    browser.wait_for_text("1 new change").await;

    let file = site.module_file("mine.wasm", SUB);
    browser.goto("/ui/upload?branch=main").await;
    browser
        .fill("input[type=file]", file.to_str().unwrap())
        .await;
    browser.follow("Upload and check", "/ui/upload/").await;
    let preview = browser.path().await;
    sign_out(&site).await;
    browser.goto(&preview).await;
    browser.fill("#key", "admin-key").await;
    browser.click("main form button").await;
    browser.wait_for_path(&preview).await;
    browser.follow("Commit", "/ui/commit").await;
    assert!(
        site.world
            .git(&["ls-tree", "--name-only", "main"])
            .contains("mine.wasm")
    );
    browser.assert_quiet_console(None).await;
}

async fn sign_out(site: &Site) {
    site.browser.click(".sign-out").await;
    site.browser.wait_for_path("/ui/logout").await;
    site.browser.screenshot("sign-out").await;
    site.browser.click("main form button").await;
    site.browser.wait_for_text("You have signed out.").await;
}
