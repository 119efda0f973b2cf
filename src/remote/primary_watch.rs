//! Watching another store: its WebSocket says when there is something new.

use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use tungstenite::Message;
use tungstenite::http::HeaderValue;

use super::primary::Primary;
use super::websocket::{Socket, WebSocketServer};

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

fn connect(primary: &Primary) -> Result<Socket, String> {
    let key = primary.key.as_deref().map(HeaderValue::from_str);
    let mut key = key.transpose().map_err(|error| error.to_string())?;
    if let Some(key) = &mut key {
        key.set_sensitive(true);
    }
    let reached = WebSocketServer {
        url: &primary.url,
        key: key.as_ref(),
        connect_timeout: primary.limits.connect_timeout,
        silence_max: primary.limits.socket_silence_max,
    };
    let connected = reached.connect(PATH, &[]);
    Ok(connected.map_err(|error| error.to_string())?.0)
}
