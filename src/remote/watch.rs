//! Watching another store: its WebSocket says when there is something new.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::http::{HeaderValue, Request};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, client_tls};

use super::primary::Primary;

/// What is watched: the default branch. Where others are is asked for besides.
const PATH: &str = "/api/v1/watch";

/// How long it waits before it tries again.
const DELAY: Duration = Duration::from_secs(2);

/// Calls whenever the primary tells of a change, and when it can be reached again, for ever.
pub(super) fn keep(primary: &Primary, call: &SyncSender<()>) {
    let mut is_told = false;
    loop {
        match connect(primary) {
            Ok(mut socket) => {
                is_told = false;
                now(call);
                while let Ok(message) = socket.read() {
                    match message {
                        Message::Text(_) | Message::Binary(_) => now(call),
                        Message::Close(_) => break,
                        _ => {}
                    }
                }
            }
            Err(error) if !is_told => {
                is_told = true;
                tracing::info!(primary = %primary.url, error, "the primary cannot be watched, only asked");
            }
            Err(_) => {}
        }
        thread::sleep(DELAY);
    }
}

fn now(call: &SyncSender<()>) {
    // A full channel is a call that has not been answered yet.
    let _ = call.try_send(());
}

fn connect(primary: &Primary) -> Result<WebSocket<MaybeTlsStream<TcpStream>>, String> {
    let stream = reach(primary).map_err(|error| error.to_string())?;
    let request = request(primary).map_err(|error| error.to_string())?;
    let (socket, _) = client_tls(request, stream).map_err(|error| error.to_string())?;
    Ok(socket)
}

fn request(primary: &Primary) -> Result<Request<()>, Box<dyn std::error::Error>> {
    let mut request = primary.url.socket_at(PATH).into_client_request()?;
    if let Some(key) = &primary.key {
        let mut value = HeaderValue::from_str(key)?;
        value.set_sensitive(true);
        request.headers_mut().insert("wasmstore-auth", value);
    }
    Ok(request)
}

/// A connection on which whoever is silent for too long is taken for gone.
fn reach(primary: &Primary) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in primary.url.authority().to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, primary.limits.connect_timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(primary.limits.socket_silence_max))?;
                stream.set_write_timeout(Some(primary.limits.connect_timeout))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
