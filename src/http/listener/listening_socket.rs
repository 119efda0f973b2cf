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

/// The file of a Unix socket that this server created. Dropping this value removes the file.
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
    /// Binds an address. A Unix socket that no process listens on any more is replaced.
    ///
    /// # Errors
    /// The name cannot be resolved, or no address can be bound.
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

    /// Takes over a TCP socket that is already bound.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<(Self, BoundAddress)> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let bound = listener.local_addr()?.into();
        Ok((Self::Tcp(listener), bound))
    }

    /// Takes over a Unix socket that is already bound. Its file belongs to the process that created it, so the server does not remove it.
    pub fn from_unix(
        listener: std::os::unix::net::UnixListener,
    ) -> io::Result<(Self, BoundAddress)> {
        listener.set_nonblocking(true)?;
        let listener = UnixListener::from_std(listener)?;
        let path = listener.local_addr()?.as_pathname().map(Path::to_owned);
        Ok((Self::Unix(listener, None), BoundAddress::Unix(path)))
    }

    /// Accepts a connection. Returns the address of the client too, if it has one.
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

/// Removes a socket that a server left behind, for example because it was killed. Removes nothing else: binding then fails.
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
