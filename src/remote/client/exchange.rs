//! Sends a request on a connection that may have been idle.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ureq::http::{Method, Request, Response};
use ureq::{AsSendBody, Body};

use super::request::Client;

impl Client {
    /// Sends a request, and returns the response.
    ///
    /// A server may close a connection while it is idle, and the library notices that only if it happened before it begins to send. If a
    /// safe request (RFC 9110, section 9.2.1) fails on a connection that may have been idle, it is sent once more on a new one. Another
    /// request may have been executed although its response is missing, so it is not repeated, and never sent on an idle connection.
    /// `PATCH` is an exception: an upload in chunks sends it again after it has asked how much has arrived.
    pub(super) fn exchange(
        &self,
        request: Request<impl AsSendBody>,
    ) -> Result<Response<Body>, ureq::Error> {
        let may_be_idle = self.may_be_idle.swap(false, Ordering::Relaxed);
        let is_safe = request.method().is_safe();
        let result = if !may_be_idle || request.method() == Method::PATCH {
            self.agent.run(request)
        } else if !is_safe {
            self.agent.run(self.on_new_connection(request))
        } else {
            let (parts, body) = request.into_parts();
            let again = Request::from_parts(parts.clone(), ());
            match self.agent.run(Request::from_parts(parts, body)) {
                Err(error) if is_closed(&error) => {
                    tracing::debug!(
                        error = crate::store::chain(&error),
                        "sending a request again"
                    );
                    self.agent.run(self.on_new_connection(again))
                }
                result => result,
            }
        };
        self.may_be_idle.store(result.is_ok(), Ordering::Relaxed);
        result
    }

    /// Makes the library send a request on a new connection.
    fn on_new_connection<B: AsSendBody>(&self, request: Request<B>) -> Request<B> {
        let request = self.agent.configure_request(request);
        request.max_idle_age(Duration::ZERO).build()
    }
}

/// Returns whether an error can be that of a connection that the server has closed.
fn is_closed(error: &ureq::Error) -> bool {
    use io::ErrorKind as K;
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            K::UnexpectedEof
                | K::ConnectionReset
                | K::ConnectionAborted
                | K::BrokenPipe
                | K::NotConnected
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::config::ClientLimits;
    use crate::remote::error::Error;
    use crate::remote::proxy::ProxySettings;

    /// Reads the head of a request, and returns its first line; `None` at the end of the connection.
    fn read_head(stream: &mut BufReader<TcpStream>) -> Option<String> {
        let mut first = String::new();
        stream.read_line(&mut first).ok().filter(|read| *read > 0)?;
        let mut line = String::new();
        while stream.read_line(&mut line).ok()? > 2 {
            line.clear();
        }
        Some(first)
    }

    /// Starts a server that responds to `responses` requests of each connection, and closes the connection when it has received another
    /// one. Returns a client, and a channel with the first line of each request.
    fn closing_server(responses: usize) -> (Client, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let mut responses_left = responses;
                while let Some(first) = read_head(&mut stream) {
                    let _ = sender.send(first);
                    if responses_left == 0 {
                        break;
                    }
                    responses_left -= 1;
                    let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    stream.get_mut().write_all(response).unwrap();
                }
            }
        });
        let (proxies, limits) = (ProxySettings::default(), ClientLimits::default());
        let client = Client::new(url.parse().unwrap(), None, &proxies, limits);
        (client.unwrap(), received)
    }

    #[test]
    fn a_safe_request_is_sent_again_if_the_server_closed_the_idle_connection() {
        let (client, received) = closing_server(1);
        let send = |method: Method, path: &str| {
            let response = client.send(client.request_to(method, path));
            response.map(|response| response.into_body().read_to_string().unwrap())
        };
        assert_eq!(send(Method::GET, "/a").unwrap(), "ok");
        assert_eq!(send(Method::GET, "/b").unwrap(), "ok");
        let lines: Vec<_> = received.try_iter().collect();
        let paths: Vec<_> = lines.iter().map(|line| &line[..6]).collect();
        assert_eq!(paths, ["GET /a", "GET /b", "GET /b"]);
        // A write uses a new connection, so it arrives once.
        assert_eq!(send(Method::POST, "/c").unwrap(), "ok");
        let posts = received
            .try_iter()
            .filter(|line| line.starts_with("POST /c"));
        assert_eq!(posts.count(), 1);
    }

    #[test]
    fn a_request_on_a_new_connection_is_not_sent_again() {
        let (client, received) = closing_server(0);
        let failed = client.send(client.request_to(Method::GET, "/a"));
        assert!(matches!(failed, Err(Error::Unreachable { .. })));
        let gets = received
            .try_iter()
            .filter(|line| line.starts_with("GET /a"));
        assert_eq!(gets.count(), 1);
    }
}
