//! Repositories to push to, loopback servers that are none, and waiting.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::program::{Ran, World};

/// Far longer than anything takes that works.
pub const LONG: Duration = Duration::from_secs(30);

/// An empty bare repository beside where commands run.
pub fn bare(world: &World, name: &str) -> PathBuf {
    bare_of(world, name, "sha1")
}

pub fn bare_of(world: &World, name: &str, format: &str) -> PathBuf {
    let path = world.path(name);
    let mut git = world.command("git");
    let init = git.args(["-c", "init.defaultBranch=master", "init", "-q", "--bare"]);
    let init = init.args(["--object-format", format]).arg(&path);
    assert!(init.status().unwrap().success());
    path
}

/// The branches and tags of a repository, by `git ls-remote`; `None` if it is not there.
pub fn refs(world: &World, repository: &Path) -> Option<String> {
    let mut git = world.command("git");
    let git = git.args(["ls-remote", "--refs", "--heads", "--tags"]);
    let ran = Ran::from(git.arg(repository).output().unwrap());
    (ran.code == Some(0)).then_some(ran.out)
}

/// Whether the repository has exactly the branches and tags of the store.
pub fn is_equal(world: &World, repository: &Path) -> bool {
    let there = refs(world, repository);
    there.is_some() && there == refs(world, &world.root())
}

/// Waits until something holds; how long that took.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    began.elapsed()
}

/// Writes a program that anybody may run.
pub fn script(world: &World, name: &str, text: &str) -> PathBuf {
    world.file(name, format!("#!/bin/sh\n{text}\n"));
    let path = world.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// What runs the command on this machine, in the place of ssh.
pub fn ssh(world: &World) -> PathBuf {
    let text = "echo \"$@\" >>\"${0%/*}/ssh.log\"\nfor last; do :; done\nexec sh -c \"$last\"";
    script(world, "ssh", text)
}

/// A listener on the loopback that does with each connection what it is told, until the test ends.
pub struct Listener {
    pub address: SocketAddr,
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Accepts connections and says nothing.
    pub fn silent() -> Self {
        Self::with(|stream, _| std::mem::forget(stream))
    }

    /// Answers each request, whose head it is given.
    pub fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(move |mut stream, head| {
            let _ = stream.write_all(&answer(head));
        })
    }

    fn with(serve: impl Fn(TcpStream, &str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
                seen.lock().unwrap().push(head.clone());
                serve(stream, &head);
            }
        });
        Self { address, heads }
    }
}

/// An answer of HTTP.
pub fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// How many processes run with both words in their arguments.
pub fn running(one: &str, other: &str) -> usize {
    let arguments = |entry: std::io::Result<fs::DirEntry>| {
        let bytes = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(arguments);
    all.filter(|words| words.contains(one) && words.contains(other))
        .count()
}
