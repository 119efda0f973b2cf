//! Notifications to the service manager that started the server, by the protocol of sd_notify(3): systemd, or any other program that
//! sets `NOTIFY_SOCKET`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use super::environment::variable;

/// The delay before the first retry of the ready notification, if the service manager's socket is full. The delay doubles with each retry.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// The number of retries of the ready notification.
const RETRIES: u32 = 9;

/// The service manager that started the server. If no service manager did, the methods send nothing.
#[derive(Clone, Debug)]
pub(super) struct ServiceManager {
    socket: Option<OsString>,
}

impl ServiceManager {
    /// Returns the service manager whose socket is in the variable `NOTIFY_SOCKET`.
    pub fn from_environment() -> Self {
        Self {
            socket: variable("NOTIFY_SOCKET"),
        }
    }

    /// Reports the status of a server that is not ready yet.
    pub fn notify_status(&self, status: &str) {
        self.notify(&[NotifyState::Status(status)]);
    }

    /// Reports that the server is ready, after a start or a reload. If the socket is full, sends the notification again later, because the
    /// service manager waits for it.
    pub fn notify_ready(&self, status: &str) {
        if self.send(&[NotifyState::Ready, NotifyState::Status(status)]) != SendResult::SocketFull {
            return;
        }
        let (manager, status) = (self.clone(), status.to_owned());
        let thread = std::thread::Builder::new().name("manager".to_owned());
        if let Err(error) = thread.spawn(move || manager.retry_ready(&status)) {
            tracing::warn!(%error, "cannot retry the notification of the service manager");
        }
    }

    fn retry_ready(&self, status: &str) {
        for retry in 0..RETRIES {
            std::thread::sleep(RETRY_DELAY * 2_u32.pow(retry));
            let states = [NotifyState::Ready, NotifyState::Status(status)];
            if self.send(&states) != SendResult::SocketFull {
                return;
            }
        }
    }

    /// Reports that the server has started to reload.
    pub fn notify_reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.notify(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!(%error, "cannot read the monotonic clock"),
        }
    }

    /// Reports that the server is stopping.
    pub fn notify_stopping(&self) {
        self.notify(&[NotifyState::Stopping]);
    }

    /// Starts to send watchdog notifications, if the service manager expects them. An async task sends them, so that they stop if the
    /// runtime hangs and runs no more tasks.
    pub fn start_watchdog(&self) {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
            return;
        };
        if self.socket.is_none() {
            return;
        }
        let mut ticks = interval(limit / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let manager = self.clone();
        tokio::spawn(async move {
            loop {
                ticks.tick().await;
                manager.notify(&[NotifyState::Watchdog]);
            }
        });
    }

    fn notify(&self, states: &[NotifyState]) {
        self.send(states);
    }

    fn send(&self, states: &[NotifyState]) -> SendResult {
        let Some(socket) = &self.socket else {
            return SendResult::Done;
        };
        let message: String = states.iter().map(|state| format!("{state}\n")).collect();
        let Err(error) = send_to_socket(socket, message.as_bytes()) else {
            return SendResult::Done;
        };
        tracing::warn!(%error, ?socket, "cannot notify the service manager");
        match error.kind() {
            io::ErrorKind::WouldBlock => SendResult::SocketFull,
            _ => SendResult::Done,
        }
    }
}

/// The result of sending a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SendResult {
    /// The notification was sent, or cannot be sent at all.
    Done,
    /// The service manager reads too slowly; a retry may succeed.
    SocketFull,
}

/// Sends a message to a socket without blocking, so that a service manager that hangs does not block the server. This function exists
/// because the `sd_notify` crate cannot send to abstract sockets.
fn send_to_socket(name: &OsStr, message: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message, &address(name)?).map(drop)
}

/// Returns the address of a socket. A name that begins with `@` is that of an abstract socket (unix(7)).
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
