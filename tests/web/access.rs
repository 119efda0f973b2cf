//! Who gets pages: keys, other clients, servers without the web UI.

use wasmstore::http::{Keys, ServerOptions};

use super::Web;
use crate::http::api::Api;
use crate::support::program::World;
use crate::support::server::Server;

/// `Basic` with the password `reader`, `builder` and `wrong`.
const READER: (&str, &str) = ("authorization", "Basic eDpyZWFkZXI=");
const BUILDER: (&str, &str) = ("authorization", "Basic eDpidWlsZGVy");
const WRONG: (&str, &str) = ("authorization", "Basic eDp3cm9uZw==");

fn with_keys() -> Web {
    let keys = Keys::parse("reader:GET;builder:GET,POST;writer:POST").unwrap();
    Web::with(ServerOptions {
        keys: Some(keys.into()),
        ..ServerOptions::default()
    })
}

#[test]
fn pages_need_a_key_that_allows_get() {
    let w = with_keys();
    w.put("a.wasm", 1);
    for uri in [
        "/",
        "/ui/tree",
        "/ui/module/a.wasm",
        "/ui/history",
        "/ui/branches",
        "/ui/search",
        "/ui/status",
        "/ui/raw/a.wasm",
        "/ui/none",
    ] {
        let page = w.page_with(uri, &[WRONG]);
        page.is(401).shows("A key is needed").hides("a.wasm</");
        page.response.has(
            "www-authenticate",
            "Basic realm=\"wasmstore\", charset=\"UTF-8\"",
        );
        // A browser is led to the form for signing in; other clients are told that a key is needed.
        let response = w.send("GET", uri, &[("accept", "text/html")], "");
        assert_eq!(response.status, 303, "{uri}");
        let location = response.header("location").unwrap();
        assert!(location.starts_with("/ui/login?next=%2F"), "{location}");
        assert_eq!(w.send("GET", uri, &[], "").status, 401, "{uri}");
    }
    w.page_with("/", &[READER]).is(200).shows("a.wasm");
    w.page_with("/", &[("wasmstore-auth", "writer")])
        .is(403)
        .shows("does not allow");
    // The page of an error is readable without a key.
    for link in w
        .page_with("/", &[WRONG])
        .links
        .iter()
        .filter(|link| link.starts_with("/ui/assets/"))
    {
        assert_eq!(w.send("GET", link, &[], "").status, 200, "{link}");
    }
}

#[test]
fn the_status_is_for_keys_that_may_change_the_store() {
    let w = with_keys();
    w.page_with("/ui/status", &[READER])
        .is(403)
        .shows("the status needs");
    w.page_with("/", &[READER]).hides("/ui/status");
    w.page_with("/ui/status", &[BUILDER]).is(200);
    w.page_with("/", &[BUILDER]).shows("/ui/status");
}

#[test]
fn the_rights_of_a_key_are_part_of_the_entity_tag() {
    let w = with_keys();
    w.put("a.wasm", 1);
    w.read_all();
    let tag = |key| {
        w.page_with("/", &[key])
            .response
            .header("etag")
            .unwrap()
            .to_owned()
    };
    let (reader, builder) = (tag(READER), tag(BUILDER));
    assert_ne!(reader, builder);
    let page = w.page_with("/", &[READER, ("if-none-match", &builder)]);
    page.is(200);
    page.response.has("cache-control", "private, no-cache");
}

#[test]
fn commands_to_get_a_module_name_its_branch_and_the_key() {
    let w = with_keys();
    w.put("m/a.wasm", 1);
    w.store
        .create_branch(&"side".parse().unwrap(), &Default::default())
        .unwrap();
    w.put_on(Some("side"), "m/a.wasm", 2);
    w.read_all();
    let page = w.page_with("/ui/module/m/a.wasm?branch=side", &[READER]);
    page.is(200)
        .shows("printf 'Wasmstore-Auth: %s' &quot;$WASMSTORE_KEY&quot; | curl -H @- -f -H 'Wasmstore-Branch: side' -o a.wasm")
        .shows("GIT_CONFIG_VALUE_0=&quot;Wasmstore-Auth: $WASMSTORE_KEY&quot; git clone")
        .shows("origin/side:m/a.wasm")
        .shows("headers: { &quot;Wasmstore-Branch&quot;: &quot;side&quot;, &quot;Wasmstore-Auth&quot;: &quot;WASMSTORE_KEY&quot; }")
        .shows("&quot;headers&quot;: { &quot;Wasmstore-Branch&quot;");
    // What the commands of browsers and Extism ask for is found with these headers only.
    let digest = crate::http::api::digest_of(&crate::support::store::module(2));
    page.shows(&format!("/api/v1/module/{digest}"));
    let uri = format!("/api/v1/module/{digest}");
    let key = ("wasmstore-auth", "reader");
    assert_eq!(w.send("GET", &uri, &[key], "").status, 404);
    let branch = ("wasmstore-branch", "side");
    assert_eq!(w.send("GET", &uri, &[key, branch], "").status, 200);
    let main = w.page_with("/ui/module/m/a.wasm", &[READER]);
    main.shows("wkg oci pull --insecure 127.0.0.1:6384 -u any -p &quot;$WASMSTORE_KEY&quot;");
    let without_keys = Web::new();
    without_keys.put("m/a.wasm", 1);
    let page = without_keys.page("/ui/module/m/a.wasm?branch=main");
    page.hides("WASMSTORE_KEY")
        .hides("headers: {")
        .shows("curl -f -o a.wasm");
}

#[test]
fn oci_clients_are_not_led_below_a_base_path() {
    let w = Web::with(ServerOptions {
        base_path: "/store".parse().unwrap(),
        ..ServerOptions::default()
    });
    w.put("m/a.wasm", 1);
    let page = w.page("/store/ui/module/m/a.wasm");
    page.is(200)
        .hides("wkg oci pull")
        .shows("http://127.0.0.1:6384/store/api/v1/module/m/a.wasm")
        .shows("http://127.0.0.1:6384/store/wasmstore.git");
}

#[test]
fn a_signed_in_user_can_sign_out_on_the_page_of_an_error() {
    let w = with_keys();
    for uri in [
        "/ui/tree?branch=none",
        "/ui/nothing",
        "/ui/upload?branch=main",
    ] {
        w.page_with(uri, &[READER]).shows("Sign out");
    }
    let page = w.page_with("/", &[("wasmstore-auth", "writer")]);
    page.is(403).shows("Sign out");
    w.page_with("/ui/nothing", &[WRONG])
        .is(401)
        .hides("Sign out");
}

#[test]
fn only_a_browser_gets_a_page_at_the_root() {
    let w = Web::new();
    for headers in [
        &[][..],
        &[("accept", "*/*")],
        &[("accept", "application/json")],
    ] {
        let response = w.send("GET", "/", headers, "");
        assert_eq!(response.status, 404);
        assert!(response.text().contains("there is no such endpoint"));
    }
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let response = w.send(method, "/", &[("accept", "text/html")], "");
        response.is(404, "there is no such endpoint");
    }
    assert_eq!(
        w.send("HEAD", "/", &[("accept", "text/html")], "").status,
        200
    );
    let redirect = w.send("GET", "/ui", &[], "");
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (303, Some("/"))
    );
}

#[test]
fn the_api_answers_browsers_like_everybody() {
    let w = Web::new();
    w.put("a.wasm", 1);
    for uri in [
        "/api/v1/modules",
        "/api/v1/module/a.wasm",
        "/api/v1/none",
        "/api/v1/module/none",
        "/wasmstore.git/info/refs",
        "/v2/",
        "/none",
    ] {
        let plain = w.send("GET", uri, &[], "");
        let browser = w.send("GET", uri, &[("accept", "text/html")], "");
        assert_eq!(
            (plain.status, &plain.body),
            (browser.status, &browser.body),
            "{uri}"
        );
        assert_eq!(
            plain.header("content-type"),
            browser.header("content-type"),
            "{uri}"
        );
        browser.lacks("content-security-policy");
    }
}

#[test]
fn a_server_without_the_web_ui_has_no_pages() {
    let without = Api::new();
    for uri in ["/", "/ui", "/ui/tree", "/ui/assets/x"] {
        let response = without.send("GET", uri, &[("accept", "text/html")], "");
        response.is(404, "there is no such endpoint");
    }
    let world = World::with_store("sha1");
    let html = ["Accept: text/html"];
    let server = Server::start(&world, &["--no-web"]);
    assert_eq!(server.send("GET", "/", &html, b"").status, 404);
    drop(server);
    world.file("wasmstore.toml", "no-web = true\nport = 0\n");
    let server = Server::start(&world, &["--config", "wasmstore.toml"]);
    assert_eq!(server.send("GET", "/", &html, b"").status, 404);
    drop(server);
    let server = Server::start(&world, &[]);
    let page = server.send("GET", "/", &html, b"");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("There are no modules"));
}
