//! Servers on free ports.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::options::Options;
use crate::peers;
use crate::store::Store;

/// How long a server may take to answer.
const START_MAX: Duration = Duration::from_secs(20);

/// A program that runs; it is stopped at the end.
pub struct Running(Child);

impl Running {
    /// Starts a program, and waits until somebody listens at the address.
    pub fn start(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut running = Self(command.stderr(Stdio::null()).process_group(0).spawn()?);
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = running.0.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if began.elapsed() > START_MAX {
                return Err(format!("{command:?} does not listen").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // git daemon and fcgiwrap have children that would stay.
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
    /// What git is given.
    pub url: String,
    _programs: Vec<Running>,
}

impl Server {
    pub fn new(name: &'static str, url: String, programs: Vec<Running>) -> Self {
        Self {
            name,
            url,
            _programs: programs,
        }
    }
}

/// Starts ours, and those of the others that are here.
pub fn start(options: &Options, store: &Store, dir: &Path) -> Result<Vec<Server>> {
    let mut servers = vec![ours(store)?];
    let peers = [
        ("nginx", peers::http_backend(options, store, dir)),
        ("git daemon", peers::daemon(store)),
    ];
    for (name, started) in peers {
        match started {
            Ok(server) => servers.push(server),
            Err(error) => println!("without {name}: {error} (benches/peers.sh installs it)"),
        }
    }
    Ok(servers)
}

fn ours(store: &Store) -> Result<Server> {
    let address = free_address()?;
    let mut command = store.command();
    command.args(["server", "--port", &address.port().to_string()]);
    let running = Running::start(&mut command, address)?;
    let url = format!("http://{address}/wasmstore.git");
    Ok(Server::new("wasmstore", url, vec![running]))
}

/// An address that nobody listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
