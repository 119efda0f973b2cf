//! Refs that are broken on the primary, which hides them from git.

use std::fs;
use std::io::{Read as _, Write as _, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use super::{LONG, finishes_round, put, replica_of, url};
use crate::support::program::{World, module};
use crate::support::server::Server;

/// The contents of the files of broken refs: nothing, garbage, the name of no ref, the id of no object.
fn contents() -> [String; 4] {
    let id = "7".repeat(40);
    [
        "".into(),
        "?".into(),
        "ref: refs/heads/none\n".into(),
        id + "\n",
    ]
}

/// Replaces the file of a ref, as git does it.
fn write_ref(world: &World, name: &str, content: &str) {
    let new = world.root().join("refs/heads.new");
    fs::write(&new, content).unwrap();
    fs::rename(new, world.root().join("refs/heads").join(name)).unwrap();
}

#[track_caller]
fn becomes(replica: &World, server: &Server, branches: &str, default: &str) {
    let start = Instant::now();
    let read = || {
        (
            replica.git(&["branch", "--format=%(refname:short)"]),
            replica.git(&["symbolic-ref", "--short", "HEAD"]),
        )
    };
    while read() != (branches.to_owned(), default.to_owned()) {
        assert!(start.elapsed() < LONG, "{:?} {}", read(), server.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Starts a primary with a few branches, and a replica of it.
fn pair() -> (World, World, Server, Server) {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    for branch in ["next", "other"] {
        world.ok(&["branch", branch]);
    }
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    (world, other, primary, replica)
}

/// Deletes a branch of the primary.
#[track_caller]
fn delete_branch(primary: &Server, branch: &str) {
    let path = format!("/api/v1/branch/{branch}");
    assert_eq!(primary.send("DELETE", &path, &[], b"").status, 200);
}

#[test]
fn a_replica_keeps_the_branches_that_break_on_the_primary() {
    for content in contents() {
        let (world, other, primary, replica) = pair();
        let tip = world.git(&["rev-parse", "main"]);
        write_ref(&world, "next", &content);
        write_ref(&world, "main", &content);
        delete_branch(&primary, "other");
        becomes(&other, &replica, "main\nnext", "main");
        assert_eq!(replica.get("/api/v1/module/a").body, module(1));
        finishes_round(&replica);
        finishes_round(&replica);
        becomes(&other, &replica, "main\nnext", "main");
        let log = replica.log();
        for name in ["refs/heads/main", "refs/heads/next"] {
            let is_kept = |line: &&str| line.contains(name) && line.contains("keeping");
            let mut lines = log.lines().filter(is_kept);
            let line = lines.next().unwrap_or_default();
            assert!(
                line.contains("WARN") && line.contains("a ref that is broken on the primary"),
                "{log}"
            );
            assert_eq!(lines.count(), 0, "{log}");
        }
        // Repaired refs are followed, deleted ones are deleted.
        write_ref(&world, "main", &format!("{tip}\n"));
        put(&primary, "b", 2);
        delete_branch(&primary, "next");
        becomes(&other, &replica, "main", "main");
        finishes_round(&replica);
        assert_eq!(replica.get("/api/v1/module/b").body, module(2));
    }
}

#[test]
fn a_new_replica_does_not_keep_its_first_branch() {
    let (world, other) = (World::with_store("sha1"), World::empty());
    world.add("a", 1);
    world.ok(&["branch", "next"]);
    write_ref(&world, "main", "");
    let primary = Server::start(&world, &[]);
    let replica = replica_of(&other, &url(&primary), &[]);
    becomes(&other, &replica, "next", "next");
}

/// Starts a proxy that answers requests for broken refs itself, and passes all others. Returns its address.
fn proxy(server: SocketAddr, answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || pass(client, server, answer));
        }
    });
    address
}

fn pass(mut client: TcpStream, server: SocketAddr, answer: &str) {
    let mut head = vec![0; 16_384];
    let n = client.read(&mut head).unwrap_or(0);
    if head.starts_with(b"GET /api/v1/broken-refs ") {
        let head = "Content-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = client.write_all(format!("HTTP/1.1 {answer}\r\n{head}").as_bytes());
        return;
    }
    let Ok(mut server) = TcpStream::connect(server) else {
        return;
    };
    let _ = server.write_all(&head[..n]);
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

#[test]
fn a_replica_deletes_nothing_if_the_primary_does_not_answer() {
    let (world, other, primary, replica) = pair();
    drop(replica);
    let address = proxy(primary.address, "500 Internal Server Error");
    let replica = replica_of(&other, &format!("http://{address}"), &[]);
    write_ref(&world, "next", "");
    delete_branch(&primary, "other");
    replica.wait_for("cannot follow the primary");
    assert!(replica.log().contains("500"), "{}", replica.log());
    put(&primary, "b", 2);
    let start = Instant::now();
    while replica.get("/api/v1/module/b").status != 200 {
        assert!(start.elapsed() < LONG, "{}", replica.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    becomes(&other, &replica, "main\nnext\nother", "main");
}

#[test]
fn deletions_of_an_older_primary_are_followed() {
    let (_world, other, primary, replica) = pair();
    drop(replica);
    let address = proxy(primary.address, "404 Not Found");
    let replica = replica_of(&other, &format!("http://{address}"), &[]);
    for branch in ["next", "other"] {
        let path = format!("/api/v1/branch/{branch}");
        assert_eq!(primary.send("DELETE", &path, &[], b"").status, 200);
        finishes_round(&replica);
    }
    becomes(&other, &replica, "main", "main");
    let log = replica.log();
    assert_eq!(
        log.matches("does not report broken refs").count(),
        1,
        "{log}"
    );
}
