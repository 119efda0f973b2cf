//! Starts the servers on free ports.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::Options;
use crate::peers;
use crate::store::Store;

/// The maximum time until a server listens.
const START_MAX: Duration = Duration::from_secs(20);

/// A running program, which is stopped on drop.
pub struct RunningProgram(Child);

impl RunningProgram {
    /// Starts a program, and waits until it listens at the address.
    pub fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut running = Self(command.stderr(Stdio::null()).process_group(0).spawn()?);
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = running.0.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if start.elapsed() > START_MAX {
                return Err(format!("{command:?} does not listen").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // git daemon and fcgiwrap have child processes, which would go on.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill")
            .args(["-s", "TERM", "--", &group])
            .status();
        let _ = self.0.wait();
    }
}

/// A server of the store.
pub struct Server {
    pub name: &'static str,
    /// The URL of the repository.
    pub url: String,
    _programs: Vec<RunningProgram>,
}

impl Server {
    pub fn new(name: &'static str, url: String, programs: Vec<RunningProgram>) -> Self {
        Self {
            name,
            url,
            _programs: programs,
        }
    }
}

/// Starts `wasmstore server`, and the other servers if they are installed. The first one is `wasmstore server`.
pub fn start(options: &Options, store: &Store, dir: &Path) -> Result<Vec<Server>> {
    let mut servers = vec![wasmstore_server(store)?];
    let peers = [
        ("nginx", peers::http_backend(options, store, dir)),
        ("git daemon", peers::daemon(store)),
    ];
    for (name, started) in peers {
        match started {
            Ok(server) => servers.push(server),
            Err(error) => {
                println!("{name} is not measured: {error} (benches/peers.sh installs it)")
            }
        }
    }
    Ok(servers)
}

fn wasmstore_server(store: &Store) -> Result<Server> {
    let address = free_address()?;
    let mut command = store.command();
    command.args(["server", "--port", &address.port().to_string()]);
    let running = RunningProgram::start(&mut command, address)?;
    let url = format!("http://{address}/wasmstore.git");
    Ok(Server::new("wasmstore", url, vec![running]))
}

/// Returns a loopback address that no program listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Removes the git configuration of the user and the system from the environment.
pub fn hermetic(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
}
