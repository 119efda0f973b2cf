//! Every form that changes something, by clicks from the first page.

use super::axe::assert_accessible;
use super::driver::Options;
use super::{SUB, Site};

#[tokio::test]
async fn every_form_does_what_it_says() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    every_form(&site).await;
    site.browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn every_form_works_without_javascript() {
    let options = Options {
        is_without_javascript: true,
    };
    let Some(site) = Site::open(&[], options).await else {
        return;
    };
    every_form(&site).await;
}

async fn every_form(site: &Site) {
    let (browser, world) = (&site.browser, &site.world);
    let module = |revision: &str| world.git(&["rev-parse", &format!("{revision}:math/add.wasm")]);
    let newest = module("main");

    browser.goto("/ui/module/math/add.wasm?branch=main").await;
    browser.follow("Roll back", "/ui/rollback").await;
    browser.fill("#message", "It was better before").await;
    browser.fill("#author", "Ann <ann@example.org>").await;
    browser.follow("Undo the newest change", "/ui/commit").await;
    assert!(browser.text().await.contains("It was better before"));
    assert_ne!(module("main"), newest);
    assert_eq!(world.git(&["log", "-1", "--format=%an"]), "Ann");

    let before = world.git(&["rev-parse", "main~1"]);
    browser
        .goto(&format!(
            "/ui/module/math/add.wasm?branch=main&commit={before}"
        ))
        .await;
    browser.follow("Restore this version", "/ui/restore").await;
    browser.follow("Restore", "/ui/commit").await;
    assert_eq!(module("main"), newest);

    browser.goto("/ui/module/math/add.wasm?branch=main").await;
    browser.follow("Copy", "/ui/set").await;
    browser.fill("#path", "stable/add.wasm").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    assert_eq!(world.git(&["rev-parse", "main:stable/add.wasm"]), newest);

    browser
        .goto("/ui/set?branch=main&path=math%2Fsub.wasm")
        .await;
    browser.fill("#path", "stable/add.wasm").await;
    browser.click("main form button").await;
    browser.wait_for_text("There is a module at").await;
    browser.screenshot("replace").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    assert_ne!(world.git(&["rev-parse", "main:stable/add.wasm"]), newest);

    browser.goto("/ui/tree/stable?branch=main").await;
    browser.follow("Remove", "/ui/remove").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    assert!(
        !world
            .git(&["ls-tree", "--name-only", "main"])
            .contains("stable")
    );

    browser.goto("/ui/branches").await;
    browser.follow("New branch", "/ui/branch/new").await;
    browser.fill("#name", "feature/one").await;
    browser.follow("Create the branch", "/ui/tree").await;
    world.file("new.wasm", wat::parse_str(SUB).unwrap());
    world.ok(&[
        "--branch",
        "feature/one",
        "add",
        "new.wasm",
        "math/new.wasm",
    ]);
    browser.goto("/ui/merge?from=feature%2Fone&into=main").await;
    browser.click("main form input[name=no_ff]").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    assert_eq!(
        world.git(&["log", "-1", "--format=%s", "main"]),
        "Merge feature/one"
    );
    assert!(
        world
            .git(&["ls-tree", "-r", "--name-only", "main"])
            .contains("math/new.wasm")
    );

    browser.goto("/ui/branch/delete?branch=feature%2Fone").await;
    browser.follow("Delete the branch", "/ui/branches").await;
    assert!(!world.git(&["branch", "--list"]).contains("feature"));
}

#[tokio::test]
async fn tags_moves_and_the_way_back_from_a_fast_forward() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let (browser, world) = (&site.browser, &site.world);
    browser.goto("/ui/branches").await;
    browser.follow("Tags", "/ui/tags").await;
    browser.follow("New tag", "/ui/tag/new").await;
    browser.fill("#name", "v2").await;
    browser.follow("Create the tag", "/ui/tags").await;
    assert_eq!(world.git(&["rev-parse", "v2"]), world.tip());
    browser.goto("/ui/tag/delete?tag=v2").await;
    browser.follow("Delete the tag", "/ui/tags").await;
    assert!(!world.git(&["tag", "--list"]).contains("v2"));

    let before = world.tip();
    browser.goto("/ui/merge?from=next&into=main").await;
    browser.click("main form button").await;
    browser.wait_for_text("was moved forward").await;
    assert_accessible(browser).await;
    browser.follow("Undo the merge", "/ui/restore").await;
    browser.wait_for_text("What changes").await;
    assert_accessible(browser).await;
    browser.screenshot("restore-preview").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    let tree = |revision: &str| world.git(&["rev-parse", &format!("{revision}^{{tree}}")]);
    assert_eq!(tree("main"), tree(&before));

    browser.goto("/ui/tree/math?branch=main").await;
    browser.follow("Move", "/ui/move").await;
    browser.fill("#to", "arithmetic").await;
    browser.click("main form button").await;
    browser.wait_for_path("/ui/commit").await;
    let names = world.git(&["ls-tree", "--name-only", "main"]);
    assert_eq!(names.replace('\n', " "), "arithmetic tools");
    browser.assert_quiet_console(None).await;
}

#[tokio::test]
async fn the_second_of_two_people_who_merge_gets_a_clear_page() {
    let Some(site) = Site::open(&[], Options::default()).await else {
        return;
    };
    let (browser, world) = (&site.browser, &site.world);
    browser.goto("/ui/merge?from=next&into=main").await;
    world.ok(&["merge", "next"]);
    browser.click("main form button").await;
    browser.wait_for_text("Somebody else was faster").await;
    assert_accessible(browser).await;
    browser.screenshot("too-late").await;
    browser.assert_quiet_console(Some(412)).await;
    browser.follow("Back to the form", "/ui/merge").await;
    browser.wait_for_text("There is nothing to merge").await;

    world.ok(&["branch", "other"]);
    world.file("one.wasm", wat::parse_str(SUB).unwrap());
    world.ok(&["--branch", "other", "add", "one.wasm", "math/add.wasm"]);
    world.file("two.wasm", wat::parse_str("(module)").unwrap());
    world.ok(&["add", "two.wasm", "math/add.wasm"]);
    browser.goto("/ui/merge?from=other&into=main").await;
    browser.wait_for_text("1 conflict").await;
    assert!(browser.text().await.contains("math/add.wasm"));
    assert_accessible(browser).await;
    browser.screenshot("conflict").await;
}
