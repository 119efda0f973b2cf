//! `/merge`.

use serde_json::json;
use wasmstore::store::ObjectFormat;

use super::Api;

#[test]
fn a_merge_of_a_branch_that_is_ahead_is_a_fast_forward() {
    let api = Api::new();
    api.put("a", 1);
    api.post("/branch/f/x", "").is(200, "");
    let theirs = api.put_on(Some("f/x"), "b", 2).to_string();
    api.post("/merge/f/x", "")
        .is(200, "")
        .has("wasmstore-commit", &theirs);
    assert_eq!(
        (api.rev("main"), api.content()),
        (theirs.clone(), "/a=1 /b=2".to_owned())
    );
    let state = api.state();
    api.post("/merge/f%2Fx", "")
        .is(200, "")
        .has("wasmstore-commit", &theirs);
    api.post("/merge/main", "").is(200, "");
    assert_eq!(api.state(), state);
}

#[test]
fn a_rollback_undoes_a_merge_that_must_not_fast_forward() {
    let api = Api::new();
    let ours = api.put("a", 1).to_string();
    api.post("/branch/dev", "").is(200, "");
    api.put_on(Some("dev"), "b", 2);
    let theirs = api.put_on(Some("dev"), "a", 3).to_string();
    api.post("/merge/dev?ff=false", "")
        .is(200, "")
        .has("wasmstore-commit", &api.rev("main"))
        .lacks("wasmstore-forwarded-from");
    let parents = api.git(&["log", "-1", "--format=%P|%s"]);
    assert_eq!(parents.trim(), format!("{ours} {theirs}|Merge dev"));
    assert_eq!(api.content(), "/a=3 /b=2");
    api.post("/merge/dev?ff=false", "")
        .is(200, "")
        .has("wasmstore-changed", "false");
    api.post("/rollback", "").is(200, "");
    assert_eq!(api.content(), "/a=1");
    assert_eq!(api.post("/merge/dev?ff=no", "").status, 400);
    api.fsck();
}

#[test]
fn the_tip_before_a_fast_forward_undoes_it() {
    let api = Api::new();
    let ours = api.put("a", 1).to_string();
    api.post("/branch/dev", "").is(200, "");
    api.put_on(Some("dev"), "b", 2);
    api.put_on(Some("dev"), "a", 3);
    let merged = api.post("/merge/dev", "");
    merged.is(200, "").has("wasmstore-forwarded-from", &ours);
    let from = merged.header("wasmstore-forwarded-from").unwrap();
    api.post(&format!("/restore/{from}"), "").is(200, "");
    assert_eq!(api.content(), "/a=1");
}

#[test]
fn diverged_branches_are_joined_by_a_merge_commit() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        api.put("a", 1);
        api.post("/branch/dev", "").is(200, "");
        let theirs = api.put_on(Some("dev"), "b", 2).to_string();
        let ours = api.put("c", 3).to_string();
        let on_dev = [("wasmstore-branch", "dev")];
        api.post("/merge/dev", "")
            .is(200, "")
            .has("wasmstore-commit", &api.rev("main"));
        let parents = api.git(&["log", "-1", "--format=%P|%s"]);
        assert_eq!(parents.trim(), format!("{ours} {theirs}|Merge dev"));
        assert_eq!(api.content(), "/a=1 /b=2 /c=3");
        // The merge in the other direction is a fast-forward.
        api.send_empty("POST", "/merge/main", &on_dev).is(200, "");
        assert_eq!(api.rev("dev"), api.rev("main"));
        api.fsck();
    }
}

#[test]
fn a_conflicting_merge_lists_the_paths_and_changes_nothing() {
    let api = Api::new();
    for path in ["a", "d/x", "same", "gone"] {
        api.put(path, 1);
    }
    api.post("/branch/dev", "").is(200, "");
    for (path, ours, theirs) in [("a", 2, 3), ("d/x", 4, 5), ("same", 6, 6)] {
        api.put(path, ours);
        api.put_on(Some("dev"), path, theirs);
    }
    api.delete("/module/gone").is(200, "");
    api.put_on(Some("dev"), "gone", 7);
    let state = api.state();
    api.post("/merge/dev", "")
        .is(409, "both sides changed /a, /d/x, /gone");
    let problem = api.send_empty("POST", "/merge/dev", &[("accept", "application/json")]);
    problem.has("content-type", "application/problem+json");
    let expected = json!({
        "type": "about:blank", "title": "Conflict", "status": 409,
        "detail": "both sides changed /a, /d/x, /gone", "paths": ["/a", "/d/x", "/gone"],
    });
    assert_eq!((problem.status, problem.json()), (409, expected));
    assert_eq!(api.state(), state);
}

#[test]
fn without_a_common_ancestor_the_base_is_the_empty_tree() {
    let api = Api::new();
    api.put("a", 1);
    let tree = api.rev("main^{tree}");
    let other = api.git(&["commit-tree", "-m", "other", &tree]);
    api.git(&["update-ref", "refs/heads/other", other.trim()]);
    api.put_on(Some("other"), "b", 2);
    api.post("/merge/other", "").is(200, "");
    assert_eq!(api.content(), "/a=1 /b=2");
    api.fsck();
}

#[test]
fn an_unknown_branch_is_404_on_either_side() {
    let api = Api::new();
    let state = api.state();
    api.post("/merge/none", "")
        .is(404, "there is no branch \"none\"");
    let into = [("wasmstore-branch", "none")];
    api.send_empty("POST", "/merge/main", &into)
        .is(404, "there is no branch \"none\"");
    assert_eq!(api.post("/merge/", "").status, 404);
    assert_eq!(api.state(), state);
}
