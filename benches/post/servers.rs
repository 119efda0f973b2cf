//! Starts servers on free ports, waits until they respond, and reads their CPU time.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper::{Method, StatusCode};

use crate::Result;
use crate::http::Connection;

/// The maximum time until a server responds.
const START_MAX: Duration = Duration::from_secs(20);

/// A running server, which is killed on drop.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server, and waits until it responds to `GET page` with 200.
    pub async fn start(command: &mut Command, address: SocketAddr, page: &str) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut server = Self { child, address };
        let start = Instant::now();
        loop {
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command:?} ended: {status}").into());
            }
            if server.probe(page).await.is_ok() {
                return Ok(server);
            }
            if start.elapsed() > START_MAX {
                return Err(format!("{command:?} does not respond").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn probe(&self, page: &str) -> Result<()> {
        let mut connection = Connection::open(self.address).await?;
        let response = connection.send(Method::GET, page, "text/plain", Default::default());
        response.await?.expect(StatusCode::OK).map(drop)
    }

    /// Returns the CPU time that the server has used so far, or zero on systems without `/proc`.
    pub fn cpu(&self) -> Duration {
        const TICKS_PER_S: u64 = 100;
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        // utime and stime, the 14th and 15th of proc_pid_stat(5).
        let ticks: u64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_S)
    }

    /// Kills the server with SIGKILL, like a crash.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Returns a loopback address that no program listens on.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
