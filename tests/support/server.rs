//! A running `wasmstore server`, and requests to it over HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::program::World;

/// The timeout for the server and for requests, far longer than any of them takes if nothing is wrong.
const LONG: Duration = Duration::from_secs(30);

/// A running server, which is killed on drop.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// A response of a server.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Response {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Returns the value of a header. The name is case-insensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

impl Server {
    /// Starts a server of the default store in `world`. It listens on a free port, unless the arguments contain `--port` or `--config`.
    pub fn start(world: &World, args: &[&str]) -> Self {
        Self::start_with(world, args, &[])
    }

    /// Starts a server like [`start`](Self::start), with additional environment variables.
    pub fn start_with(world: &World, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let names_port = |arg: &&str| ["--port", "--config"].contains(arg);
        let port: &[&str] = if args.iter().any(names_port) {
            &[]
        } else {
            &["--port", "0"]
        };
        let mut command = world.wasmstore(&[&["server"], port, args].concat());
        command.envs(variables.iter().copied());
        Self::start_command(command)
    }

    /// Starts a server by running a command, and waits until the server listens.
    pub fn start_command(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                written.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut server = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
            reader: Some(reader),
        };
        server.wait_for("listening on ");
        let log = server.log();
        let (_, url) = log.split_once("listening on ").unwrap();
        // A server that listens only on Unix sockets logs no URL with `://`, and has no `address`.
        if let Some((_, address)) = url.split_once("://") {
            server.address = word(address).parse().unwrap();
        }
        server
    }

    /// Waits until the log contains `text`, and returns the word that follows `text`.
    pub fn wait_for(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let log = self.log();
            if let Some((_, rest)) = log.split_once(text) {
                return word(rest).to_owned();
            }
            assert!(start.elapsed() < LONG, "no {text:?} in {log:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream
    }

    /// Sends a request over a new connection, and returns the response.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
        let mut stream = self.connect();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.address,
            body.len()
        );
        for header in headers {
            head.push_str(&format!("{header}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A write error is ignored, because a server that rejects a request early may not read the whole body.
        let _ = stream.write_all(body);
        read_response(stream)
    }

    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// Returns the process id of the server.
    #[allow(dead_code, reason = "only `sweeps` uses it")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the peak resident memory of the server process, in KiB.
    pub fn rss_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }

    /// Returns the process ids of the server's git processes that serve a fetch or push. Other git processes, such as those that list
    /// mirrors, are not included.
    pub fn git_processes(&self) -> Vec<u32> {
        let parent = self.child.id().to_string();
        let all = std::fs::read_dir("/proc").unwrap();
        all.filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The format is that of proc_pid_stat(5): the name in parentheses, then the state and the id of the parent process.
            let (_, rest) = stat.rsplit_once(") ")?;
            let mut fields = rest.split(' ');
            let is_alive = fields.next()? != "Z";
            let is_child = is_alive && fields.next()? == parent;
            let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let serves = |word| matches!(word, "upload-pack" | "receive-pack");
            (is_child && words.split('\0').any(serves)).then_some(pid)
        })
        .collect()
    }

    /// Sends a signal to the server.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until the server exits. Returns the exit code and the log.
    pub fn wait(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < LONG, "the server still runs");
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reader.take().unwrap().join().unwrap();
        (status.code(), self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the word, number or address at the beginning of a text.
fn word(text: &str) -> &str {
    let is_inside = |c: char| c.is_alphanumeric() || ".:".contains(c);
    text.split(|c| !is_inside(c)).next().unwrap_or_default()
}

/// Reads a response. It ends when the server closes the connection.
pub fn read_response(mut stream: impl Read) -> Response {
    let mut bytes = Vec::new();
    // A connection reset after a complete response is not an error.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no response: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    Response {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: bytes[end + 4..].to_vec(),
    }
}
