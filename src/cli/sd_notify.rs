//! Word to the service manager that started the server, as sd_notify(3) has it: systemd, or whoever else sets `NOTIFY_SOCKET`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use super::settings::variable;

/// How long is waited before a manager whose messages pile up is told again that the server serves; then twice as long each time.
const AGAIN_FIRST: Duration = Duration::from_millis(100);

/// How often it is told again.
const AGAIN_TIMES: u32 = 9;

/// The service manager, if there is one; without one nothing is told.
#[derive(Clone, Debug)]
pub(super) struct Supervisor {
    socket: Option<OsString>,
}

impl Supervisor {
    /// The one that the environment names.
    pub fn of_environment() -> Self {
        Self {
            socket: variable("NOTIFY_SOCKET"),
        }
    }

    /// The server is still to start, and for what it waits.
    pub fn waits(&self, status: &str) {
        self.tell(&[NotifyState::Status(status)]);
    }

    /// The server serves; again, after a reload. A manager waits for that, so that it is told again if it takes no messages now.
    pub fn is_ready(&self, status: &str) {
        if self.tells(&[NotifyState::Ready, NotifyState::Status(status)]) {
            return;
        }
        let (supervisor, status) = (self.clone(), status.to_owned());
        let thread = std::thread::Builder::new().name("manager".to_owned());
        let again = thread.spawn(move || supervisor.is_ready_still(&status));
        if let Err(error) = again {
            tracing::warn!(%error, "the service manager is not told again");
        }
    }

    fn is_ready_still(&self, status: &str) {
        for nth in 0..AGAIN_TIMES {
            std::thread::sleep(AGAIN_FIRST * 2_u32.pow(nth));
            if self.tells(&[NotifyState::Ready, NotifyState::Status(status)]) {
                return;
            }
        }
    }

    /// The server begins to read again what it was told to.
    pub fn reloads(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "the clock cannot be read"),
        }
    }

    /// The server ends.
    pub fn stops(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Tells on and on that the server lives, if the manager wants to know. That comes from a task: where none gets its turn any
    /// more, it ends.
    pub fn watch_over(&self) {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
            return;
        };
        if self.socket.is_none() {
            return;
        }
        let mut ticks = interval(limit / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let supervisor = self.clone();
        tokio::spawn(async move {
            loop {
                ticks.tick().await;
                supervisor.tell(&[NotifyState::Watchdog]);
            }
        });
    }

    fn tell(&self, states: &[NotifyState]) {
        self.tells(states);
    }

    /// Returns whether it makes no sense to tell it again: only a manager that takes no messages now may do so later.
    fn tells(&self, states: &[NotifyState]) -> bool {
        let Some(socket) = &self.socket else {
            return true;
        };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let Err(error) = send(socket, message.as_bytes()) else {
            return true;
        };
        tracing::warn!(%error, ?socket, "the service manager cannot be told");
        error.kind() != io::ErrorKind::WouldBlock
    }
}

/// Sends a message to a socket of that name, which the crate cannot do if the name is an abstract one. It waits for nobody: a server
/// whose manager hangs goes on.
fn send(name: &OsStr, message: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message, &address(name)?).map(drop)
}

/// The address of a socket; `@` begins the name of one that is in no folder.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::ffi::OsStrExt;
        if let Some(name) = name.as_bytes().strip_prefix(b"@") {
            return SocketAddr::from_abstract_name(name);
        }
    }
    SocketAddr::from_pathname(name)
}
