//! Lists of modules, complete and in pages.

use wasmstore::store::ObjectFormat;

use super::{Api, api};
use crate::support::store::module;

#[test]
fn modules_are_listed_sorted_by_path() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.get("/modules")
            .is(200, "{}")
            .has("content-type", "application/json");
        for (path, n) in [
            ("b/x", 1),
            ("b.x", 2),
            ("b0", 3),
            ("a/é.wasm", 1),
            ("b/c/\"y", 4),
        ] {
            api.put(path, n);
        }
        let [one, two, three, four] = [1, 2, 3, 4].map(|n| api.hash_of(&module(n)));
        let all = format!(
            r#"{{"/a/é.wasm":"{one}","/b.x":"{two}","/b/c/\"y":"{four}","/b/x":"{one}","/b0":"{three}"}}"#
        );
        let tip = api.rev("main");
        api.get("/modules")
            .is(200, &all)
            .has("wasmstore-commit", &tip)
            .lacks("link");
        let below = format!(r#"{{"/b/c/\"y":"{four}","/b/x":"{one}"}}"#);
        api.get("/modules/b").is(200, &below);
        api.get("/modules/b/c")
            .is(200, &format!(r#"{{"/b/c/\"y":"{four}"}}"#));
        // A prefix names a directory: neither the start of a name nor a module.
        for unknown in [
            "/modules/none",
            "/modules/b/x",
            "/modules/b/c/d",
            "/modules/a/%C3%A9",
        ] {
            api.get(unknown).is(200, "{}");
        }
    }
}

#[test]
fn modules_are_listed_in_pages() {
    let s = Api::new();
    let hash = s.hash_of(&module(1));
    for path in ["d/a b", "d/ä&=", "d/c", "e"] {
        s.put(path, 1);
    }
    let mut uri = api("/modules?limit=1");
    let mut seen = Vec::new();
    loop {
        let page = s.send("GET", &uri, &[], "");
        seen.push(page.text().to_owned());
        let Some(link) = page.header("link") else {
            break;
        };
        // The link is relative to the URL of the page.
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        uri = api("/modules") + next.unwrap();
    }
    let paths = ["/d/a b", "/d/c", "/d/ä&=", "/e"];
    assert_eq!(seen, paths.map(|path| format!(r#"{{"{path}":"{hash}"}}"#)));

    let link = "<?limit=2&after=/d/c>; rel=\"next\"";
    s.get("/modules/d?limit=2").has("link", link);
    s.get("/modules/d?limit=3").lacks("link");
    s.get("/modules?after=e").is(200, "{}");
    s.get("/modules?after=/d~&unknown=1")
        .is(200, &format!(r#"{{"/e":"{hash}"}}"#));
    s.get("/modules?limit=0")
        .is(400, "`limit` must be at least 1");
    for query in [
        "limit=",
        "limit=x",
        "limit=-1",
        "limit=1&limit=2",
        "limit=1.5",
    ] {
        let response = s.get(&format!("/modules?{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert!(
            response.text().contains("limit"),
            "{query}: {}",
            response.text()
        );
    }
    s.get("/modules?after=").is(400, "the module path is empty");
    assert_eq!(s.get("/modules?after=../x").status, 400);
}
