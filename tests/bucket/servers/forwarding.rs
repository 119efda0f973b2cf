//! Writes that are forwarded to the last writer.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::support::server::read_response;
use crate::support::store::custom_section;

/// Starts two servers, of which the first is the last writer.
fn two_servers(cluster: &Cluster) -> (Server, Server) {
    let one = cluster.start("one", &[]);
    put(&one, "first", 0);
    (one, cluster.start("two", &[]))
}

#[test]
fn every_write_of_the_api_is_forwarded_and_can_be_read_at_once() {
    let cluster = Cluster::new();
    let (one, two) = two_servers(&cluster);
    let swaps = metric(&two, "swaps_total");
    let before = get(&two, "/snapshot", &[]).text().to_owned();
    put(&two, "a", 1);
    assert_eq!(get(&two, "/module/a", &[]).body, module(1));
    let hash = get(&two, "/hash/a", &[]).text().to_owned();
    for (count, (method, path)) in [
        ("POST", format!("/hash/{hash}/b")),
        ("DELETE", "/module/a".to_owned()),
        ("POST", "/rollback".to_owned()),
        ("POST", "/rollback/b".to_owned()),
        ("POST", format!("/restore/{before}")),
        ("POST", format!("/restore/{before}/first")),
    ]
    .into_iter()
    .enumerate()
    {
        let response = two.send(method, &format!("/api/v1{path}"), &[], b"");
        assert_eq!(response.status, 200, "{method} {path}: {}", response.text());
        let tip = get(&two, "/snapshot", &[]).text().to_owned();
        assert_eq!(
            response.header("wasmstore-commit"),
            Some(&*tip),
            "{method} {path}"
        );
        assert_eq!(
            forwarded(&two),
            (count as f64 + 2.0, 0.0),
            "{method} {path}"
        );
    }
    assert_eq!(metric(&two, "swaps_total"), swaps);
    assert_eq!(
        (metric(&one, "last_writer"), metric(&two, "last_writer")),
        (1.0, 0.0)
    );
    assert_eq!(forwarded(&one), (0.0, 0.0));
    // The log lines of both servers have the same id.
    let sent = post(&two, "/module/c", &["X-Request-Id: trace-7"], &module(7));
    assert_eq!(sent.header("x-request-id"), Some("trace-7"));
    one.wait_for("id=\"trace-7\"");
    two.wait_for("forwarded=true");
    assert!(!one.log().contains("forwarded"), "{}", one.log());
    for server in [&one, &two] {
        assert!(!server.log().contains(&cluster.peer_key()));
    }
}

#[test]
fn error_responses_are_passed_on() {
    let cluster = Cluster::new();
    let (_one, two) = two_servers(&cluster);
    let failed = |response: Response, status: u16, text: &str| {
        assert_eq!(response.status, status, "{}", response.text());
        assert!(response.text().contains(text), "{}", response.text());
    };
    failed(
        post(&two, "/module/first", &["If-None-Match: *"], &module(1)),
        412,
        "precondition",
    );
    failed(
        post(&two, "/module/first/below", &[], &module(1)),
        409,
        "first",
    );
    failed(
        post(&two, "/module/bad", &[], b"no module"),
        400,
        "not WebAssembly",
    );
    failed(
        two.send("DELETE", "/api/v1/module/none", &[], b""),
        404,
        "none",
    );
    failed(
        post(&two, "/module/a", &["Wasmstore-Branch: none"], &module(1)),
        404,
        "none",
    );
    let problem = ["Accept: application/json", "If-None-Match: *"];
    let problem = post(&two, "/module/first", &problem, &module(1));
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    failed(problem, 412, "\"status\":412");
    assert_eq!(forwarded(&two), (6.0, 0.0));
    // What this server can tell by itself is not sent.
    failed(
        post(&two, "/module/a", &["Wasmstore-Author: <"], &module(1)),
        400,
        "author",
    );
    assert_eq!(forwarded(&two), (6.0, 0.0));
}

#[test]
fn several_modules_are_written_together_on_every_server() {
    let cluster = Cluster::new();
    let (one, two) = two_servers(&cluster);
    let form = |parts: &[(&str, &[u8])]| {
        let mut body = Vec::new();
        for (name, bytes) in parts {
            body.extend(
                format!("--x\r\ncontent-disposition: form-data; name={name}\r\n\r\n").bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x--\r\n");
        body
    };
    let media_type = "Content-Type: multipart/form-data; boundary=x";
    let small = form(&[("a", &module(1)), ("b", &module(2))]);
    let response = post(&two, "/modules/d", &[media_type], &small);
    assert_eq!(response.status, 200, "{}", response.text());
    assert!(response.text().contains("\"/d/b\":"), "{}", response.text());
    assert_eq!(forwarded(&two), (1.0, 0.0));
    let absent = "Wasmstore-If-None-Match: *";
    let other = form(&[("a", &module(3))]);
    assert_eq!(
        post(&two, "/modules/d", &[media_type, absent], &other).status,
        412
    );
    // A large body is not forwarded, so this server makes the change by itself.
    let large = custom_section(vec![7; 2 << 20]);
    let large = form(&[("l", &large), ("c", &module(4))]);
    let response = post(&two, "/modules/d", &[media_type], &large);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(forwarded(&two), (2.0, 0.0));
    assert_eq!(metric(&two, "last_writer"), 1.0);
    let list = get(&one, "/modules/d?consistent=true", &[]);
    for path in ["/d/a", "/d/b", "/d/c", "/d/l"] {
        assert!(
            list.text().contains(&format!("\"{path}\"")),
            "{}",
            list.text()
        );
    }
    assert_eq!(get(&one, "/module/d/c", &[]).body, module(4));
}

#[test]
fn branches_and_large_modules_are_written_by_the_server_that_gets_them() {
    let cluster = Cluster::new();
    let (one, two) = two_servers(&cluster);
    assert_eq!(post(&two, "/branch/side", &[], b"").status, 200);
    assert_eq!(forwarded(&two), (0.0, 0.0));
    assert_eq!(metric(&two, "last_writer"), 1.0);
    // The first server does not know that yet. It is too late with its own attempt, and then forwards the write.
    let conflicts = metric(&one, "conflicts_total");
    put(&one, "a", 1);
    assert_eq!(forwarded(&one), (1.0, 0.0));
    assert_eq!(metric(&one, "conflicts_total"), conflicts + 1.0);
    assert_eq!(metric(&two, "last_writer"), 1.0);
    let large = custom_section(vec![7; 2 << 20]);
    let response = post(&two, "/module/large", &[], &large);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(forwarded(&two), (0.0, 0.0));
    let merged = post(&two, "/merge/main", &["Wasmstore-Branch: side"], b"");
    assert_eq!(merged.status, 200, "{}", merged.text());
    let found = get(
        &one,
        "/module/large?consistent=true",
        &["Wasmstore-Branch: side"],
    );
    assert_eq!(found.body.len(), large.len());
}

#[test]
fn a_module_of_unknown_length_is_written_by_the_server_that_gets_it() {
    let cluster = Cluster::new();
    let (one, two) = two_servers(&cluster);
    let bytes = module(7);
    let mut stream = two.connect();
    let head = format!(
        "POST /api/v1/module/chunked HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        two.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    for chunk in bytes.chunks(5).chain([&[][..]]) {
        let chunk = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        stream.write_all(&chunk).unwrap();
    }
    let response = read_response(stream);
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(forwarded(&two), (0.0, 0.0));
    for server in [&one, &two] {
        let read = get(server, "/module/chunked?consistent=true", &[]);
        assert_eq!(read.body, bytes);
    }
}

#[test]
fn the_rules_of_the_server_that_gets_a_write_apply() {
    let cluster = Cluster::new();
    let keys = "all:*\nreader:GET\nci:POST,GET:CI <ci@example.org>\n";
    cluster.world.file("keys", keys);
    let path = cluster.world.path("keys");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let keys = ["--auth-file", path.to_str().unwrap()];
    let one = cluster.start("one", &keys);
    let branch = post(&one, "/branch/side", &["Wasmstore-Auth: all"], b"");
    assert_eq!(branch.status, 200);
    // A branch can be selected once the copy has it.
    drop(cluster.start("two", &keys));
    let two = cluster.start("two", &[&keys[..], &["--branch", "side"]].concat());
    let count = |headers: &[&str]| {
        let headers = [headers, &["Wasmstore-Auth: all"]].concat();
        two.send("GET", "/metrics", &headers, b"")
            .text()
            .lines()
            .find_map(|line| {
                let count =
                    line.strip_prefix("wasmstore_bucket_forwarded_total{outcome=\"ok\"} ")?;
                count.parse::<u32>().ok()
            })
    };
    let write = |key: &str| {
        post(
            &two,
            "/module/a",
            &[&format!("Wasmstore-Auth: {key}")],
            &module(1),
        )
    };
    assert_eq!(write("wrong").status, 401);
    assert_eq!(write("reader").status, 403);
    assert_eq!(count(&[]), Some(0));
    assert_eq!(write("ci").status, 200);
    assert_eq!(count(&[]), Some(1));
    let key = "Wasmstore-Auth: all";
    assert_eq!(
        get(&one, "/module/a", &[key, "Wasmstore-Branch: side"]).status,
        200
    );
    assert_eq!(
        get(&one, "/module/a", &[key]).status,
        404,
        "side is not the other server's default"
    );
    let log = get(&one, "/commits?limit=1", &[key, "Wasmstore-Branch: side"]);
    assert!(log.text().contains("\"author\":\"CI\""), "{}", log.text());
}

#[test]
fn a_write_that_the_last_writer_refuses_is_made_by_the_server_that_gets_it() {
    let cluster = Cluster::new();
    let one = cluster.start("one", &["--auth", "theirs:*"]);
    let two = cluster.start("two", &["--auth", "ours:*"]);
    let auth = "Wasmstore-Auth: ours";
    let response = post(&two, "/module/a", &[auth], &module(1));
    assert_eq!(response.status, 200, "{}", response.text());
    two.wait_for("refused a request");
    let read = get(
        &one,
        "/module/a?consistent=true",
        &["Wasmstore-Auth: theirs"],
    );
    assert_eq!(read.body, module(1));
}

#[test]
fn servers_with_wrong_urls_of_themselves_do_not_forward_in_circles() {
    let cluster = Cluster::new();
    let ports = [free_port(), free_port()];
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let poll = ["--bucket-poll", "600"];
    // Each says that it is the other one.
    let one = cluster.start_on(ports[0], Some(&url(ports[1])), "one", &poll);
    is_ready(&one);
    put(&one, "a", 1);
    let two = cluster.start_on(ports[1], Some(&url(ports[0])), "two", &poll);
    is_ready(&two);
    for n in 2..6 {
        put(&two, "b", n);
        put(&one, "c", n);
        assert_eq!(get(&two, "/module/b", &[]).body, module(n));
        assert_eq!(get(&one, "/module/c", &[]).body, module(n));
    }
    let made = messages(&one);
    assert_eq!(
        made.iter()
            .filter(|message| *message == "Import /b")
            .count(),
        4,
        "{made:?}"
    );
    assert_eq!(
        made.iter()
            .filter(|message| *message == "Import /c")
            .count(),
        4,
        "{made:?}"
    );
}
