//! Sockets that a service manager passes to the server (systemd.socket(5), sd_listen_fds(3)).

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;

use listenfd::ListenFd;
use rustix::io::{FdFlags, fcntl_setfd};

use super::exit::{Error, Result};
use crate::http::{ListenAddress, Server};

/// Listens on the sockets that the service manager passed. If it passed none, binds `addresses`.
///
/// # Errors
/// An address cannot be bound; a socket that was passed is not a listening stream socket.
pub(super) async fn listen(addresses: &[ListenAddress]) -> Result<Server> {
    let inherited = inherited().and_then(|(tcp, unix)| {
        let is_empty = tcp.is_empty() && unix.is_empty();
        (!is_empty)
            .then(|| Server::from_sockets(tcp, unix))
            .transpose()
    });
    let inherited = inherited.map_err(|source| Error::Bind {
        address: "a socket of the service manager".to_owned(),
        source,
    })?;
    if let Some(server) = inherited {
        return Ok(server);
    }
    let bound = Server::bind(addresses).await;
    bound.map_err(|(address, source)| Error::Bind {
        address: address.to_string(),
        source,
    })
}

fn inherited() -> io::Result<(Vec<TcpListener>, Vec<UnixListener>)> {
    let mut sockets = ListenFd::from_env();
    let (mut tcp, mut unix) = (Vec::new(), Vec::new());
    for index in 0..sockets.len() {
        match sockets.take_tcp_listener(index) {
            Ok(socket) => tcp.extend(socket),
            Err(_) => unix.extend(sockets.take_unix_listener(index)?),
        }
    }
    // The child processes of the server must not inherit its sockets, which would keep them open.
    let all = tcp
        .iter()
        .map(AsFd::as_fd)
        .chain(unix.iter().map(AsFd::as_fd));
    for socket in all {
        fcntl_setfd(socket, FdFlags::CLOEXEC)?;
    }
    Ok((tcp, unix))
}
