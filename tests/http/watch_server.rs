//! A served store to watch, and a client that applies the messages to a tree.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use wasmstore::config::{Options, ServerLimits};
use wasmstore::http::{ServerOptions, router};
use wasmstore::store::Store;

use crate::support::store::{Scratch, git_with_input};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(300);

/// A served store.
pub struct WatchServer {
    pub s: Scratch,
    pub address: SocketAddr,
    pub closing: CancellationToken,
    pub task: JoinHandle<()>,
}

impl WatchServer {
    pub async fn start() -> Self {
        Self::with(ServerLimits::default()).await
    }

    pub async fn with(limits: ServerLimits) -> Self {
        let s = Scratch::new();
        let store = Arc::new(Store::open(&s.root, Options::default()).unwrap());
        let closing = CancellationToken::new();
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that a client that does not read blocks the server soon.
        socket.set_send_buffer_size(256 << 10).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(4096).unwrap().into_std().unwrap();
        let address = listener.local_addr().unwrap();
        let server_options = ServerOptions {
            limits,
            ..ServerOptions::default()
        };
        let app = router(store, server_options, &[address.into()], closing.clone());
        let server = wasmstore::http::Server::from_sockets(vec![listener], vec![]).unwrap();
        let token = closing.clone();
        let task = tokio::spawn(async move { server.serve(app, None, &limits, token).await });
        Self {
            s,
            address,
            closing,
            task,
        }
    }

    /// Connects. `query` is empty or begins with a question mark.
    pub async fn try_connect(
        &self,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(WatchClient, Response), Error> {
        let url = format!("ws://{}/api/v1/watch{query}", self.address);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(256 << 10).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let (socket, response) = client_async(request, stream).await?;
        Ok((WatchClient { socket }, response))
    }

    pub async fn connect(&self, query: &str) -> WatchClient {
        self.try_connect(query, &[]).await.unwrap().0
    }

    /// Returns the status of a handshake that is rejected.
    pub async fn rejected(&self, query: &str, headers: &[(&'static str, &str)]) -> u16 {
        match self.try_connect(query, headers).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{query} {headers:?} was accepted"),
        }
    }

    /// Returns the tree of a branch, listed by git, with leading slashes.
    pub fn tree(&self, branch: &str) -> BTreeMap<String, String> {
        let list = self.s.git(&["ls-tree", "-r", branch]);
        let entry = |line: &str| {
            let (meta, path) = line.split_once('\t').unwrap();
            (
                format!("/{path}"),
                meta.split(' ').nth(2).unwrap().to_owned(),
            )
        };
        list.lines().map(entry).collect()
    }

    /// Makes commits on a branch with git alone. Each is a list of changed paths with the number of their content.
    pub fn commits(&self, branch: &str, commits: impl IntoIterator<Item = Vec<(String, usize)>>) {
        use std::fmt::Write as _;
        let mut input = String::new();
        for n in 0..10 {
            let text = format!("content {n}");
            write!(
                input,
                "blob\nmark :{}\ndata {}\n{text}\n",
                n + 1,
                text.len()
            )
            .unwrap();
        }
        let mut from = format!("from refs/heads/{branch}^0\n");
        for changes in commits {
            write!(
                input,
                "commit refs/heads/{branch}\ncommitter A <a> 1 +0000\ndata 1\nx\n"
            )
            .unwrap();
            input += &std::mem::take(&mut from);
            for (path, n) in changes {
                writeln!(input, "M 100644 :{} {path}", n % 10 + 1).unwrap();
            }
        }
        git_with_input(
            &self.s.root,
            &["fast-import", "--quiet", "--force", "--depth=0"],
            &input,
        );
    }
}

/// A client that watches.
pub struct WatchClient {
    pub socket: WebSocketStream<TcpStream>,
}

impl WatchClient {
    /// Returns the next frame that is not a ping or pong.
    pub async fn message(&mut self) -> Message {
        loop {
            let message = timeout(LIMIT, self.socket.next())
                .await
                .expect("a message in time");
            match message.expect("no end yet").unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                other => return other,
            }
        }
    }

    pub async fn text(&mut self) -> String {
        match self.message().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Returns the code and reason of the close frame that must come next, with the end after it.
    pub async fn close(&mut self) -> (u16, String) {
        let Message::Close(Some(frame)) = self.message().await else {
            panic!("not closed");
        };
        assert!(timeout(LIMIT, self.socket.next()).await.unwrap().is_none());
        (frame.code.into(), frame.reason.as_str().to_owned())
    }

    /// Asserts that no message comes for a while. Pings are no messages: on a slow machine one is due at any time.
    pub async fn assert_quiet(&mut self) {
        let next = timeout(Duration::from_millis(300), self.message()).await;
        assert!(next.is_err(), "{next:?}");
    }

    /// Applies messages to a tree until it equals `expected`, and returns the number of messages.
    pub async fn apply_until(
        &mut self,
        tree: &mut BTreeMap<String, String>,
        expected: &BTreeMap<String, String>,
    ) -> usize {
        let mut count = 0;
        while tree != expected {
            apply(tree, &self.json().await);
            count += 1;
        }
        count
    }
}

/// Applies a message to a tree, and checks that the old hash of each change is the one in the tree.
pub fn apply(tree: &mut BTreeMap<String, String>, message: &Value) {
    for (path, change) in message.as_object().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (old, new) = match change["action"].as_str().unwrap() {
            "added" => (None, Some(text(&change["hash"]))),
            "removed" => (Some(text(&change["hash"])), None),
            "updated" => (
                Some(text(&change["hash"]["old"])),
                Some(text(&change["hash"]["new"])),
            ),
            other => panic!("{other}"),
        };
        assert_eq!(tree.remove(path), old, "{path}");
        tree.extend(new.map(|new| (path.clone(), new)));
    }
}
