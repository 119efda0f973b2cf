//! Rollbacks.

use super::Api;

#[test]
fn repeated_rollbacks_move_further_back() {
    let api = Api::new();
    for (at, n) in [("a", 1), ("b", 2), ("a", 3)] {
        api.put(at, n);
    }
    let before = api.rev("main");
    api.post("/rollback/a", "")
        .is(200, "")
        .has("wasmstore-commit", &api.rev("main"));
    assert_eq!(
        (api.content(), api.rev("main^")),
        ("/a=1 /b=2".to_owned(), before.clone())
    );
    let message = api.git(&["log", "-1", "--format=%B"]);
    assert_eq!(
        message.trim(),
        format!(
            "Rollback /a\n\nRestores: {}",
            api.rev(&format!("{before}^"))
        )
    );
    api.post("/rollback/a", "").is(200, "");
    assert_eq!(api.content(), "/b=2");
    let state = api.state();
    api.post("/rollback/a", "")
        .is(409, "nothing to roll back at /a");
    assert_eq!(api.state(), state);
    api.fsck();
}

#[test]
fn directories_and_the_whole_branch_can_be_rolled_back() {
    let api = Api::new();
    for (at, n) in [("d/a", 1), ("d/b", 2), ("c", 3)] {
        api.put(at, n);
    }
    api.post("/rollback/d", "").is(200, "");
    assert_eq!(api.content(), "/c=3 /d/a=1");
    assert_eq!(api.subjects()[0], "Rollback /d");
    let api = Api::new();
    for n in [1, 2] {
        api.put("a", n);
    }
    for left in ["/a=1", ""] {
        api.post("/rollback", "").is(200, "");
        assert_eq!(
            (api.content(), &*api.subjects()[0]),
            (left.to_owned(), "Rollback")
        );
    }
    api.post("/rollback", "").is(409, "nothing to roll back");
    api.fsck();
}

#[test]
fn an_unknown_path_is_404_and_a_malformed_one_400() {
    let api = Api::new();
    api.post("/rollback", "").is(409, "nothing to roll back");
    api.put("a", 1);
    let state = api.state();
    api.post("/rollback/none", "")
        .is(404, "there has never been anything at /none");
    assert_eq!(api.post("/rollback/..", "").status, 400);
    assert_eq!(api.post("/rollback/a/.git", "").status, 400);
    assert_eq!(api.state(), state);
    api.post("/gc", "");
    api.post("/rollback", "").is(409, "nothing to roll back");
}

#[test]
fn a_rollback_says_what_it_undoes_before_and_afterwards() {
    let api = Api::new();
    for (at, n) in [("a", 1), ("b", 2), ("a", 3)] {
        api.put(at, n);
    }
    let state = api.state();
    for (at, undone) in [("", "main"), ("/b", "main~1"), ("/a", "main")] {
        let preview = api.get(&format!("/rollback{at}"));
        let expected = serde_json::json!({
            "commit": *api.rev("main"),
            "undoes": *api.rev(undone),
            "restores": *api.rev(&format!("{undone}~1")),
        });
        assert_eq!((preview.status, preview.json()), (200, expected), "{at}");
    }
    assert_eq!(api.get("/rollback/none").status, 404);
    assert_eq!(api.state(), state);
    let undone = api.rev("main").to_string();
    api.post("/rollback", "")
        .is(200, "")
        .has("wasmstore-undone", &undone);
}
