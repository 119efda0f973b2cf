//! The list of tags, and the forms that create and delete them.

use super::changes::done;
use super::session::{PageForm, Session};

#[test]
fn a_form_tags_the_commit_that_it_shows() {
    let mut browser = Session::without_keys();
    let first = browser.api.put("m/a", 1).to_string();
    let form = browser.form("/ui/tag/new?from=main");
    browser.api.put("m/a", 2);
    let light = browser.post_form(&form, &[("name", " v1 ")]);
    assert_eq!(light.header("location"), Some("/ui/tags"));
    assert_eq!(browser.api.rev("refs/tags/v1"), first);
    let page = format!("/ui/tag/new?from={first}");
    let filled_in = [
        ("name", "rel/2"),
        ("message", "Second\r\n\r\nfor <all>"),
        ("author", "Ann <a@b>"),
    ];
    done(&mut browser, &page, &filled_in);
    assert_eq!(
        browser
            .api
            .git(&["cat-file", "-t", "refs/tags/rel/2"])
            .trim(),
        "tag"
    );
    assert_eq!(browser.api.rev("refs/tags/rel/2^{commit}"), first);
    let list = browser.get("/ui/tags").text().to_owned();
    for text in [
        "v1",
        "rel/2",
        "annotated",
        "for &lt;all&gt;",
        "by <bdi>Ann</bdi>",
    ] {
        assert!(list.contains(text), "{text}: {list}");
    }
    for (name, status) in [("v1", 409), ("v1/x", 409), ("a..b", 400), ("", 400)] {
        let response = browser.submit("/ui/tag/new", &[("name", name)]);
        assert_eq!(response.status, status, "{name}: {}", response.text());
    }
    assert_eq!(browser.get("/ui/tag/new?from=gone").status, 404);
    assert_eq!(browser.api.git(&["tag", "--list"]).lines().count(), 2);
    browser.api.fsck();
}

#[test]
fn the_list_has_the_tags_that_git_pushed_in_pages() {
    let mut browser = Session::without_keys();
    browser.api.put("m/a", 1);
    browser
        .api
        .git(&["tag", "-a", "outside", "-m", "From outside"]);
    for n in 10..62 {
        browser.api.git(&["tag", &format!("t{n}")]);
    }
    let list = browser.get("/ui/tags").text().to_owned();
    assert!(
        list.contains("From outside") && list.contains("t58"),
        "{list}"
    );
    assert!(!list.contains("t59"), "{list}");
    let next = browser.get("/ui/tags?after=t58").text().to_owned();
    assert!(next.contains("t61") && !next.contains("t58"), "{next}");
    assert_eq!(browser.get("/ui/tags?after=a..b").status, 400);
}

#[test]
fn a_tag_that_has_moved_is_not_deleted() {
    let mut browser = Session::signed_in("admin-key");
    browser.api.put("m/a", 1);
    browser.api.git(&["tag", "v1"]);
    let form = browser.form("/ui/tag/delete?tag=v1");
    browser.api.put("m/a", 2);
    browser.api.git(&["tag", "-f", "v1"]);
    let late = browser.post_form(&form, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    assert!(late.text().contains("Somebody else was faster"));
    assert_eq!(
        browser.api.rev("refs/tags/v1"),
        browser.api.tip().to_string()
    );
    assert_eq!(done(&mut browser, "/ui/tag/delete?tag=v1", &[]), "/ui/tags");
    assert_eq!(browser.api.git(&["tag", "--list"]), "");
    assert_eq!(browser.get("/ui/tag/delete?tag=v1").status, 404);
    let gone = browser.post_form(&form, &[]);
    assert_eq!(gone.status, 404, "{}", gone.text());
}

#[test]
fn a_tag_that_has_got_another_message_is_not_deleted() {
    let mut browser = Session::signed_in("admin-key");
    browser.api.put("m/a", 1);
    let annotate = |browser: &Session, message: &str| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let tag = ["tag", "-f", "-a", "v1", "-m", message];
        browser.api.git(&[&identity[..], &tag].concat());
    };
    annotate(&browser, "one");
    let form = browser.form("/ui/tag/delete?tag=v1");
    annotate(&browser, "two");
    let late = browser.post_form(&form, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(
        browser.api.git(&["tag", "--list", "-n"]),
        "v1              two\n"
    );
    assert_eq!(done(&mut browser, "/ui/tag/delete?tag=v1", &[]), "/ui/tags");
}

#[test]
fn a_key_sees_only_the_forms_for_tags_that_it_allows() {
    let mut browser = Session::signed_in("reader-key");
    browser.api.put("m/a", 1);
    browser.api.git(&["tag", "v1"]);
    let list = browser.get("/ui/tags").text().to_owned();
    assert!(list.contains("v1") && !list.contains("/ui/tag/"), "{list}");
    browser.submit("/ui/logout", &[]);
    browser.sign_in("writer-key");
    let list = browser.get("/ui/tags").text().to_owned();
    assert!(list.contains("/ui/tag/new") && !list.contains("/ui/tag/delete"));
    let filled_in = [("name", "v2"), ("message", "By the key")];
    done(&mut browser, "/ui/tag/new", &filled_in);
    let tag = browser.api.git(&["cat-file", "-p", "refs/tags/v2"]);
    assert!(tag.contains("tagger Wanda <w@example.org>"), "{tag}");
    assert_eq!(PageForm::all(&list).len(), 0);
}
