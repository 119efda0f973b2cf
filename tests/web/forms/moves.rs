//! The form that moves a module or a directory.

use super::changes::done;
use super::session::Session;

fn stored() -> Session {
    let browser = Session::without_keys();
    for (path, n) in [("m/a", 1), ("m/b", 2), ("x", 3)] {
        browser.api.put(path, n);
    }
    browser
}

#[test]
fn a_form_moves_a_module_or_a_directory() {
    let mut browser = stored();
    let page = "/ui/move?branch=main&path=m/a";
    let location = done(&mut browser, page, &[("to", "n/c"), ("message", "Rename")]);
    assert_eq!(browser.api.content(), "/m/b=2 /n/c=1 /x=3");
    assert_eq!(browser.api.subjects()[0], "Rename");
    assert!(location.ends_with(&browser.api.tip().to_string()));
    done(&mut browser, "/ui/move?branch=main&path=m", &[("to", "n/")]);
    assert_eq!(browser.api.content(), "/n/c=1 /n/m/b=2 /x=3");
    assert_eq!(browser.api.subjects()[0], "Move /m to /n/m");
    let page = "/ui/module/n/c?branch=main";
    assert!(browser.get(page).text().contains("/ui/move?"));
}

#[test]
fn a_move_replaces_nothing_and_moves_only_what_was_seen() {
    let mut browser = stored();
    let page = "/ui/move?branch=main&path=m/a";
    let (file, directory) = (
        browser.form(page),
        browser.form("/ui/move?branch=main&path=m"),
    );
    let before = browser.api.state();
    for (to, status) in [
        ("x", 409),
        ("x/y", 409),
        ("m/a", 409),
        ("../y", 400),
        ("", 400),
    ] {
        let response = browser.post_form(&file, &[("to", to)]);
        assert_eq!(response.status, status, "{to}: {}", response.text());
    }
    assert_eq!(browser.api.state(), before);
    browser.api.put("m/a", 4);
    let before = browser.api.state();
    for form in [file, directory] {
        let late = browser.post_form(&form, &[("to", "new")]);
        assert_eq!(late.status, 412, "{}", late.text());
    }
    assert_eq!(browser.api.state(), before);
    for (path, status) in [("gone", 404), ("", 400), ("..", 400)] {
        let page = format!("/ui/move?branch=main&path={path}");
        assert_eq!(browser.get(&page).status, status, "{path}");
    }
}
