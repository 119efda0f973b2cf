//! An HTTP client that keeps its connection open between requests. The server may be killed at any moment.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The timeout for connecting, reading and writing. The server lets no write wait that long for other writers.
const LONG: Duration = Duration::from_secs(120);

/// A client of the server at `address`. Without a `stream`, the next request opens a connection.
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// A complete response.
#[derive(Debug)]
pub struct ApiResponse {
    pub status: u16,
    /// The commit in the header `Wasmstore-Commit`.
    pub commit: Option<String>,
    pub body: Vec<u8>,
}

impl ApiResponse {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    /// No server listens at the address, so nothing was sent.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut client = Self {
            address,
            stream: None,
        };
        client.stream()?;
        Ok(client)
    }

    /// Sends a request to a path below `/api/v1`, and returns the response. `headers` are whole header lines; each ends with CRLF.
    ///
    /// # Errors
    /// The response is missing or incomplete. The server may have executed the request nevertheless.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<ApiResponse> {
        self.send_to(method, &format!("/api/v1{path}"), headers, body)
    }

    /// Sends a request to a path, and returns the response.
    ///
    /// # Errors
    /// Those of [`send`](Self::send).
    pub fn send_to(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<ApiResponse> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        let stream = self.stream()?;
        // A write error is ignored: a server that rejects a request early may not read the whole body, but still sends a response.
        let _ = stream
            .get_mut()
            .write_all(&[head.as_bytes(), body].concat());
        let (response, closes) = read_response(stream)?;
        if closes {
            self.stream = None;
        }
        Ok(response)
    }

    fn stream(&mut self) -> io::Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LONG))?;
            stream.set_write_timeout(Some(LONG))?;
            self.stream = Some(BufReader::new(stream));
        }
        Ok(self
            .stream
            .as_mut()
            .expect("BUG: the stream was just opened"))
    }
}

/// Reads a response with a `Content-Length`. Also returns whether the server closes the connection after it.
fn read_response(stream: &mut BufReader<TcpStream>) -> io::Result<(ApiResponse, bool)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let response = ApiResponse {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        commit: header("wasmstore-commit").map(str::to_owned),
        body,
    };
    Ok((response, header("connection") == Some("close")))
}
