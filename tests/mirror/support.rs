//! Repositories to push to, and loopback servers that are no git servers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::support::program::{CommandOutput, World};
use crate::support::server::Server;

/// Creates an empty bare repository in the directory where commands run.
pub fn bare(world: &World, name: &str) -> PathBuf {
    bare_of(world, name, "sha1")
}

/// Creates an empty bare repository with an object format.
pub fn bare_of(world: &World, name: &str, format: &str) -> PathBuf {
    let path = world.path(name);
    let mut git = world.command("git");
    let init = git.args(["-c", "init.defaultBranch=master", "init", "-q", "--bare"]);
    let init = init.args(["--object-format", format]).arg(&path);
    assert!(init.status().unwrap().success());
    path
}

/// Returns the branches and tags of a repository as `git ls-remote` prints them; `None` if there is no repository.
pub fn refs(world: &World, repository: &Path) -> Option<String> {
    let mut git = world.command("git");
    let git = git.args(["ls-remote", "--refs", "--heads", "--tags"]);
    let ran = CommandOutput::from(git.arg(repository).output().unwrap());
    (ran.code == Some(0)).then_some(ran.out)
}

/// Returns whether the repository has exactly the branches and tags of the store.
pub fn is_equal(world: &World, repository: &Path) -> bool {
    let mirror_refs = refs(world, repository);
    mirror_refs.is_some() && mirror_refs == refs(world, &world.root())
}

/// Writes an executable shell script.
pub fn script(world: &World, name: &str, text: &str) -> PathBuf {
    world.file(name, format!("#!/bin/sh\n{text}\n"));
    let path = world.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Writes a replacement for ssh that runs the remote command on this machine and logs its own arguments.
pub fn ssh(world: &World) -> PathBuf {
    let text = "echo \"$@\" >>\"${0%/*}/ssh.log\"\nfor last; do :; done\nexec sh -c \"$last\"";
    script(world, "ssh", text)
}

/// A server on the loopback interface that runs until the test program ends.
pub struct Listener {
    pub address: SocketAddr,
    /// The heads of all requests.
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Accepts connections and sends nothing.
    pub fn silent() -> Self {
        Self::with(|stream, _| std::mem::forget(stream))
    }

    /// Sends the result of `respond`, which gets the request's head.
    pub fn responding(respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with(move |mut stream, head| {
            let _ = stream.write_all(&respond(head));
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

/// Returns an HTTP response.
pub fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Returns the number of running processes that have both texts in their arguments.
pub fn running_with(one: &str, other: &str) -> usize {
    let arguments = |entry: std::io::Result<fs::DirEntry>| {
        let bytes = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(arguments);
    all.filter(|words| words.contains(one) && words.contains(other))
        .count()
}

/// Returns the value of a metric; `line` is its name with its labels.
pub fn metric(server: &Server, line: &str) -> Option<f64> {
    let response = server.get("/metrics");
    let mut lines = response.text().lines();
    let value = lines.find_map(|found| found.strip_prefix(line))?;
    value.trim().parse().ok()
}
