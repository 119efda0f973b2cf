//! A WebSocket connection to the primary that wakes the replica when the primary changes.

use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use tungstenite::Message;

use super::client::secret_header;
use super::primary::Primary;
use super::websocket::{Socket, WebSocketServer};

/// The endpoint that reports changes of the primary's default branch. The replica finds changes of other branches by polling.
const PATH: &str = "/api/v1/watch";

/// The pause before the next attempt to connect, after a connection ended or failed.
const DELAY: Duration = Duration::from_secs(2);

/// Sends a wake-up to the replica's main loop whenever the primary reports a change, and whenever a connection to the primary is made.
/// After the store has stopped being a replica, returns as soon as the next message arrives, or the connection ends or fails.
pub(super) fn run(primary: &Primary, wake: &SyncSender<()>, is_replica: impl Fn() -> bool) {
    let mut is_failing = false;
    while is_replica() {
        match connect(primary) {
            Ok(mut socket) => {
                is_failing = false;
                send(wake);
                while let Ok(message) = socket.read()
                    && is_replica()
                {
                    match message {
                        Message::Text(_) | Message::Binary(_) => send(wake),
                        Message::Close(_) => break,
                        _ => {}
                    }
                }
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::info!(primary = %primary.url, error, "cannot watch the primary; polling it");
            }
            Err(_) => {}
        }
        thread::sleep(DELAY);
    }
}

fn send(wake: &SyncSender<()>) {
    // If the channel is full, the replica has not handled an earlier wake-up yet. Its next round also fetches this change.
    let _ = wake.try_send(());
}

fn connect(primary: &Primary) -> Result<Socket, String> {
    let key = match &primary.key {
        Some(key) => Some(secret_header(key).map_err(|error| error.to_string())?),
        None => None,
    };
    let server = WebSocketServer {
        url: &primary.url,
        key: key.as_ref(),
        proxy: None,
        connect_timeout: primary.limits.connect_timeout,
        silence_max: primary.limits.socket_silence_max,
    };
    let connected = server.connect(PATH, &[]);
    Ok(connected.map_err(|error| error.to_string())?.0)
}
