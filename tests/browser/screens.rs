//! Every screen: it has a heading, no error on the console, and no violation of accessibility rules, in light and dark, wide and narrow.

use std::time::Duration;

use super::axe::assert_accessible;
use super::driver::{Options, output_dir};
use super::{SUB, Site};

/// The screens, with the heading of each.
fn screens(site: &Site) -> Vec<(&'static str, String, &'static str)> {
    let first = site
        .world
        .git(&["rev-list", "--min-parents=1", "--reverse", "HEAD"]);
    let first = first.lines().next().unwrap();
    let tip = site.world.tip();
    let pages = [
        ("directory", "/".to_owned(), "All modules"),
        (
            "subdirectory",
            "/ui/tree/math?branch=main".to_owned(),
            "math",
        ),
        (
            "module",
            "/ui/module/math/add.wasm?branch=main".to_owned(),
            "add.wasm",
        ),
        (
            "component",
            "/ui/module/tools/adder.wasm?branch=main".to_owned(),
            "adder.wasm",
        ),
        (
            "old-module",
            format!("/ui/module/math/add.wasm?branch=main&commit={first}"),
            "add.wasm",
        ),
        (
            "compare",
            format!("/ui/compare?from={first}&to={tip}"),
            "Compare",
        ),
        (
            "compare-module",
            format!("/ui/compare?from={first}&to={tip}&path=math%2Fadd.wasm"),
            "Compare",
        ),
        ("commit", format!("/ui/commit?branch=main&commit={tip}"), ""),
        ("history", "/ui/history?branch=main".to_owned(), "History"),
        (
            "path-history",
            "/ui/history/math/add.wasm?branch=main".to_owned(),
            "History",
        ),
        ("branches", "/ui/branches".to_owned(), "Branches"),
        ("merge", "/ui/merge?from=next&into=main".to_owned(), "Merge"),
        ("tags", "/ui/tags".to_owned(), "Tags"),
        ("new-tag", format!("/ui/tag/new?from={first}"), "New tag"),
        (
            "delete-tag",
            "/ui/tag/delete?tag=v1.0".to_owned(),
            "Delete a tag",
        ),
        (
            "move",
            "/ui/move?branch=main&path=math".to_owned(),
            "Move to another path",
        ),
        (
            "forwarded",
            format!("/ui/commit?branch=main&commit={tip}&forwarded_from={first}"),
            "was moved forward",
        ),
        (
            "search",
            "/ui/search?branch=main&q=export%3Aadd".to_owned(),
            "Search",
        ),
        (
            "search-help",
            "/ui/search?branch=main&q=".to_owned(),
            "Search",
        ),
        ("status", "/ui/status".to_owned(), "Status"),
        (
            "upload",
            "/ui/upload?branch=main&directory=math".to_owned(),
            "Upload modules",
        ),
        (
            "rollback",
            "/ui/rollback?branch=main&path=math%2Fadd.wasm".to_owned(),
            "Roll back",
        ),
        (
            "restore",
            format!("/ui/restore?branch=main&path=math%2Fadd.wasm&from={first}"),
            "Restore",
        ),
        (
            "remove",
            "/ui/remove?branch=main&path=math".to_owned(),
            "Remove",
        ),
        (
            "set",
            "/ui/set?branch=main&path=math%2Fadd.wasm".to_owned(),
            "Copy to another path",
        ),
        (
            "new-branch",
            "/ui/branch/new?from=main".to_owned(),
            "New branch",
        ),
        (
            "delete-branch",
            "/ui/branch/delete?branch=next".to_owned(),
            "Delete a branch",
        ),
        (
            "default-branch",
            "/ui/branch/default?branch=next".to_owned(),
            "Change the default branch",
        ),
        (
            "drop-history",
            "/ui/gc?branch=main".to_owned(),
            "Drop the history",
        ),
        ("login", "/ui/login".to_owned(), "No key is needed"),
        ("logout", "/ui/logout".to_owned(), "Sign out"),
    ];
    pages.to_vec()
}

#[tokio::test]
async fn every_screen_is_accessible_and_quiet() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    println!("screenshots: {}", output_dir().display());
    let browser = &site.browser;
    for (name, path, heading) in screens(&site) {
        browser.goto(&path).await;
        browser.wait_for("main h1").await;
        let text = browser.text().await;
        assert!(text.contains(heading), "{path}: {text}");
        browser.look(1200, false).await;
        assert_accessible(browser).await;
        browser.screenshot(name).await;
        browser.look(1200, true).await;
        assert_accessible(browser).await;
        browser.screenshot(&format!("{name}-dark")).await;
        browser.look(360, false).await;
        let overflow = browser
            .run("return document.documentElement.scrollWidth - innerWidth")
            .await;
        assert!(
            overflow.as_i64().unwrap() <= 0,
            "{path} is {overflow} pixels too wide"
        );
        browser.screenshot(&format!("{name}-narrow")).await;
        browser.look(1200, false).await;
        browser.assert_quiet_console(None).await;
    }
    for (path, status) in [
        ("/ui/module/missing?branch=main", 404),
        ("/ui/tree?branch=a%2F%2Fb", 400),
    ] {
        browser.goto(path).await;
        assert_accessible(browser).await;
        browser.assert_quiet_console(Some(status)).await;
    }
    browser.screenshot("error").await;
}

#[tokio::test]
async fn new_changes_appear_while_the_page_is_open() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    browser.goto("/").await;
    browser.wait_for("[data-watch]").await;
    site.module_file("live.wasm", SUB);
    // The page may not have opened its socket yet; nothing is lost, because it names the commit that it shows.
    site.world
        .ok(&["add", "live.wasm", "live/a.wasm", "--author", "Lea <l@e>"]);
    browser.wait_for_text("1 new change").await;
    site.world
        .ok(&["add", "live.wasm", "live/b.wasm", "--author", "Lea <l@e>"]);
    browser
        .wait_for_text("2 new changes, the last one by Lea")
        .await;
    browser.screenshot("live").await;
    browser.click_text("Show them").await;
    browser.wait_for_text("live").await;
    browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn the_keyboard_reaches_the_search_and_the_chart() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let browser = &site.browser;
    browser.goto("/ui/module/math/add.wasm?branch=main").await;
    let press = |key: &'static str| async move {
        let script = format!(
            "(document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))"
        );
        browser.run(&script).await;
        let active = "const active = document.activeElement; return active.id || active.dataset.level || active.tagName";
        browser.run(active).await
    };
    assert_eq!(press("/").await, "search");
    browser
        .run("document.querySelector('.icicle a').focus()")
        .await;
    let top = press("Home").await;
    let below = press("ArrowDown").await;
    assert_ne!(top, below, "the focus moves to the next level");
    assert_eq!(press("ArrowUp").await, top);
    tokio::time::sleep(Duration::ZERO).await;
    browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn pages_can_be_read_without_javascript() {
    let options = Options {
        is_without_javascript: true,
    };
    let Some(site) = Site::open(&[], options).await else {
        return;
    };
    let browser = &site.browser;
    for (_, path, heading) in screens(&site) {
        browser.goto(&path).await;
        assert!(browser.text().await.contains(heading), "{path}");
    }
    browser.goto("/").await;
    browser.screenshot("without-javascript").await;
}
