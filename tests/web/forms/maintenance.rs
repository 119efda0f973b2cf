//! gc and verify, run by the buttons of the status.

use std::time::{Duration, Instant};

use super::session::{PageForm, Session};
use crate::support::store::git_with_input;

/// Presses a button of the status.
fn press(browser: &mut Session, action: &str) -> u16 {
    let page = browser.get("/ui/status");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let forms = PageForm::all(page.text());
    let form = forms.iter().find(|form| form.action == action);
    let form = form.unwrap_or_else(|| panic!("no button for {action}"));
    browser.post_form(form, &[]).status
}

#[test]
fn the_status_runs_gc_and_verify_and_shows_the_results() {
    let mut browser = Session::signed_in("writer-key");
    browser.api.put("m/a", 1);
    browser.api.put("m/a", 2);
    let commits = browser.api.subjects().len();
    git_with_input(
        &browser.api.root,
        &["hash-object", "-w", "--stdin"],
        "garbage",
    );
    assert_eq!(press(&mut browser, "/ui/gc"), 303);
    assert_eq!(browser.api.subjects().len(), commits, "the history is kept");
    let page = browser.get("/ui/status");
    assert!(page.text().contains("> freed "), "{}", page.text());
    assert_eq!(press(&mut browser, "/ui/verify"), 303);
    let began = Instant::now();
    loop {
        let page = browser.get("/ui/status").text().to_owned();
        if page.matches(">ok<").count() == 2 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{page}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut reader = Session::signed_in("reader-key");
    assert_eq!(reader.get("/ui/status").status, 403);
}

#[test]
fn dropping_the_history_needs_delete_and_the_commit_that_was_seen() {
    let mut browser = Session::signed_in("admin-key");
    browser.api.put("m/a", 1);
    browser.api.put("m/a", 2);
    let page = browser.get("/ui/status");
    assert!(page.text().contains("Drop the history"), "{}", page.text());
    let form = browser.form("/ui/gc?branch=main");
    let explained = browser.get("/ui/gc?branch=main");
    for text in ["3 commits", "are dropped", "nothing can be rolled back"] {
        assert!(
            explained.text().contains(text),
            "{text}: {}",
            explained.text()
        );
    }
    browser.api.put("m/a", 3);
    let late = browser.post_form(&form, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(browser.api.subjects().len(), 4, "nothing was dropped");
    assert!(!browser.get("/ui/status").text().contains("1 failures"));
    let response = browser.submit("/ui/gc?branch=main", &[]);
    response.has("location", "/ui/status");
    assert_eq!(browser.api.subjects(), ["GC"]);
    assert_eq!(browser.api.value("m/a"), Some(3));

    browser.submit("/ui/logout", &[]);
    browser.sign_in("writer-key");
    assert!(
        !browser
            .get("/ui/status")
            .text()
            .contains("Drop the history")
    );
    assert_eq!(browser.get("/ui/gc?branch=main").status, 403);
    let page = browser.get("/ui/status");
    let forms = PageForm::all(page.text());
    let squash = [("history", "squash"), ("expected", "x")];
    let refused = browser.post_form(&forms[0], &squash);
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .text()
            .contains("the key does not allow this change")
    );
}
