//! An HTTP/2 client that requests and never reads.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

/// A connection whose responses are never read. The flow-control windows stay at their initial size of 64 KiB.
pub struct UnreadConnection {
    socket: TcpStream,
    next_stream: u32,
}

impl UnreadConnection {
    /// Connects, and sends the client preface (RFC 9113, section 3.4).
    pub fn open(address: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        let mut connection = Self {
            socket,
            next_stream: 1,
        };
        let settings = 4;
        connection.send_frame(settings, 0, 0, &[]);
        connection
    }

    /// Requests a path on a new stream.
    pub fn get(&mut self, path: &str) {
        // HPACK (RFC 7541): `:method GET` and `:scheme http` are entries of the static table; `:path` and `:authority` are literals with
        // indexed names.
        let mut fields = vec![0x82, 0x86];
        for (name, value) in [(4, path), (1, "localhost")] {
            fields.push(name);
            fields.push(u8::try_from(value.len()).unwrap());
            fields.extend_from_slice(value.as_bytes());
        }
        let (headers, end_stream_and_headers) = (1, 0x5);
        let stream = self.next_stream;
        self.next_stream += 2;
        self.send_frame(headers, end_stream_and_headers, stream, &fields);
    }

    fn send_frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat();
        self.socket.write_all(&frame).unwrap();
    }
}
