//! Calls every method of the published Rust client of wasmstore 0.3 against a server.
//!
//! Usage: rust-client-test URL URL_WITH_KEYS, where the second server has the keys `reader:GET` and `writer:*`, and both have
//! empty stores.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use reqwest::Method;
use wasmstore_client::{Client, Commit, Hash, Path, Version};

/// The methods that a part of the test covers.
type Methods = &'static [&'static str];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let [open, keyed] = &urls[..] else {
        panic!("usage: rust-client-test URL URL_WITH_KEYS");
    };
    let client = client(open);
    let passed = [
        modules(&client).await,
        names(&client).await,
        history(&client).await,
        branches(&client).await,
        collection(&client).await,
        keys(keyed).await,
    ];
    let passed: BTreeSet<_> = passed.into_iter().flatten().collect();
    println!("rust: {} methods passed", passed.len());
}

fn client(url: &str) -> Client {
    Client::new(url, Version::V1).unwrap()
}

/// Returns the module `n`: a custom section whose name depends on `n`.
fn module(n: u8) -> Vec<u8> {
    [b"\0asm\x01\0\0\0", &[0, 2, 1, b'a' + n][..]].concat()
}

/// Returns the module's hash, computed by git.
fn hash(module: &[u8]) -> Hash {
    let mut git = Command::new("git")
        .args(["hash-object", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(module).unwrap();
    let output = git.wait_with_output().unwrap();
    Hash(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Returns the paths and hashes of a list, in its order.
async fn list(client: &Client, prefix: &str) -> Vec<(String, Hash)> {
    let list = client.list(prefix).await.unwrap();
    let pairs = list.into_iter();
    pairs.map(|(path, hash)| (path.to_string(), hash)).collect()
}

async fn modules(client: &Client) -> Methods {
    let (one, two) = (module(1), module(2));
    assert_eq!(list(client, "").await, []);
    assert_eq!(client.find("a.wasm").await.unwrap(), None);
    assert_eq!(client.hash("a.wasm").await.unwrap(), None);
    assert!(!client.contains("a.wasm").await.unwrap());

    assert_eq!(client.add("a.wasm", one.clone()).await.unwrap(), hash(&one));
    let added = client.add(vec!["lib", "b.wasm"], two.clone()).await;
    assert_eq!(added.unwrap(), hash(&two));
    let found = client.find("a.wasm").await.unwrap();
    assert_eq!(found, Some((one.clone(), hash(&one))));
    let found = client.find(hash(&two)).await.unwrap();
    assert_eq!(found, Some((two.clone(), hash(&two))));
    assert_eq!(client.hash("lib/b.wasm").await.unwrap(), Some(hash(&two)));
    assert_eq!(client.hash(&hash(&two)).await.unwrap(), Some(hash(&two)));
    assert!(client.contains("lib/b.wasm").await.unwrap());
    assert!(client.contains(hash(&one)).await.unwrap());

    let refused = client.add("bad.wasm", b"not WebAssembly".to_vec()).await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("magic"), "{reason}");
    assert!(!client.contains("bad.wasm").await.unwrap());

    let set = client.set("c.wasm", &hash(&one)).await.unwrap();
    assert_eq!(set, hash(&one));
    let unknown = Hash("0".repeat(40));
    assert!(client.set("d.wasm", &unknown).await.is_err());
    let expected = [
        ("/a.wasm".to_owned(), hash(&one)),
        ("/c.wasm".to_owned(), hash(&one)),
        ("/lib/b.wasm".to_owned(), hash(&two)),
    ];
    assert_eq!(list(client, "").await, expected);
    assert_eq!(list(client, "lib").await, expected[2..]);
    assert_eq!(list(client, "none").await, []);

    client.remove("lib/b.wasm").await.unwrap();
    client.remove(hash(&one)).await.unwrap();
    assert!(client.remove("lib/b.wasm").await.is_err());
    assert_eq!(list(client, "").await, []);
    let response = client.request(Method::GET, "/api/v1/branch", None).await;
    assert_eq!(response.unwrap().text().await.unwrap(), "main");
    &[
        "new", "find", "hash", "add", "contains", "set", "list", "remove", "request",
    ]
}

/// Every way to write a path names the same module.
async fn names(client: &Client) -> Methods {
    let forms: [Path; 6] = [
        "/n/a.wasm".into(),
        "n/a.wasm".into(),
        "n/a.wasm".to_owned().into(),
        vec!["n", "a.wasm"].into(),
        vec!["n".to_owned(), "a.wasm".to_owned()].into(),
        ["n", "a.wasm"][..].into(),
    ];
    for (n, path) in (1..).zip(forms) {
        let (bytes, path) = (module(n), path);
        let added = client.add(path.clone(), bytes.clone()).await.unwrap();
        assert_eq!(added, hash(&bytes));
        let found = client.find(path).await.unwrap();
        assert_eq!(found, Some((bytes.clone(), hash(&bytes))));
        let expected = [("/n/a.wasm".to_owned(), hash(&bytes))];
        assert_eq!(list(client, "n").await, expected);
    }
    client.add("n/ä b.wasm", module(1)).await.unwrap();
    assert_eq!(list(client, "/n/").await[1].0, "/n/ä b.wasm");
    client.remove("n/ä b.wasm").await.unwrap();
    client.remove("/n/a.wasm").await.unwrap();
    &[]
}

async fn history(client: &Client) -> Methods {
    let mut commits: Vec<Commit> = Vec::new();
    for n in 1..=3 {
        client.add("h/a.wasm", module(n)).await.unwrap();
        commits.push(client.snapshot().await.unwrap());
    }
    let versions = client.versions("h/a.wasm").await.unwrap();
    let hashes = (1..=3).map(|n| hash(&module(n)));
    let expected: Vec<_> = hashes.zip(commits.clone()).collect();
    assert_eq!(versions, expected);
    assert_eq!(client.versions("none").await.unwrap(), []);

    let info = client.commit_info(&commits[2]).await.unwrap();
    assert_eq!(info.hash, commits[2]);
    assert_eq!(info.parents, Some(vec![commits[1].clone()]));
    assert_eq!(info.author, "wasmstore");
    assert_eq!(info.message, "Import /h/a.wasm");
    assert!(info.date > 1_700_000_000, "{}", info.date);
    let unknown = Commit("0".repeat(40));
    assert!(client.commit_info(&unknown).await.is_err());

    let now = |n| Some(hash(&module(n)));
    client.rollback("h/a.wasm").await.unwrap();
    assert_eq!(client.hash("h/a.wasm").await.unwrap(), now(2));
    client.rollback("").await.unwrap();
    assert_eq!(client.hash("h/a.wasm").await.unwrap(), now(1));
    assert!(client.rollback("none").await.is_err());

    client.add("h/other.wasm", module(4)).await.unwrap();
    client.restore_path(&commits[0], "/h/a.wasm").await.unwrap();
    assert_eq!(client.hash("h/a.wasm").await.unwrap(), now(1));
    assert_eq!(client.hash("h/other.wasm").await.unwrap(), now(4));
    client.restore(&commits[1]).await.unwrap();
    assert_eq!(client.hash("h/a.wasm").await.unwrap(), now(2));
    assert_eq!(client.hash("h/other.wasm").await.unwrap(), None);
    assert!(client.restore(&unknown).await.is_err());
    assert_eq!(client.versions("h/a.wasm").await.unwrap(), expected);
    &[
        "snapshot",
        "versions",
        "commit_info",
        "rollback",
        "restore_path",
        "restore",
    ]
}

async fn branches(client: &Client) -> Methods {
    let before = list(client, "").await;
    client.create_branch("feature/x").await.unwrap();
    assert!(client.create_branch("feature/x").await.is_err());
    assert_eq!(client.branches().await.unwrap(), ["feature/x", "main"]);
    let branch_client = client.clone().with_branch("feature/x".to_owned());
    branch_client
        .add("b/only-there.wasm", module(5))
        .await
        .unwrap();
    assert!(branch_client.contains("b/only-there.wasm").await.unwrap());
    assert_eq!(list(&branch_client, "b").await.len(), 1);
    assert_eq!(list(client, "").await, before);
    assert_ne!(
        branch_client.snapshot().await.unwrap(),
        client.snapshot().await.unwrap()
    );
    assert!(client.delete_branch("main").await.is_err());
    client.delete_branch("feature/x").await.unwrap();
    assert_eq!(client.branches().await.unwrap(), ["main"]);
    let refused = branch_client.add("b/c.wasm", module(5)).await;
    assert!(refused.is_err(), "an unknown branch is not created");
    &["create_branch", "branches", "with_branch", "delete_branch"]
}

async fn collection(client: &Client) -> Methods {
    let before = list(client, "").await;
    client.gc().await.unwrap();
    assert_eq!(list(client, "").await, before);
    let commit = client.snapshot().await.unwrap();
    let info = client.commit_info(&commit).await.unwrap();
    assert_eq!(info.parents, Some(Vec::new()), "the history is squashed");
    &["gc"]
}

async fn keys(url: &str) -> Methods {
    let (without_key, with_wrong_key) = (client(url), client(url).with_auth("wrong".to_owned()));
    for refused in [&without_key, &with_wrong_key] {
        assert!(refused.list("").await.is_err());
        assert!(refused.add("a.wasm", module(1)).await.is_err());
        assert!(!refused.auth(Method::GET).await.unwrap());
    }
    let reader = client(url).with_auth("reader".to_owned());
    let writer = client(url).with_auth("writer".to_owned());
    assert!(reader.add("a.wasm", module(1)).await.is_err());
    assert_eq!(list(&reader, "").await, []);
    writer.add("a.wasm", module(1)).await.unwrap();
    assert_eq!(reader.find("a.wasm").await.unwrap().unwrap().0, module(1));
    assert!(reader.contains("a.wasm").await.unwrap());
    assert!(reader.remove("a.wasm").await.is_err());
    for (method, reads) in [
        (Method::GET, true),
        (Method::HEAD, true),
        (Method::POST, false),
        (Method::DELETE, false),
        (Method::PUT, false),
        (Method::PATCH, false),
    ] {
        assert_eq!(
            reader.auth(method.clone()).await.unwrap(),
            reads,
            "{method}"
        );
        assert!(writer.auth(method.clone()).await.unwrap(), "{method}");
    }
    &["with_auth", "auth"]
}
