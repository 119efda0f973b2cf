//! Names of revisions, in headers and URLs.

use wasmstore::store::ObjectFormat;

use super::Api;

#[test]
fn every_form_of_a_name_selects_the_commit_that_git_selects() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let api = Api::with_format(format);
        let one = api.put("a", 1).to_string();
        let two = api.put("a", 2).to_string();
        let three = api.put("a", 3).to_string();
        api.git(&["tag", "light", &one]);
        api.git(&[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "tag",
            "-a",
            "-m",
            "x",
            "v/2",
            &two,
        ]);
        api.git(&["tag", "main", &one]);
        for (name, expected) in [
            ("main", &three),
            ("main~2", &one),
            ("HEAD%5E%5E", &one),
            ("@~1", &two),
            ("light", &one),
            ("v/2", &two),
            ("v/2~1", &one),
            ("tags/main", &one),
            ("refs/tags/main", &one),
            ("heads/main", &three),
            ("main@{9999-01-01}", &three),
            ("@{9999-01-01T00:00:00%2B01:00}%5E", &two),
            (&two[..10], &two),
            (&format!("{three}~1"), &two),
        ] {
            for target in ["/snapshot", "/modules", "/info/a"] {
                let response = api.get(&format!("{target}?commit={name}"));
                assert_eq!(response.status, 200, "{name}: {}", response.text());
                response.has("wasmstore-commit", expected);
            }
            api.get_with(
                "/snapshot",
                &[(
                    "wasmstore-commit",
                    &name.replace("%2B", "+").replace("%5E", "^"),
                )],
            )
            .is(200, expected);
        }
        assert_eq!(api.get("/commit/main~1").json()["hash"], two);
        api.post("/restore/main~2/a", "").is(200, "");
        assert_eq!(
            api.get("/hash/a").text(),
            api.get("/hash/a?commit=light").text()
        );
    }
}

#[test]
fn names_that_refer_to_nothing_are_errors() {
    let api = Api::new();
    let tip = api.put("a", 1).to_string();
    let root = api.rev("main^");
    let beyond = format!(
        "there is no commit main~2: the history of {tip} has fewer than 2 steps to first parents"
    );
    api.get("/modules?commit=main~2").is(404, &beyond);
    let parents = format!("there is no commit main^2: commit {tip} has 1 parents");
    api.get("/modules?commit=main%5E2").is(404, &parents);
    let early = "there is no commit main@{1999-12-31}: the history begins after that date";
    api.get("/modules?commit=main@{1999-12-31}").is(404, early);
    for age in ["1d", "yesterday", "30h"] {
        let early =
            format!("there is no commit main@{{{age}}}: the history begins after that date");
        let url = format!("/modules?commit=main@{{{age}}}");
        api.get(&url).is(404, &early);
    }
    api.get("/modules?commit=none")
        .is(404, "there is no branch or tag \"none\"");
    let unknown = if tip.starts_with("ffff") || root.starts_with("ffff") {
        "eeee"
    } else {
        "ffff"
    };
    let detail = format!("there is no commit {unknown}, and no branch or tag of that name");
    api.get(&format!("/modules?commit={unknown}"))
        .is(404, &detail);
    assert_eq!(api.get("/modules?commit=a..b").status, 400);
    assert_eq!(api.get("/modules?branch=none").status, 404);
    api.get_with("/modules?branch=main", &[("wasmstore-branch", "other")])
        .is(
            400,
            "the query parameter `branch` and the header wasmstore-branch differ",
        );
    assert_eq!(
        api.post("/module/a?branch=main", crate::support::store::module(1))
            .status,
        400
    );
}

#[test]
fn an_ambiguous_id_is_409_and_lists_the_commits() {
    let api = Api::new();
    let mut commits = vec![api.rev("main")];
    // 300 commits have two with the same four digits with a probability of more than one half; git makes more until there are.
    let both = loop {
        let parent = commits.last().unwrap();
        let id = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let message = commits.len().to_string();
        let command = ["commit-tree", "main^{tree}", "-p", parent, "-m", &message];
        let next = api.git(&[&id[..], &command[..]].concat()).trim().to_owned();
        let same = commits.iter().find(|one| one[..4] == next[..4]).cloned();
        commits.push(next.clone());
        if let Some(same) = same {
            break [same, next];
        }
    };
    api.git(&["update-ref", "refs/heads/main", commits.last().unwrap()]);
    let digits = &both[0][..4];
    let response = api.get(&format!("/snapshot?commit={digits}"));
    assert_eq!(response.status, 409);
    for commit in both {
        assert!(response.text().contains(&commit), "{}", response.text());
    }
}

#[test]
fn a_link_to_the_next_page_keeps_the_commit_of_the_url() {
    let api = Api::new();
    api.put("a", 1);
    let old = api.put("b", 2).to_string();
    api.put("c", 3);
    for commit in ["commit=main~1", "%63ommit=main~1"] {
        let first = api.get(&format!("/modules?limit=1&{commit}"));
        let link = first.header("link").unwrap();
        assert_eq!(
            link,
            format!("<?limit=1&after=/a&commit={old}>; rel=\"next\"")
        );
    }
    let plain = api.get("/modules?limit=1");
    assert_eq!(
        plain.header("link"),
        Some("<?limit=1&after=/a>; rel=\"next\"")
    );
}
