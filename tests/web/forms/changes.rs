//! The forms that change something.

use super::session::{ORIGIN, Session};

/// Sends a form that must be carried out, and returns the page that it leads to.
#[track_caller]
pub fn done(browser: &mut Session, page: &str, filled_in: &[(&str, &str)]) -> String {
    let response = browser.submit(page, filled_in);
    assert_eq!(response.status, 303, "{}", response.text());
    response.header("location").unwrap().to_owned()
}

fn stored() -> Session {
    let browser = Session::without_keys();
    for n in 1..=3 {
        browser.api.put("m/a", n);
    }
    browser.api.put("m/b", 4);
    browser
}

#[test]
fn a_form_rolls_back_and_leads_to_the_commit() {
    let mut browser = stored();
    let location = done(
        &mut browser,
        "/ui/rollback?branch=main&path=m/a",
        &[("author", "Ann <a@b>")],
    );
    assert_eq!(browser.api.value("m/a"), Some(2));
    let tip = browser.api.tip().to_string();
    assert_eq!(location, format!("/ui/commit?branch=main&commit={tip}"));
    assert_eq!(browser.api.subjects()[0], "Rollback /m/a");
    assert_eq!(
        browser.api.git(&["log", "-1", "--format=%an <%ae>"]).trim(),
        "Ann <a@b>"
    );
    done(
        &mut browser,
        "/ui/rollback?branch=main",
        &[("message", "undo it\r\n\r\nall")],
    );
    assert_eq!(browser.api.subjects()[0], "undo it");
}

#[test]
fn a_form_restores_an_old_commit() {
    let mut browser = Session::without_keys();
    let old = browser.api.put("m/a", 1);
    browser.api.put("m/a", 2);
    browser.api.put("m/b", 3);
    done(
        &mut browser,
        &format!("/ui/restore?branch=main&from={old}&path=m/a"),
        &[],
    );
    assert_eq!(browser.api.content(), "/m/a=1 /m/b=3");
    done(
        &mut browser,
        &format!("/ui/restore?branch=main&from={old}"),
        &[],
    );
    assert_eq!(browser.api.content(), "/m/a=1");
}

#[test]
fn a_form_removes_a_module_or_a_directory() {
    let mut browser = stored();
    browser.api.put("x", 5);
    done(&mut browser, "/ui/remove?branch=main&path=m/b", &[]);
    assert_eq!(browser.api.content(), "/m/a=3 /x=5");
    done(&mut browser, "/ui/remove?branch=main&path=m", &[]);
    assert_eq!(browser.api.content(), "/x=5");
}

#[test]
fn a_form_copies_a_module_and_replaces_only_what_was_seen() {
    let mut browser = stored();
    done(
        &mut browser,
        "/ui/set?branch=main&path=m/a",
        &[("path", "stable/a")],
    );
    assert_eq!(browser.api.value("stable/a"), Some(3));
    let filled_in = [("path", "m/b"), ("message", "Copy it\r\n\r\n& more")];
    let before = browser.api.state();
    let shown = browser.submit("/ui/set?branch=main&path=m/a", &filled_in);
    assert_eq!(shown.status, 200);
    assert!(
        shown.text().contains("There is a module at"),
        "{}",
        shown.text()
    );
    let hash = browser.api.rev("HEAD:m/b");
    assert!(shown.text().contains(&hash), "{}", shown.text());
    assert_eq!(browser.api.state(), before, "nothing is replaced unseen");
    let form = super::session::PageForm::of(shown.text());
    browser.api.put("m/b", 5);
    let late = browser.post_form(&form, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(browser.api.value("m/b"), Some(5));
    let shown = browser.submit("/ui/set?branch=main&path=m/a", &filled_in);
    let form = super::session::PageForm::of(shown.text());
    assert_eq!(browser.post_form(&form, &[]).status, 303);
    assert_eq!(browser.api.value("m/b"), Some(3));
    assert_eq!(browser.api.subjects()[0], "Copy it");
}

#[test]
fn a_form_copies_an_old_version() {
    let mut browser = stored();
    let old = browser.api.rev("HEAD~2");
    let page = format!("/ui/module/m/a?branch=main&commit={old}");
    let link = browser.get(&page).text().contains("/ui/set?");
    assert!(link, "the page of an old version offers it");
    done(
        &mut browser,
        &format!("/ui/set?branch=main&path=m/a&from={old}"),
        &[("path", "old/a")],
    );
    assert_eq!(browser.api.value("old/a"), Some(2));
}

#[test]
fn of_two_people_who_merge_at_once_one_merges_and_the_other_gets_a_page() {
    let mut browser = stored();
    for name in ["one", "two"] {
        done(&mut browser, "/ui/branch/new?from=main", &[("name", name)]);
        browser.api.put_on(Some(name), &format!("m/{name}"), 7);
    }
    let forms =
        ["one", "two"].map(|name| browser.form(&format!("/ui/merge?from={name}&into=main")));
    let commits = browser.api.subjects().len();
    let (api, cookie) = (&browser.api, browser.cookie());
    let send = |form: &super::session::PageForm| {
        let fields: Vec<_> = { form.fields.iter() }
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let headers = [
            ("Cookie", cookie.as_str()),
            ("Accept", "text/html"),
            ("Origin", ORIGIN),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let response = api.send(
            "POST",
            "/ui/merge",
            &headers,
            super::session::encode(&fields),
        );
        (response.status, response.text().to_owned())
    };
    let mut responses = std::thread::scope(|threads| {
        let send = &send;
        let sent: Vec<_> = { forms.iter() }
            .map(|form| threads.spawn(move || send(form)))
            .collect();
        let responses = sent.into_iter().map(|sent| sent.join().unwrap());
        responses.collect::<Vec<_>>()
    });
    responses.sort();
    assert_eq!(
        (responses[0].0, responses[1].0),
        (303, 412),
        "{responses:?}"
    );
    assert!(responses[1].1.contains("Somebody else was faster"));
    // A branch that only moves forward makes no commit of its own.
    assert_eq!(browser.api.subjects().len(), commits + 1);
    assert_eq!(browser.api.content().matches("=7").count(), 1);
    browser.api.fsck();
}

#[test]
fn a_form_changes_the_default_branch() {
    let mut browser = Session::signed_in("admin-key");
    browser.api.put("m/a", 1);
    done(
        &mut browser,
        "/ui/branch/new?from=main",
        &[("name", "next")],
    );
    assert!(browser.get("/ui/branches").text().contains("Make default"));
    let form = browser.form("/ui/branch/default?branch=next");
    done(&mut browser, "/ui/branch/default?branch=next", &[]);
    assert_eq!(
        browser.api.git(&["symbolic-ref", "HEAD"]).trim(),
        "refs/heads/next"
    );
    let late = browser.post_form(&form, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    assert_eq!(browser.get("/ui/branch/default?branch=none").status, 404);
    browser.submit("/ui/logout", &[]);
    browser.sign_in("writer-key");
    assert!(!browser.get("/ui/branches").text().contains("Make default"));
    assert_eq!(browser.get("/ui/branch/default?branch=main").status, 403);
    let token = browser.form("/ui/rollback?branch=next&path=m/a");
    let fields = [
        ("token", token.field("token")),
        ("branch", "main"),
        ("expected", "next"),
    ];
    let refused = browser.post("/ui/branch/default", &fields);
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("the key does not allow"),
        "{}",
        refused.text()
    );
    assert!(
        refused.text().contains("Sign out"),
        "the page of an error, too"
    );
    assert_eq!(
        browser.api.git(&["symbolic-ref", "HEAD"]).trim(),
        "refs/heads/next"
    );
}

#[test]
fn forms_create_merge_and_delete_branches() {
    let mut browser = stored();
    let location = done(
        &mut browser,
        "/ui/branch/new?from=main",
        &[("name", "next/one")],
    );
    assert_eq!(location, "/ui/tree?branch=next%2Fone");
    browser.api.put_on(Some("next/one"), "m/new", 7);
    browser.api.put("m/b", 8);
    done(&mut browser, "/ui/merge?from=next/one&into=main", &[]);
    assert_eq!(browser.api.content(), "/m/a=3 /m/b=8 /m/new=7");
    done(&mut browser, "/ui/branch/delete?branch=next/one", &[]);
    assert_eq!(browser.api.git(&["branch", "--list"]).trim(), "* main");
    let response = browser.submit("/ui/branch/new?from=main", &[("name", "main")]);
    assert_eq!(response.status, 409);
}

#[test]
fn a_conflicting_merge_names_the_paths_and_changes_nothing() {
    let mut browser = stored();
    done(
        &mut browser,
        "/ui/branch/new?from=main",
        &[("name", "other")],
    );
    browser.api.put_on(Some("other"), "m/new", 9);
    let page = browser.form("/ui/merge?from=other&into=main");
    browser.api.put_on(Some("other"), "m/a", 10);
    let late = browser.post_form(&page, &[]);
    assert_eq!(late.status, 412, "{}", late.text());
    browser.api.put("m/a", 11);
    let before = browser.api.state();
    let tips = ["main", "other"].map(|branch| browser.api.rev(branch));
    let conflicting = [
        ("expected", tips[0].as_str()),
        ("theirs_tip", tips[1].as_str()),
    ];
    let response = browser.post_form(&page, &conflicting);
    assert_eq!(response.status, 409);
    assert!(response.text().contains("/m/a"), "{}", response.text());
    assert_eq!(browser.api.state(), before);
}

#[test]
fn the_second_of_two_people_gets_a_page_and_changes_nothing() {
    let mut browser = stored();
    done(
        &mut browser,
        "/ui/branch/new?from=main",
        &[("name", "other")],
    );
    browser.api.put_on(Some("other"), "m/new", 5);
    for (n, (page, other_change)) in (20..).zip([
        ("/ui/rollback?branch=main&path=m/a", "m/a"),
        ("/ui/rollback?branch=main", "m/x"),
        ("/ui/remove?branch=main&path=m/a", "m/a"),
        ("/ui/remove?branch=main&path=m", "m/x"),
        ("/ui/merge?from=other&into=main", "m/x"),
    ]) {
        let form = browser.form(page);
        browser.api.put(other_change, n);
        let before = browser.api.state();
        let response = browser.post_form(&form, &[]);
        assert_eq!(response.status, 412, "{page}: {}", response.text());
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(browser.api.state(), before, "{page}");
    }
    let delete = browser.form("/ui/branch/delete?branch=other");
    browser.api.put_on(Some("other"), "m/new", 6);
    assert_eq!(browser.post_form(&delete, &[]).status, 412);
    assert!(browser.api.git(&["branch", "--list"]).contains("other"));
}

#[test]
fn a_form_of_another_site_or_without_its_token_is_refused() {
    let mut browser = stored();
    let form = browser.form("/ui/rollback?branch=main&path=m/a");
    let before = browser.api.state();
    let body = |token: &str| {
        let expected = form.field("expected");
        format!("token={token}&branch=main&path=m%2Fa&expected={expected}")
    };
    let media_type = ("Content-Type", "application/x-www-form-urlencoded");
    let mut send = |headers: &[(&str, &str)], token: &str| {
        let headers = [&[media_type], headers].concat();
        let response = browser.send(("POST", "/ui/rollback"), &headers, body(token));
        assert_eq!(response.status, 403, "{headers:?}");
        assert!(
            response.text().contains("nothing was changed"),
            "{}",
            response.text()
        );
        response.text().to_owned()
    };
    let token = form.field("token");
    send(&[], token);
    send(&[("Sec-Fetch-Site", "same-site")], token);
    send(
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", ORIGIN)],
        token,
    );
    send(&[("Origin", ORIGIN)], "");
    send(
        &[("Origin", ORIGIN)],
        &token.replace(|c: char| c.is_ascii_digit(), "x"),
    );
    // The token of another browser.
    browser.forget();
    let other = browser.form("/ui/rollback?branch=main&path=m/a");
    assert_ne!(other.field("token"), token);
    let response = browser.post("/ui/rollback", &[("token", token), ("branch", "main")]);
    assert_eq!(response.status, 403);
    assert_eq!(browser.api.state(), before);
}

#[test]
fn a_foreign_origin_is_refused_before_the_form_even_with_cors() {
    let options = wasmstore::http::ServerOptions {
        has_web: true,
        has_cors: true,
        ..Default::default()
    };
    let api = crate::http::api::Api::with_options(options, Default::default());
    let headers = [("Origin", "http://evil.example")];
    let response = api.send("POST", "/ui/rollback", &headers, "token=x");
    assert_eq!(response.status, 403);
    assert!(
        response
            .text()
            .contains("not sent by a page of this server"),
        "{}",
        response.text()
    );
}

#[test]
fn a_key_sees_and_may_send_only_what_it_allows() {
    let mut reader = Session::signed_in("reader-key");
    reader.api.put("m/a", 1);
    let tree = reader.get("/ui/tree/m?branch=main");
    assert_eq!(tree.status, 200);
    for action in ["/ui/upload", "/ui/rollback", "/ui/remove", "/ui/branch/new"] {
        assert!(!tree.text().contains(action), "{action}");
    }
    let module = reader.get("/ui/module/m/a?branch=main");
    assert!(!module.text().contains("/ui/rollback"));
    for page in [
        "/ui/upload?branch=main",
        "/ui/rollback?branch=main&path=m/a",
        "/ui/remove?branch=main&path=m/a",
        "/ui/move?branch=main&path=m/a",
        "/ui/tag/new",
        "/ui/tag/delete?tag=v1",
    ] {
        assert_eq!(reader.get(page).status, 403, "{page}");
    }
    for uri in [
        "/ui/rollback",
        "/ui/restore",
        "/ui/remove",
        "/ui/set",
        "/ui/merge",
        "/ui/upload",
        "/ui/branch/new",
        "/ui/move",
        "/ui/tag/new",
        "/ui/tag/delete",
    ] {
        assert_eq!(reader.post(uri, &[]).status, 403, "{uri}");
    }
    let mut writer = Session::signed_in("writer-key");
    writer.api.put("m/a", 1);
    writer.api.put("m/a", 2);
    let text = writer.get("/ui/module/m/a?branch=main").text().to_owned();
    assert!(
        text.contains("/ui/rollback") && !text.contains("/ui/remove?"),
        "{text}"
    );
    done(&mut writer, "/ui/rollback?branch=main&path=m/a", &[]);
    assert_eq!(
        writer.api.git(&["log", "-1", "--format=%an"]).trim(),
        "Wanda"
    );
    for uri in ["/ui/remove", "/ui/move", "/ui/tag/delete"] {
        assert_eq!(writer.post(uri, &[]).status, 403, "{uri}");
    }
    let forged = writer.submit(
        "/ui/rollback?branch=main&path=m/a",
        &[("author", "Eve <e@e>")],
    );
    assert_eq!(forged.status, 403);
}

#[test]
fn a_session_that_ends_before_the_form_gets_a_page() {
    let mut browser = Session::signed_in("admin-key");
    browser.api.put("m/a", 1);
    browser.api.put("m/a", 2);
    let form = browser.form("/ui/rollback?branch=main&path=m/a");
    let keys = wasmstore::http::Keys::parse_file("other:*").unwrap();
    browser.keyring.clone().unwrap().replace(keys);
    let response = browser.post_form(&form, &[]);
    assert_eq!(response.status, 401);
    response.has("www-authenticate", "Bearer realm=\"wasmstore\"");
    assert!(
        response.text().contains("your session has ended"),
        "{}",
        response.text()
    );
    assert!(response.text().contains("/ui/login"), "{}", response.text());
    assert_eq!(browser.api.value("m/a"), Some(2));
}

#[test]
fn malformed_and_oversized_forms_are_refused() {
    let mut browser = stored();
    let form = browser.form("/ui/rollback?branch=main&path=m/a");
    let before = browser.api.state();
    let token = form.field("token").to_owned();
    let long = "x".repeat(300 << 10);
    let many = vec![("a", "1"); 10_001];
    for (fields, status) in [
        (&many[..], 400),
        (&[("message", long.as_str())], 413),
        (&[("token", token.as_str())], 400),
        (
            &[
                ("token", token.as_str()),
                ("branch", "main"),
                ("path", "../x"),
            ],
            400,
        ),
        (
            &[
                ("token", token.as_str()),
                ("branch", "no such"),
                ("expected", "x"),
            ],
            400,
        ),
        (
            &[
                ("token", token.as_str()),
                ("branch", "missing"),
                ("expected", "x"),
            ],
            404,
        ),
        (&[("token", token.as_str()), ("token", token.as_str())], 400),
    ] {
        let response = browser.post("/ui/rollback", fields);
        assert_eq!(
            response.status,
            status,
            "{:?}",
            &fields[..fields.len().min(4)]
        );
    }
    let headers = [("Origin", ORIGIN), ("Content-Type", "text/plain")];
    let response = browser.send(("POST", "/ui/rollback"), &headers, "token=x");
    assert_eq!(response.status, 415);
    assert_eq!(browser.api.state(), before);
}

#[test]
fn a_form_changes_the_path_that_its_page_names_also_with_spaces_at_its_ends() {
    let mut browser = Session::without_keys();
    browser.api.put("m/a", 1);
    browser.api.put("m /a", 2);
    browser.api.put(" /a", 3);
    done(&mut browser, "/ui/remove?branch=main&path=m%20", &[]);
    assert_eq!(browser.api.content(), "/ /a=3 /m/a=1");
    browser.api.put("m/a", 4);
    // The newest change is in another directory, so nothing of the whole branch may be rolled back.
    let page = "/ui/rollback?branch=main&path=%20";
    let response = browser.submit(page, &[]);
    assert_eq!(response.status, 303, "{}", response.text());
    assert_eq!(browser.api.value("m/a"), Some(4));
}

#[test]
fn the_page_of_an_error_leads_back_to_its_form_only_if_that_is_known() {
    let mut browser = stored();
    let page = "/ui/rollback?branch=main&path=m/a";
    let form = browser.form(page);
    browser.api.put("m/a", 9);
    let body = format!(
        "branch=main&path=m%2Fa&expected={}&token={}",
        form.field("expected"),
        form.field("token")
    );
    let media_type = ("Content-Type", "application/x-www-form-urlencoded");
    let referer = format!("{ORIGIN}{page}");
    for (referer, expected) in [
        (
            referer.as_str(),
            Some("/ui/rollback?branch=main&amp;path=m/a"),
        ),
        ("https://evil.example/ui/rollback", None),
        ("", None),
    ] {
        let mut headers = vec![("Origin", ORIGIN), media_type];
        headers.extend((!referer.is_empty()).then_some(("Referer", referer)));
        let response = browser.send(("POST", &form.action), &headers, body.clone());
        assert_eq!(response.status, 412, "{}", response.text());
        let link = response.text().find(">Back to the form<");
        assert_eq!(link.is_some(), expected.is_some(), "{referer}");
        if let Some(expected) = expected {
            let link = format!("href=\"{expected}\">Back to the form<");
            assert!(response.text().contains(&link), "{}", response.text());
        }
    }
}
