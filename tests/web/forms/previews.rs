//! What a rollback, a restoration and a merge say before and after they happen.

use wasmstore::store::{Change, PathConditions};

use super::changes::done;
use super::session::Session;
use crate::support::store::{module, scope};

fn text(browser: &mut Session, page: &str) -> String {
    let response = browser.get(page);
    assert_eq!(response.status, 200, "{page}: {}", response.text());
    response.text().to_owned()
}

/// Puts 105 modules in one commit.
fn put_many(browser: &mut Session) {
    let (change, store) = (Change::default(), &browser.api.store);
    let mut upload = store.begin_put_modules(&change, &scope("many")).unwrap();
    for n in 100..205 {
        upload.begin(&n.to_string()).unwrap();
        upload.write(&module(n)).unwrap();
        upload.end().unwrap();
    }
    let conditions = PathConditions::default();
    store
        .finish_put_modules(&change, &conditions, upload)
        .unwrap();
}

#[test]
fn a_rollback_shows_what_it_would_change() {
    let mut browser = Session::without_keys();
    browser.api.put("m/a", 1);
    browser.api.put("m/b", 2);
    browser.api.put("m/a", 3);
    let before = browser.api.state();
    let all = text(&mut browser, "/ui/rollback?branch=main");
    assert!(all.contains("What changes") && all.contains("m/a"), "{all}");
    assert!(!all.contains("m/b"), "{all}");
    let own = text(&mut browser, "/ui/rollback?branch=main&path=m/b");
    assert!(own.contains("removed") && !own.contains(">m/a<"), "{own}");
    assert_eq!(browser.api.state(), before, "a page changes nothing");
    assert_eq!(
        browser.get("/ui/rollback?branch=main&path=gone").status,
        404
    );
    // Undoing both versions of the module leaves nothing to undo.
    for _ in 0..2 {
        done(&mut browser, "/ui/rollback?branch=main&path=m/a", &[]);
    }
    let nothing = text(&mut browser, "/ui/rollback?branch=main&path=m/a");
    assert!(
        nothing.contains("nothing to roll back at /m/a"),
        "{nothing}"
    );
    assert!(!nothing.contains("method=\"post\""), "{nothing}");
}

#[test]
fn a_preview_lists_the_first_paths_and_counts_the_others() {
    let mut browser = Session::without_keys();
    let old = browser.api.put("x", 1);
    put_many(&mut browser);
    let page = format!("/ui/restore?branch=main&from={old}");
    let shown = text(&mut browser, &page);
    assert!(shown.contains("many/199") && !shown.contains("many/200"));
    assert!(shown.contains("and 5 more"), "{shown}");
    let other = format!("/ui/restore?branch=main&from={old}&path=x");
    let shown = text(&mut browser, &other);
    assert!(shown.contains("No module would change"), "{shown}");
    let gone = format!("/ui/restore?branch=main&from={old}&path=none");
    assert_eq!(browser.get(&gone).status, 404);
}

#[test]
fn a_merge_makes_a_commit_if_the_box_is_ticked_and_can_be_undone_otherwise() {
    let mut browser = Session::without_keys();
    let base = browser.api.put("a", 1).to_string();
    done(
        &mut browser,
        "/ui/branch/new?from=main",
        &[("name", "next")],
    );
    browser.api.put_on(Some("next"), "b", 2);
    let next = browser.api.put_on(Some("next"), "c", 3).to_string();
    let page = "/ui/merge?from=next&into=main";
    assert!(text(&mut browser, page).contains("name=\"no_ff\""));
    let location = done(&mut browser, page, &[]);
    assert_eq!(browser.api.rev("main"), next);
    let expected = format!("/ui/commit?branch=main&commit={next}&forwarded_from={base}");
    assert_eq!(location, expected);
    let after = text(&mut browser, &location);
    let undo = format!("/ui/restore?branch=main&amp;from={base}");
    assert!(after.contains("was moved forward"), "{after}");
    assert!(after.contains(&undo), "{after}");
    let undo = undo.replace("&amp;", "&");
    done(&mut browser, &undo, &[]);
    assert_eq!(browser.api.content(), "/a=1");

    browser.api.git(&["update-ref", "refs/heads/main", &base]);
    let filled_in = [("no_ff", "true"), ("message", "Promote")];
    let location = done(&mut browser, page, &filled_in);
    let parents = browser.api.git(&["log", "-1", "--format=%P %s", "main"]);
    assert_eq!(parents.trim(), format!("{base} {next} Promote"));
    assert!(!text(&mut browser, &location).contains("was moved forward"));
    done(&mut browser, "/ui/rollback?branch=main", &[]);
    assert_eq!(browser.api.content(), "/a=1");

    // A link cannot call any commit the state before a merge.
    for from in [&next, &browser.api.rev("main"), &"1".repeat(40)] {
        let link = format!("/ui/commit?branch=main&commit={base}&forwarded_from={from}");
        assert!(!text(&mut browser, &link).contains("was moved forward"));
    }
    let malformed = format!("/ui/commit?commit={base}&forwarded_from=x");
    assert_eq!(browser.get(&malformed).status, 400);
}
