//! A listening socket: TCP or Unix.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener};

use super::address::{BoundAddress, ListenAddress};
use super::client_socket::ClientSocket;

/// A bound socket that accepts connections.
#[derive(Debug)]
pub(super) enum ListeningSocket {
    Tcp(TcpListener),
    Unix(
        UnixListener,
        #[expect(dead_code, reason = "dropping it removes the file")] Option<SocketFile>,
    ),
}

/// The file of a Unix socket that this server has created. Dropping this value removes the file.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, path = ?self.0, "cannot remove the socket");
        }
    }
}

impl ListeningSocket {
    /// Binds a socket to an address. If the file of a Unix socket exists but no process listens on it any more, replaces the file.
    ///
    /// # Errors
    /// If the host name cannot be resolved, or if none of its addresses can be bound.
    pub async fn bind(address: &ListenAddress) -> io::Result<(Self, BoundAddress)> {
        match address {
            ListenAddress::Tcp { host, port } => {
                // As in a URL, an IPv6 address may be enclosed in brackets.
                let inner = host
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                let listener = TcpListener::bind((inner.unwrap_or(host), *port)).await?;
                let bound = BoundAddress::Tcp {
                    address: listener.local_addr()?,
                    host: host.clone(),
                };
                Ok((Self::Tcp(listener), bound))
            }
            ListenAddress::Unix(path) => {
                remove_stale_socket(path)?;
                let listener = UnixListener::bind(path)?;
                let file = SocketFile(path.clone());
                let bound = BoundAddress::Unix(Some(path.clone()));
                Ok((Self::Unix(listener, Some(file)), bound))
            }
        }
    }

    /// Wraps a TCP socket that is already bound.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<(Self, BoundAddress)> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let bound = listener.local_addr()?.into();
        Ok((Self::Tcp(listener), bound))
    }

    /// Wraps a Unix socket that is already bound. Another process has created its file, so this server does not remove the file.
    pub fn from_unix(
        listener: std::os::unix::net::UnixListener,
    ) -> io::Result<(Self, BoundAddress)> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        Ok((Self::Unix(listener, None), BoundAddress::Unix(path)))
    }

    /// Accepts a connection. Also returns the address of the client; `None` for a client on a Unix socket.
    pub async fn accept(&self) -> io::Result<(ClientSocket, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((ClientSocket::Tcp(stream), Some(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((ClientSocket::Unix(stream), None))
            }
        }
    }
}

/// Removes the file of a Unix socket on which no process listens, for example because the server was killed. If the path is anything else,
/// it is not removed, and binding to it fails.
fn remove_stale_socket(path: &Path) -> io::Result<()> {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket
        && let Err(error) = std::os::unix::net::UnixStream::connect(path)
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
