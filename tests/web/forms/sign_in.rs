//! Signing in and out.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::Keys;

use super::session::{KEYS, ORIGIN, Session};
use crate::support::program::World;
use crate::support::server::Server;

const TREE: &str = "/ui/tree?branch=main";

#[test]
fn a_page_without_a_key_leads_to_the_form_and_back() {
    let mut browser = Session::with_keys();
    let response = browser.get(TREE);
    let login = "/ui/login?next=%2Fui%2Ftree%3Fbranch%3Dmain";
    response.has("location", login);
    assert_eq!(response.status, 303);
    assert_eq!(response.header("www-authenticate"), None);
    let page = browser.get(login);
    assert!(
        !page.text().contains("href=\"/ui/tree?branch=main"),
        "nothing about the store: {}",
        page.text()
    );
    let response = browser.submit(login, &[("key", "reader-key")]);
    let begun = format!("{login}&why=begun");
    assert_eq!(response.status, 303);
    response.has("location", &begun);
    let response = browser.get(&begun);
    assert_eq!(response.status, 303);
    response.has("location", TREE);
    assert_eq!(browser.get(TREE).status, 200);
}

#[test]
fn a_link_of_another_site_works_although_the_browser_withholds_the_cookie() {
    let mut browser = Session::with_keys();
    let from_elsewhere = [("Sec-Fetch-Site", "cross-site")];
    let response = browser.send(("GET", TREE), &from_elsewhere, "");
    assert_eq!(response.status, 401);
    let refresh = r#"http-equiv="refresh" content="0; url=/ui/tree?branch=main""#;
    assert!(response.text().contains(refresh), "{}", response.text());
}

#[test]
fn the_cookie_is_out_of_reach_and_does_not_contain_the_key() {
    let mut browser = Session::with_keys();
    let response = browser.submit("/ui/login", &[("key", "reader-key")]);
    let cookie = response.header("set-cookie").unwrap();
    assert!(cookie.starts_with("wasmstore-session-6384="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=129600; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    let value = cookie.split(['=', ';']).nth(1).unwrap();
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(value)
        .unwrap();
    assert!(!bytes.windows(10).any(|part| part == b"reader-key"));
}

#[test]
fn a_wrong_key_is_refused_with_the_form() {
    let mut browser = Session::with_keys();
    for (key, status, text) in [
        ("wrong", 401, "This is not a key of this server."),
        ("", 401, "This is not a key of this server."),
        ("blind-key", 403, "the key does not allow GET"),
    ] {
        let response = browser.submit("/ui/login", &[("key", key)]);
        assert_eq!(response.status, status, "{key}");
        assert!(response.text().contains(text), "{}", response.text());
        assert!(response.text().contains("name=\"key\""));
        assert!(!browser.cookie().contains("session"));
    }
}

#[test]
fn guessing_with_the_form_is_limited_like_guessing_at_the_api() {
    let world = World::with_store("sha1");
    let args = ["--auth", "right:*", "--max-wrong-keys", "2"];
    let server = Server::start(&world, &args);
    let page = server.get("/ui/login");
    let cookie = page
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let token = super::session::PageForm::of(page.text())
        .field("token")
        .to_owned();
    let guess = |key: &str| {
        let headers = [
            format!("Origin: http://{}", server.address),
            format!("Cookie: {cookie}"),
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
        ];
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let body = format!("token={token}&key={key}");
        server.send("POST", "/ui/login", &headers, body.as_bytes())
    };
    assert_eq!(guess("a").status, 401);
    assert_eq!(guess("b").status, 401);
    let refused = guess("right");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some());
    let api = server.send("GET", "/api/v1/branch", &["Wasmstore-Auth: right"], b"");
    assert_eq!(api.status, 429);
    for secret in ["right", cookie.split_once('=').unwrap().1, token.as_str()] {
        assert!(
            !server.log().contains(&format!("={secret}")),
            "{}",
            server.log()
        );
    }
}

#[test]
fn a_session_ends_with_its_time_its_key_and_the_form() {
    let limits = ServerLimits {
        session_age_max: Duration::ZERO,
        ..ServerLimits::default()
    };
    let mut expired = Session::new(Some(KEYS), limits, Options::default());
    let response = expired.submit("/ui/login", &[("key", "reader-key")]);
    assert!(
        response
            .header("set-cookie")
            .unwrap()
            .contains("Max-Age=86400;")
    );
    // The browser still has the cookie, so the server can say what has happened.
    let response = expired.get(TREE);
    assert_eq!(response.status, 303);
    assert!(response.header("location").unwrap().ends_with("&why=ended"));

    let mut browser = Session::signed_in("reader-key");
    assert_eq!(browser.get(TREE).status, 200);
    let keys = Keys::parse_file("admin-key:*\nreader-key:GET").unwrap();
    let keyring = browser.keyring.clone().unwrap();
    keyring.replace(keys);
    assert_eq!(
        browser.get(TREE).status,
        200,
        "the key has moved, and is still there"
    );
    keyring.replace(Keys::parse_file("admin-key:*").unwrap());
    let response = browser.get(TREE);
    assert_eq!(response.status, 303);
    let location = response.header("location").unwrap();
    assert!(location.ends_with("&why=ended"), "{location}");
    let page = browser.get(location);
    assert!(page.text().contains("Your session has ended."));

    let mut browser = Session::signed_in("reader-key");
    let response = browser.submit("/ui/logout", &[]);
    response.has("location", "/ui/login?why=out");
    assert!(!browser.cookie().contains("session"));
    assert_eq!(browser.get(TREE).status, 303);
}

#[test]
fn a_session_counts_for_pages_only() {
    let mut browser = Session::signed_in("admin-key");
    assert_eq!(browser.get(TREE).status, 200);
    for (method, uri) in [
        ("GET", "/api/v1/modules"),
        ("GET", "/api/v1/branch"),
        ("POST", "/api/v1/rollback"),
        ("DELETE", "/api/v1/module/a"),
        ("GET", "/wasmstore.git/info/refs?service=git-upload-pack"),
        ("GET", "/v2/"),
        ("GET", "/metrics"),
    ] {
        let response = browser.send((method, uri), &[("Origin", ORIGIN)], "");
        assert_eq!(response.status, 401, "{method} {uri}");
    }
}

#[test]
fn a_socket_counts_the_session_for_a_page_of_this_server_only() {
    let mut browser = Session::signed_in("reader-key");
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut open = |more: &[(&str, &str)]| {
        let headers = [&upgrade[..], more].concat();
        browser.send(("GET", "/api/v1/watch"), &headers, "").status
    };
    assert_eq!(open(&[]), 401, "no origin");
    assert_eq!(open(&[("Origin", "http://evil.example")]), 403);
    // Without a connection there is nothing to upgrade, but the key was accepted.
    assert_eq!(open(&[("Origin", ORIGIN)]), 426);
}

#[test]
fn basic_credentials_work_on_pages_and_the_browser_asks_only_on_request() {
    let mut browser = Session::with_keys();
    let basic = |key: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("ann:{key}")));
    let asked = browser.get("/login-basic?next=%2Fui%2Ftree");
    assert_eq!(asked.status, 401);
    assert!(
        asked
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
    let right = basic("reader-key");
    let headers = [("Authorization", right.as_str())];
    let answered = browser.send(("GET", "/login-basic?next=%2Fui%2Ftree"), &headers, "");
    assert_eq!(answered.status, 303);
    answered.has("location", "/ui/tree");
    assert_eq!(browser.send(("GET", TREE), &headers, "").status, 200);
    let wrong = basic("wrong");
    let refused = browser.send(("GET", TREE), &[("Authorization", wrong.as_str())], "");
    assert_eq!(refused.status, 401);
    assert!(
        refused
            .header("www-authenticate")
            .unwrap()
            .starts_with("Basic ")
    );
}

#[test]
fn signing_in_needs_no_key_on_a_server_without_keys() {
    let mut browser = Session::without_keys();
    let page = browser.get("/ui/login");
    assert!(page.text().contains("No key is needed"), "{}", page.text());
    assert_eq!(browser.get(TREE).status, 200);
}

#[test]
fn signing_out_ends_the_session_for_a_copy_of_its_cookie_too() {
    let mut browser = Session::signed_in("reader-key");
    let copy = browser.cookie();
    let get = |browser: &Session| {
        let headers = [("Cookie", copy.as_str()), ("Accept", "text/html")];
        browser.api.send("GET", TREE, &headers, "").status
    };
    assert_eq!(get(&browser), 200);
    assert_eq!(browser.submit("/ui/logout", &[]).status, 303);
    assert_eq!(get(&browser), 303, "to the form for signing in");
}

#[test]
fn a_form_that_needs_no_key_is_short() {
    let mut browser = Session::with_keys();
    let long = "x".repeat(8 << 10);
    let response = browser.submit("/ui/login", &[("key", &long)]);
    assert_eq!(response.status, 413, "{}", response.text());
    assert_eq!(
        browser.submit("/ui/login", &[("key", "reader-key")]).status,
        303
    );
}
