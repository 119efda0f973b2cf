//! GET /watch: every commit once to every socket, whoever made it and however slow the socket is.

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
use wasmstore::store::{Change, DirectoryRemoval, History, Revision, Store};

use super::watching::{LIMIT, Server, fold};
use crate::support::store::{branch, module, path, scope};

#[tokio::test(flavor = "multi_thread")]
async fn every_commit_is_a_message_with_every_path() {
    let server = Server::start().await;
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
        .import(&Change::default(), dir.path(), &scope(""), |_, _| ())
        .unwrap();
    let both = json!({
        "/a/b": {"action": "updated", "hash": {"old": one, "new": two}},
        "/ä \"c\"": {"action": "added", "hash": two},
    });
    assert_eq!(client.json().await, both);
    let folder = ModuleRef::Path(path("a"));
    s.store
        .remove(&Change::default(), &folder, DirectoryRemoval::Recursive)
        .unwrap();
    let removed = json!({"/a/b": {"action": "removed", "hash": two}});
    assert_eq!(client.json().await, removed);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    s.put_on(Some("side"), "x", 3);
    client.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_are_told_too() {
    let server = Server::start().await;
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
        fold(&mut seen, &client.json().await);
        assert_eq!(seen, server.tree("main"));
    }
    let nothing = server
        .s
        .git(&["commit-tree", "-m", "x", "-p", "main", "main^{tree}"]);
    server
        .s
        .git(&["update-ref", "refs/heads/main", nothing.trim()]);
    assert_eq!(client.text().await, "{}");
    server.s.git(&["update-ref", "refs/heads/main", "main~2"]);
    fold(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    client.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn since_replays_a_long_history_once_and_goes_on() {
    let server = Server::start().await;
    let start = server.s.tip();
    let changes = |n: usize| vec![(format!("d{}/p{}", n % 7, n % 41), n), (format!("q{n}"), n)];
    server.commits("main", (0..700).map(changes));
    let mut client = server.connect(&format!("?since={start}")).await;
    let mut seen = BTreeMap::new();
    for n in 0..700 {
        let message = client.json().await;
        assert!(message.get(format!("/q{n}")).is_some(), "{n}: {message}");
        fold(&mut seen, &message);
        if n == 350 {
            server.s.put("meanwhile", 1);
        }
    }
    fold(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    server.s.put("after", 2);
    fold(&mut seen, &client.json().await);
    assert_eq!(seen, server.tree("main"));
    let tip = server.s.tip();
    let mut at_tip = server.connect(&format!("?since={tip}")).await;
    at_tip.is_quiet().await;
    client.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_resets_and_squashes_fold_to_the_tip() {
    let server = Server::start().await;
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
        fold(&mut seen, &message);
        assert_eq!(wrapped.json().await["changes"], message);
    }
    assert_eq!(seen, server.tree("main"));
    for (to, reset) in [("main~1", true), ("side", true), (&old.to_string(), true)] {
        s.git(&["update-ref", "refs/heads/main", to]);
        let message = client.json().await;
        fold(&mut seen, &message);
        assert_eq!(seen, server.tree("main"), "{to}");
        let told = wrapped.json().await;
        assert_eq!(
            (&told["changes"], &told["reset"]),
            (&message, &json!(reset))
        );
        assert_eq!(told["commit"], s.tip().to_string());
    }
    s.put("e", 8);
    s.put("e", 9);
    assert_eq!(client.fold_until(&mut seen, &server.tree("main")).await, 2);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    assert_eq!(client.text().await, "{}");
    s.put("f", 1);
    s.put("f", 2);
    s.store.gc(&Change::default(), History::Squash).unwrap();
    let wanted = server.tree("main");
    assert!(client.fold_until(&mut seen, &wanted).await <= 2);
    s.put("g", 2);
    assert_eq!(seen, wanted);
    while seen != server.tree("main") {
        fold(&mut seen, &client.json().await);
    }
    client.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_are_refused_for_the_right_reason() {
    let limits = ServerLimits {
        sockets_max: 2,
        ..ServerLimits::default()
    };
    let server = Server::with(limits).await;
    let none = "1".repeat(40);
    for (query, status) in [
        ("?branch=none", 404),
        ("?branch=a..b", 400),
        ("?branch=", 400),
        ("?since=yesterday", 400),
        ("?commits=maybe", 400),
        (&format!("?branch=none&since={none}"), 404),
    ] {
        assert_eq!(server.refused(query, &[]).await, status, "{query}");
    }
    let header = |value| [("wasmstore-branch", value)];
    assert_eq!(server.refused("", &header("none")).await, 404);
    assert_eq!(server.refused("", &header("%FF")).await, 400);
    assert_eq!(server.refused("?branch=main", &header("none")).await, 404);

    let mut lost = server.connect(&format!("?since={none}")).await;
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
    assert_eq!(server.refused("", &[]).await, 503);
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
async fn a_key_is_never_echoed_as_subprotocol() {
    let server = Server::start().await;
    for offered in ["wasmstore.v1", "wasmstore.key.c2VjcmV0, wasmstore.v1"] {
        let header = [("sec-websocket-protocol", offered)];
        let (_, response) = server.try_connect("", &header).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "wasmstore.v1");
    }
    // This client refuses an answer that selects none of what it offered; what matters is that it got no key.
    let header = [("sec-websocket-protocol", "wasmstore.key.c2VjcmV0")];
    let error = server.try_connect("", &header).await.err().unwrap();
    assert!(error.to_string().contains("no subprotocol"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_is_told_to_upgrade() {
    let server = Server::start().await;
    for query in ["", "?branch=none"] {
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .unwrap();
        let head = format!(
            "GET /api/v1/watch{query} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer = answer.to_lowercase();
        assert!(answer.starts_with("http/1.1 426 "), "{answer}");
        assert!(answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_server_is_told_and_waited_for() {
    let server = Server::start().await;
    let mut client = server.connect("").await;
    server.s.put("a", 1);
    client.text().await;
    server.closing.cancel();
    assert_eq!(
        client.close().await,
        (1001, "the server is stopping".to_owned())
    );
    timeout(LIMIT, server.task).await.unwrap().unwrap();
    // One who does not answer is not waited for long.
    let deaf = Server::start().await;
    let _client = deaf.connect("").await;
    deaf.closing.cancel();
    let stopped = timeout(Duration::from_secs(10), deaf.task);
    stopped.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_answers_no_ping_is_dropped() {
    let limits = ServerLimits {
        ping_interval: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let server = Server::with(limits).await;
    let mut client = server.connect("").await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(1) {
        // Reading answers pings.
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
    let mut heard = Vec::new();
    let end = silent.read_to_end(&mut heard);
    timeout(LIMIT, end).await.unwrap().unwrap();
    assert_eq!(heard, [0x89, 0, 0x89, 0], "two pings and the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_branch_ends_its_watchers() {
    let server = Server::start().await;
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
    assert_eq!(server.refused("?branch=side", &[]).await, 404);
    server
        .s
        .store
        .create_branch(&side, &Revision::default())
        .unwrap();
    let mut again = server.connect("?branch=side").await;
    server.s.put_on(Some("side"), "b", 1);
    assert!(again.text().await.contains("/b"));
    main.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_told_in_full_and_large_ones_in_parts() {
    let server = Server::start().await;
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
    let wanted = format!(
        r#"{{"commit":"{one}","branch":"main","parents":["{root}"],"author":"wasmstore","date":{},"message":"Import /a","reset":false,"changes":{{"/a":{{"action":"added","hash":"{}"}}}},"part":1,"parts":1}}"#,
        date.trim(),
        hash.trim()
    );
    assert_eq!(message, wanted);
    plain.text().await;
    let paths = || (0..20_000).map(|n| (format!("folder-{}/with a long name {n:0100}", n % 9), n));
    server.commits("main", [paths().collect()]);
    let (mut seen, mut also_seen) = (BTreeMap::new(), BTreeMap::new());
    let wanted: BTreeMap<_, _> = server
        .tree("main")
        .into_iter()
        .filter(|(path, _)| path != "/a")
        .collect();
    let mut parts = 0;
    while seen != wanted {
        let text = plain.text().await;
        assert!(text.len() <= 512 << 10);
        fold(&mut seen, &serde_json::from_str(&text).unwrap());
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
        fold(&mut also_seen, &message["changes"]);
    }
    assert_eq!(also_seen, wanted);
    // Who comes too late for the ring gets the same.
    let mut late = server.connect(&format!("?since={one}")).await;
    assert_eq!(late.fold_until(&mut BTreeMap::new(), &wanted).await, parts);
    late.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_amid_many_changes_misses_none_and_hears_none_twice() {
    let server = Server::start().await;
    let start = server.s.tip();
    let stop = tokio_util::sync::CancellationToken::new();
    let writer = {
        let (root, stop) = (server.s.root.clone(), stop.clone());
        tokio::task::spawn_blocking(move || {
            let store = Store::open(&root, Options::default()).unwrap();
            for n in (0..).take_while(|_| !stop.is_cancelled()) {
                let at = path(&format!("p{}", n % 30));
                store
                    .put(&Change::default(), &at, module(n).as_slice())
                    .unwrap();
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
    for (client, from) in &mut clients {
        let index = all.iter().position(|commit| commit == from).unwrap();
        for commit in &all[index + 1..] {
            assert_eq!(client.json().await["commit"], *commit);
        }
    }
    clients[0].0.is_quiet().await;
    clients[1].0.is_quiet().await;
}

/// The memory that this process has written to, in bytes.
fn written_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<usize>().ok());
    kib.unwrap_or(0) << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_costs_no_queue_and_loses_nothing() {
    const SLOW: usize = 40;
    let server = Server::start().await;
    let mut clients = Vec::new();
    for n in 0..SLOW {
        let form = if n % 2 == 0 { "" } else { "?commits=true" };
        clients.push(server.connect(form).await);
    }
    let mut fast = server.connect("").await;
    let before = written_bytes();
    let change = |n: usize, k: usize| (format!("d{k}/p{}", n % 50), n / 50 + k);
    let changes = |n: usize| (0..40).map(|k| change(n, k)).collect();
    let start = Instant::now();
    let mut seen = BTreeMap::new();
    for n in 0..4 {
        server.commits("main", (n * 200..(n + 1) * 200).map(changes));
        for _ in 0..200 {
            fold(&mut seen, &fast.json().await);
        }
    }
    let wanted = server.tree("main");
    assert_eq!(seen, wanted);
    let grown = written_bytes().saturating_sub(before);
    println!(
        "{SLOW} slow readers of 4 MB each: {} MiB more, one that keeps up is done after {:?}",
        grown >> 20,
        start.elapsed()
    );
    assert!(grown < 100 << 20, "{grown}");
    let mut seen = BTreeMap::new();
    for _ in 0..800 {
        fold(&mut seen, &clients[0].json().await);
    }
    println!(
        "a slow one that reads on is done after {:?}",
        start.elapsed()
    );
    assert_eq!(seen, wanted);
    clients[0].is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_reads_nothing_is_dropped_in_time() {
    let limits = ServerLimits {
        idle_timeout: Duration::from_millis(500),
        ..ServerLimits::default()
    };
    let server = Server::with(limits).await;
    let mut client = server.connect("").await;
    let changes = |n: usize| (0..100).map(move |k| (format!("d/p{k}"), n + k)).collect();
    server.commits("main", (0..300).map(changes));
    // Longer than the server waits for a reader, and shorter than it waits for answers to pings.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut told = 0;
    while let Some(Ok(_)) = timeout(LIMIT, client.socket.next()).await.unwrap() {
        told += 1;
    }
    assert!(told < 300, "all of {told}");
}

/// Connects many at once; each is told one commit once.
async fn many(count: usize) {
    let server = Server::with(ServerLimits {
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
    let memory = written_bytes();
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
        "{count} sockets: connected in {connected:?}, all told after {:?}, {} MiB in all",
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
    clients[count / 2].is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sockets_are_told_each_commit_once() {
    many(200).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ulimit -n 20000"]
async fn thousands_of_sockets_are_told_each_commit_once() {
    many(2000).await;
}
