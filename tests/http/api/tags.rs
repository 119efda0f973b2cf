//! `/tags` and `/tag`.

use serde_json::json;
use wasmstore::store::ObjectFormat;

use super::Api;

#[test]
fn tags_are_created_read_listed_and_deleted() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.get("/tags").is(200, "[]");
        let one = api.put("a", 1).to_string();
        let two = api.put("a", 2).to_string();
        api.post("/tag/light", "")
            .is(200, "")
            .has("wasmstore-commit", &two)
            .has("wasmstore-changed", "true");
        let headers = [
            ("wasmstore-message", "Release 1%0A%0Amore"),
            ("wasmstore-author", "Ann <ann@example.org>"),
        ];
        api.send_empty("POST", "/tag/v%2F1?from=main~1", &headers)
            .is(200, "")
            .has("wasmstore-commit", &one);
        assert_eq!(api.rev("refs/tags/light"), two);
        assert_eq!(api.git(&["cat-file", "-t", "v/1"]).trim(), "tag");
        assert_eq!(api.rev("v/1^{commit}"), one);
        let tagger = api.git(&[
            "for-each-ref",
            "--format=%(taggername) %(contents)",
            "refs/tags/v/1",
        ]);
        assert_eq!(tagger.trim(), "Ann Release 1\n\nmore");
        let tag = api.get("/tag/v/1").json();
        let expected = json!({ "name": "v/1", "commit": one, "annotated": true, "author": "Ann",
            "date": tag["date"], "message": "Release 1\n\nmore" });
        assert_eq!(tag, expected);
        assert!(tag["date"].as_i64().unwrap() > 1_700_000_000);
        let listed = api.get("/tags").json();
        assert_eq!(listed.as_array().unwrap().len(), 2);
        assert_eq!(listed[1], tag);
        assert_eq!(listed[0]["annotated"], false);
        assert_eq!(listed[0]["message"], "Import /a");
        api.get("/hash/a?commit=v/1")
            .is(200, api.get(&format!("/hash/a?commit={one}")).text());
        api.delete("/tag/v/1").is(200, "");
        api.get("/tag/v/1").is(404, "there is no tag \"v/1\"");
        api.delete("/tag/v/1").is(404, "there is no tag \"v/1\"");
        api.fsck();
    }
}

#[test]
fn an_existing_or_conflicting_tag_is_409_and_force_replaces_it() {
    let api = Api::new();
    let one = api.put("a", 1).to_string();
    api.put("a", 2);
    api.post("/tag/v1", "").is(200, "");
    // A branch may have the name of a tag, and wins where a name stands for a commit.
    api.post("/branch/v1?from=main~1", "").is(200, "");
    api.get("/snapshot?commit=v1").is(200, &one);
    let state = api.state();
    api.post("/tag/v1", "").is(409, "tag \"v1\" already exists");
    api.post("/tag/v1/x", "")
        .is(409, "tags \"v1/x\" and \"v1\" cannot both exist");
    api.post("/tag/v2?from=none", "")
        .is(404, "there is no branch or tag \"none\"");
    for name in ["HEAD", "-x", "a..b", "a.lock", "a%20b", "%C2%9B"] {
        assert_eq!(api.post(&format!("/tag/{name}"), "").status, 400, "{name}");
    }
    assert_eq!(api.state(), state);
    api.post("/tag/v1?force=true&from=main~1", "").is(200, "");
    assert_eq!(api.rev("refs/tags/v1"), one);
    api.post("/tag/v1?force=true&from=main~1", "")
        .is(200, "")
        .has("wasmstore-changed", "false");
}

#[test]
fn the_precondition_is_about_the_commit_of_the_tag() {
    let api = Api::new();
    let one = format!("\"{}\"", api.put("a", 1));
    let annotated = ("wasmstore-message", "x");
    api.send_empty("POST", "/tag/v1", &[("if-none-match", "*"), annotated])
        .is(200, "");
    let two = format!("\"{}\"", api.put("a", 2));
    let state = api.state();
    for (method, path, header) in [
        ("POST", "/tag/v1?force=true", ("if-none-match", "*")),
        ("POST", "/tag/v1?force=true", ("if-match", &*two)),
        ("DELETE", "/tag/v1", ("if-match", &*two)),
    ] {
        let response = api.send_empty(method, path, &[header]);
        assert_eq!(response.status, 412, "{method} {header:?}");
    }
    assert_eq!(api.state(), state);
    api.send_empty("DELETE", "/tag/v1", &[("if-match", &one)])
        .is(200, "");
}

#[test]
fn tags_are_listed_in_pages() {
    let api = Api::new();
    api.put("a", 1);
    for name in ["a", "a+b", "b/c", "b/d", "c"] {
        api.git(&["tag", name]);
    }
    // Only tags of commits are listed.
    let blob = api.rev("main:a");
    api.git(&["tag", "blob", &blob]);
    let (mut names, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = api.get(&format!("/tags{query}"));
        let tags = page.json();
        names.extend(
            tags.as_array()
                .unwrap()
                .iter()
                .map(|tag| tag["name"].clone()),
        );
        let Some(link) = page.header("link") else {
            break;
        };
        query = link[1..].split('>').next().unwrap().to_owned();
    }
    assert_eq!(names, ["a", "a+b", "b/c", "b/d", "c"]);
    let no_commit = "there is no commit refs/tags/blob: the tag does not lead to a commit";
    api.get("/tag/blob").is(404, no_commit);
}

#[test]
fn a_key_without_the_method_cannot_create_or_delete_a_tag() {
    let api = Api::with_keys("reader:GET\nadder:GET,POST");
    let by = |key| [("wasmstore-auth", key)];
    assert_eq!(api.send_empty("POST", "/tag/v1", &by("reader")).status, 403);
    api.send_empty("POST", "/tag/v1", &by("adder")).is(200, "");
    let replaced = api.send_empty("POST", "/tag/v1?force=true", &by("adder"));
    assert_eq!(replaced.status, 403);
    assert_eq!(
        api.send_empty("DELETE", "/tag/v1", &by("adder")).status,
        403
    );
    assert_eq!(api.get_with("/tags", &by("reader")).status, 200);
    assert_eq!(api.get("/tags").status, 401);
}

/// An annotated tag may get another message, while the commit stays the same.
#[test]
fn the_entity_tag_of_an_annotated_tag_is_its_tag_object() {
    let api = Api::new();
    let commit = format!("\"{}\"", api.put("a", 1));
    let annotate = |message: &str| {
        let headers = [("wasmstore-message", message)];
        api.send_empty("POST", "/tag/v1?force=true", &headers)
            .is(200, "");
        let tag = api.get("/tag/v1").header("etag").unwrap().to_owned();
        assert_eq!(tag, format!("\"{}\"", api.rev("refs/tags/v1")));
        tag
    };
    let old = annotate("one");
    assert_ne!(old, commit);
    let unchanged = api.get_with("/tag/v1", &[("if-none-match", &old)]);
    assert_eq!(unchanged.status, 304);
    unchanged.has("etag", &old);
    let new = annotate("two");
    assert_ne!(new, old);
    assert_eq!(
        api.get_with("/tag/v1", &[("if-none-match", &old)]).status,
        200
    );
    for (method, path, header) in [
        ("DELETE", "/tag/v1", ("if-match", &old)),
        ("POST", "/tag/v1?force=true", ("if-match", &old)),
        ("DELETE", "/tag/v1", ("if-none-match", &new)),
        ("DELETE", "/tag/v1", ("if-none-match", &commit)),
    ] {
        let state = api.state();
        let header = (header.0, header.1.as_str());
        let response = api.send_empty(method, path, &[header]);
        assert_eq!(response.status, 412, "{method} {header:?}");
        assert_eq!(api.state(), state);
    }
    api.send_empty("DELETE", "/tag/v1", &[("if-match", &new)])
        .is(200, "");
    api.post("/tag/light", "").is(200, "");
    api.get("/tag/light").has("etag", &commit);
}
