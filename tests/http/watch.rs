//! `GET /watch`: every commit is sent once to every socket, whichever process made it and however slow the socket is.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::names::ModuleRef;
use wasmstore::store::{Change, DirectoryRemoval, History, ImportFilter, Revision, Store};

use super::watch_server::{LIMIT, WatchServer, apply};
use crate::support::store::{branch, module, path, scope};

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_is_one_message_with_all_its_paths() {
    let server = WatchServer::start().await;
    let s = &server.s;
    s.put("old", 1);
    let (mut client, response) = server.try_connect("", &[]).await.unwrap();
    assert_eq!(response.headers()["wasmstore-commit"], s.tip().to_string());
    let hash = |n: u32| {
        let file = s.root.join("wasmstore/hashed");
        std::fs::write(&file, module(n)).unwrap();
        let hash = s.git(&["hash-object", "--no-filters", file.to_str().unwrap()]);
        hash.trim().to_owned()
    };
    let (one, two) = (hash(1), hash(2));
    s.put("a/b", 1);
    let added = json!({"/a/b": {"action": "added", "hash": one}});
    assert_eq!(client.json().await, added);
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("a")).unwrap();
    std::fs::write(dir.path().join("a/b"), module(2)).unwrap();
    std::fs::write(dir.path().join("ä \"c\""), module(2)).unwrap();
    s.store
        .import(
            &Change::default(),
            dir.path(),
            &scope(""),
            &ImportFilter::default(),
            |_, _| (),
        )
        .unwrap();
    let imported = json!({
        "/a/b": {"action": "updated", "hash": {"old": one, "new": two}},
        "/ä \"c\"": {"action": "added", "hash": two},
    });
    assert_eq!(client.json().await, imported);
    let directory = ModuleRef::Path(path("a"));
    s.store
        .remove(&Change::default(), &directory, DirectoryRemoval::Recursive)
        .unwrap();
    let removed = json!({"/a/b": {"action": "removed", "hash": two}});
    assert_eq!(client.json().await, removed);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "x", 3);
    client.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_other_processes_are_sent() {
    let server = WatchServer::start().await;
    let mut client = server.connect("").await;
    let mut seen = BTreeMap::new();
    let file = server.s.root.join("wasmstore/new.wasm");
    std::fs::write(&file, module(7)).unwrap();
    for n in 0..3 {
        let mut add = Command::new(env!("CARGO_BIN_EXE_wasmstore"));
        let add = add
            .env("WASMSTORE_ROOT", &server.s.root)
            .arg("add")
            .arg(&file);
        assert!(add.arg(format!("p{n}")).output().unwrap().status.success());
        apply(&mut seen, &client.json().await);
        assert_eq!(seen, server.tree("main"));
    }
    let empty_commit = server
        .s
        .git(&["commit-tree", "-m", "x", "-p", "main", "main^{tree}"]);
    server
        .s
        .git(&["update-ref", "refs/heads/main", empty_commit.trim()]);
    assert_eq!(client.text().await, "{}");
    server.s.git(&["update-ref", "refs/heads/main", "main~2"]);
    apply(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    client.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn since_replays_a_long_history_once_and_continues() {
    let server = WatchServer::start().await;
    let start = server.s.tip();
    let changes = |n: usize| vec![(format!("d{}/p{}", n % 7, n % 41), n), (format!("q{n}"), n)];
    server.commits("main", (0..700).map(changes));
    let mut client = server.connect(&format!("?since={start}")).await;
    let mut seen = BTreeMap::new();
    for n in 0..700 {
        let message = client.json().await;
        assert!(message.get(format!("/q{n}")).is_some(), "{n}: {message}");
        apply(&mut seen, &message);
        if n == 350 {
            server.s.put("concurrent", 1);
        }
    }
    apply(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    server.s.put("after", 2);
    apply(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    let tip = server.s.tip();
    let mut at_tip = server.connect(&format!("?since={tip}")).await;
    at_tip.assert_quiet().await;
    client.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_merges_resets_and_squashes_add_up_to_the_tip() {
    let server = WatchServer::start().await;
    let s = &server.s;
    let old = s.put("a", 1);
    let mut client = server.connect("").await;
    let mut wrapped = server.connect(&format!("?commits=true&since={old}")).await;
    let mut seen = server.tree("main");
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "x", 5);
    s.put_on(Some("side"), "y", 6);
    s.put("d", 7);
    s.store.merge(&Change::default(), &branch("side")).unwrap();
    for paths in [1, 2] {
        let message = client.json().await;
        assert_eq!(message.as_object().unwrap().len(), paths);
        apply(&mut seen, &message);
        assert_eq!(wrapped.json().await["changes"], message);
    }
    assert_eq!(seen, server.tree("main"));
    for (to, reset) in [("main~1", true), ("side", true), (&old.to_string(), true)] {
        s.git(&["update-ref", "refs/heads/main", to]);
        let message = client.json().await;
        apply(&mut seen, &message);
        assert_eq!(seen, server.tree("main"), "{to}");
        let event = wrapped.json().await;
        assert_eq!(
            (&event["changes"], &event["reset"]),
            (&message, &json!(reset))
        );
        assert_eq!(event["commit"], s.tip().to_string());
    }
    s.put("e", 8);
    s.put("e", 9);
    assert_eq!(client.apply_until(&mut seen, &server.tree("main")).await, 2);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    assert_eq!(client.text().await, "{}");
    s.put("f", 1);
    s.put("f", 2);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let expected = server.tree("main");
    assert!(client.apply_until(&mut seen, &expected).await <= 2);
    s.put("g", 2);
    assert_eq!(seen, expected);
    while seen != server.tree("main") {
        apply(&mut seen, &client.json().await);
    }
    client.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_handshakes_have_the_right_status() {
    let limits = ServerLimits {
        sockets_max: 2,
        ..ServerLimits::default()
    };
    let server = WatchServer::with(limits).await;
    let unknown = "1".repeat(40);
    for (query, status) in [
        ("?branch=none", 404),
        ("?branch=a..b", 400),
        ("?branch=", 400),
        ("?since=a..b", 400),
        ("?commits=maybe", 400),
        (&format!("?branch=none&since={unknown}"), 404),
    ] {
        assert_eq!(server.rejected(query, &[]).await, status, "{query}");
    }
    let header = |value| [("wasmstore-branch", value)];
    assert_eq!(server.rejected("", &header("none")).await, 404);
    assert_eq!(server.rejected("", &header("%FF")).await, 400);
    assert_eq!(server.rejected("?branch=main", &header("none")).await, 404);

    let mut lost = server.connect(&format!("?since={unknown}")).await;
    assert_eq!(lost.close().await.0, 4404);
    let mut sha256 = server.connect(&format!("?since={}", "1".repeat(64))).await;
    assert_eq!(sha256.close().await.0, 4404);

    server
        .s
        .store
        .create_branch(&branch("blätt/er"), &Revision::default())
        .unwrap();
    let (mut one, _) = server
        .try_connect("?more=1", &header("bl%C3%A4tt/er"))
        .await
        .unwrap();
    let mut two = server
        .connect("?branch=bl%C3%A4tt%2Fer&commits=false")
        .await;
    assert_eq!(server.rejected("", &[]).await, 503);
    server.s.put_on(Some("blätt/er"), "x", 1);
    assert_eq!(one.json().await, two.json().await);
    drop(one);
    let freed = async {
        while server.try_connect("", &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, freed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_never_echoed_as_subprotocol() {
    let server = WatchServer::start().await;
    for offered in ["wasmstore.v1", "wasmstore.key.c2VjcmV0, wasmstore.v1"] {
        let header = [("sec-websocket-protocol", offered)];
        let (_, response) = server.try_connect("", &header).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "wasmstore.v1");
    }
    // This client rejects a response that selects none of the offered subprotocols. What matters is that it does not select the key.
    let header = [("sec-websocket-protocol", "wasmstore.key.c2VjcmV0")];
    let error = server.try_connect("", &header).await.err().unwrap();
    assert!(error.to_string().contains("no subprotocol"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_request_gets_426() {
    let server = WatchServer::start().await;
    for query in ["", "?branch=none"] {
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        let head = format!(
            "GET /api/v1/watch{query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let response = response.to_lowercase();
        assert!(response.starts_with("http/1.1 426 "), "{response}");
        assert!(
            response.contains("\r\nupgrade: websocket\r\n"),
            "{response}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_closes_sockets_and_waits_for_them() {
    let server = WatchServer::start().await;
    let mut client = server.connect("").await;
    server.s.put("a", 1);
    client.text().await;
    server.closing.cancel();
    assert_eq!(
        client.close().await,
        (1001, "the server is stopping".to_owned())
    );
    timeout(LIMIT, server.task).await.unwrap().unwrap();
    // A client that does not answer the close frame delays the shutdown only briefly.
    let unresponsive = WatchServer::start().await;
    let _client = unresponsive.connect("").await;
    unresponsive.closing.cancel();
    let stopped = timeout(Duration::from_secs(10), unresponsive.task);
    stopped.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_answers_no_pings_is_dropped() {
    let limits = ServerLimits {
        ping_interval: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let server = WatchServer::with(limits).await;
    let mut client = server.connect("").await;
    for _ in 0..5 {
        // Reading also answers pings.
        let message = timeout(LIMIT, client.socket.next()).await.unwrap();
        assert!(matches!(message, Some(Ok(Message::Ping(_)))), "{message:?}");
    }
    client
        .socket
        .send(Message::Ping("hello".into()))
        .await
        .unwrap();
    while client.socket.next().await.unwrap().unwrap() != Message::Pong("hello".into()) {}
    let mut silent = server.connect("").await.socket.into_inner();
    let mut received = Vec::new();
    let end = silent.read_to_end(&mut received);
    timeout(LIMIT, end).await.unwrap().unwrap();
    assert_eq!(received, [0x89, 0, 0x89, 0], "two pings and the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_branch_closes_its_sockets() {
    let server = WatchServer::start().await;
    let side = branch("side");
    server
        .s
        .store
        .create_branch(&side, &Revision::default())
        .unwrap();
    let mut client = server.connect("?branch=side").await;
    let mut main = server.connect("").await;
    server.s.put_on(Some("side"), "a", 1);
    client.text().await;
    server.s.store.delete_branch(&side, None).unwrap();
    assert_eq!(client.close().await.0, 4410);
    assert_eq!(server.rejected("?branch=side", &[]).await, 404);
    server
        .s
        .store
        .create_branch(&side, &Revision::default())
        .unwrap();
    let mut again = server.connect("?branch=side").await;
    server.s.put_on(Some("side"), "b", 1);
    assert!(again.text().await.contains("/b"));
    main.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_sent_in_full_and_large_ones_in_parts() {
    let server = WatchServer::start().await;
    let s = &server.s;
    let root = s.tip();
    let mut wrapped = server.connect("?commits=true").await;
    let mut plain = server.connect("").await;
    let one = s.put("a", 1);
    let message = wrapped.text().await;
    let (date, hash) = (
        s.git(&["show", "-s", "--format=%at"]),
        s.git(&["rev-parse", "main:a"]),
    );
    let expected = format!(
        r#"{{"commit":"{one}","branch":"main","parents":["{root}"],"author":"wasmstore","date":{},"message":"Import /a","reset":false,"changes":{{"/a":{{"action":"added","hash":"{}"}}}},"part":1,"parts":1}}"#,
        date.trim(),
        hash.trim()
    );
    assert_eq!(message, expected);
    plain.text().await;
    let paths = || (0..20_000).map(|n| (format!("folder-{}/with a long name {n:0100}", n % 9), n));
    server.commits("main", [paths().collect()]);
    let (mut seen, mut also_seen) = (BTreeMap::new(), BTreeMap::new());
    let expected: BTreeMap<_, _> = server
        .tree("main")
        .into_iter()
        .filter(|(path, _)| path != "/a")
        .collect();
    let mut parts = 0;
    while seen != expected {
        let text = plain.text().await;
        assert!(text.len() <= 512 << 10);
        apply(&mut seen, &serde_json::from_str(&text).unwrap());
        parts += 1;
    }
    assert!((8..20).contains(&parts), "{parts}");
    for part in 1..=parts {
        let text = wrapped.text().await;
        assert!(text.len() <= 512 << 10);
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&message["part"], &message["parts"]),
            (&json!(part), &json!(parts))
        );
        assert_eq!(message["commit"], s.tip().to_string());
        apply(&mut also_seen, &message["changes"]);
    }
    assert_eq!(also_seen, expected);
    // A client that connects after the event has left the buffer receives the same.
    let mut late = server.connect(&format!("?since={one}")).await;
    assert_eq!(
        late.apply_until(&mut BTreeMap::new(), &expected).await,
        parts
    );
    late.assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_connects_during_writes_receives_each_commit_once() {
    let server = WatchServer::start().await;
    let start = server.s.tip();
    let stop = tokio_util::sync::CancellationToken::new();
    let writer = {
        let (root, stop) = (server.s.root.clone(), stop.clone());
        tokio::task::spawn_blocking(move || {
            let store = Store::open(&root, Options::default()).unwrap();
            for n in (0..).take_while(|_| !stop.is_cancelled()) {
                let path = path(&format!("p{}", n % 30));
                store
                    .put(&Change::default(), &path, module(n).as_slice())
                    .unwrap();
                // On a fast disk, the clients, which are read one after the other, could not follow.
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let mut clients = Vec::new();
    for n in 0..40 {
        let query = match n % 4 {
            0 => "?commits=true".to_owned(),
            1 => format!("?commits=true&since={start}"),
            _ => format!("?commits=true&since={}", server.s.tip()),
        };
        let (client, response) = server.try_connect(&query, &[]).await.unwrap();
        clients.push((
            client,
            response.headers()["wasmstore-commit"]
                .to_str()
                .unwrap()
                .to_owned(),
        ));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    writer.await.unwrap();
    let log = server.s.git(&["rev-list", "--reverse", "main"]);
    let all: Vec<_> = log.lines().collect();
    for (client, start) in &mut clients {
        let index = all.iter().position(|commit| commit == start).unwrap();
        for commit in &all[index + 1..] {
            assert_eq!(client.json().await["commit"], *commit);
        }
    }
    clients[0].0.assert_quiet().await;
    clients[1].0.assert_quiet().await;
}

/// Returns the anonymous memory of this process, in bytes.
fn anonymous_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_costs_no_memory_and_loses_nothing() {
    const SLOW: usize = 40;
    let server = WatchServer::start().await;
    let mut clients = Vec::new();
    for n in 0..SLOW {
        let query = if n % 2 == 0 { "" } else { "?commits=true" };
        clients.push(server.connect(query).await);
    }
    let mut fast = server.connect("").await;
    let before = anonymous_bytes();
    let change = |n: usize, k: usize| (format!("d{k}/p{}", n % 50), n / 50 + k);
    let changes = |n: usize| (0..40).map(|k| change(n, k)).collect();
    let start = Instant::now();
    let mut seen = BTreeMap::new();
    for n in 0..4 {
        server.commits("main", (n * 200..(n + 1) * 200).map(changes));
        for _ in 0..200 {
            apply(&mut seen, &fast.json().await);
        }
    }
    let expected = server.tree("main");
    assert_eq!(seen, expected);
    let grown = anonymous_bytes().saturating_sub(before);
    println!(
        "{SLOW} slow readers of 4 MB each: {} MiB more memory; a fast reader is done after {:?}",
        grown >> 20,
        start.elapsed()
    );
    assert!(grown < 100 << 20, "{grown}");
    let mut seen = BTreeMap::new();
    for _ in 0..800 {
        apply(&mut seen, &clients[0].json().await);
    }
    println!(
        "a slow reader that continues is done after {:?}",
        start.elapsed()
    );
    assert_eq!(seen, expected);
    clients[0].assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_does_not_read_is_dropped() {
    let limits = ServerLimits {
        sockets_max: 1,
        idle_timeout: Duration::from_millis(500),
        ..ServerLimits::default()
    };
    let server = WatchServer::with(limits).await;
    let mut client = server.connect("").await;
    let changes = |n: usize| (0..100).map(move |k| (format!("d/p{k}"), n + k)).collect();
    server.commits("main", (0..300).map(changes));
    // The server accepts another socket once it has dropped this one. Unanswered pings would take it longer than that.
    let dropped = async {
        while server.try_connect("", &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ping_interval = ServerLimits::default().ping_interval;
    timeout(2 * ping_interval, dropped).await.unwrap();
    let mut received = 0;
    while let Some(Ok(_)) = timeout(LIMIT, client.socket.next()).await.unwrap() {
        received += 1;
    }
    assert!(received < 300, "all of {received}");
}

/// Connects many sockets, and checks that each receives each commit once.
async fn check_many_sockets(count: usize) {
    let server = WatchServer::with(ServerLimits {
        sockets_max: count,
        ..ServerLimits::default()
    })
    .await;
    let start = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(server.connect("").await);
    }
    let connected = start.elapsed();
    let memory = anonymous_bytes();
    let start = Instant::now();
    server.s.put("a", 1);
    for client in &mut clients {
        assert!(
            client
                .text()
                .await
                .starts_with(r#"{"/a":{"action":"added""#)
        );
    }
    println!(
        "{count} sockets: connected in {connected:?}, all notified after {:?}, {} MiB of memory",
        start.elapsed(),
        memory >> 20
    );
    server.s.put("b", 1);
    for client in &mut clients {
        assert!(
            client
                .text()
                .await
                .starts_with(r#"{"/b":{"action":"added""#)
        );
    }
    clients[count / 2].assert_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sockets_receive_each_commit_once() {
    check_many_sockets(200).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs ulimit -n 20000"]
async fn thousands_of_sockets_receive_each_commit_once() {
    check_many_sockets(2000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filtered_watcher_gets_the_selected_changes_and_its_cursor_follows() {
    let server = WatchServer::start().await;
    let s = &server.s;
    let start = s.tip();
    let mut plain = server.connect("?path=math/&path=*.core").await;
    let mut wrapped = server.connect("?path=math/&path=*.core&commits=true").await;
    let other = s.put("other", 1);
    // The commit changes nothing for the watcher, but its cursor must not stay behind.
    let event = wrapped.json().await;
    assert_eq!(
        (&event["commit"], &event["changes"]),
        (&json!(other.to_string()), &json!({}))
    );
    let dir = tempfile::tempdir().unwrap();
    for name in ["math/a", "other", "x.core"] {
        std::fs::create_dir_all(dir.path().join("math")).unwrap();
        std::fs::write(dir.path().join(name), module(2)).unwrap();
    }
    let import = |n| {
        let filter = ImportFilter::default();
        std::fs::write(dir.path().join("math/a"), module(n)).unwrap();
        let imported = s.store.import(
            &Change::default(),
            dir.path(),
            &scope(""),
            &filter,
            |_, _| (),
        );
        imported.unwrap().commit.unwrap().to_string()
    };
    let commit = import(2);
    let event = wrapped.json().await;
    let paths: Vec<_> = event["changes"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        (event["commit"].as_str(), paths),
        (
            Some(&*commit),
            vec!["/math/a".to_owned(), "/x.core".to_owned()]
        )
    );
    assert_eq!(
        plain.json().await,
        event["changes"],
        "the first message of a watcher without commits"
    );

    // A long history without selected changes costs few messages, and the last commit is always reported.
    server.commits("main", (0..700).map(|n| vec![(format!("q{n}"), n)]));
    let tip = s.tip().to_string();
    let mut late = server
        .connect(&format!("?path=math/&commits=true&since={start}"))
        .await;
    let mut events = Vec::new();
    while events
        .last()
        .is_none_or(|event: &serde_json::Value| event["commit"] != json!(tip))
    {
        events.push(late.json().await);
    }
    assert!(events.len() < 100, "{}", events.len());
    let changed = events.iter().filter(|event| event["changes"] != json!({}));
    assert_eq!(
        changed
            .map(|event| event["commit"].clone())
            .collect::<Vec<_>>(),
        [json!(commit)]
    );
    while wrapped.json().await["commit"] != json!(tip) {}
    let commit = import(3);
    assert_eq!(late.json().await["commit"], json!(commit));
    assert!(plain.json().await.get("/math/a").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_too_many_filters_are_refused() {
    let server = WatchServer::start().await;
    let many = format!("?{}", "path=a&".repeat(65));
    let long = format!("?path={}", "a".repeat(4097));
    for query in ["?path=!a", "?path=", &many, &long] {
        assert_eq!(server.rejected(query, &[]).await, 400, "{query}");
    }
}
